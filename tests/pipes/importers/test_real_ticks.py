"""Real ticks through whole pipes: what was imported comes back, to the last digit."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.conftest import Shell
from tests.pipes.importers.lean_zips import LeanZip

IBM = "equity/usa/tick/ibm"
FXCM = "forex/fxcm/tick/eurusd"
KEYS = "ALPACA_KEY_ID=sandbox-key ALPACA_SECRET_KEY=sandbox-secret"
SAID_BY_THE_DRIVER = ("ts_recv", "provider", "channel", "trade_id")


@pytest.fixture(scope="module")
def lean(shared: Path) -> Path:
    return shared / "data" / "lean"


def numbers(event: dict[str, Any], *names: str) -> dict[str, Any]:
    """An event with decimals in place of the texts of numbers, only these fields if any."""
    found = {name: event[name] for name in names or event if name in event}
    return {
        name: Decimal(value) if name.endswith(("price", "size")) else value
        for name, value in found.items()
    }


def market(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] in ("trade", "quote")]


@pytest.mark.parametrize(
    ("wire", "secrets", "ending"),
    [("jsonl", "", "--mock"), ("arrow", KEYS, "--limit 24293")],
)
@pytest.mark.some(1)
def test_ibm_by_a_vendors_protocol(
    wire: str, secrets: str, ending: str, lean: Path, shell: Shell, tmp_path: Path
) -> None:
    done = shell(
        f"""
        mdc import --profile lean {lean} --symbol IBM --resolution tick --type trade \
            --from 2013-10-07 --to 2013-10-07 > imported &&
        mdc mock alpaca --root imported --port 0 --once | {{
            read url
            {secrets} timeout $DEADLINE \
                mdc -v stream alpaca IBM --type trade --url $url {ending}
        }} | mdc validate | mdc store --root data; echo ${{PIPESTATUS[@]}}
        """,
        MDC_WIRE=wire,
    )
    assert done.out == "0 0 0 0\n", done.err
    assert "stream: 24293 in = 24293 out + 0 rejected + 0 dropped" in done.err
    imported = shell("mdc convert imported").events
    back = market(shell("mdc cat --root data").events)
    said = [numbers(event) for event in LeanZip.at(lean, f"{IBM}/20131007_trade.zip").events()]
    names = ("type", "symbol", "ts_event", "price", "size", "venue", "conditions")
    assert len(said) == 24_293
    assert [numbers(event, *names) for event in imported] == said
    assert [numbers(event, *names) for event in back] == said
    assert {event["provider"] for event in back} == {"alpaca"}
    for event in (*imported, *back):
        for name in SAID_BY_THE_DRIVER:
            event.pop(name, None)
    assert back == imported  # to the digit, as it is written
    check_session(tmp_path / "data")


def check_session(data: Path) -> None:
    """The volume-weighted price of 09:30-16:00 in New York, by SQL on the Parquet files."""
    day = datetime(2013, 10, 7, tzinfo=ZoneInfo("America/New_York"))
    start, end = (
        int(day.replace(hour=h, minute=m).timestamp()) * 10**9 for h, m in ((9, 30), (16, 0))
    )
    query = f"""
        select typeof(sum(price * size)), sum(price * size), sum(size),
               round(sum(price * size) / sum(size), 8)::decimal(18, 8)
        from read_parquet('{data}/IBM/trade/*.parquet')
        where epoch_ns(ts_event) >= {start} and epoch_ns(ts_event) < {end}
    """
    ((kind, amount, volume, by_sql),) = duckdb.sql(query).fetchall()
    assert kind == "DECIMAL(38,18)"
    assert volume == 3_753_440
    assert round(amount / volume, 8) == by_sql == Decimal("182.52904497")


def meetings(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Where bid meets ask in a list of quotes, and what is to be said about it."""
    found, sides = [], dict[str, Decimal]()
    for row, event in enumerate(events):
        told = [side for side in ("bid", "ask") if f"{side}_price" in event]
        sides |= {side: event[f"{side}_price"] for side in told}
        bid, ask = sides.get("bid", Decimal(0)), sides.get("ask", Decimal(0))
        if not (bid and ask) or bid < ask:
            continue
        carried = "" if len(told) == 2 else " with the last known other side"
        bid_text, ask_text = f"{bid.normalize():f}", f"{ask.normalize():f}"
        if bid == ask:
            found.append((row, f"info locked: bid and ask {bid_text}{carried}"))
        else:
            severity = "warning" if carried else "error"
            message = f"crossed: bid {bid_text} over ask {ask_text}{carried}"
            found.append((row, f"{severity} {message}"))
    return found


