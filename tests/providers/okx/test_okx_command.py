"""`mdc stream okx` as it is run: against its mock server, in real pipes."""

import json
from typing import Any

import pytest

from mdc_providers.okx import stream
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream okx --mock --url $url"
TIME = "2024-01-02T14:30:0{}.001000000Z"
TRADE = {
    "type": "trade",
    "symbol": "BTC-USDT",
    "ts_event": TIME.format(1),
    "venue": "OKX",
    "extra": {"count": "1", "source": "0"},
    "price": "45285.2",
    "size": "0.00000051",
    "aggressor_side": "sell",
    "trade_id": "338476307",
}
BOOK = {
    "type": "book",
    "symbol": "BTC-USDT",
    "ts_event": TIME.format(2),
    "bids": [{"price": str(100 - n), "size": "1"} for n in range(5)],
    "asks": [{"price": str(101 + n), "size": "2"} for n in range(5)],
}


def delta(second: int, price: str, size: str) -> Event:
    head = {"type": "delta", "symbol": "BTC-USDT", "ts_event": TIME.format(second)}
    action = "modify" if size != "0" else "cancel"
    return {**head, "action": action, "side": "bid", "price": price, "size": size}


def plain(events: list[Event]) -> list[Event]:
    left_out = ("v", "ts_recv", "provider", "channel", "seq")
    market = [e for e in events if e["type"] not in ("connection", "heartbeat", "begin", "end")]
    return [{name: value for name, value in e.items() if name not in left_out} for e in market]


def served(shell: Shell, rows: list[Event], client: str, server: str = "") -> Any:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return shell(f"cat > e.jsonl; mdc mock okx {server} --once e.jsonl | "
                 f"{{ read url; {CLIENT} {client} | mdc convert; }}", stdin=lines)  # fmt: skip


def test_trades_come_with_their_numbers_and_the_takers_side(shell: Shell) -> None:
    done = served(shell, [TRADE], "BTC-USDT")
    assert done.status == 0, done.err
    assert plain(done.events) == [TRADE]
    (seq,) = [e["seq"] for e in done.events if e["type"] == "trade"]
    assert int(seq) > 0


@pytest.mark.parametrize("server", ["", "--no-checksums"])
def test_a_book_and_its_changes(shell: Shell, server: str) -> None:
    rows = [BOOK, delta(3, "100", "0"), delta(4, "98.5", "7")]
    done = served(shell, rows, "BTC-USDT --type book", server)
    assert done.status == 0, done.err
    book, *deltas = plain(done.events)
    assert (book["bids"], book["asks"]) == (BOOK["bids"], BOOK["asks"])
    assert [(d["action"], d["price"], d["size"]) for d in deltas] == [
        ("cancel", "100", "0"), ("modify", "98.5", "7")]  # fmt: skip
    assert all(("checksum" in e) is not server.startswith("--no") for e in (book, *deltas))


def test_five_levels_come_whole_each_time_and_quotes_say_their_type(shell: Shell) -> None:
    more = {**BOOK, "bids": [*BOOK["bids"], {"price": "95", "size": "4"}]}
    quote = {"type": "quote", "symbol": "A-USDT-SWAP", "ts_event": TIME.format(5)}
    quote |= {"bid_price": "1", "bid_size": "2", "ask_price": "3", "ask_size": "4"}
    rows = [more, delta(3, "100", "0"), delta(4, "98.5", "7"), quote]
    done = served(shell, rows, "BTC-USDT A-USDT-SWAP --type book,quote --depth 5")
    assert done.status == 0, done.err
    *books, ticker = plain(done.events)
    bids = [[(at["price"], at["size"]) for at in book["bids"]] for book in books]
    kept = [(str(price), "1") for price in (99, 98, 97, 96)]
    last = [kept[0], ("98.5", "7"), *kept[1:]]
    assert bids == [[("100", "1"), *kept], [*kept, ("95", "4")], last]
    assert all(book["asks"] == BOOK["asks"] for book in books)
    assert ticker["extra"]["instType"] == "SWAP"


@pytest.mark.parametrize(
    ("server", "said"),
    [("--twist 3", "the checksum is"), ("--lose 3 --no-checksums", "the message before is")],
)
def test_a_book_that_is_wrong_is_told_and_comes_again(shell: Shell, server: str, said: str) -> None:
    rows = [BOOK, *(delta(n, "100", str(n)) for n in range(3, 9))]
    done = served(shell, rows, "BTC-USDT --type book", f"{server} --speed 5")
    assert done.status == 0, done.err
    found = [e for e in done.events if e["type"] in ("book", "integrity", "gap")]
    assert [e["type"] for e in found[:3]] == ["book", "integrity", "gap"]
    assert said in found[1]["message"] and found[1]["check"] == "book"
    assert "book" in [e["type"] for e in found[3:]]


