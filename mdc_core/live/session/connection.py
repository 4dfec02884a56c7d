"""A feed's connection as a pure object: what happens goes in, what is to be done comes out.

No socket, clock or thread: the driver says when a connection opened, what frames came, what
time it is and when the connection was lost, and carries out the actions. The same object
serves a live feed, a replay and a simulation, which is why all three give the same events.

A connection is up when the codec says `Up`, or at the latest with its first event about an
instrument; of one that said `Up` before anything was received (there is no answer to wait for),
with the first frame. What lies between two connections, or before the first is up, is a `gap` that
starts with the last frame before (or the first try), or with the events that came last if
they were under way for a while, and ends with the moment of being up.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from mdc_core.contracts import (
    Bad,
    Busy,
    Fetch,
    Limits,
    Maintenance,
    Reconnect,
    Refused,
    Response,
    Send,
    Stream,
    Subscription,
    Up,
)
from mdc_core.contracts.live.effects import UNREADABLE, reason_of
from mdc_core.errors import BusyError, RefusedError, UnavailableError
from mdc_core.events import Event, Gap, Integrity, Market, Status
from mdc_core.flaws import EventSample, flaw_of
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.actions import Action, Disconnect, FrameAside, Ping, Put, Warn
from mdc_core.live.session.asked import Asked, Resubscribed
from mdc_core.live.session.deadlines import NEVER, Deadlines, Timing
from mdc_core.live.session.freshness import Freshness, Silence
from mdc_core.live.session.outage import Outage, bound
from mdc_core.live.session.outbox import Outbox
from mdc_core.live.session.stamp import Stamp
from mdc_core.live.session.turn import Turn
from mdc_core.live.session.unread import Unread
from mdc_core.live.teller import FeedTeller, json_of
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Mask
from mdc_core.times import SECOND

MakeStream = Callable[[Subscription], Stream]


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
        self.connections = 0
        self.is_up = False
        self.timing = timing or Timing()
        self.limits = limits or Limits()
        self._teller = FeedTeller(name, owner=owner, line=line, mask=mask)
        self._make_stream = make_stream
        self._asked = Asked(subscription)
        self._stamp = Stamp()
        self._stream: Stream | None = None
        self._told: Loss | None = None  # since it was up
        self._failed = 0  # tries since then
        self._outage = Outage()
        self._now = 0
        self._unread = Unread(self._teller)
        self._has_heard = self._counts_as_up = False  # a frame came; the codec said `Up`
        self._up_since: str | None = None
        self._sample = EventSample()
        self._tick_due = NEVER
        self._deadlines = Deadlines(self.timing, 0, NEVER, pings=False)
        self._outbox = Outbox(self.limits)
        self._fresh = Freshness(hours or Hours())

    @property
    def subscription(self) -> Subscription:
        """What is asked for."""
        return self._asked.subscription

    @property
    def rejected(self) -> int:
        """How many frames and events were set aside."""
        return self._unread.count

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, up or on its way."""
        return self._stream is not None

    @property
    def is_accepted(self) -> bool:
        """Whether the codec has said that it is up: all that was asked for is answered."""
        return self._counts_as_up

    @property
    def is_presumed(self) -> bool:
        """Whether the codec has said so, and nothing was heard: it awaits no answer."""
        return self._counts_as_up and not self._has_heard

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
        due = min(self._tick_due, self._outbox.due, self._deadlines.next())
        return due if self.timing.stale is not None else min(due, self._fresh.mute_due)

    def connecting(self, ns: int | None) -> None:
        """A connection is tried; the other side may serve it before we hear of that."""
        if ns is not None:
            self._outage.tried(self._stamp(ns))

    def opened(self, ns: int | None, *, pings: bool = False) -> list[Action]:
        """A connection is open, by a transport with pings or without; a new codec serves it."""
        now = self._advance(ns)
        self._stream = stream = self._make_stream(self.subscription)
        self.is_up = False
        self.connections += 1
        self._teller.connection(self.connections, stream.sequence, sparse=stream.sparse)
        self._asked.anew(stream.default_channels)
        self._sample, self._outbox = EventSample(), Outbox(self.limits)
        timing = self.timing
        if timing.stale is None:
            timing = msgspec.structs.replace(timing, stale=stream.silence)
        self._deadlines = Deadlines(timing, now, stream.login_within, pings=pings)
        self._tick_due = now + int(stream.every * SECOND) if stream.every else NEVER
        self._fresh.asset_of = stream.asset_of
        self._fresh.reconnected(now)
        self._has_heard = self._counts_as_up = False
        self.connecting(ns)
        stamp = None if ns is None else self._stamp(ns)
        return self._run(None, stamp, stream.opened, now)

    def received(self, frame: str | bytes, ns: int | None) -> list[Action]:
        """A frame came."""
        stream = self._stream
        assert stream is not None
        now = self._advance(ns)
        is_due = self._tick_due <= now or self._outbox.due <= now
        before = self._ticks(now) if is_due else None
        stamp = None if ns is None else self._stamp(ns)
        self._deadlines.heard(now)
        if not self._has_heard:
            before = [*(before or ()), *self._heard_first(stamp)]
        actions = self._run(frame, stamp, stream.receive, frame, now)
        self._outage.last = stamp
        return actions if before is None else before + actions

    def _heard_first(self, stamp: str | None) -> list[Action]:
        """The first frame of a connection shows that it is up, if its codec awaits no answer."""
        self._has_heard, turn = True, Turn(stamp)
        if self._counts_as_up and not self.is_up:
            self._come_up(turn)
        return turn.actions()

    def fetched(self, tag: str, response: Response, ns: int | None) -> list[Action]:
        """The answer to a Fetch came."""
        stream = self._stream
        if stream is None:
            return []
        now = self._advance(ns)
        actions = self._ticks(now)
        stamp = None if ns is None else self._stamp(ns)
        actions += self._run(response.body, stamp, stream.fetched, tag, response, now)
        return actions

    def ponged(self, ns: int) -> None:
        """The other side gave a sign of life."""
        self._deadlines.ponged(ns)

    def tick(self, ns: int) -> list[Action]:
        """It is this time: the codec's ticks that are due, deadlines, pings."""
        now = self._advance(ns)
        if self._stream is None:
            return []
        actions = self._ticks(now)
        deadlines = self._deadlines
        if now >= deadlines.answer_due and self._outbox.is_paced:
            deadlines.awaits_answer(now, self._stream.login_within)
        elif now >= deadlines.answer_due:
            deadlines.answer_due = NEVER
            late = self._teller.unanswered(self._stream.login_within, again=self.is_up)
            actions.append(Disconnect(self._teller.hopeless() if self._unread.is_all else late))
        elif self.timing.stale is None and now >= self._fresh.mute_due:
            actions.append(Disconnect(UnavailableError(self._fresh.muteness(now), cause="stall")))
        elif silence := deadlines.passed(now):
            actions.append(Disconnect(UnavailableError(silence, cause="stall")))
        elif deadlines.wants_ping(now):
            deadlines.pinged(now)
            self._outbox.pinged(now)
            actions.append(Ping())
        return actions

    def closed(self, loss: Loss, ns: int | None) -> list[Action]:
        """The connection is lost, or could not be made; told again where that is news."""
        now = self._advance(ns)
        # What the codec would have said by now, of which nothing can be sent any more.
        stamp = None if ns is None else self._stamp(ns)
        ticks = [*_unsent(self._ticks(now)), *self._last_words(stamp)]
        self._outage.begin(stamp)
        self._failed = 0 if self.is_up else self._failed + 1
        told, self._told = None if self.is_up else self._told, loss
        self.is_up = False
        if told is not None and (told.cause, told.breaker) == (loss.cause, loss.breaker):
            return ticks  # one more failure on the way up again
        return [*ticks, Put([self._teller.down(stamp, self._failed + 1, loss)])]

    def half_open(self, ns: int | None) -> list[Action]:
        """The circuit breaker lets one connection be tried, now."""
        self._advance(ns)
        if self._told is None:
            return []
        self._told = msgspec.structs.replace(self._told, breaker="half-open", retry_in=0.0)
        stamp = None if ns is None else self._stamp(ns)
        return [Put([self._teller.down(stamp, self._failed + 1, self._told)])]

    def refused(self, text: str, ns: int) -> list[Action]:
        """All that it asks for is refused, and others go on."""
        self._advance(ns)
        refusal = Refused(text, self.subscription.symbols, self.subscription.channels)
        return [Put([self._teller.refusal(text, refusal, self._stamp(ns))])]

    def finish(self) -> list[Action]:
        """The feed ends; a gap that is still open has no known end."""
        actions = self._last_words(self._outage.last)
        if self._outage.is_open:
            actions.append(Put([self._gap(None)]))
        if self._unread.is_all:
            actions.append(Disconnect(self._teller.hopeless()))
        return actions

    def _last_words(self, stamp: str | None) -> list[Action]:
        """What the codec says at the end of its connection, once."""
        stream, self._stream = self._stream, None
        return [] if stream is None else _unsent(self._run(None, stamp, stream.closed, self._now))

    def subscribe(self, wanted: Subscription, ns: int | None) -> list[Action]:
        """Ask for this instead: on this connection if the codec can, else on the next."""
        stream = self._stream
        self._asked.change(wanted)
        self._fresh.resubscribed(self._now if ns is None else ns)
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
        actions = self._run(None, stamp, lambda: items)
        if self.is_up and not self.is_settled:
            self._deadlines.awaits_answer(now, stream.login_within)
        return actions

    def _run(
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
            self._teller.unread(reason, turn)
            self._unread.failed(raw, reason, turn)
        except KeyboardInterrupt:
            raise
        # Whatever a codec raises, even what is no Exception, costs the frame and nothing else.
        except BaseException as error:
            self._unread.failed(raw, self._teller.failure(error, turn), turn)
        else:
            if raw is not None:
                self._unread.failures = 0
                self._unread.good += 1
        self._outage.took(turn.events, stamp)
        if self._now >= self._fresh.due and turn.events:
            for silence in self._fresh.took(turn.events, self._now):
                self._silent(silence, turn)
        return turn.actions()

    def _silent(self, silence: Silence, turn: Turn) -> None:
        """A channel, or a symbol, has gone silent while others go on, or is so no more."""
        turn.events.append(self._teller.silence(silence, turn.stamp))
        if silence.is_over:
            return
        self._teller.warn(f"{self._teller.name}: {silence}", turn)
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
        self._teller.sign(events, turn.stamp)
        turn.events += events

    def _look_at(self, item: Any, turn: Turn) -> None:
        """Pass on an event if it is what its type says, or carry out an effect."""
        if not isinstance(item, Event):
            self._effect(item, turn)
            return
        teller = self._teller
        teller.sign((item,), turn.stamp)
        if (problem := flaw_of(item)) is not None:
            self._sample.distrust(type(item))
            text = f"{teller.owner} makes a {type(item).__name__} whose {problem}"
            teller.warn_once(text, turn)
            self._unread.set_aside(json_of(item), text, item.symbol, turn)
            return
        if isinstance(item, Gap):
            bound(item, self._up_since, turn.stamp)
        elif isinstance(item, Market):
            self._unread.has_data = True
            if not self.is_up:
                self._come_up(turn)
        if isinstance(item, Status):
            self._fresh.status(item)
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
                if not self._outbox.takes(item, turn, self._now):
                    text = f"{self._teller.owner} asks for {item.again} again too often, and waits"
                    self._teller.warn_once(text, turn)
            case Up():
                self._settled()
                self._counts_as_up = True
                if not self.is_up and self._has_heard:
                    self._come_up(turn)
            case Bad(raw, text, symbol):
                self._teller.unread(text, turn)
                self._unread.set_aside(raw, text, symbol, turn)
            case Refused():
                self._refuse(item, turn)
            case Busy(text, after, hint, cause):
                turn.end(BusyError(text, hint=hint, after=after, cause=cause))
            case Maintenance(text, until):
                after = None if until is None else max(until - self._now, 0) / SECOND
                turn.end(BusyError(text, after=after, cause="maintenance"))
            case Reconnect(reason, cause):
                turn.end(UnavailableError(reason, cause=cause))
            case _:
                raise TypeError(f"{item!r} is neither an event nor an effect")

    def _settled(self) -> None:
        """The login is answered, or the change."""
        self._asked.settled()
        self._deadlines.answer_due = NEVER

    def _come_up(self, turn: Turn) -> None:
        self.is_up = True
        self._settled()
        self._outage.last = self._up_since = turn.stamp
        again = self.connections > 1
        turn.events.append(self._teller.up(turn.stamp, self._failed + 1, again=again))
        if self._outage.is_open:
            turn.events.append(self._gap(turn.stamp))

    def _refuse(self, refusal: Refused, turn: Turn) -> None:
        before, text = self.subscription, self._asked.refuse(refusal)
        if text is None:
            turn.end(RefusedError(refusal.text, hint=refusal.hint, cause=refusal.cause))
            return
        if self.is_up and self.is_settled:
            self._deadlines.answer_due = NEVER
        elif self.subscription is not before and not self.is_up:
            turn.end(Resubscribed("connecting again for the old subscription"))
        self._teller.warn(text, turn)
        turn.events.append(self._teller.refusal(text, refusal, turn.stamp))

    def _gap(self, end: str | None) -> Event:
        return self._teller.gap(self._outage.end(), end, self.subscription.symbols)

    def _ticks(self, now: int) -> list[Action]:
        """Each tick that is due, at the time when it was: a replay ticks just so.

        And what may be asked for again by now.
        """
        stream, actions = self._stream, list[Action]()
        while stream is not None and self._tick_due <= now:
            due = self._tick_due
            assert stream.every is not None
            self._tick_due += int(stream.every * SECOND)
            actions += self._run(None, self._stamp(due), stream.tick, due)
        waited = self._outbox.released(now)
        if waited and stream is not None and self._deadlines.answer_due != NEVER:
            # What was only sent now is answered later.
            self._deadlines.awaits_answer(now, stream.login_within)
        return [*actions, *waited]

    def _advance(self, ns: int | None) -> int:
        """The time now; where a capture has none, the one before."""
        if ns is not None:
            self._now = ns
        return self._now


def _unsent(actions: Iterable[Action]) -> list[Action]:
    """Those that need no connection."""
    return [action for action in actions if isinstance(action, Put | FrameAside | Warn)]
