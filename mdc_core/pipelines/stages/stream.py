"""The stage `stream`: a live feed, from the subscription to the summary."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mdc_core import registry
from mdc_core.accounting import Account, new_run_id
from mdc_core.contracts import Endpoint, Source, Subscription
from mdc_core.errors import BusyError, MdcError, UnavailableError, UsageError
from mdc_core.events import Event, Gap
from mdc_core.live.buffer import Buffer
from mdc_core.live.clock import SystemClock
from mdc_core.live.feed import Feed, FeedLines, OneLine
from mdc_core.live.frames.writer import FrameRotation
from mdc_core.live.heartbeat import HeartbeatMaker, told
from mdc_core.live.hours import Hours
from mdc_core.live.limit import EventLimit
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.session.deadlines import Timing
from mdc_core.live.upkeep.upkeep import Retrying
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import as_recorded, events_of, gathered, owner_of
from mdc_core.pipelines.inputs import STDIN, InputOptions
from mdc_core.pipelines.stage import Made, SourceStage
from mdc_core.pipelines.stages.stream_options import Reread, StreamOptions, check
from mdc_core.pipelines.symbols import read_symbols
from mdc_core.pipelines.watched import WatchedFile
from mdc_core.pipelines.writable import sifted
from mdc_core.texts import counted
from mdc_core.times import SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from mdc_core.live.http import Ask
    from mdc_core.live.sandbox.server import SandboxServer
    from mdc_core.live.source import Simulation
    from mdc_core.pipelines.stage import StageRun

_OURS = ("connection", "gap", "integrity", "heartbeat")


class NothingToChange(Exception):  # noqa: N818 - it is as it should be
    """What is asked for is what there is."""


class StreamSource(SourceStage):
    """Collects the live feed of a provider."""

    def __init__(
        self, plugin: Chosen, options: StreamOptions, reread: Reread | None = None
    ) -> None:
        super().__init__("stream")
        self.plugin, self.options = plugin, options
        self.provider, self.writing = plugin.name, options.writing
        self.total = options.limit
        self.changes: SimpleQueue[tuple[tuple[str, ...], tuple[str, ...]]] = SimpleQueue()
        self.reading = InputOptions(
            quarantine=options.quarantine, quarantine_limit=options.quarantine_limit
        )
        self.reread = reread or (lambda: (options.symbols_file, options.channels))

    def change(self, *, add: Sequence[str] = (), drop: Sequence[str] = ()) -> None:
        """Have the feed that runs ask for more symbols, or fewer; from any thread."""
        self.changes.put((tuple(add), tuple(drop)))

    @property
    def request(self) -> dict[str, Any]:
        """Whom it asks, and for what."""
        channels = self.options.channels or self.plugin.plugin.default_channels
        symbols = list(self.options.symbols)
        return {"provider": self.provider, "symbols": symbols, "channels": list(channels)}

    @property
    def sifts(self) -> bool:
        """Yes: what one message says wrong costs that message."""
        return True

    def work(self, run: "StageRun") -> Iterator[Made]:
        """Pass on the feed until it ends, is stopped or has given enough."""
        check(self.options, self.plugin)
        streaming = StreamRun(self, run)
        with ExitStack() as stack:
            lists = streaming.lists(stack)
            run.out.begin()
            yield []  # so that `begin` goes out before anything is waited for
            try:
                yield from streaming.events(lists)
            except GeneratorExit:
                streaming.summarise()
                raise
            except Exception:
                streaming.finish("error")
                raise
            streaming.finish(streaming.reason)


class StreamRun:
    """One run of `stream`."""

    def __init__(self, stage: StreamSource, run: "StageRun") -> None:
        self._stage, self._run = stage, run
        self._plugin, self._asked = stage.plugin, stage.options
        self._log, self._stop = run.log, run.control.stop
        self._typed: list[str] | None = None  # the symbols on standard input
        self._extra: dict[str, bool] = {}  # symbols that were added (or dropped) later
        file = self._asked.symbols_file
        self._watched = WatchedFile(file) if file is not None and file != STDIN else None
        self._wanted = self._subscription(self._asked.symbols_file, self._asked.channels)
        run.out.request["symbols"] = list(self._wanted.symbols)
        self._buffer = buffer = Buffer(self._asked.buffer, self._asked.overflow)
        run.telemetry.watch("mdc_events_dropped_total", lambda: sum(buffer.dropped.values()))
        run.telemetry.watch("mdc_events_buffered", lambda: buffer.waiting)
        self._quarantine = run.quarantine
        self._feed: Feed | Simulation | None = None
        self._server: SandboxServer | None = None
        every = self._asked.heartbeat
        self._heartbeats = (
            HeartbeatMaker(self._plugin.name, every, time.time_ns()) if every else None
        )
        self._credentials: dict[str, str] = {}
        self.reason = "eof"

    def events(self, lists: Iterable[list[Event]]) -> Iterator[list[Event]]:
        """The lists up to the limit; `reason` says afterwards why there are no more."""
        limit = EventLimit(self._asked.limit, self._asked.duration)
        if limit.reached:
            self.reason = "limit"
            return
        feed = iter(lists)
        for events in feed:
            events = limit.cut(events)
            yield events
            self._run.progress.add(len(events))
            if limit.reached:
                self.reason = "limit"
                break
            yield from self._heartbeat(events)
            if self._run.control.hang_up.is_set():
                self._run.control.hang_up.clear()
                self._read_again("SIGHUP")
            elif self._watched is not None and self._watched.changed:
                self._read_again("--symbols-file")
            elif not self._stage.changes.empty():
                self._change(*self._stage.changes.get())
        else:
            if self._server is not None and self._server.error is not None:
                raise self._server.error
            self.reason = "signal" if self._stop.is_set() else "eof"
        if isinstance(self._feed, Feed):
            # Whoever has all that was asked for misses nothing of what comes behind it.
            yield from self._end_of(self._feed, feed, tell=not limit.is_full)

    def _heartbeat(self, events: list[Event]) -> Iterator[list[Event]]:
        """How the feed is, when that is due."""
        maker, feed = self._heartbeats, self._feed
        if maker is None or not isinstance(feed, Feed):
            return
        now = time.time_ns()
        if maker.look_at(events, now):
            beat = maker.beat(self._about_instruments(), now)
            beat.buffered, beat.dropped = self._buffer.waiting, self._buffer.dropped.total()
            beat.connections = feed.connected
            self._log.detail(told(beat))
            yield [beat]

    def _about_instruments(self) -> int:
        """How many events about instruments were written."""
        counts = self._run.out.counts
        return sum(counts.values()) - sum(counts[name] for name in _OURS)

    def _end_of(
        self, feed: Feed, lists: Iterator[list[Event]], *, tell: bool
    ) -> Iterator[list[Event]]:
        """End the feed, and `tell` of the gaps that are open then; raises if it was never up."""
        feed.end()
        try:
            for events in lists:
                yield [e for e in events if tell and isinstance(e, Gap) and e.end is None]
        except MdcError:
            if tell:  # else all that was asked for had come before it failed
                raise
        if not feed.was_up:
            cause = "" if feed.failure is None else f": {feed.failure}"
            kind = BusyError if isinstance(feed.failure, BusyError) else UnavailableError
            raise kind(f"{self._plugin.name} was never up{cause}")

    def lists(self, stack: ExitStack) -> Iterable[list[Event]]:
        """The events as they come; what is opened for them is closed with `stack`."""
        kind, name = self._plugin.plugin, self._plugin.name
        if issubclass(kind, Source):
            from mdc_core.live.source import Simulation, SourceLine

            self._credentials = self._own_secrets()
            make = self._made
            if kind.simulated:
                self._feed = Simulation(name, make, self._wanted, self._stop, self._asked.speed)
                return sifted(self._feed, self._quarantine)
            line = OneLine(SourceLine(name, make, self._wanted, mask=self._log.mask))
            return sifted(self._driven(line), self._quarantine)
        if self._asked.replay is not None:
            from mdc_core.live.recorded.recording import of_provider, recordings

            found = of_provider(recordings(self._asked.replay), name, self._asked.replay)
            lists = events_of(
                found,
                partial(as_recorded, self._plugin),
                self._wanted,
                log=self._log,
                quarantine=self._quarantine,
            )
            # A capture in a file waits for nobody, and is read no further than it is asked for.
            waits = self._asked.limit is not None or self._asked.replay.is_fifo()
            return _until(self._stop, lists if waits else gathered(lists))
        return self._driven(self._lines(stack))

    def finish(self, reason: str) -> None:
        """Write `end`, and say the counts."""
        self._run.end(reason)
        self.summarise()

    def _lines(self, stack: ExitStack) -> FeedLines:
        from mdc_core.live.group import LineGroup, SubscriptionShare
        from mdc_core.live.line import StreamLine

        asked, clock = self._asked, SystemClock()
        self._credentials = self._secrets()
        capture = None
        if asked.capture is not None:
            rotation = FrameRotation(asked.capture_size, asked.capture_every)
            run_id = self._run.out.run_id or new_run_id()
            capture = asked.capture.recorder(
                self._plugin, self._wanted, run_id, rotation, self._log
            )
            stack.callback(capture.close)
        if asked.mock and asked.url is None:
            self._server = self._own_server(stack)
        ask = self._ask()

        def make(share: SubscriptionShare, name: str) -> StreamLine:
            return StreamLine(
                self._session_of(share.subscription, name),
                self._place(share.endpoint),
                clock=clock,
                say=self._log,
                quarantine=self._quarantine,
                capture=capture and capture.line(name),
                end_on_close=asked.mock,
                ask=ask,
            )

        wrong = partial(registry.misused, "stream", self._plugin.name)
        return LineGroup(self._made, self._wanted, make, wrong)

    def _secrets(self) -> dict[str, str]:
        kind = self._plugin.plugin
        if not self._asked.mock:
            return self._own_secrets()
        for secret in kind.sandbox.test_secrets.values():
            self._log.mask.add(secret)
        return dict(kind.sandbox.test_secrets)

    def _own_secrets(self) -> dict[str, str]:
        kind = self._plugin.plugin
        return self._run.session.secrets(kind.secrets, kind.optional_secrets)

    def _place(self, endpoint: Endpoint) -> Endpoint:
        """Where the endpoint is for this run: at the vendor's, at --url, or in the mock server."""
        if self._asked.url is not None:
            return replace(endpoint, url=self._asked.url)
        if self._server is not None:
            return replace(endpoint, url=self._server.url(endpoint.url))
        return endpoint

    def _ask(self) -> "Ask":
        """By whom a request by HTTP is answered: the vendor, --http-url, or who is at --url."""
        from mdc_core.live.http import ask_at, ask_in_thread, beside

        feed = self._asked.url or (self._server.url() if self._server is not None else "")
        server = self._asked.http_url or beside(feed)
        return ask_in_thread if server is None else ask_at(server)

    def _own_server(self, stack: ExitStack) -> "SandboxServer":
        from mdc_core.live.sandbox.playback import simulated_tape
        from mdc_core.live.sandbox.server import SandboxServer

        sandbox, own = self._plugin.plugin.sandbox, self._plugin.options
        names = {*own.__struct_fields__} & {*sandbox.Options.__struct_fields__}
        server = SandboxServer(
            sandbox,
            simulated_tape(self._plugin.plugin, self._wanted.symbols, self._wanted.channels),
            endpoint=self._made(self._wanted).endpoints()[0],
            options=sandbox.Options(**{name: getattr(own, name) for name in names}),
            say=self._log,
        )
        stack.enter_context(server)
        return server

    def _session_of(self, wanted: Subscription, line: str = "") -> FeedSession:
        stale = None if self._asked.stale is None else self._asked.stale / SECOND
        return FeedSession(
            self._plugin.name,
            self._made,
            wanted,
            mask=self._log.mask,
            owner=owner_of(self._plugin.name),
            line=line,
            timing=Timing(stale=stale, renews=self._asked.on_integrity == "resubscribe"),
            limits=self._plugin.plugin.limits,
            hours=Hours(self._plugin.plugin.assets, self._plugin.plugin.venues),
        )

    def _made(self, subscription: Subscription) -> Any:
        """The plugin for a subscription, with the credentials of now."""
        return self._plugin.plugin(subscription, self._plugin.options, self._credentials)

    def _driven(self, lines: FeedLines) -> Feed:
        asked = self._asked
        retrying = Retrying(
            asked.retries,
            backoff=asked.backoff,
            breaker=asked.breaker,
            retried=self._retried,
            renew=self._renewed,
        )
        self._feed = feed = Feed(lines, self._buffer, self._stop, say=self._log, retrying=retrying)
        return feed

    def _renewed(self) -> bool:
        """Whether the secrets are others than before; the codecs made from now on have them."""
        if self._asked.mock:
            return False
        try:
            found = self._own_secrets()
        except MdcError as error:
            self._log.warning(str(error))
            return False
        before, self._credentials = self._credentials, found
        return found != before

    def _retried(self, cause: str, delay: float) -> None:
        self._run.telemetry.add("mdc_reconnection_attempts_total")
        self._run.session.observers.retried(cause, delay)

    def _subscription(
        self, symbols_file: "Path | None", channels: tuple[str, ...] | None
    ) -> Subscription:
        more = self._listed(symbols_file) if symbols_file is not None else []
        added = [symbol for symbol, is_added in self._extra.items() if is_added]
        found = dict.fromkeys([*self._asked.symbols, *more, *added])
        symbols = tuple(symbol for symbol in found if self._extra.get(symbol, True))
        if not symbols and self._asked.replay is None:
            raise UsageError("no symbols", hint=f"mdc stream {self._plugin.name} SPY AAPL")
        return Subscription(symbols, tuple(channels or ()))

    def _listed(self, file: "Path") -> list[str]:
        """The symbols in a file as it is now; standard input is read once."""
        if file == STDIN and self._typed is not None:
            return self._typed
        found = read_symbols(file)
        self._typed = found if file == STDIN else self._typed
        return found

    def _read_again(self, why: str) -> None:
        """Take over what --symbols-file and mdc.toml say now, unless it is wrong."""
        file: Path | None = None
        if self._watched is not None:
            self._watched.read()
        try:
            file, channels = self._stage.reread()
            self._asks(self._subscription(file, channels), why)
        except NothingToChange:
            named = [*filter(None, (file,)), *(f for f, _ in self._run.session.config.files)]
            read = ", ".join(map(str, named)) or "no --symbols-file and no mdc.toml"
            self._log.note(f"{why}: nothing to change ({read})")
        except MdcError as error:
            self._log.warning(f"{why}: {error}; going on as before")

    def _change(self, add: tuple[str, ...], drop: tuple[str, ...]) -> None:
        """Ask for more symbols, or fewer, unless that is wrong."""
        for symbol in (*drop, *add):
            self._extra.pop(symbol, None)
        self._extra |= dict.fromkeys(add, True) | dict.fromkeys(drop, False)
        try:
            file, channels = self._stage.reread()
            self._asks(self._subscription(file, channels), "change")
        except NothingToChange:
            self._log.note("change: nothing to change")
        except MdcError as error:
            self._log.warning(f"change: {error}; going on as before")

    def _asks(self, wanted: Subscription, why: str) -> None:
        if self._feed is None or not self._feed.resubscribe(wanted):
            raise NothingToChange
        self._log.note(f"{why}: asks for {counted(len(wanted.symbols), 'symbol')} now")

    def summarise(self) -> None:
        """Say the counts."""
        counts, dropped = self._run.out.counts, self._buffer.dropped
        out, rejected = self._about_instruments(), self._quarantine.count
        ours = sum(counts.values()) - out - counts["heartbeat"]  # which come with time
        read = out + rejected + dropped.total()
        self._run.say(Account(read, out, rejected, dropped.total(), derived=ours))
        if rejected:
            self._log.warning(f"{rejected} unreadable frames {self._quarantine.told()}")
        if dropped:
            text = ", ".join(f"{symbol} {n}" for symbol, n in dropped.most_common(10))
            self._log.warning(f"no room for {counted(dropped.total(), 'event')}: {text}")


def _until(stop: Flag, lists: Iterable[list[Event]]) -> Iterator[list[Event]]:
    for events in lists:
        yield events
        if stop.is_set():
            break