def test_each_connection_is_decoded_with_what_it_asked_for(shell: Shell) -> None:
    live = shell("mdc stream okx BTC-USDT --type trade,bar --mock --limit 300 --capture raw/")
    again = shell("mdc frames decode raw")
    assert (live.status, again.status) == (0, 0), again.err
    for connection in ("okx-1.1", "okx-2.1"):
        rows, others = (
            [line for line in done.lines if f'"channel":"{connection}' in line]
            for done in (live, again)
        )
        assert rows and '"state":"up"' in rows[0]
        assert others[: len(rows)] == rows


def test_no_book_stands_on_a_change_that_is_missing(shell: Shell) -> None:
    rows = [BOOK, *(delta(n, f"99.{n}", "1") for n in range(3, 9))]
    done = served(shell, rows, "BTC-USDT --type book", "--lose 3 --no-checksums --speed 5")
    books = shell("mdc book", stdin="\n".join(done.lines).encode())
    assert "frozen" in " ".join(e["message"] for e in books.events if e["type"] == "integrity")
    for book in (e for e in books.events if e["type"] == "book"):
        new = [at["price"] for at in book["bids"] if at["price"].startswith("99.")]
        assert new[::-1] == [f"99.{n}" for n in range(3, 3 + len(new))]


def test_an_instrument_that_is_refused_is_named_and_the_others_come(shell: Shell) -> None:
    done = served(shell, [TRADE], "BTC-USDT NOSUCH-USDT")
    assert done.status == 0, done.err
    assert "okx refuses NOSUCH-USDT: Wrong URL or channel:trades,instId:NOSUCH-USDT" in done.err
    assert [e for e in plain(done.events) if e["type"] == "trade"] == [TRADE]


def test_the_mock_in_a_pipe(shell: Shell) -> None:
    feed = "mdc stream okx BTC-USDT ETH-USDT --type trade,quote,book --mock --limit 300"
    done = shell(f"{feed} | mdc validate --strict | mdc store --root d && mdc cat --root d")
    assert done.status == 0, done.err
    assert sum(e["type"] in ("trade", "quote", "book", "delta") for e in done.events) == 300


def test_a_disconnect_is_a_gap_and_the_rest_comes(shell: Shell) -> None:
    done = shell(
        "mdc stream sim BTC-USDT --limit 500 | mdc convert -o e.jsonl && "
        "mdc mock okx --once --fault disconnect-after=200,skip=3 e.jsonl | "
        f"{{ read url; {CLIENT} BTC-USDT; }}"
    )
    assert done.status == 0, done.err
    kinds = [e["type"] for e in done.events]
    assert kinds.count("gap") == 1
    assert kinds.count("trade") + kinds.count("quote") == 497


@pytest.mark.parametrize("example", stream.EXAMPLES[:2])
def test_the_examples_run_against_the_mock_server(example: str, shell: Shell) -> None:
    done = shell(example.replace("mdc stream okx", "mdc stream okx --mock --limit 20"))
    assert done.status == 0, done.err


def test_what_there_is_of_derivatives(shell: Shell) -> None:
    head = {"symbol": "BTC-USDT-SWAP", "venue": "OKX"}
    rows = [
        {"type": "funding", **head, "ts_event": TIME.format(1), "funding_rate": "0.0001"}
        | {"next_funding": TIME.format(9)},
        {"type": "funding", **head, "ts_event": TIME.format(2), "mark_price": "45285.25"},
        {"type": "open_interest", **head, "ts_event": TIME.format(3), "open_interest": "123.5"}
        | {"notional": "5592726.25"},
        {"type": "liquidation", **head, "ts_event": TIME.format(4), "side": "sell"}
        | {"price": "45000.5", "size": "7"},
    ]
    types = "funding,mark_price,open_interest,liquidation"
    done = served(shell, rows, f"BTC-USDT-SWAP --type {types}")
    assert done.status == 0, done.err
    found = [{n: v for n, v in row.items() if n != "extra"} for row in plain(done.events)]
    assert found == rows
    assert {row["type"] for row in done.events} <= {row["type"] for row in rows} | {"connection"}


def test_bars_come_from_the_other_server(shell: Shell) -> None:
    bar = {"type": "bar", "symbol": "BTC-USDT", "venue": "OKX", "interval": "1m"}
    bar |= {"ts_event": "2024-01-02T14:30:00.000000000Z"}
    bar |= {"ts_close": "2024-01-02T14:31:00.000000000Z", "open": "1.5", "high": "3"}
    bar |= {"low": "1", "close": "2.25", "volume": "17", "is_final": True}
    lines = (json.dumps(bar) + "\n").encode()
    client = "timeout $DEADLINE mdc stream okx BTC-USDT --type bar --mock --url ${url%/*}/business"
    done = shell(
        f"cat > e.jsonl; mdc mock okx --once e.jsonl | {{ read url; {client} | mdc convert; }}",
        stdin=lines,
    )
    assert done.status == 0, done.err
    (found,) = plain(done.events)
    assert {name: found[name] for name in bar} == bar
