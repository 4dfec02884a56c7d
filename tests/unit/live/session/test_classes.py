"""Classes of instruments on one connection: each has its hours, and goes silent by itself."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdc_core.contracts import Subscription
from mdc_core.live.market import exchange, hours
from mdc_core.live.market.hours import Hours
from mdc_core.live.session.actions import Disconnect
from mdc_core.live.session.connection import FeedSession
from mdc_core.live.session.deadlines import Timing
from mdc_core.times import SECOND, from_ns, to_ns
from tests.conftest import Shell
from tests.unit.live.session.test_freshness import Words, run

CLASSES = {"S": "equity", "C": "crypto", "F": "fx"}
SYMBOLS = ("S1", "S2", "C1", "C2", "F1", "F2")
WEDNESDAY = "2026-12-02T15:00:00Z"  # all is open


class Mixed(Words):
    def asset_of(self, symbol: str) -> str | None:
        return CLASSES[symbol[0]]


def found(start: str, until: float, *rules: tuple[float, str], last: str = "") -> list[str]:
    """What is told of ten quotes a second; from a rule's second on a letter's symbols are gone."""
    chance, first = random.Random(1), to_ns(start)

    def frames() -> Iterator[tuple[float, str]]:
        second = 0.0
        while (second := second + chance.expovariate(10.0)) < until:
            symbol = chance.choice(SYMBOLS)
            if not any(second >= at and symbol.startswith(gone) for at, gone in rules):
                yield second, f"quote {symbol}"
        if last:
            yield until, f"quote {last}"

    session = FeedSession(
        "words",
        lambda wanted: Mixed(wanted, None, {}),
        Subscription(SYMBOLS),
        mask=str,
        timing=Timing(ping=10**6),
        hours=Hours(("equity", "crypto", "fx"), ("XNAS",)),
    )
    session.opened(first)
    told = [what for _, what in run(session, frames(), first)]
    return [str(w.error) if isinstance(w, Disconnect) else w.message or "" for w in told]


@pytest.mark.parametrize("gone", ["S", "C", "F"])
def test_a_class_that_goes_silent_is_told_once_and_not_by_each_symbol(gone: str) -> None:
    told = found(WEDNESDAY, 1200, (600.0, gone))
    name = CLASSES[gone]
    assert told[0].startswith(f"no quote of any {name} for ")
    assert all(f"quote of any {name}" in text for text in told)
    assert 2 <= len(told) <= 3  # a warning, and where it stays away another connection


def test_a_symbol_of_a_class_that_goes_on_is_told_by_name() -> None:
    told = found(WEDNESDAY, 900, (600.0, "F2"))
    assert len(told) == 1 and told[0].startswith("no quote of F2 for ")


@pytest.mark.parametrize(
    ("start", "gone"),
    [
        ("2026-12-04T21:50:00Z", "F"),  # Friday, 17:00 in New York: the week of currencies ends
        ("2026-12-02T20:50:00Z", "S"),  # the close of stocks
        ("2026-12-03T00:50:00Z", "S"),  # and the end of what follows it
        ("2026-11-27T17:50:00Z", "S"),  # a half day
    ],
)
def test_a_class_whose_market_closes_is_silent_while_others_go_on(start: str, gone: str) -> None:
    assert found(start, 1800, (600.0, gone)) == []


@pytest.mark.parametrize(
    ("start", "closed", "gone"),
    [
        ("2026-12-05T15:00:00Z", "SF", "C"),  # a weekend
        ("2026-11-26T15:00:00Z", "S", "F"),  # Thanksgiving: currencies are traded
        ("2026-12-03T07:00:00Z", "S", "C"),  # a night
    ],
)
def test_what_is_open_is_watched_where_another_class_is_closed(
    start: str, closed: str, gone: str
) -> None:
    shut = [(0.0, letter) for letter in closed]
    assert found(start, 1200, *shut) == []
    told = found(start, 1200, *shut, (600.0, gone), last=f"{gone}1")
    if len(closed) == 1:
        assert told[0].startswith(f"no quote of any {CLASSES[gone]} for ")
    else:  # nothing else is there that would go on
        assert told[0].startswith("nothing has happened for ")


def test_a_halt_is_no_silence_of_its_class() -> None:
    first = to_ns(WEDNESDAY)
    session = FeedSession(
        "words",
        lambda wanted: Mixed(wanted, None, {}),
        Subscription(SYMBOLS),
        mask=str,
        timing=Timing(ping=10**6),
        hours=Hours(("equity", "crypto"), ("XNAS",)),
    )
    session.opened(first)
    names = ("S1", "S2", "C1", "C2")
    before = [(n / 10, f"quote {names[n % 4]}") for n in range(6000)]
    halted = [(600.0, "halted S1,halted S2")]
    behind = [(600.0 + n / 10, f"quote {names[2 + n % 2]}") for n in range(1, 6000)]
    assert run(session, iter([*before, *halted, *behind]), first) == []


def test_sessions_of_other_exchanges_are_those_of_the_library() -> None:
    pytest.importorskip("exchange_calendars")

    def at(text: str, asset: str, venue: str = "") -> tuple[str, bool, str]:
        phase = Hours((asset,), (venue,) if venue else ()).at(to_ns(text))
        return phase.name, phase.is_known, from_ns(phase.until)[:16]

    assert at("2026-11-30T15:00:00Z", "equity", "XLON") == ("session", True, "2026-11-30T16:30")
    assert at("2026-12-24T12:31:00Z", "equity", "XLON") == ("closed", True, "2026-12-29T08:00")
    assert at("2026-12-01T03:00:00Z", "equity", "XTKS") == ("break", True, "2026-12-01T03:30")
    assert at("2026-12-01T02:00:00Z", "equity", "XTKS") == ("session", True, "2026-12-01T02:30")
    # Futures of CME on Thanksgiving: until 13:00 in New York, and again behind the daily break.
    assert at("2026-11-26T15:00:00Z", "future") == ("session", True, "2026-11-26T18:00")
    assert at("2026-11-26T19:30:00Z", "future") == ("closed", True, "2026-11-26T22:00")
    assert at("2026-12-25T10:00:00Z", "future")[0] == "closed"
    assert Hours(("equity",), ("XLON", "XTKS")).at(to_ns(WEDNESDAY)).is_known is False
    assert Hours(("equity",), ("XLON",)).at(to_ns("2035-01-03T12:00:00Z")).is_known is False


def test_without_the_library_the_week_is_known_and_holidays_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "find_spec", lambda name: None)
    exchange.sessions_of.cache_clear()
    try:
        future = Hours(("future",))
        assert future.at(to_ns("2026-11-30T15:00:00Z")).is_known
        holiday = future.at(to_ns("2026-11-26T19:30:00Z"))
        assert (holiday.is_open, holiday.is_known) == (True, False)
        assert not future.at(to_ns("2026-11-28T15:00:00Z")).is_open
        assert not Hours(("equity",), ("XLON",)).at(to_ns(WEDNESDAY)).is_known
    finally:
        exchange.sessions_of.cache_clear()
    assert hours.NEVER == 2**63


def frames_of_finnhub(start: str, minutes: int, ends: dict[str, int]) -> str:
    """A capture of trades, four a second in turn; a symbol ends behind so many seconds."""
    names = ("AAPL", "OANDA:EUR_USD", "BINANCE:BTCUSDT", "OANDA:USD_JPY")
    first, lines = to_ns(start), []
    for number in range(minutes * 60 * 4):
        symbol = names[number % 4]
        ns = first + number * SECOND // 4
        if number // 4 < ends.get(symbol, minutes * 60):
            item = {"p": 1.5, "s": symbol, "t": ns // 1_000_000, "v": 1}
            frame = {"data": [item], "type": "trade"}
            lines.append({"recv_ns": ns, "dir": "in", "frame": frame})
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("start", "is_told"), [("2026-12-04T21:50:00Z", False), ("2026-12-02T15:00:00Z", True)]
)
def test_currencies_end_on_friday_and_not_on_wednesday(
    start: str, is_told: bool, shell: Shell, tmp_path: Path
) -> None:
    """Through the command line, by a capture: both pairs end behind ten minutes, others go on."""
    ends = {"OANDA:EUR_USD": 600, "OANDA:USD_JPY": 600}
    (tmp_path / "c.jsonl").write_text(frames_of_finnhub(start, 20, ends))
    done = shell("mdc stream finnhub --replay c.jsonl")
    found = [e for e in done.events if e["type"] == "integrity"]
    assert sum(e["type"] == "trade" for e in done.events) > 3000, done.err
    if not is_told:
        assert found == []
        return
    assert [e["severity"] for e in found] == ["warning", "error"]
    assert {(e["check"], e["about"], e["extra"]["asset"]) for e in found} == {
        ("freshness", "trade", "fx")
    }
    assert "no trade of any fx for " in done.err
