"""One endpoint's line: one transport at a time, driven by the session of its feed."""

import threading
from collections.abc import Iterable, Mapping, Sequence

from mdc_core.contracts import Endpoint, Fetch, Send, Subscription
from mdc_core.errors import DataError, RefusedError, UnavailableError
from mdc_core.events import Event
from mdc_core.live.clock import Clock
from mdc_core.live.http import WITHIN, Ask, HttpAnswers, ask_in_thread
from mdc_core.live.recorded.capture import Recorder
from mdc_core.live.session.actions import Action, Disconnect, FrameAside, Ping, Put, Warn
from mdc_core.live.session.asked import OLD_GOES_ON, Resubscribed
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.transports import (
    FAILED,
    NORMAL,
    TOO_BIG,
    HandshakeRefusedError,
    Transport,
    TransportClosed,
    open_transport,
)
from mdc_core.live.upkeep.loss import Loss
from mdc_core.live.upkeep.openings import Openings
from mdc_core.live.upkeep.upkeep import PutEvents
from mdc_core.logs import Log
from mdc_core.texts import waited
from mdc_core.times import SECOND, span_text
from mdc_core.wire.quarantine import Quarantine

LOOK = 1.0  # seconds; how soon a silent line notices a new subscription
AT_ONCE = 2048  # events of frames that came together, about
_LOOK_FOR_ANSWER = 0.05


