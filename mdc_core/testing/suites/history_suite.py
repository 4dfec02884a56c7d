"""The suite for historical providers: recorded answers in, expected events out."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import pytest

from mdc_core.contracts import History, HistoryRequest, Page, Request, Response
from mdc_core.errors import BusyError, MdcError, UnavailableError
from mdc_core.events import Event
from mdc_core.testing.golden import Failure, check_golden, failure, lines_of
from mdc_core.testing.suites.plugin_suite import ProviderSuite, check_wire, damaged
from mdc_core.times import SECOND, to_ns


class RecordedPage(msgspec.Struct):
    """A line of a pages file: an answer, and of its request and its page what is to be compared.

    `body` is the answer's JSON (kept digit for digit), or a string: text that is not JSON, or
    bytes, with `encoding` "base64". `wait` is what the page says about the next request.
    """

    body: msgspec.Raw = msgspec.Raw(b'""')
    encoding: Literal["base64"] | None = None
    status: int = 200
    headers: Mapping[str, str] = {}
    url: str | None = None
    params: Mapping[str, str] | None = None
    wait: float = 0.0

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        raw = bytes(self.body)
        if not raw.startswith(b'"'):
            return raw
        text = msgspec.json.decode(raw, type=str)
        return base64.b64decode(text) if self.encoding else text.encode()

    def answer(self, request: Request) -> Response:
        """The answer to a request."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Response(self.status, headers, self.content, request)

    def check_request(self, request: Request, secrets: Sequence[str]) -> None:
        """Compare a request with the recorded one, as far as that was recorded."""
        assert request.url.startswith(("http://", "https://")), request.url
        told = [request.url, *request.params.values()]
        assert not any(secret in text for secret in secrets for text in told), "a secret in a URL"
        if self.url is not None:
            assert request.url == self.url
        if self.params is not None:
            assert dict(request.params) == dict(self.params)


def pages_of(path: Path) -> list[RecordedPage]:
    """The recorded pages, in order."""
    return [msgspec.json.decode(line, type=RecordedPage) for line in lines_of(path)]


class HistorySuite(ProviderSuite):
    """Set `history`; and `wanted` to the request that your pages answer."""

    history: ClassVar[type[History]]
    wanted: ClassVar[HistoryRequest] = HistoryRequest(
        symbol="TEST", channel="trade", start=1704153600 * SECOND, end=1704240000 * SECOND
    )  # 2024-01-02
    pages: ClassVar[str] = "pages.jsonl"
    golden: ClassVar[str] = "events.jsonl"

    def plugin(self) -> type[History]:
        """The class under test."""
        return self.history

    def codec(self) -> History:
        """A new codec for the request."""
        return self.history(self.wanted, self.make_options(), self.make_secrets())

    def replay(self, pages: Sequence[RecordedPage]) -> list[Event | Failure]:
        """The events of all pages, errors in their place; requests are compared.

        As a driver does, it asks the same again when the vendor is busy; after any other error,
        and after the last page, what was recorded goes on with a new run.
        """
        secrets = list(self.make_secrets().values())
        codec, events = self.codec(), list[Event | Failure]()
        request: Request | None = None
        for number, recorded in enumerate(pages, 1):
            if request is None:
                codec = self.codec()
                request = codec.first()
            recorded.check_request(request, secrets)
            try:
                page = codec.read(recorded.answer(request))
            except MdcError as error:
                events.append(failure(error))
                request = request if isinstance(error, BusyError | UnavailableError) else None
                continue
            assert isinstance(page, Page), f"page {number}: {page!r}"
            assert page.next != request, f"page {number} asks for itself again"
            assert page.wait == recorded.wait, f"page {number}"
            request = page.next
            events += page.events
        assert request is None, f"the last page asks for another: {request}"
        return events

    def test_channels(self) -> None:
        """The request is one that the provider offers."""
        assert self.wanted.channel in self.history.channels

    def test_pages(self, request: pytest.FixtureRequest) -> None:
        """The recorded pages give the expected events, value for value, errors in their place."""
        folder = request.path.parent
        found = self.replay(pages_of(folder / self.pages))
        assert any(isinstance(item, Event) for item in found), "the pages give no event"
        check_golden(folder / self.golden, found)

    def test_an_error_is_recorded(self, request: pytest.FixtureRequest) -> None:
        """What the vendor says when it refuses, or is busy, is among the pages."""
        found = self.replay(pages_of(request.path.parent / self.pages))
        assert any(isinstance(item, Failure) for item in found), "record an error's answer as well"

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event survives the wire."""
        found = self.replay(pages_of(request.path.parent / self.pages))
        check_wire([item for item in found if isinstance(item, Event)])

    def test_asked_for(self, request: pytest.FixtureRequest) -> None:
        """The events are of the symbol and the range that were asked for."""
        start, end = self.wanted.start, self.wanted.end
        for item in self.replay(pages_of(request.path.parent / self.pages)):
            if isinstance(item, Event):
                assert item.symbol in (None, self.wanted.symbol), item
                assert item.ts_event is None or start <= to_ns(item.ts_event) < end, item

    def test_other_answers(self, request: pytest.FixtureRequest) -> None:
        """An answer without success is an error, whatever else it says."""
        for recorded in pages_of(request.path.parent / self.pages):
            for status in (301, 400, 401, 403, 404, 418, 429, 500, 503, 599):
                codec = self.codec()
                with pytest.raises(MdcError):
                    codec.read(Response(status, {}, recorded.content, codec.first()))

    def test_damaged_pages(self, request: pytest.FixtureRequest) -> None:
        """Whatever the answer, the codec gives a page or raises an MdcError."""
        bodies = [page.content for page in pages_of(request.path.parent / self.pages)]
        for body in damaged(bodies):
            data = body.encode("utf-8", "replace") if isinstance(body, str) else body
            codec = self.codec()
            try:
                page = codec.read(Response(200, {}, data, codec.first()))
            except MdcError:
                continue
            assert isinstance(page, Page), data
