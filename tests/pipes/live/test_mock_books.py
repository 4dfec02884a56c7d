"""A venue's book outlives a connection to its mock server: the next one begins with it as it is."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

Event = dict[str, Any]
Sides = dict[str, dict[Decimal, Decimal]]
ZEPHYR = Path(__file__).parents[3] / "examples" / "mdc-zephyr"
ALPACA = "alpaca --feed crypto"
CUT = 300  # events


@pytest.fixture
def venue(shell: Shell, tmp_path: Path, install: Callable[..., None]) -> Shell:
    """A shell with the template of a venue installed, and books and their changes of two symbols.

    The simulated ones: 500 changes, from an empty book on.
    """
    point = "[mdc.stream]\nzephyr = mdc_zephyr.stream:Zephyr\n"
    install(tmp_path / "installed", "mdc-zephyr", point, version="1.0.0")
    (tmp_path / "installed" / "mdc_zephyr").symlink_to(ZEPHYR / "src" / "mdc_zephyr")
    made = shell("mdc stream sim BTC/USD ETH/USD --type delta --seed 4 --limit 500")
    rows = []
    for event in made.events:
        if event.get("action") == "clear":
            event = {n: event[n] for n in ("symbol", "ts_event")} | {"type": "book"}
            event |= {"bids": [], "asks": []}
        rows.append({name: value for name, value in event.items() if name != "seq"})
    (tmp_path / "tape.jsonl").write_text(
        "".join(json.dumps(row, default=str) + "\n" for row in rows)
    )
    return shell


def apply(sides: Sides, event: Event) -> None:
    """One event more of a book."""
    if event["type"] == "book":
        for side, name in (("bid", "bids"), ("ask", "asks")):
            sides[side] = {Decimal(at["price"]): Decimal(at["size"]) for at in event[name]}
        return
    price, size = Decimal(event["price"]), Decimal(event.get("size") or 0)
    sides[event["side"]].pop(price, None)
    if size and event["action"] != "cancel":
        sides[event["side"]][price] = size


def book_of(events: list[Event], symbol: str) -> Sides:
    sides: Sides = {"bid": {}, "ask": {}}
    for event in events:
        if event["symbol"] == symbol:
            apply(sides, event)
    return sides


def said(event: Event) -> list[Any]:
    texts = [event[name] for name in ("type", "symbol", "ts_event", "side")]
    return [*texts, Decimal(event["price"]), Decimal(event["size"])]


@pytest.mark.parametrize("skip", [0, 7])
@pytest.mark.parametrize("data", ["tape.jsonl", "- < tape.jsonl"])
@pytest.mark.parametrize("name", ["zephyr", ALPACA])
@pytest.mark.some(3)
def test_the_next_connection_begins_with_the_books_as_they_are(
    venue: Shell, tmp_path: Path, name: str, data: str, skip: int
) -> None:
    word = name.split()[0]
    played = venue("cat tape.jsonl").events
    client = f"timeout $DEADLINE mdc stream {word} BTC/USD ETH/USD {name[len(word) :]}"
    done = venue(
        f"mdc mock {name} --once --fault disconnect-after={CUT},skip={skip} {data}"
        f" | {{ read url; {client} --type book --mock --url $url; }}",
        PYTHONPATH=str(tmp_path / "installed"),
    )
    assert done.status == 0, done.err
    assert not [e for e in done.events if e["type"] in ("integrity", "error")]
    first, second = (
        [e for e in done.events if e["type"] in ("book", "delta") and f"{word}-{n}" in e["channel"]]
        for n in (1, 2)
    )
    assert [said(e) for e in first if e["type"] == "delta"] == [
        said(e) for e in played[:CUT] if e["type"] == "delta"
    ]
    assert [e["type"] for e in second[:3]] == ["book", "book", "delta"]
    for event in second[:2]:
        there = book_of([event], event["symbol"])
        assert there == book_of(played[: CUT + skip], event["symbol"])
        assert len(there["bid"]) > 3 and len(there["ask"]) > 3
    assert [said(e) for e in second[2:]] == [said(e) for e in played[CUT + skip :]]
    for symbol in ("BTC/USD", "ETH/USD"):
        assert book_of(second, symbol) == book_of(played, symbol)


def test_the_simulated_market_has_books_for_whoever_asks(shell: Shell) -> None:
    client = "timeout $DEADLINE mdc stream alpaca BTC/USD --feed crypto --type book --mock"
    done = shell(
        "mdc mock alpaca --feed crypto --once --symbol BTC/USD --type book"
        " --fault disconnect-after=500"
        f" | {{ read url; {client} --url $url --limit 900; }}"
    )
    kinds = [e["type"] for e in done.events if e["type"] in ("book", "delta")]
    assert kinds.count("book") == 2 and kinds.count("delta") > 800
    sides: Sides = {"bid": {}, "ask": {}}
    for event in done.events:
        if event["type"] in ("book", "delta"):
            apply(sides, event)
            assert not (sides["bid"] and sides["ask"]) or max(sides["bid"]) < min(sides["ask"])


def test_a_client_that_asks_for_what_is_not_played_is_told_of(shell: Shell) -> None:
    client = "mdc -q stream alpaca QQQ --type trade --mock --url $url --duration 20s"
    script = (
        "mdc mock alpaca {} 2> told | {{ read url; {} & client=$!\n"
        "until grep -q 'asked for' told; do :; done; kill -INT $client; wait $client; }};"
        " cat told >&2"
    )
    done = shell(script.format("--once --symbol IBM,SPY", client))
    assert (
        "the client asked for none of the first 1,000 events: they are quote, trade of IBM, SPY"
    ) in done.err
    rows = "".join(
        f'{{"type":"quote","symbol":"S{n}","ts_event":"2024-01-02T14:30:00Z","bid_price":1,"bid_size":1}}\n'
        for n in range(9)
    )
    short = shell(script.format("--once -", client), stdin=rows.encode())
    assert "the client asked for none of the first 9 events" in short.err
    assert "they are quote of S0, S1, S2, S3, S4, 4 more" in short.err
    right = shell("mdc stream alpaca QQQ --mock --limit 2000")
    assert "asked for" not in right.err
