"""A check of one provider: its connections made by the driver, to the vendor or a mock server."""

import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from mdc_core.contracts import Endpoint, Source, Subscription
from mdc_core.errors import UsageError
from mdc_core.live.access.check import AccessCheck
from mdc_core.live.access.place import FeedPlace
from mdc_core.live.access.probe import Probe
from mdc_core.live.clock import SystemClock
from mdc_core.live.group import by_symbols, checked, divided
from mdc_core.live.line import StreamLine
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.source import SourceLine
from mdc_core.live.upkeep.openings import Openings
from mdc_core.logs import Log
from mdc_core.registry import misused


class VendorAccount:
    """A provider's plugin with its options, and the credentials that it comes with."""

    def __init__(
        self,
        name: str,
        plugin: Any,
        options: Any,
        credentials: Mapping[str, str],
        *,
        place: FeedPlace,
        log: Log,
    ) -> None:
        self.servers: list[str] = []  # that were connected to; no secret is in them
        self._name, self._plugin, self._options = name, plugin, options
        self._credentials, self._place, self._log = credentials, place, log
        self._openings = Openings(plugin.limits)
        self._told = set[str]()

    def check(self, symbol: str, channels: Sequence[str], within: float) -> AccessCheck:
        """Ask for this symbol on these channels, for so many seconds at the most."""
        with ExitStack() as stack:
            if not issubclass(self._plugin, Source) and self._place.wants_server:
                from mdc_core.live.sandbox.playback import Playback

                codec = self._made(Subscription((symbol,)))
                tape = Playback(lambda: iter(()))
                self._place.serve(stack, codec, tape, options=self._options, say=self._log)
            check = AccessCheck(self._fault, self._probes, SystemClock(), within)
            check.run(symbol, channels)
            return check

    def _fault(self, wanted: Subscription) -> UsageError | None:
        """Why these channels cannot be asked for together."""
        try:
            self._endpoints(self._made(wanted))
        except UsageError as error:
            return error
        return None

    def _tell_of_path(self, endpoint: Endpoint, symbols: Sequence[str]) -> None:
        """Say, once, that what is asked for is elsewhere than --url says."""
        asked = Subscription(tuple(symbols))
        other = self._place.strays(
            endpoint, self._options, lambda o: self._plugin(asked, o, self._credentials)
        )
        if other is not None and str(other) not in self._told:
            self._told.add(str(other))
            self._log.warning(str(other))

    def _endpoints(self, codec: Any) -> Sequence[Endpoint]:
        if isinstance(codec, Source):
            return ()
        return checked(codec.endpoints(), partial(misused, "stream", self._name))

    def _made(self, wanted: Subscription) -> Any:
        return self._plugin(wanted, self._options, self._credentials)

    def _probes(self, wanted: Subscription) -> list[tuple[Subscription, Probe]]:
        """A probe for each connection that this takes."""
        quiet = Log(mask=self._log.mask, file=io.StringIO())  # what is refused is told once
        if issubclass(self._plugin, Source):
            source = SourceLine(self._name, self._made, wanted, mask=self._log.mask)
            return [(wanted, Probe(source))]
        from mdc_core.live.transports.websocket import shown_url

        codec = self._made(wanted)
        limits = by_symbols(codec.limits, len(wanted.channels))
        found = []
        for share in divided(self._endpoints(codec), wanted, limits):
            session = FeedSession(
                self._name, self._made, share.subscription, mask=self._log.mask, limits=codec.limits
            )
            self._tell_of_path(share.endpoint, wanted.symbols)
            endpoint = self._place.endpoint(share.endpoint)
            if (server := shown_url(endpoint.url)) not in self.servers:
                self.servers.append(server)
            line = StreamLine(
                session,
                endpoint,
                clock=SystemClock(),
                say=quiet,
                end_on_close=self._place.mock,
                ask=self._place.ask(),
                openings=self._openings,
                secrets=(*self._plugin.secrets, *self._plugin.optional_secrets),
            )
            found.append((share.subscription, Probe(line, codec.login_within)))
        return found
