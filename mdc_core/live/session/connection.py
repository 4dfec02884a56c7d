"""A feed's connection as a pure object: what happens goes in, what is to be done comes out.

No socket, clock or thread: the driver says when a connection opened, what frames came, what
time it is and when the connection was lost, and carries out the actions. The same object
serves a live feed, a replay and a simulation, which is why all three give the same events.

What the codec says is taken in by `receiving.py`, which knows when the connection is up. What lies
between two connections, or before the first is up, is a `gap` that starts with the last frame
before (or the first try), or with the events that came last if they were under way for a while,
and ends with the moment of being up.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from mdc_core.contracts import (
    Limits,
    Refused,
    Response,
    Stream,
    Subscription,
)
from mdc_core.errors import UnavailableError
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.actions import Action, Disconnect, FrameAside, Ping, Put, Warn
from mdc_core.live.session.asked import Asked, Resubscribed
from mdc_core.live.session.deadlines import NEVER, Timing
from mdc_core.live.session.receiving import Receiving
from mdc_core.live.session.stamp import Stamp
from mdc_core.live.session.turn import Turn
from mdc_core.live.teller import FeedTeller
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Mask
from mdc_core.times import SECOND

MakeStream = Callable[[Subscription], Stream]
MOST_TICKS = 100_000  # that are made up for at once, more than a day of one a second


class FeedSession:
    """One feed from its first connection to its last."""

    def __init__(
        self,
        name: str,
        make_stream: MakeStream,
        subscription: Subscription,
        *,
        mask: Mask,
        owner: str | None = None,
        line: str = "",
        timing: Timing | None = None,
        limits: Limits | None = None,
        hours: Hours | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.timing = timing or Timing()
        self._asked = Asked(subscription)
        self._teller = FeedTeller(name, owner=owner, line=line, mask=mask)
        self._receiving = Receiving(
            self._teller, self._asked, self.timing, self.limits, hours or Hours()
        )
        self._make_stream = make_stream
        self._stamp = Stamp()
        self._stream: Stream | None = None
        self._told: Loss | None = None  # since it was up
        self._tick_due = NEVER

    @property
    def is_up(self) -> bool:
        """Whether the connection is up."""
        return self._receiving.is_up

    @property
    def connections(self) -> int:
        """How many there have been, with the one that is open."""
        return self._receiving.connections

    @property
    def subscription(self) -> Subscription:
        """What is asked for."""
        return self._asked.subscription

    @property
    def rejected(self) -> int:
        """How many frames and events were set aside."""
        return self._receiving.unread.count

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, up or on its way."""
        return self._stream is not None

    @property
    def is_accepted(self) -> bool:
        """Whether the codec has said that it is up: all that was asked for is answered."""
        return self._receiving.counts_as_up

    @property
    def is_presumed(self) -> bool:
        """Whether the codec has said so, and nothing was heard: it awaits no answer."""
        return self._receiving.counts_as_up and not self._receiving.has_heard

    @property
    def refusals(self) -> Mapping[str, str]:
        """What was refused of the last change, and in which words."""
        return self._asked.refusals

    @property
    def is_settled(self) -> bool:
        """Whether no change waits for an answer."""
        return self._asked.is_settled

    @property
    def takes_change(self) -> bool:
        """Whether something else can be asked for: one change at a time, or none is understood."""
        return not self.is_up or self.is_settled

    def takes_back(self) -> bool:
        """Ask for what was asked for before the change that is not settled; False: there is none.

        For a refusal of which the codec does not know.
        """
        return self._asked.take_back()

    def next_tick(self) -> int:
        """When `tick` has something to do, in nanoseconds."""
        if self._stream is None:
            return NEVER
        due = min(self._tick_due, self._receiving.outbox.due, self._receiving.deadlines.next())
        return due if self.timing.stale is not None else min(due, self._receiving.fresh.mute_due)

    def connecting(self, ns: int | None) -> None:
        """A connection is tried; the other side may serve it before we hear of that."""
        if ns is not None:
            self._receiving.outage.tried(self._stamp(ns))

    def opened(self, ns: int | None, *, pings: bool = False) -> list[Action]:
        """A connection is open, by a transport with pings or without; a new codec serves it."""
        now = self._advance(ns)
        self._stream = stream = self._make_stream(self.subscription)
        self._receiving.begin(stream, pings=pings)
        self._tick_due = now + int(stream.every * SECOND) if stream.every else NEVER
        self.connecting(ns)
        stamp = None if ns is None else self._stamp(ns)
        return self._receiving.run(None, stamp, stream.opened, now)

    def received(self, frame: str | bytes, ns: int | None) -> list[Action]:
        """A frame came."""
        stream, receiving = self._stream, self._receiving
        assert stream is not None
        now = self._advance(ns)
        is_due = self._tick_due <= now or receiving.outbox.due <= now
        before = self._ticks(now) if is_due else None
        stamp = None if ns is None else self._stamp(ns)
        receiving.deadlines.heard(now)
        if not receiving.has_heard:
            before = [*(before or ()), *receiving.heard_first(stamp)]
        actions = receiving.run(frame, stamp, stream.receive, frame, now)
        receiving.outage.last = stamp
        return actions if before is None else before + actions

    def came(
        self,
        frames: Sequence[str | bytes],
        ns: int,
        keep: Callable[[int, str | bytes], None] | None = None,
    ) -> Iterator[list[Action]]:
        """Frames came at once; the same as `received` of one after the other, but for less.

        Each list of actions is to be carried out before the next is asked for. `keep` is told of
        each frame just before it is looked at.
        """
        receiving, at = self._receiving, 0
        while at < len(frames):
            due = min(self._tick_due, receiving.outbox.due, receiving.fresh.due)
            if not receiving.is_up or due <= ns:
                frame, at = frames[at], at + 1
                if keep is not None:
                    keep(ns, frame)
                yield self.received(frame, ns)
                continue
            assert self._stream is not None
            self._advance(ns)
            stamp = self._stamp(ns)
            receiving.deadlines.heard(ns)
            found = receiving.usual(islice(frames, at, None), stamp, self._stream.receive, keep)
            receiving.outage.last = stamp
            at += found.frames
            if found.events:
                yield [Put(found.events)]
            if found.odd is not None:
                yield receiving.run(frames[at - 1], stamp, found.odd)

    def fetched(self, tag: str, response: Response, ns: int | None) -> list[Action]:
        """The answer to a Fetch came."""
        stream = self._stream
        if stream is None:
            return []
        now = self._advance(ns)
        actions = self._ticks(now)
        stamp = None if ns is None else self._stamp(ns)
        actions += self._receiving.run(response.body, stamp, stream.fetched, tag, response, now)
        return actions

    def ponged(self, ns: int) -> None:
        """The other side gave a sign of life."""
        self._receiving.deadlines.ponged(ns)

    def tick(self, ns: int) -> list[Action]:
        """It is this time: the codec's ticks that are due, deadlines, pings."""
        now = self._advance(ns)
        if self._stream is None:
            return []
        actions = self._ticks(now)
        receiving, deadlines = self._receiving, self._receiving.deadlines
        if now >= deadlines.answer_due and receiving.outbox.is_paced:
            deadlines.awaits_answer(now, self._stream.login_within)
        elif now >= deadlines.answer_due:
            deadlines.answer_due = NEVER
            late = self._teller.unanswered(self._stream.login_within, again=self.is_up)
            actions.append(Disconnect(self._teller.hopeless() if receiving.unread.is_all else late))
        elif self.timing.stale is None and now >= receiving.fresh.mute_due:
            actions.append(
                Disconnect(UnavailableError(receiving.fresh.muteness(now), cause="stall"))
            )
        elif silence := deadlines.passed(now):
            actions.append(Disconnect(UnavailableError(silence, cause="stall")))
        elif deadlines.wants_ping(now):
            deadlines.pinged(now)
            receiving.outbox.pinged(now)
            actions.append(Ping())
        return actions

    def closed(self, loss: Loss, ns: int | None) -> list[Action]:
        """The connection is lost, or could not be made; told again where that is news."""
        now = self._advance(ns)
        # What the codec would have said by now, of which nothing can be sent any more.
        stamp = None if ns is None else self._stamp(ns)
        ticks = [*_unsent(self._ticks(now)), *self._last_words(stamp)]
        self._receiving.outage.begin(stamp)
        self._receiving.failed = 0 if self.is_up else self._receiving.failed + 1
        told, self._told = None if self.is_up else self._told, loss
        self._receiving.is_up = False
        if told is not None and _news(told) == _news(loss):
            return ticks  # one more failure on the way up again
        return [*ticks, Put([self._teller.down(stamp, self._receiving.failed + 1, loss)])]

    def half_open(self, ns: int | None) -> list[Action]:
        """The circuit breaker lets one connection be tried, now."""
        self._advance(ns)
        if self._told is None:
            return []
        self._told = msgspec.structs.replace(self._told, breaker="half-open", retry_in=0.0)
        stamp = None if ns is None else self._stamp(ns)
        return [Put([self._teller.down(stamp, self._receiving.failed + 1, self._told)])]

    def refused(self, text: str, ns: int) -> list[Action]:
        """All that it asks for is refused, and others go on."""
        self._advance(ns)
        refusal = Refused(text, self.subscription.symbols, self.subscription.channels)
        return [Put([self._teller.refusal(text, refusal, self._stamp(ns))])]

    def finish(self) -> list[Action]:
        """The feed ends; a gap that is still open has no known end."""
        actions = self._last_words(self._receiving.outage.last)
        if self._receiving.outage.is_open:
            actions.append(Put([*self._receiving.lost(None)]))
        if self._receiving.unread.is_all:
            actions.append(Disconnect(self._teller.hopeless()))
        return actions

    def _last_words(self, stamp: str | None) -> list[Action]:
        """What the codec says at the end of its connection, once."""
        stream, self._stream = self._stream, None
        return (
            []
            if stream is None
            else _unsent(self._receiving.run(None, stamp, stream.closed, self._receiving.now))
        )

    def subscribe(self, wanted: Subscription, ns: int | None) -> list[Action]:
        """Ask for this instead: on this connection if the codec can, else on the next."""
        stream = self._stream
        self._asked.change(wanted)
        self._receiving.fresh.resubscribed(self._receiving.now if ns is None else ns)
        if stream is None:
            return []
        now = self._advance(ns)
        stamp = None if ns is None else self._stamp(ns)
        turn = Turn(stamp)
        try:
            items = stream.resubscribe(wanted, now)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._teller.failure(error, turn)
            items = None
        if items is None:
            turn.end(Resubscribed("connecting again for other symbols"))
            return turn.actions()
        actions = self._receiving.run(None, stamp, lambda: items)
        if self.is_up and not self.is_settled:
            self._receiving.deadlines.awaits_answer(now, stream.login_within)
        return actions

    def _ticks(self, now: int) -> list[Action]:
        """Each tick that is due, at the time when it was: a replay ticks just so.

        And what may be asked for again by now.
        """
        stream, actions = self._stream, list[Action]()
        step = int(stream.every * SECOND) if stream is not None and stream.every else NEVER
        # A clock that is set from 1970 to today has nobody wait for two billion of them.
        self._tick_due = max(self._tick_due, now - step * MOST_TICKS)
        while stream is not None and self._tick_due <= now:
            due = self._tick_due
            self._tick_due += step
            actions += self._receiving.run(None, self._stamp(due), stream.tick, due)
        waited = self._receiving.outbox.released(now)
        if waited and stream is not None and self._receiving.deadlines.answer_due != NEVER:
            # What was only sent now is answered later.
            self._receiving.deadlines.awaits_answer(now, stream.login_within)
        return [*actions, *waited]

    def _advance(self, ns: int | None) -> int:
        """The time now; where a capture has none, the one before."""
        if ns is not None:
            self._receiving.now = ns
        return self._receiving.now


def _unsent(actions: Iterable[Action]) -> list[Action]:
    """Those that need no connection."""
    return [action for action in actions if isinstance(action, Put | FrameAside | Warn)]


def _news(loss: Loss) -> tuple[str, str | None, bool]:
    """What of a loss is told again when it changes: that it is given up as well."""
    return loss.cause, loss.breaker, loss.retry_in is None
