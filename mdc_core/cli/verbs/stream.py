"""Collect a live feed.

Events go to standard output as they come. What the connection loses, and what finds no
room, is told by `gap` events. Ctrl-C ends the stream with its `end` event; SIGHUP reads
--symbols-file and mdc.toml again. Secrets are read from the environment."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.accounting import Output, new_run_id
from mdc_core.cli.options import SPAN, Chosen, ListType, Session, plugin_group
from mdc_core.cli.pipe import writing
from mdc_core.cli.progress import Progress
from mdc_core.cli.signals import Stop, stopping_source
from mdc_core.cli.verbs._stream import StreamOptions, check, settings_now
from mdc_core.contracts import Source, Stream, Subscription
from mdc_core.errors import ConfigError, DataError, UsageError
from mdc_core.events import Connection, Event
from mdc_core.live.backoff import Backoff
from mdc_core.live.buffer import CAPACITY, POLICIES, Buffer
from mdc_core.live.connection import FeedSession
from mdc_core.live.feed import Feed, Line
from mdc_core.live.limit import EventLimit
from mdc_core.live.symbols import read_symbols
from mdc_core.times import SECOND
from mdc_core.wire.quarantine import Quarantine, default_paths
from mdc_core.wire.writer import Writer

if TYPE_CHECKING:
    from mdc_core.live.sandbox.server import SandboxServer
    from mdc_core.live.source import Simulation

EXAMPLES = (
    "mdc stream sim SPY AAPL --limit 1000 > events.jsonl",
    "mdc stream alpaca SPY AAPL --sandbox --limit 1000 | mdc validate | mdc store --root data",
)
FILE = click.Path(path_type=Path, dir_okay=False)


@plugin_group("stream")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--channels", type=ListType(), help="kinds of events: trade,quote")
@click.option("--symbols-file", type=FILE, help="more symbols, one a line, # for comments")
@click.option(
    "--sandbox", is_flag=True, help="try it out with a server on this host, without credentials"
)
@click.option("--url", help="another server than the vendor's, ws:// or wss://")
@click.option("--limit", type=click.IntRange(1), help="end after this many events")
@click.option("--duration", type=SPAN, help="end after this time, such as 90s or 1h30m")
@click.option(
    "--buffer",
    type=click.IntRange(1),
    default=CAPACITY,
    show_default=True,
    help="events that may wait to be written",
)
@click.option(
    "--overflow",
    type=click.Choice(POLICIES),
    default="block",
    show_default=True,
    help="what happens when more are waiting",
)
@click.option("--capture", type=FILE, help="keep the raw frames, without secrets")
@click.option("--replay", type=FILE, help="read captured frames instead of connecting")
@click.option("--retries", type=click.IntRange(0), help="give up after so many  [default: never]")
@click.option("--stale", type=SPAN, help="connect again after this long without a frame")
@click.option("--quarantine", type=FILE, help="where frames that cannot be read are set aside")
@writing
@click.pass_obj
def stream(session: Session, /, plugin: Chosen, **options: Any) -> int:
    """Collect a live feed."""
    session.log.stage = "stream"
    asked = StreamOptions(**options)
    check(asked, plugin)
    return _Run(session, plugin, asked).run()


command = stream


class _Run:
    """One run of `stream`, from the subscription to the summary."""

    def __init__(self, session: Session, plugin: Chosen, asked: StreamOptions) -> None:
        self._session, self._plugin, self._asked = session, plugin, asked
        self._log = session.log
        self._wanted = self._subscription(asked.symbols_file, asked.channels)
        self._buffer = Buffer(asked.buffer, asked.overflow)
        aside = default_paths("stream", f"{new_run_id()}-{os.getpid()}")
        told = asked.quarantine
        self._quarantine = Quarantine(told) if told else Quarantine(*aside)
        self._feed: Feed | Simulation | None = None
        self._server: SandboxServer | None = None
        self._hung_up = False
        self._progress = Progress(session, "stream", total=asked.limit)
        request = {
            "provider": plugin.name,
            "symbols": list(self._wanted.symbols),
            "channels": list(self._wanted.channels or plugin.plugin.default_channels),
        }
        self._output = Output(
            "stream", Writer(1, asked.wire), request=session.asked(request), provider=plugin.name
        )

    def run(self) -> int:
        """Write the feed until it ends, is stopped or has given enough."""
        reason = "error"
        with ExitStack() as stack:
            stop = stack.enter_context(stopping_source())
            stack.enter_context(_on_hang_up(self._note_hang_up))
            lists = self._lists(stack, stop)
            self._output.begin()
            try:
                reason = self._write(lists, stop)
            finally:
                self._progress.close()
                self._output.close(reason)
                self._summarise()
                self._quarantine.close()
        return 0

    def _write(self, lists: Iterable[list[Event]], stop: Stop) -> str:
        limit = EventLimit(self._asked.limit, self._asked.duration)
        for events in lists:
            events = limit.cut(events)
            if events:
                self._output.rows(events)
                self._progress.add(len(events))
                self._tell_observers(events)
            if limit.reached:
                return "limit"
            if self._hung_up:
                self._hung_up = False
                self._read_again()
        if self._server is not None and self._server.error is not None:
            raise self._server.error
        return "signal" if stop else "eof"

    def _lists(self, stack: ExitStack, stop: Stop) -> Iterable[list[Event]]:
        kind, name = self._plugin.plugin, self._plugin.name
        if issubclass(kind, Source):
            from mdc_core.live.source import Simulation, SourceLine

            make = self._maker(self._session.secrets(kind.secrets))
            if kind.simulated:
                self._feed = Simulation(name, make, self._wanted, stop.event)
                return self._feed
            return self._driven(SourceLine(name, make, self._wanted, mask=self._log.mask), stop)
        if self._asked.replay is not None:
            from mdc_core.live.capture import replay

            # A replay sends nothing, so whatever stands for the secrets will do.
            session = self._feed_session(dict.fromkeys(kind.secrets, ""))
            return _until(stop, replay(self._asked.replay, session))
        return self._driven(self._line(stack), stop)

    def _line(self, stack: ExitStack) -> Line:
        from mdc_core.live.capture import Capture
        from mdc_core.live.transports.websocket import WebSocketLine

        asked, kind = self._asked, self._plugin.plugin
        if asked.sandbox:
            secrets = dict(kind.sandbox.test_secrets)
            for secret in secrets.values():
                self._log.mask.add(secret)
        else:
            secrets = self._session.secrets(kind.secrets)
        session = self._feed_session(secrets)
        url = asked.url
        if asked.sandbox and url is None:
            url = self._own_server(stack, session.new_stream())
        capture = None
        if asked.capture is not None:
            capture = Capture(asked.capture, self._log.mask)
            stack.callback(capture.close)
        stale = None if asked.stale is None else asked.stale / SECOND
        return WebSocketLine(
            session, url=url, capture=capture, stale=stale, end_on_close=asked.sandbox
        )

    def _own_server(self, stack: ExitStack, codec: Stream) -> str:
        from mdc_core.live.sandbox.playback import simulated_tape
        from mdc_core.live.sandbox.server import SandboxServer

        tape = simulated_tape(self._wanted)
        self._server = SandboxServer(self._plugin.plugin.sandbox, tape, say=self._log)
        stack.enter_context(self._server)
        return self._server.url(codec.endpoint().url)

    def _feed_session(self, secrets: dict[str, str]) -> FeedSession:
        return FeedSession(
            self._plugin.name,
            self._maker(secrets),
            self._wanted,
            mask=self._log.mask,
            say=self._log,
            quarantine=self._quarantine,
        )

    def _maker(self, secrets: dict[str, str]) -> Callable[[Subscription], Any]:
        kind, options = self._plugin.plugin, self._plugin.options
        return lambda subscription: kind(subscription, options, secrets)

    def _driven(self, line: Line, stop: Stop) -> Feed:
        backoff = Backoff(self._asked.retries)
        feed = Feed(line, self._buffer, stop.event, say=self._log, backoff=backoff)
        self._feed = feed
        return feed

    def _subscription(
        self, symbols_file: Path | None, channels: tuple[str, ...] | None
    ) -> Subscription:
        more = read_symbols(symbols_file) if symbols_file is not None else []
        symbols = tuple(dict.fromkeys([*self._asked.symbols, *more]))
        if not symbols and self._asked.replay is None:
            raise UsageError("no symbols", hint=f"mdc stream {self._plugin.name} SPY AAPL")
        return Subscription(symbols, tuple(channels or ()))

    def _note_hang_up(self) -> None:
        self._hung_up = True

    def _read_again(self) -> None:
        """Take over what --symbols-file and mdc.toml say now, unless it is wrong."""
        try:
            wanted = self._subscription(*settings_now(self._session, self._plugin, self._asked))
        except (DataError, UsageError, ConfigError, click.BadParameter) as error:
            self._log.warning(f"SIGHUP: {error}; going on as before")
            return
        if self._feed is None or wanted == self._wanted:
            self._log.note("SIGHUP: nothing to change")
            return
        self._wanted = wanted
        self._feed.resubscribe(wanted)
        self._log.note(f"SIGHUP: now {len(wanted.symbols)} symbols")

    def _tell_observers(self, events: list[Event]) -> None:
        if self._output.counts["connection"]:
            for event in events:
                if isinstance(event, Connection):
                    self._session.observers.connection_changed(event)

    def _summarise(self) -> None:
        counts, dropped = self._output.counts, self._buffer.dropped
        ours = sum(counts[name] for name in ("connection", "gap", "integrity"))
        out = sum(counts.values()) - ours
        rejected = self._quarantine.count
        self._log.note(
            f"stream: {out + rejected + dropped.total()} in = {out} out + {rejected} rejected"
            f" + {dropped.total()} dropped" + (f" (+ {ours} derived)" if ours else "")
        )
        if rejected:
            self._log.warning(f"{rejected} unreadable frames set aside in {self._quarantine.path}")
        if dropped:
            text = ", ".join(f"{symbol} {n}" for symbol, n in dropped.most_common(10))
            self._log.warning(f"no room for {dropped.total()} events: {text}")


def _until(stop: Stop, lists: Iterable[list[Event]]) -> Iterator[list[Event]]:
    for events in lists:
        yield events
        if stop:
            break


@contextmanager
def _on_hang_up(act: Callable[[], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, lambda number, frame: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
