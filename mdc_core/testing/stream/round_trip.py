"""A codec and its mock server in conversation, in memory.

What the mock server is fed has to come out of the codec as it went in: a price that was scaled
wrongly, a side taken for the other, an event that was lost or said twice, a time in the
wrong unit differ from the tape however the codec's own transcript was recorded.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from mdc_core.contracts import (
    Bad,
    Busy,
    Fetch,
    HangUp,
    Maintenance,
    Reconnect,
    Refused,
    Response,
    Sandbox,
    Send,
    Stream,
    Subscription,
    Up,
)
from mdc_core.events import Delta, Event, Gap, Integrity, Market, type_of
from mdc_core.testing.stream.tape import START, is_lack, market
from mdc_core.testing.stream.transcript import Step, answer
from mdc_core.times import SECOND

Frames = list[str | bytes]
TROUBLE = (Gap, Integrity, Bad, Busy, Maintenance, Reconnect, Refused)
_COMPARED = {
    "trade": ("price", "size", "aggressor_side", "trade_id"),
    "quote": ("bid_price", "bid_size", "ask_price", "ask_size"),
    "book": ("bids", "asks"),
    "delta": ("action", "side", "price", "size"),
    "status": ("status",),
}
_SECONDS = 60  # of a quiet feed, in which both sides may speak by themselves
_ADMITTED, _TOO_MANY = 101, 429  # HTTP's answers to a handshake
_STORM, _EACH = 1_000, 10  # answers at once, and for each symbol: no subscription has more


class AskedTooOftenError(AssertionError):
    """What the server answers makes the client ask once more, without end."""


class Fetched(Struct):
    """The answer to what the client asked for by HTTP, on its way."""

    tag: str
    response: Response


class Heard(Struct):
    """A frame that reached the client before anything was played, and what came of it."""

    frame: str | bytes
    found: list[Any]
    is_late: bool  # the client had said `Up` before it


class Conversation:
    """Client and server, and what the client has given so far.

    What the client says reaches the server at once, or when `delay` more events have been
    played; the answers reach the client behind what is under way. So is what it asks for by HTTP,
    which the server's `respond` answers. `altered` are frames of the
    server, by their number, that are other ones when they arrive.
    """

    def __init__(
        self, stream: Stream, sandbox: Sandbox, altered: Mapping[int, str | bytes] | None = None
    ) -> None:
        self.stream, self.sandbox = stream, sandbox
        self.now = START
        self.given: list[Any] = []
        self.heard: list[Heard] = []
        self.hung_up = False
        self.up_too_soon = False  # `Up` before the server had the subscription
        self.ticked = 0  # what the client's ticks have given
        self.asked = 0  # frames that the server gave to what the client sent
        self.sent = 0  # frames that the client sent
        self.delay = 0
        self._altered = altered or {}
        self._is_up = False
        self._played = 0
        self._late: deque[tuple[int, Send | Fetch]] = deque()  # when they reach the server
        self._under_way: deque[str | bytes | Fetched] = deque()  # to the client

    def open(self) -> None:
        """The connection opens, and both say what they have to; or it is refused."""
        if (status := self.sandbox.admit()) != _ADMITTED:
            self.hung_up = True
            kind = Busy if status == _TOO_MANY else Refused
            self.given.append(kind(f"the handshake is answered with HTTP {status}"))
            return
        first = list(answer(self.stream, Step("open", self.now)))
        greeting = list(self.sandbox.greet())
        self._take(first)
        self.arrive(greeting)

    def answered_late(self, symbols: Iterable[str]) -> list[str]:
        """The symbols of which the server spoke, other than by events, after `Up` alone."""
        texts = ["", ""]
        for heard in self.heard:
            if not any(isinstance(item, Market) for item in heard.found):
                frame = heard.frame
                text = frame if isinstance(frame, str) else frame.decode(errors="replace")
                texts[heard.is_late] += f"{text}\n"
        names = {symbol: re.compile(rf"(?<!\w){re.escape(symbol)}(?!\w)") for symbol in symbols}
        before, after = texts
        return [s for s, name in names.items() if name.search(after) and not name.search(before)]

    def feed(
        self, events: Sequence[Event], damage: Callable[[Frames], Frames] | None = None
    ) -> Frames:
        """Let the server play these at once; returns its frames, before any damage."""
        self._played += len(events)
        self._reach()
        try:
            frames = self._said(lambda: self.sandbox.feed(events))
        except Exception as error:
            error.add_note(
                f"the mock server fails at {events[0]} ...: what the protocol cannot say can be "
                "named in `lacks`"
            )
            raise
        self.arrive(damage(frames) if damage else frames)
        return frames

    def settle(self) -> None:
        """Let all that the client has said reach the server, and the answers the client."""
        self.delay = 0
        self._reach()
        self.arrive(())

    def quiet(self, seconds: int = _SECONDS) -> int:
        """Let time pass in which nothing is played; returns the longest silence, in ns.

        Either side ticks as often as it says by `every`.
        """
        end, heard, longest = self.now + seconds * SECOND, self.now, 0
        steps = [int((side.every or 0) * SECOND) for side in (self.stream, self.sandbox)]
        due = [self.now + step if step else end + 1 for step in steps]
        while min(due) <= end:
            self.now = min(due)
            first = due.index(self.now)  # the codec's before the server's
            due[first] += steps[first]
            if first == 0:
                found = list(answer(self.stream, Step("tick", self.now)))
                self.ticked += len(found)
                self._take(found)
                self.arrive(())
            elif not self.hung_up and (frames := self._said(lambda: self.sandbox.tick(self.now))):
                longest, heard = max(longest, self.now - heard), self.now
                self.arrive(frames)
        return max(longest, end - heard)

    def change(self, wanted: Subscription) -> bool:
        """Let the client subscribe to this instead; False: only a new connection can."""
        found = self.stream.resubscribe(wanted, self.now)
        if found is not None:
            self._take(found)
            self.arrive(())
        return found is not None

    def arrive(self, frames: Iterable[str | bytes]) -> None:
        """Let these frames reach the client, and then the answers to what it says."""
        self._under_way.extend(frames)
        most = self.asked + _STORM + _EACH * len(self.stream.subscription.symbols)
        while self._under_way:
            frame = self._under_way.popleft()
            if isinstance(frame, Fetched):
                step = Step("fetched", self.now, frame.response.body)
                step.tag, step.response = frame.tag, frame.response
                self._take(list(answer(self.stream, step)))
                continue
            if not self._played:
                frame = self._altered.get(len(self.heard), frame)
            found = list(answer(self.stream, Step("in", self.now, frame)))
            if not self._played:
                self.heard.append(Heard(frame, found, self._is_up))
            self._take(found)
            if self.asked > most:
                last = next(i for i in reversed(self.given) if isinstance(i, Send | Fetch))
                what = last.frame if isinstance(last, Send) else last.request.url
                raise AskedTooOftenError(
                    f"the codec asks the mock server again and again, at last by {what!r}: "
                    "where it asks for a book, its checksum or its numbers are not the server's"
                )

    def _take(self, found: Iterable[Any]) -> None:
        for item in found:
            self.given.append(item)
            if isinstance(item, Up):
                self._is_up = True
                self.up_too_soon = self.up_too_soon or not self.sandbox.subscribed
            if isinstance(item, Send | Fetch):
                self.sent += 1
                self._late.append((self._played + self.delay, item))
                self._reach()

    def _reach(self) -> None:
        """What the client has said reaches the server, as far as it is time."""
        while self._late and (self._late[0][0] <= self._played or not self.delay):
            _, said = self._late.popleft()
            if isinstance(said, Fetch):
                self.asked += said.again is not None
                response = self.sandbox.respond(said.request.plain())
                self._under_way.append(Fetched(said.tag, response))
            elif not self.hung_up:
                frames = self._said(partial(self.sandbox.receive, said.frame))
                self.asked += len(frames)
                self._under_way.extend(frames)

    def _said(self, speak: Callable[[], Iterable[str | bytes]]) -> Frames:
        """What the server says, also if it is the last."""
        frames: Frames = []
        try:
            frames.extend(speak())
        except HangUp as last:
            self.hung_up = True
            frames += last.frames
        return frames


def differences(
    played: Sequence[Event], given: Sequence[Any], lacks: Sequence[str] = ()
) -> Iterator[str]:
    """How what came out differs from what went in; `lacks` names what need not come out."""
    out = market(given)
    for number, (was, now) in enumerate(zip(played, out, strict=False)):
        if type(was) is not type(now):
            yield f"event {number}: a {type(was).__name__} became a {type(now).__name__}"
            return  # what follows is not at its place either
        yield from (f"event {number}: {text}" for text in _unlike(was, now, lacks))
    if len(out) != len(played):
        kinds = sorted({type_of(event) for event in (*played, *out)})
        for name in kinds:
            before, after = (sum(type_of(e) == name for e in some) for some in (played, out))
            if before != after:
                yield (
                    f"{before} of type {name} were played, {after} came out: if the protocol "
                    "cannot say them, name them in `lacks`"
                )
    for lack in lacks:
        if any(_comes(event, lack) for event in out):
            yield f"`lacks` names {lack}, but it comes"


def _unlike(was: Event, now: Event, lacks: Sequence[str]) -> Iterator[str]:
    """The fields in which one event is unlike the other."""
    name = type_of(was)
    for field in ("symbol", "ts_event", *_COMPARED[name]):
        before, after = (_plain(event, field) for event in (was, now))
        lacking = f"{name}.{field}" in lacks and (after is None or field == "ts_event")
        if before == after or lacking:
            continue
        if after is None and before is not None:
            yield (
                f"{field} was {before}, and is gone: if the protocol cannot say it, "
                f"name {name}.{field} in `lacks`"
            )
        else:
            yield f"{field} was {before}, and is {after}"


def _plain(event: Event, field: str) -> Any:
    """A value to compare: a new level is a changed one, one that goes has no size."""
    value = getattr(event, field)
    if isinstance(event, Delta) and field == "action" and value == "add":
        return "modify"
    if isinstance(event, Delta) and field == "size" and event.action == "cancel":
        return None
    return value


def _comes(event: Event, lack: str) -> bool:
    """Whether an event has what `lacks` says that there is not."""
    name, _, field = lack.partition(".")
    if field == "ts_event":
        return False
    if field and "=" not in field:
        return name == type_of(event) and getattr(event, field) is not None
    return is_lack(event, lack)
