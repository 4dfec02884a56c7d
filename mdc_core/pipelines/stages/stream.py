"""The stage `stream`: a live feed, from the subscription to the summary."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mdc_core.accounting import Account
from mdc_core.contracts import Subscription
from mdc_core.control import ControlSocket, folder
from mdc_core.errors import BusyError, MdcError, UnavailableError
from mdc_core.events import Event
from mdc_core.live.buffer import Buffer
from mdc_core.live.feed import Feed
from mdc_core.live.heartbeat import HeartbeatMaker, told
from mdc_core.live.limit import EventLimit
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import InputOptions
from mdc_core.pipelines.stage import Made, SourceStage
from mdc_core.pipelines.streaming.control import FeedControl, SymbolChange
from mdc_core.pipelines.streaming.feeds import FeedMaker
from mdc_core.pipelines.streaming.options import Reread, StreamOptions, check
from mdc_core.pipelines.streaming.wanted import Wanted
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import StageRun

_CHANGE = "change"  # of the symbols, by whoever runs it or by `mdc ctl`
_OURS = ("connection", "gap", "integrity", "heartbeat")


class StreamSource(SourceStage):
    """Collects the live feed of a provider."""

    def __init__(
        self, plugin: Chosen, options: StreamOptions, reread: Reread | None = None
    ) -> None:
        super().__init__("stream")
        self.plugin, self.options = plugin, options
        self.provider, self.writing = plugin.name, options.writing
        self.total = options.limit
        self.changes = SimpleQueue[SymbolChange]()
        self.reading = InputOptions(
            quarantine=options.quarantine, quarantine_limit=options.quarantine_limit
        )
        self.reread = reread or (lambda: (options.symbols_file, options.channels))

    def change(self, *, add: Sequence[str] = (), drop: Sequence[str] = ()) -> None:
        """Have the feed that runs ask for more symbols, or fewer; from any thread."""
        self.changes.put(SymbolChange(tuple(add), tuple(drop)))

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
            streaming.listen(stack)
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
        self._asked, self._log = stage.options, run.log
        name = stage.plugin.name
        self._wanted = Wanted(name, stage.options, stage.reread)
        run.out.request["symbols"] = list(self._wanted.first.symbols)
        self._buffer = buffer = Buffer(self._asked.buffer, self._asked.overflow)
        run.telemetry.watch("mdc_events_dropped_total", lambda: sum(buffer.dropped.values()))
        run.telemetry.watch("mdc_events_buffered", lambda: buffer.waiting)
        self._maker = FeedMaker(stage.plugin, stage.options, self._wanted.first, run, buffer)
        every = self._asked.heartbeat
        self._heartbeats = HeartbeatMaker(name, every, time.time_ns()) if every else None
        self.reason = "eof"

    def lists(self, stack: ExitStack) -> Iterable[list[Event]]:
        """The events as they come; what is opened for them is closed with `stack`."""
        return self._maker.lists(stack)

    def listen(self, stack: ExitStack) -> None:
        """Take requests of `mdc ctl`, where there is a place for its socket."""
        feed, session = self._maker.feed, self._run.session
        if not isinstance(feed, Feed):
            return
        about = {"provider": self._stage.provider, "run_id": self._run.out.run_id}
        control = FeedControl(
            feed,
            about,
            self._stage.changes,
            self._about_instruments,
            self._heartbeats,
            self._log.mask,
        )
        try:
            stack.enter_context(ControlSocket(folder(session.environ), control))
        except OSError as error:
            self._log.detail(f"no mdc ctl for this feed: {error}")

    def events(self, source: Iterable[list[Event]]) -> Iterator[list[Event]]:
        """The lists up to the limit; `reason` says afterwards why there are no more."""
        limit = EventLimit(self._asked.limit, self._asked.duration)
        if limit.reached:
            self.reason = "limit"
            return
        lists = iter(source)
        for events in lists:
            events = limit.cut(events)
            yield events
            self._run.progress.add(len(events))
            if limit.reached:
                self.reason = "limit"
                break
            yield from self._heartbeat(events)
            if self._run.control.hang_up.is_set():
                self._run.control.hang_up.clear()
                self._ask_for("SIGHUP", self._wanted.again)
            elif self._wanted.has_changed:
                self._ask_for("--symbols-file", self._wanted.again)
            elif not self._stage.changes.empty():
                change = self._stage.changes.get()
                find = partial(self._wanted.change, change.add, change.drop)
                change.told(self._ask_for(_CHANGE, find))
        else:
            server = self._maker.place.server
            if server is not None and server.error is not None:
                raise server.error
            self.reason = "signal" if self._run.control.stop.is_set() else "eof"
        if isinstance(self._maker.feed, Feed):
            yield from self._end_of(self._maker.feed, lists, limit)

    def _heartbeat(self, events: list[Event]) -> Iterator[list[Event]]:
        """How the feed is, when that is due."""
        maker, feed = self._heartbeats, self._maker.feed
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
        self, feed: Feed, lists: Iterator[list[Event]], limit: EventLimit
    ) -> Iterator[list[Event]]:
        """End the feed, and pass on what has come by now; raises if it was never up.

        Whoever has all events that were asked for misses nothing of what comes behind them.
        """
        feed.end()
        try:
            for events in lists:
                yield [] if limit.is_full else limit.cut(events)
        except MdcError:
            if not limit.is_full:  # else all that was asked for had come before it failed
                raise
        if not feed.was_up:
            cause = "" if feed.failure is None else f": {feed.failure}"
            kind = BusyError if isinstance(feed.failure, BusyError) else UnavailableError
            raise kind(f"{self._stage.provider} was never up{cause}")

    def finish(self, reason: str) -> None:
        """Write `end`, and say the counts."""
        self._run.end(reason)
        self.summarise()

    def _ask_for(self, why: str, find: Callable[[], Subscription]) -> str | MdcError:
        """Have the feed ask for what is wanted now, unless that is wrong; what came of it."""
        feed = self._maker.feed
        try:
            wanted = find()
            if feed is not None and feed.resubscribe(wanted):
                text = f"asks for {counted(len(wanted.symbols), 'symbol')} now"
            elif why == _CHANGE:
                text = "it asks for that already"
            else:
                settings = [file for file, _ in self._run.session.config.files]
                read = ", ".join(map(str, filter(None, (self._wanted.file, *settings))))
                text = f"nothing to change ({read or 'no --symbols-file and no mdc.toml'})"
        except MdcError as error:
            self._log.warning(f"{why}: {error}; going on as before")
            return error
        self._log.note(f"{why}: {text}")
        return text

    def summarise(self) -> None:
        """Say the counts."""
        counts, dropped = self._run.out.counts, self._buffer.dropped
        out, rejected = self._about_instruments(), self._run.quarantine.count
        ours = sum(counts.values()) - out - counts["heartbeat"]  # which come with time
        read = out + rejected + dropped.total()
        self._run.say(Account(read, out, rejected, dropped.total(), derived=ours))
        if rejected:
            frames = counted(rejected, "unreadable frame")
            self._log.warning(f"{frames} {self._run.quarantine.told()}")
        if dropped:
            text = ", ".join(f"{symbol} {n}" for symbol, n in dropped.most_common(10))
            self._log.warning(f"no room for {counted(dropped.total(), 'event')}: {text}")
