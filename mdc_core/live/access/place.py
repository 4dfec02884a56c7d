"""Where a feed is for one run: at the vendor's, at a URL, or in a mock server of our own."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mdc_core.contracts import Endpoint
from mdc_core.live.access.paths import CodecOf, OtherPath, other_path, with_path
from mdc_core.live.http import Ask, ask_at, ask_in_thread, beside
from mdc_core.logs import Log

if TYPE_CHECKING:
    from mdc_core.live.sandbox.playback import Playback
    from mdc_core.live.sandbox.server import SandboxServer


class FeedPlace:
    """Who is connected to, and who is asked by HTTP."""

    def __init__(self, *, mock: bool, url: str | None, http_url: str | None) -> None:
        self.mock, self.url, self._http_url = mock, url, http_url
        self.server: SandboxServer | None = None

    @property
    def wants_server(self) -> bool:
        """Whether a mock server of our own is asked for."""
        return self.mock and self.url is None

    def serve(
        self, stack: ExitStack, stream: Any, tape: "Playback", *, options: Any, say: Log
    ) -> None:
        """Start a mock server of our own, which is closed with `stack`.

        `stream` is a codec of the feed, and `options` are those that its plugin was given.
        """
        from mdc_core.live.sandbox.server import SandboxServer

        sandbox = stream.sandbox
        names = {*options.__struct_fields__} & {*sandbox.Options.__struct_fields__}
        self.server = SandboxServer(
            sandbox,
            tape,
            endpoint=stream.endpoints()[0],
            options=sandbox.Options(**{name: getattr(options, name) for name in names}),
            say=say,
        )
        stack.enter_context(self.server)

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint of the codec's as it is for this run."""
        if self.url is not None:
            return replace(endpoint, url=with_path(self.url, endpoint.url))
        if self.server is not None:
            return replace(endpoint, url=self.server.url(endpoint.url))
        return endpoint

    def strays(self, endpoint: Endpoint, options: Any, codec: CodecOf) -> OtherPath | None:
        """Whether --url names another path than an endpoint has, and which option has it."""
        return None if self.url is None else other_path(self.url, endpoint, options, codec)

    def ask(self) -> Ask:
        """By whom a request by HTTP is answered."""
        feed = self.url or (self.server.url() if self.server is not None else "")
        server = self._http_url or beside(feed)
        return ask_in_thread if server is None else ask_at(server)
