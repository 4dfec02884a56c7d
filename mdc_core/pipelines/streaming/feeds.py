"""Making the feed of a stream: a vendor's, one that is played again, or a simulated market."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mdc_core import registry
from mdc_core.accounting import new_run_id
from mdc_core.contracts import Endpoint, Source, Subscription
from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.live.buffer import Buffer
from mdc_core.live.clock import SystemClock
from mdc_core.live.feed import Feed, FeedLines, OneLine
from mdc_core.live.frames.writer import FrameRotation
from mdc_core.live.hours import Hours
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.session.deadlines import Timing
from mdc_core.live.upkeep.upkeep import Retrying
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import as_recorded, events_of, gathered, owner_of
from mdc_core.pipelines.streaming.options import StreamOptions
from mdc_core.pipelines.writable import sifted
from mdc_core.times import SECOND

if TYPE_CHECKING:
    from mdc_core.live.http import Ask
    from mdc_core.live.recorded.capture import Recorder
    from mdc_core.live.sandbox.server import SandboxServer
    from mdc_core.live.source import Simulation
    from mdc_core.pipelines.stage import StageRun


class FeedMaker:
    """Makes the feed of one run; what is opened for it is closed with `stack`."""

    def __init__(
        self,
        plugin: Chosen,
        asked: StreamOptions,
        wanted: Subscription,
        run: "StageRun",
        buffer: Buffer,
    ) -> None:
        self._plugin, self._asked, self._wanted = plugin, asked, wanted
        self._run, self._buffer = run, buffer
        self._log, self._stop = run.log, run.control.stop
        self._credentials: dict[str, str] = {}
        self.feed: Feed | Simulation | None = None  # none is driven where a capture is played
        self.server: SandboxServer | None = None

    def lists(self, stack: ExitStack) -> Iterable[list[Event]]:
        """The events as they come."""
        kind = self._plugin.plugin
        if issubclass(kind, Source):
            return sifted(self._of_source(simulated=kind.simulated), self._run.quarantine)
        if self._asked.replay is not None:
            return self._replayed()
        return self._driven(self._lines(stack))

    def _of_source(self, *, simulated: bool) -> Iterable[list[Event]]:
        from mdc_core.live.source import Simulation, SourceLine

        name = self._plugin.name
        self._credentials = self._own_secrets()
        if simulated:
            self.feed = Simulation(name, self._made, self._wanted, self._stop, self._asked.speed)
            return self.feed
        return self._driven(
            OneLine(SourceLine(name, self._made, self._wanted, mask=self._log.mask))
        )

    def _replayed(self) -> Iterator[list[Event]]:
        from mdc_core.live.recorded.recording import of_provider, recordings

        place = self._asked.replay
        assert place is not None
        lists = events_of(
            of_provider(recordings(place), self._plugin.name, place),
            partial(as_recorded, self._plugin),
            self._wanted,
            log=self._log,
            quarantine=self._run.quarantine,
        )
        # A capture in a file waits for nobody, and is read no further than it is asked for.
        waits = self._asked.limit is not None or place.is_fifo()
        for events in lists if waits else gathered(lists):
            yield events
            if self._stop.is_set():
                break

    def _lines(self, stack: ExitStack) -> FeedLines:
        from mdc_core.live.group import LineGroup, SubscriptionShare
        from mdc_core.live.line import StreamLine

        asked, clock = self._asked, SystemClock()
        self._credentials = self._secrets()
        capture = self._capture(stack)
        if asked.mock and asked.url is None:
            self.server = self._own_server(stack)
        ask = self._ask()

        def make(share: SubscriptionShare, name: str) -> StreamLine:
            return StreamLine(
                self._session_of(share.subscription, name),
                self._place(share.endpoint),
                clock=clock,
                say=self._log,
                quarantine=self._run.quarantine,
                capture=capture and capture.line(name),
                end_on_close=asked.mock,
                ask=ask,
            )

        wrong = partial(registry.misused, "stream", self._plugin.name)
        return LineGroup(self._made, self._wanted, make, wrong)

    def _capture(self, stack: ExitStack) -> "Recorder | None":
        asked = self._asked
        if asked.capture is None:
            return None
        rotation = FrameRotation(asked.capture_size, asked.capture_every)
        run_id = self._run.out.run_id or new_run_id()
        capture = asked.capture.recorder(self._plugin, self._wanted, run_id, rotation, self._log)
        stack.callback(capture.close)
        return capture

    def _secrets(self) -> dict[str, str]:
        if not self._asked.mock:
            return self._own_secrets()
        kept = self._plugin.plugin.sandbox.test_secrets
        for secret in kept.values():
            self._log.mask.add(secret)
        return dict(kept)

    def _own_secrets(self) -> dict[str, str]:
        kind = self._plugin.plugin
        return self._run.session.secrets(kind.secrets, kind.optional_secrets)

    def _place(self, endpoint: Endpoint) -> Endpoint:
        """Where the endpoint is for this run: at the vendor's, at --url, or in the mock server."""
        if self._asked.url is not None:
            return replace(endpoint, url=self._asked.url)
        if self.server is not None:
            return replace(endpoint, url=self.server.url(endpoint.url))
        return endpoint

    def _ask(self) -> "Ask":
        """By whom a request by HTTP is answered: the vendor, --http-url, or who is at --url."""
        from mdc_core.live.http import ask_at, ask_in_thread, beside

        feed = self._asked.url or (self.server.url() if self.server is not None else "")
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

    def _session_of(self, wanted: Subscription, line: str) -> FeedSession:
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
        retrying = Retrying(
            self._asked.retries,
            backoff=self._asked.backoff,
            breaker=self._asked.breaker,
            retried=self._retried,
            renew=self._renewed,
        )
        self.feed = feed = Feed(lines, self._buffer, self._stop, say=self._log, retrying=retrying)
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
