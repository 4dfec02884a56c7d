"""The suite for historical providers: recorded pages in, expected events out."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from mdc_core.contracts import History, HistoryRequest, Page
from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.testing.golden import check_golden, lines_of
from mdc_core.testing.plugin_suite import PluginSuite, check_wire, damaged
from mdc_core.times import SECOND


class RecordedPage(msgspec.Struct):
    """A line of a pages file: the request that was made, where given, and its answer.

    `body` is the answer's JSON (kept digit for digit), or text that is not JSON as a string.
    """

    body: msgspec.Raw
    url: str | None = None
    params: Mapping[str, str] | None = None


def pages_of(path: Path) -> list[RecordedPage]:
    """The recorded pages, in order."""
    return [msgspec.json.decode(line, type=RecordedPage) for line in lines_of(path)]


def body_of(page: RecordedPage) -> bytes:
    """The bytes of an answer's body."""
    raw = bytes(page.body)
    return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


class HistorySuite(PluginSuite):
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

    def read(self, folder: Path) -> list[Event]:
        """The events of all pages; each request is compared with the recorded one."""
        codec, events = self.codec(), list[Event]()
        cursor: str | None = None
        pages = pages_of(folder / self.pages)
        for number, recorded in enumerate(pages, 1):
            request = codec.request(cursor)
            if recorded.url is not None:
                assert request.url == recorded.url, f"page {number}"
            if recorded.params is not None:
                assert dict(request.params) == dict(recorded.params), f"page {number}"
            page = codec.decode(body_of(recorded))
            assert isinstance(page, Page)
            assert (page.cursor is None) == (number == len(pages)), f"cursor of page {number}"
            cursor = page.cursor
            events += page.events
        return events

    def test_channels(self) -> None:
        """The request is one that the provider offers."""
        assert self.wanted.channel in self.history.channels

    def test_request(self) -> None:
        """Requests go by HTTP, and no secret is in the URL."""
        request = self.codec().request(None)
        assert request.url.startswith(("http://", "https://")), request.url
        assert not any(value in request.url for value in self.make_secrets().values())

    def test_pages(self, request: pytest.FixtureRequest) -> None:
        """The recorded pages give the expected events, value for value."""
        folder = request.path.parent
        check_golden(folder / self.golden, self.read(folder))

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event survives the wire."""
        check_wire(self.read(request.path.parent))

    def test_damaged_pages(self, request: pytest.FixtureRequest) -> None:
        """Whatever the answer, the codec gives a page or raises an MdcError."""
        bodies = [body_of(page) for page in pages_of(request.path.parent / self.pages)]
        for body in damaged(bodies):
            data = body.encode("utf-8", "replace") if isinstance(body, str) else body
            try:
                page = self.codec().decode(data)
            except MdcError:
                continue
            assert isinstance(page, Page), data