def crossings(events: Iterable[dict[str, Any]]) -> list[tuple[int, str]]:
    """The findings of `crossed` in a stream, each with the number of the quote before it."""
    found, row, last = [], -1, dict[str, Any]()
    for event in events:
        if event["type"] == "quote":
            row, last = row + 1, event
        elif event["type"] == "integrity" and event["check"] == "crossed":
            assert (event["symbol"], event["ts_event"], event["about"]) == (
                last["symbol"],
                last["ts_event"],
                "quote",
            )
            found.append((row, f"{event['severity']} {event['message']}"))
    return found


@pytest.mark.parametrize(
    ("name", "rows", "crossed", "locked"),
    [
        (f"{IBM}/20131007_quote.zip", 109_067, 89, 658),
        (f"{FXCM}/20140501_quote.zip", 51_053, 3_991, 5_409),
        (f"{FXCM}/20140504_quote.zip", 8_025, 174, 259),
    ],
)
@pytest.mark.some(1)
def test_crossed_and_locked_quotes(
    name: str, rows: int, crossed: int, locked: int, lean: Path, shell: Shell
) -> None:
    file = LeanZip.at(lean, name)
    said = list(file.events())
    expected = meetings(said)
    kinds = [text.split()[1] for _, text in expected]
    assert (len(said), kinds.count("crossed:"), kinds.count("locked:")) == (
        rows,
        crossed,
        locked,
    )
    done = shell(
        f"mdc import --profile lean {file.path} > imported &&"
        f" mdc validate < imported | tee checked | mdc store --root data"
    )
    assert done.status == 0, done.err
    derived = crossed + locked
    assert (
        f"validate: {rows} in = {rows} out + 0 rejected + 0 dropped (+ {derived} derived)"
        in done.err
    )
    imported, checked = shell("cat imported"), shell("cat checked")
    names = ("bid_price", "bid_size", "bid_venue", "ask_price", "ask_size", "ask_venue")
    names = ("type", "symbol", "ts_event", "venue", *names, "conditions", "extra")
    assert [plain_extra(numbers(event, *names)) for event in imported.events] == said
    assert crossings(checked.events) == expected
    assert without_findings(checked.lines) == imported.lines
    stored = shell("mdc cat --root data")
    assert without_findings(stored.lines) == imported.lines
    findings = [line for line in checked.lines if line.startswith('{"type":"integrity"')]
    assert [line for line in stored.lines if line.startswith('{"type":"integrity"')] == findings


def plain_extra(event: dict[str, Any]) -> dict[str, Any]:
    """What `extra` says, as numbers."""
    extra = event.pop("extra", None)
    return event if extra is None else {**event, "extra": {k: int(v) for k, v in extra.items()}}


def without_findings(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith('{"type":"integrity"')]


def test_both_wires_carry_the_same_events(lean: Path, shell: Shell) -> None:
    """Trades, quotes and bars of a day, checked and stored, by JSONL and by Arrow."""
    for wire in ("jsonl", "arrow"):
        done = shell(
            f"mdc import --profile lean {lean} --symbol IBM --skip quote-bar"
            f"  --from 2013-10-07T13:30 --to 2013-10-07T13:50 | tee {wire}.imported"
            f"| mdc validate | tee {wire}.checked | mdc store --root {wire}"
            f"  && mdc cat --root {wire} > {wire}.stored",
            MDC_WIRE=wire,
        )
        assert done.status == 0, done.err
    digests = {}
    for step in ("imported", "checked", "stored"):
        texts = [shell(f"mdc convert {wire}.{step}").lines for wire in ("jsonl", "arrow")]
        assert texts[0] == texts[1]
        digests[step] = hashlib.md5("\n".join(sorted(texts[0])).encode()).hexdigest()
    events = [json.loads(line) for line in texts[0]]
    kinds = {kind: sum(e["type"] == kind for e in events) for kind in ("trade", "quote", "bar")}
    day = [LeanZip.at(lean, f"{IBM}/20131007_{kind}.zip") for kind in ("trade", "quote")]
    bars = [
        LeanZip.at(lean, f"equity/usa/{resolution}/ibm/20131007_trade.zip")
        for resolution in ("second", "minute")
    ]
    counts = [
        sum("2013-10-07T13:30" <= str(e["ts_event"]) < "2013-10-07T13:50" for e in file.events())
        for file in (*day, *bars)
    ]
    # The hourly and daily file of IBM has a day, which begins at midnight in New York.
    assert kinds == {"trade": counts[0], "quote": counts[1], "bar": counts[2] + counts[3]}
    assert digests["checked"] == digests["stored"] != digests["imported"]