class StreamLine:
    """The line of a Stream: connects, and works until the connection ends."""

    def __init__(
        self,
        session: FeedSession,
        endpoint: Endpoint,
        *,
        clock: Clock,
        say: Log,
        quarantine: Quarantine | None = None,
        capture: Recorder | None = None,
        end_on_close: bool = False,
        ask: Ask = ask_in_thread,
        openings: Openings | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.session = session
        self.endpoint = endpoint
        self._clock = clock
        self._say = say
        self._quarantine = quarantine
        self._capture = capture
        self._end_on_close = end_on_close
        self._openings = openings or Openings(session.limits)
        self._secrets = secrets
        self._transport: Transport | None = None
        self._wanted: Subscription | None = None
        self._told: Subscription | None = None  # what it was told last to ask for
        self._hung_up = threading.Event()
        self._over = self._renews = False
        self._answers = HttpAnswers(ask)

    @property
    def asked(self) -> Subscription | None:
        """What it asks for, or will as soon as it can; None: it has ended."""
        return None if self._over else self._wanted or self.session.subscription

    @property
    def is_asking(self) -> bool:
        """Whether an answer by HTTP is still to come."""
        return self._answers.awaited > 0

    @property
    def granted(self) -> bool | None:
        """Whether it has what it was told last to ask for; None: nobody has answered yet."""
        if self._wanted is not None or not self.session.is_settled:
            return None
        if self._told is None:  # that of its begin
            return self.session.is_accepted or None
        return self.session.subscription == self._told

    @property
    def refusals(self) -> Mapping[str, str]:
        """What was refused of that, by symbol, and in which words."""
        return self.session.refusals

    def run(self, put: PutEvents) -> None:
        """Connect and pass events on; returns when the feed has come to its end."""
        try:
            self._run(put)
        except RefusedError as error:
            if self.session.takes_back():
                raise UnavailableError(f"{error}; {OLD_GOES_ON}", cause=error.cause) from error
            raise

    def _run(self, put: PutEvents) -> None:
        self._renews = False  # of the connection before: this one is new
        self._await_turn()
        if self._hung_up.is_set():
            return
        if self._wanted is not None:
            self._change(put)
        ns = self._clock.ns()
        if self._capture is not None:
            self._capture.connecting(ns, self.session.subscription)
        self.session.connecting(ns)
        try:
            transport = open_transport(self.endpoint, self.session.limits, self._clock)
        except HandshakeRefusedError as error:
            raise error.of_account(self._secrets) from error
        try:
            self._transport = transport
            if self._hung_up.is_set():
                return
            ns = self._clock.ns()
            if self._capture is not None:
                self._capture.opened(ns, self.endpoint, self.session.subscription)
            self._do(self.session.opened(ns, pings=transport.pings), put)
            self._work(transport, put)
        except TransportClosed as closed:
            self._judge(closed)
            self._take_last_answers(put)
        finally:
            self._transport = None
            transport.close()

    def _await_turn(self) -> None:
        """Wait as long as the vendor allows no more new connections."""
        delay = self._openings.delay(self._clock)
        if delay > 0:
            limits = self.session.limits
            span = span_text(limits.openings_per * SECOND)
            allowed = f"{limits.openings} new connections in {span}"
            self._say.detail(f"waits {waited(delay)}: the vendor allows {allowed}")
            self._clock.wait(delay)

    def lost(self, put: PutEvents, loss: Loss) -> None:
        """Account for a connection that was lost, or could not be made."""
        ns = self._clock.ns()
        if self._capture is not None:
            self._capture.lost(ns, loss, self.session.subscription)
        self._do(self.session.closed(loss, ns), put)

    def half_open(self, put: PutEvents) -> None:
        """Tell that the circuit breaker lets one connection be tried."""
        ns = self._clock.ns()
        if self._capture is not None:
            self._capture.half_open(ns)
        self._do(self.session.half_open(ns), put)

    def refused(self, put: PutEvents, error: RefusedError) -> None:
        """Tell that all of it is refused, while other lines go on."""
        self._do(self.session.refused(str(error), self._clock.ns()), put)

    def finish(self, put: PutEvents) -> None:
        """Account for what is open at the end."""
        self._over = True
        self._do(self.session.finish(), put)

    def resubscribe(self, subscription: Subscription) -> None:
        """Ask for this instead; done with the next frame, or within a second."""
        self._wanted = self._told = subscription

    def renew(self) -> bool:
        """Connect anew, with the next frame or within a second; False: it is not up."""
        self._renews = self.session.is_up
        return self._renews

    def hang_up(self) -> bool:
        """End the connection from another thread; False: there is none."""
        self._hung_up.set()
        transport = self._transport
        if transport is None:
            return False
        transport.close()
        return True

    def _work(self, transport: Transport, put: PutEvents) -> None:
        receive, session, now, capture = transport.recv, self.session, self._clock.ns, self._capture
        keep = None if capture is None else capture.received
        ns, due = now(), session.next_tick()
        while True:
            if self._renews:
                raise Resubscribed("connecting again, as it was told to")
            if self._wanted is not None and session.takes_change:
                self._change(put)
            if self._answers.awaited:
                self._take_answers(put)
            look = _LOOK_FOR_ANSWER if self._answers.awaited else LOOK
            left = due - ns
            try:
                frames = [receive(look if left > SECOND else min(max(left / SECOND, 0.0), look))]
            except TimeoutError:
                ns = now()
                if transport.ponged():
                    session.ponged(ns)
                self._do(session.tick(ns), put)
                due = session.next_tick()
                continue
            ns = now()
            while transport.waiting and len(frames) < AT_ONCE:
                frames.append(receive(0.0))
            self._pass_on(session.came(frames, ns, keep), put)
            # What comes can put the next tick off, so it is asked for only when it seems due.
            if due <= ns and (due := session.next_tick()) <= ns:
                self._do(session.tick(ns), put)
                due = session.next_tick()

    def _pass_on(self, steps: Iterable[Sequence[Action]], put: PutEvents) -> None:
        """Carry out what frames led to; events that came one behind the other are put at once."""
        held: list[Event] = []
        for actions in steps:
            if len(actions) == 1 and type(first := actions[0]) is Put:  # nearly always
                held += first.events
                if len(held) < AT_ONCE:
                    continue
                actions = []
            if held:
                events, held = held, []
                put(events)
            self._do(actions, put)
        if held:
            put(held)

    def _do(self, actions: Sequence[Action], put: PutEvents) -> None:
        """Carry out what the session asks for; raises the error of a Disconnect."""
        for action in actions:
            if type(action) is Put:
                put(action.events)  # nearly all are
                continue
            match action:
                case Send(frame):
                    self._send(frame)
                case Fetch():
                    self._answers.ask(action, self.session.connections)
                case FrameAside(_, reason):
                    set_aside(self._quarantine, action)
                    self._say.detail(f"a frame that cannot be read: {reason}")
                case Warn(text):
                    self._say.warning(text)
                case Ping():
                    assert self._transport is not None
                    self._transport.ping()
                case Disconnect(error):
                    raise error

    def _send(self, frame: str | bytes) -> None:
        if self._capture is not None:
            self._capture.sent(self._clock.ns(), frame)
        assert self._transport is not None
        self._transport.send(frame)

    def _take_answers(self, put: PutEvents, wait: float = 0.0) -> None:
        for tag, got in self._answers.come(self.session.connections, wait):
            ns = self._clock.ns()
            if self._capture is not None:
                self._capture.fetched(ns, tag, got)
            self._do(self.session.fetched(tag, got, ns), put)

    def _take_last_answers(self, put: PutEvents) -> None:
        """At the end of a feed: what was asked for before it is still to come, or it is not."""
        until = self._clock.ns() + int(WITHIN * SECOND)
        while self._answers.awaited and self._clock.ns() < until:
            self._take_answers(put, _LOOK_FOR_ANSWER)

    def _change(self, put: PutEvents) -> None:
        wanted, self._wanted = self._wanted, None
        assert wanted is not None
        ns = self._clock.ns()
        if self._capture is not None:
            self._capture.asked(ns, wanted)
        self._do(self.session.subscribe(wanted, ns), put)

    def _judge(self, closed: TransportClosed) -> None:
        """What the end of a connection means; returns if it is the end of the feed."""
        if self._end_on_close and closed.code == FAILED:
            raise DataError(f"the mock server has failed: {closed}") from closed
        if closed.code == TOO_BIG and not (self.session.is_up and self.session.takes_change):
            raise RefusedError(
                f"the server does not take a frame of this size: {closed}",
                hint="ask for fewer symbols at once",
            ) from closed
        if not (self._end_on_close and closed.code == NORMAL):
            raise UnavailableError(str(closed), cause=closed.cause) from closed


def set_aside(quarantine: Quarantine | None, aside: FrameAside) -> None:
    """Put a frame into the quarantine, if there is one."""
    if quarantine is not None:
        text = aside.raw.encode() if isinstance(aside.raw, str) else aside.raw
        quarantine.add(text, aside.reason, **aside.where)
