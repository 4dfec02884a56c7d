"""What a codec says of its connection: events to be passed on, and effects to be carried out.

A connection is up when the codec says `Up`, or at the latest with its first event about an
instrument; of one that said `Up` before anything was received (there is no answer to wait for),
with the first frame.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from mdc_core.contracts import (
    Bad,
    Busy,
    Fetch,
    Limits,
    Maintenance,
    Reconnect,
    Refused,
    Send,
    Stream,
    Up,
)
from mdc_core.contracts.live.effects import UNREADABLE, reason_of
from mdc_core.errors import BusyError, RefusedError, UnavailableError
from mdc_core.events import Event, Gap, Integrity, Market, Status
from mdc_core.flaws import EventSample, flaw_of
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.actions import Action
from mdc_core.live.session.asked import Asked, Resubscribed
from mdc_core.live.session.deadlines import NEVER, Deadlines, Timing
from mdc_core.live.session.freshness import Freshness, Silence
from mdc_core.live.session.outage import Outage, bound, lost, put_before
from mdc_core.live.session.sending.outbox import Outbox
from mdc_core.live.session.turn import Turn
from mdc_core.live.session.unread import Unread
from mdc_core.live.teller import FeedTeller, json_of
from mdc_core.times import SECOND


class UsualFrames(NamedTuple):
    """Frames of events of which none is looked at."""

    events: list[Event]
    frames: int  # how many, with the odd one
    odd: Callable[[], Iterable[Any]] | None  # what the last of them is otherwise


_WARNED = ("sequence", "subscription")  # findings of a codec that people are told


class Receiving:
    """Takes in what the codecs of one feed say, one connection after the other."""

    def __init__(
        self, teller: FeedTeller, asked: Asked, timing: Timing, limits: Limits, hours: Hours
    ) -> None:
        self.teller, self.asked, self.timing = teller, asked, timing
        self.now = 0
        self.connections = 0
        self.failed = 0  # tries since it was up
        self.is_up = False
        self.has_heard = self.counts_as_up = False  # a frame came; the codec said `Up`
        self.outage, self.unread = Outage(), Unread(teller)
        self.fresh, self.outbox = Freshness(hours), Outbox(limits)
        self.deadlines = Deadlines(timing, 0, NEVER, pings=False)
        self._limits = limits
        self._symbol_of: Callable[[str], str] = str  # until there is a codec
        self._up_since: str | None = None
        self._sample = EventSample()

    def begin(self, stream: Stream, *, pings: bool) -> None:
        """A connection is open, which this codec serves."""
        self.is_up = self.has_heard = self.counts_as_up = False
        self.connections += 1
        self.teller.connection(self.connections, stream.sequence, sparse=stream.sparse)
        self.asked.anew(stream.default_channels)
        self._sample, self.outbox = EventSample(), Outbox(self._limits)
        timing = self.timing
        if timing.stale is None:
            timing = replace(timing, stale=stream.silence)
        self.deadlines = Deadlines(timing, self.now, stream.login_within, pings=pings)
        self.fresh.asset_of, self._symbol_of = stream.asset_of, stream.symbol_of
        self.fresh.reconnected(self.now)

    def run(
        self,
        raw: str | bytes | None,
        stamp: str | None,
        call: Callable[..., Iterable[Any]],
        *args: Any,
    ) -> list[Action]:
        """What a call of the codec leads to; whatever it raises, what came before it stays."""
        turn = Turn(stamp)
        items: list[Any] = []
        try:
            try:
                items += call(*args)
            finally:
                self._take(items, turn)  # also what came before the codec raised
        except UNREADABLE as error:
            reason = reason_of(error)
            self.teller.unread(reason, turn)
            self.unread.failed(raw, reason, turn)
        except KeyboardInterrupt:
            raise
        # Whatever a codec raises, even what is no Exception, costs the frame and nothing else.
        except BaseException as error:
            self.unread.failed(raw, self.teller.failure(error, turn), turn)
        else:
            if raw is not None:
                self.unread.failures = 0
                self.unread.good += 1
        for place in turn.gaps:
            put_before(cast(Gap, turn.events[place]), turn.events[place + 1 :])
        self.outage.took(turn.events, stamp)
        if self.now >= self.fresh.due and turn.events:
            for silence in self.fresh.took(turn.events, self.now):
                self._silent(silence, turn)
        return turn.actions()

    def usual(
        self,
        frames: Iterable[str | bytes],
        stamp: str | None,
        receive: Callable[..., Iterable[Any]],
        keep: Callable[[int, str | bytes], None] | None,
    ) -> UsualFrames:
        """What is made of frames up to one that is not usual; `keep` is told of each."""
        passes, now = self._sample.passes, self.now
        events: list[Event] = []
        last: list[Event] = []
        odd: Callable[[], Iterable[Any]] | None = None
        count = 0
        for frame in frames:
            if keep is not None:
                keep(now, frame)
            count += 1
            items: list[Any] = []
            try:
                items += receive(frame, now)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # told by `run`
                odd = partial(_again, items, error)
                break
            if not passes(items):
                odd = partial(iter, items)
                break
            if items:
                events += items
                last = items
        self.teller.sign(events, stamp)
        self.outage.took(last, stamp)
        if good := count - (odd is not None):
            self.unread.failures = 0
            self.unread.good += good
        return UsualFrames(events, count, odd)

    def heard_first(self, stamp: str | None) -> list[Action]:
        """The first frame of a connection shows that it is up, if its codec awaits no answer."""
        self.has_heard, turn = True, Turn(stamp)
        if self.counts_as_up and not self.is_up:
            self._come_up(turn)
        return turn.actions()

    def _silent(self, silence: Silence, turn: Turn) -> None:
        """A channel, or a symbol, has gone silent while others go on, or is so no more."""
        turn.events.append(self.teller.silence(silence, turn.stamp))
        if silence.is_over:
            return
        self.teller.warn(f"{self.teller.name}: {silence}", turn)
        if silence.is_hopeless or self.timing.renews:
            turn.end(UnavailableError(str(silence), cause="stall"))

    def _take(self, items: list[Any], turn: Turn) -> None:
        """Pass events on, and carry out effects; some events are looked at before."""
        start = 0
        for place in self._sample.places(items):
            self._pass_on(items[start:place], turn)
            self._look_at(items[place], turn)
            start = place + 1
        self._pass_on(items[start:] if start else items, turn)

    def _pass_on(self, events: list[Event], turn: Turn) -> None:
        self.teller.sign(events, turn.stamp)
        turn.events += events

    def _look_at(self, item: Any, turn: Turn) -> None:
        """Pass on an event if it is what its type says, or carry out an effect."""
        if not isinstance(item, Event):
            self._effect(item, turn)
            return
        teller = self.teller
        teller.sign((item,), turn.stamp)
        if (problem := flaw_of(item)) is not None:
            self._sample.distrust(type(item))
            text = f"{teller.owner} makes a {type(item).__name__} whose {problem}"
            teller.warn_once(text, turn)
            self.unread.set_aside(json_of(item), text, item.symbol, turn)
            return
        if isinstance(item, Gap):
            bound(item, self._up_since, turn.stamp)
            turn.gaps.append(len(turn.events))
        elif isinstance(item, Integrity) and item.check in _WARNED:
            text = (item.message or "").removeprefix(f"{teller.name} ")
            teller.warn(f"{teller.name}: {text}", turn)
        elif isinstance(item, Market):
            self.unread.has_data = True
            if not self.is_up:
                self._come_up(turn)
        if isinstance(item, Status):
            self.fresh.status(item)
        turn.events.append(item)
        if self.timing.renews and isinstance(item, Gap | Integrity):
            self._renew(item, turn)

    def _renew(self, found: Gap | Integrity, turn: Turn) -> None:
        """Another connection is made where data are missing, or wrong."""
        if isinstance(found, Gap):
            text = f"{found.symbol or 'events'} missing ({found.reason})"
        elif found.severity == "error":
            text = f"{found.check}: {found.message}"
        else:
            return
        turn.end(UnavailableError(f"subscribing anew: {text}", cause="resubscribe"))

    def _effect(self, item: Any, turn: Turn) -> None:
        match item:
            case Send() | Fetch():
                if not self.outbox.takes(item, turn, self.now):
                    text = f"{self.teller.owner} asks for {item.again} again too often, and waits"
                    self.teller.warn_once(text, turn)
            case Up():
                self._settled()
                self.counts_as_up = True
                if not self.is_up and self.has_heard:
                    self._come_up(turn)
            case Bad(raw, text, symbol):
                self.teller.unread(text, turn)
                self.unread.set_aside(raw, text, symbol, turn)
            case Refused():
                self._refuse(item, turn)
            case Busy(text, after, hint, cause):
                turn.end(BusyError(text, hint=hint, after=after, cause=cause))
            case Maintenance(text, until):
                after = None if until is None else max(until - self.now, 0) / SECOND
                turn.end(BusyError(text, after=after, cause="maintenance"))
            case Reconnect(reason, cause):
                turn.end(UnavailableError(reason, cause=cause))
            case _:
                raise TypeError(f"{item!r} is neither an event nor an effect")

    def _settled(self) -> None:
        """The login is answered, or the change."""
        self.asked.settled()
        self.deadlines.answer_due = NEVER

    def _come_up(self, turn: Turn) -> None:
        self.is_up = True
        self._settled()
        self.outage.last = self._up_since = turn.stamp
        again = self.connections > 1
        turn.events.append(self.teller.up(turn.stamp, self.failed + 1, again=again))
        if self.outage.is_open:
            turn.events += self.lost(turn.stamp)

    def _refuse(self, refusal: Refused, turn: Turn) -> None:
        before, text = self.asked.subscription, self.asked.refuse(refusal)
        if text is None:
            turn.end(RefusedError(refusal.text, hint=refusal.hint, cause=refusal.cause))
            return
        if self.is_up and self.asked.is_settled:
            self.deadlines.answer_due = NEVER
        elif self.asked.subscription is not before and not self.is_up:
            turn.end(Resubscribed("connecting again for the old subscription"))
        self.teller.warn(text, turn)
        turn.events.append(self.teller.refusal(text, refusal, turn.stamp))

    def lost(self, end: str | None) -> list[Gap]:
        """The gaps of the outage that is over."""
        names = self.asked.subscription.symbols
        gaps = lost(self.outage.end(), end, names, self._symbol_of)
        for gap in gaps:
            self.teller.about_us(gap, end)
            gap.ts_event = gap.start
        return gaps


def _again(items: Iterable[Any], error: BaseException) -> Iterator[Any]:
    """What a codec has made of a frame, up to where it failed."""
    yield from items
    raise error
