"""Answers of a web server as errors, and what HistorySuite makes of a History with a bug."""

import msgspec
import pytest

from mdc_core.contracts import History, Page, Request, Response
from mdc_core.errors import BusyError, DataError, MdcError, RefusedError, UnavailableError
from mdc_core.events import Trade
from mdc_core.testing import HistorySuite
from mdc_core.testing.golden import Failure
from mdc_core.testing.suites.history_suite import RecordedPage

ASKED = Request("https://user:pass@api.example/v1/x?token=secret", {"token": "secret"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (204, None),
        (301, DataError),
        (400, DataError),
        (401, RefusedError),
        (403, RefusedError),
        (404, DataError),
        (408, BusyError),
        (429, BusyError),
        (500, UnavailableError),
        (503, UnavailableError),
        (599, UnavailableError),
    ],
)
def test_a_status_is_an_error(status: int, kind: type[MdcError] | None) -> None:
    response = Response(status, {}, b"why\x1b[1m", ASKED)
    if kind is None:
        response.check()
        return
    with pytest.raises(kind) as caught:
        response.check()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(f"https://api.example/v1/x: {status}")
    assert "secret" not in text
    assert "pass" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "120"}, 120.0),
        (
            {
                "retry-after": "Tue, 02 Jan 2024 14:31:00 GMT",
                "date": "Tue, 02 Jan 2024 14:30:00 GMT",
            },
            60.0,
        ),
        ({"retry-after": "Tue, 02 Jan 2024 14:31:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_when_to_come_again(headers: dict[str, str], after: float | None) -> None:
    with pytest.raises(BusyError) as caught:
        Response(429, headers, b"", ASKED).check()
    assert caught.value.after == after
    busy = Response(503, headers, b"", ASKED)
    with pytest.raises(BusyError if after is not None else UnavailableError):
        busy.check()


class Pages(History):
    """Numbers of pages, as a vendor's answers have them."""

    secrets = ("PAGES_KEY",)

    def first(self) -> Request:
        return Request(
            "https://api.example/x", {"page": "1"}, {"key": self.credentials["PAGES_KEY"]}
        )

    def read(self, response: Response) -> Page:
        response.check()
        last = int(response.request.params["page"])
        trades = [Trade(symbol="TEST", ts_event="2024-01-02T14:30:00.000000000Z")]
        more = Request("https://api.example/x", {"page": str(last + 1)})
        return Page(trades, more if msgspec.json.decode(response.body) else None, 0.5)


class AgainAndAgain(Pages):
    def read(self, response: Response) -> Page:
        return Page([], response.request, 0.5)


class Talkative(Pages):
    def first(self) -> Request:
        return Request(f"https://api.example/x?key={self.credentials['PAGES_KEY']}", {"page": "1"})


class ForgetsTheRest(Pages):
    def read(self, response: Response) -> Page:
        return Page(super().read(response).events, None, 0.5)


class ForgetsToWait(Pages):
    def read(self, response: Response) -> Page:
        return Page(*[super().read(response).events, super().read(response).next])


def suite(kind: type[History]) -> HistorySuite:
    made = HistorySuite()
    vars(made)["history"] = kind
    return made


PAGES = [
    RecordedPage(msgspec.Raw(b"1"), params={"page": "1"}, wait=0.5),
    RecordedPage(status=429, params={"page": "2"}),
    RecordedPage(msgspec.Raw(b"0"), params={"page": "2"}, wait=0.5),
    RecordedPage(status=401, params={"page": "1"}),
]


def test_the_suite_follows_pages() -> None:
    found = suite(Pages).replay(PAGES)
    assert [type(item) for item in found] == [Trade, Failure, Trade, Failure]


@pytest.mark.parametrize("kind", [AgainAndAgain, Talkative, ForgetsTheRest, ForgetsToWait])
def test_the_suite_catches(kind: type[History]) -> None:
    with pytest.raises(AssertionError):
        suite(kind).replay(PAGES)
