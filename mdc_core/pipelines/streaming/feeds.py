"""Making the feed of a stream: a vendor's, one that is played again, or a simulated market."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from mdc_core import registry
from mdc_core.accounting import new_run_id
from mdc_core.contracts import Endpoint, Source, Subscription
from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.live.access.place import FeedPlace
from mdc_core.live.buffer import Buffer
from mdc_core.live.clock import SystemClock
from mdc_core.live.feed import Feed, FeedLines, OneLine
from mdc_core.live.frames.writer import FrameRotation
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.session.deadlines import Timing
from mdc_core.live.upkeep.openings import Openings
from mdc_core.live.upkeep.upkeep import Retrying
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import as_recorded, events_of, gathered, owner_of
from mdc_core.pipelines.streaming.options import StreamOptions
from mdc_core.pipelines.writable import sifted
from mdc_core.times import SECOND

if TYPE_CHECKING:
    from mdc_core.live.recorded.capture import Recorder
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
        self._path_told = False
        self.feed: Feed | Simulation | None = None  # none is driven where a capture is played
        self.place = FeedPlace(mock=asked.mock, url=asked.url, http_url=asked.http_url)

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
        self._serve(stack)
        ask, openings = self.place.ask(), Openings(self._plugin.plugin.limits)
        kind = self._plugin.plugin
        secrets = (*kind.secrets, *kind.optional_secrets)

        def make(share: SubscriptionShare, name: str) -> StreamLine:
            self._tell_of_path(share.endpoint)
            return StreamLine(
                self._session_of(share.subscription, name),
                self.place.endpoint(share.endpoint),
                clock=clock,
                say=self._log,
                quarantine=self._run.quarantine,
                capture=capture and capture.line(name),
                end_on_close=asked.mock,
                ask=ask,
                openings=openings,
                secrets=secrets,
            )

        wrong = partial(registry.misused, "stream", self._plugin.name)
        return LineGroup(self._made, self._wanted, make, wrong)

    def _tell_of_path(self, endpoint: Endpoint) -> None:
        """Say, once, that --url is where another option's feed is; a proxy has any path."""
        if self._path_told:
            return
        self._path_told = True
        _, kind, options = self._plugin
        asked = Subscription(self._wanted.symbols)
        other = self.place.strays(endpoint, options, lambda o: kind(asked, o, self._credentials))
        if other is not None and other.option is not None:
            self._log.warning(str(other))

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

    def _serve(self, stack: ExitStack) -> None:
        """Start a mock server of our own, where it is asked for."""
        if not self.place.wants_server:
            return
        from mdc_core.live.sandbox.simulated import not_simulated, simulated_tape

        wanted, kind = self._wanted, self._plugin.plugin
        codec, options = self._made(wanted), self._plugin.options
        tape = simulated_tape(kind, wanted.symbols, wanted.channels, options)
        if others := not_simulated(kind, wanted.channels):
            played = [name for name in wanted.channels if name not in others]
            said = f"the mock server plays nothing of {', '.join(others)}"
            self._log.warning(f"{said}, but {', '.join(played)}")
        self.place.serve(stack, codec, tape, options=options, say=self._log)

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
