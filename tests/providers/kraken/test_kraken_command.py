"""`mdc stream kraken` as it is run: against its mock server, in real pipes."""

import json
from typing import Any

import pytest

from mdc_providers.kraken import stream
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream kraken --mock --url $url"
TIME = "2024-01-02T14:30:0{}.000001000Z"
TRADE = {
    "type": "trade",
    "symbol": "BTC/USD",
    "ts_event": TIME.format(1),
    "venue": "KRAKEN",
    "price": "45285.2",
    "size": "0.00000051",
    "aggressor_side": "sell",
    "trade_id": "64911207",
    "conditions": ["market"],
}
QUOTE = {
    "type": "quote",
    "symbol": "ETH/USD",
    "ts_event": TIME.format(2),
    "venue": "KRAKEN",
    "bid_price": "2401.1",
    "bid_size": "3",
    "ask_size": "0",
}


def level(price: int, size: str) -> dict[str, str]:
    return {"price": f"{price}.5", "size": size}


BOOK = {
    "type": "book",
    "symbol": "BTC/USD",
    "ts_event": TIME.format(3),
    "venue": "KRAKEN",
    "bids": [level(100 - n, "1") for n in range(12)],
    "asks": [level(101 + n, "2") for n in range(12)],
}


def delta(second: int, side: str, price: str, size: str) -> Event:
    action = "modify" if size != "0" else "cancel"
    head = {"type": "delta", "symbol": "BTC/USD", "ts_event": TIME.format(second)}
    return {**head, "venue": "KRAKEN", "action": action, "side": side, "price": price, "size": size}


def plain(events: list[Event]) -> list[Event]:
    left_out = ("v", "ts_recv", "provider", "channel")
    market = [e for e in events if e["type"] not in ("connection", "heartbeat")]
    market = [e for e in market if e["type"] not in ("begin", "end")]
    return [{name: value for name, value in e.items() if name not in left_out} for e in market]


def served(shell: Shell, rows: list[Event], client: str, server: str = "") -> Any:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return shell(f"cat > e.jsonl; mdc mock kraken {server} --once e.jsonl | "
                 f"{{ read url; {CLIENT} {client} | mdc convert; }}", stdin=lines)  # fmt: skip


def test_trades_and_quotes_come_as_they_were_sent(shell: Shell) -> None:
    done = served(shell, [TRADE, QUOTE], "BTC/USD ETH/USD")
    assert done.status == 0, done.err
    assert plain(done.events) == [TRADE, QUOTE]
    channels = [e["channel"] for e in done.events if e["type"] in ("trade", "quote")]
    assert channels == ["kraken-1:trade", "kraken-1:ticker"]


def test_a_book_is_cut_to_its_depth_and_its_checksums_hold(shell: Shell) -> None:
    changes = [
        delta(4, "bid", "100.75", "4"),  # a better bid: the tenth falls out of sight
        delta(5, "ask", "101.5", "0"),  # the best offer goes: the eleventh comes into sight
        delta(6, "bid", "89.5", "7"),  # out of sight
        delta(7, "ask", "112.5", "0"),  # out of sight
    ]
    done = served(shell, [BOOK, *changes], "BTC/USD --type book --depth 10")
    assert done.status == 0, done.err
    book, *rest = plain(done.events)
    assert (book["depth"], len(book["bids"]), len(book["asks"])) == ("10", 10, 10)
    assert book["extra"] == {"price_precision": "2", "qty_precision": "8"}
    assert [(e["side"], e["price"], e["size"]) for e in rest] == [
        ("bid", "100.75", "4"), ("ask", "101.5", "0"), ("ask", "111.5", "2")]  # fmt: skip
    assert ["checksum" in e for e in (book, *rest)] == [True, True, False, True]


def test_a_wrong_checksum_is_told_and_the_book_comes_again(shell: Shell) -> None:
    changes = [delta(n, "bid", "100.5", str(n)) for n in range(4, 9)]
    done = served(shell, [BOOK, *changes], "BTC/USD --type book", "--twist 3 --speed 5")
    assert done.status == 0, done.err
    kinds = [e["type"] for e in plain(done.events)]
    assert kinds[:6] == ["book", "delta", "delta", "integrity", "gap", "delta"]
    finding, gap = (next(e for e in done.events if e["type"] == t) for t in ("integrity", "gap"))
    assert (finding["check"], finding["symbol"]) == ("book", "BTC/USD")
    assert "the checksum is" in finding["message"]
    assert (gap["reason"], gap["start"], gap["end"]) == (
        "checksum", TIME.format(5), TIME.format(6))  # fmt: skip
    assert kinds.count("book") == 2 and kinds.count("gap") == 2
    again = [e for e in plain(done.events) if e["type"] == "book"][1]
    assert again["bids"][0]["size"] in ("6", "7", "8")


def test_symbols_that_are_refused_or_not_answered_are_named_and_the_others_come(
    shell: Shell,
) -> None:
    done = served(shell, [TRADE], "BTC/USD XBT/USD", "")
    assert done.status == 0, done.err
    assert "kraken refuses XBT/USD: Currency pair not supported XBT/USD" in done.err
    (finding,) = [e for e in done.events if e["type"] == "integrity"]
    assert finding["check"] == "subscription" and "XBT/USD" in finding["message"]
    assert [e for e in plain(done.events) if e["type"] == "trade"] == [TRADE]


def test_if_all_symbols_are_refused_it_ends_with_77(shell: Shell) -> None:
    done = shell(
        "mkfifo u; mdc mock kraken --limit 5 > u & read url < u; "
        "timeout $DEADLINE mdc stream kraken --url $url xbtusd; code=$?; kill $!; exit $code"
    )
    assert done.status == 77
    assert "Currency pair not supported xbtusd" in done.err
    assert "capitals, a slash" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("'*'", "kraken has no trade of all symbols"),
        ("BTC/USD --type book --depth 7", "--depth"),
        ("BTC/USD --type level3", "level3"),
    ],
)
def test_what_cannot_be_asked_for(words: str, said: str, shell: Shell) -> None:
    done = shell(f"timeout $DEADLINE mdc stream kraken {words}")
    assert done.status == 2
    assert said in done.err


def test_a_maintenance_is_waited_for_on_another_connection(shell: Shell) -> None:
    done = shell(
        f"mdc mock kraken --system maintenance > url & server=$!; "
        "until [ -s url ]; do :; done; read url < url; "
        f"{CLIENT} BTC/USD --retries 0; status=$?; kill -INT $server; exit $status"
    )
    assert done.status == 75 and "kraken is closed for maintenance" in done.err
    (down,) = [e for e in done.events if e["type"] == "connection" and e["state"] == "down"]
    assert (down["cause"], down["reason"]) == ("maintenance", "kraken is closed for maintenance")
    (state,) = [e for e in done.events if e["type"] == "status"]
    assert (state["symbol"], state["status"], state["status_code"]) == (
        "BTC/USD",
        "halted",
        "maintenance",
    )


def test_the_mock_in_a_pipe(shell: Shell) -> None:
    feed = "mdc stream kraken BTC/USD ETH/USD --type trade,quote,book --mock --limit 300"
    done = shell(f"{feed} | mdc validate --strict | mdc store --root d && mdc cat --root d")
    assert done.status == 0, done.err
    assert sum(e["type"] in ("trade", "quote", "book", "delta") for e in done.events) == 300
    symbols = {e["symbol"] for e in done.events if "symbol" in e}
    assert symbols == {"BTC/USD", "ETH/USD"}


def test_a_disconnect_is_a_gap_and_the_rest_comes(shell: Shell) -> None:
    done = shell(
        "mdc stream sim BTC/USD --limit 500 | mdc convert -o e.jsonl && "
        "mdc mock kraken --once --fault disconnect-after=200,skip=3 e.jsonl | "
        f"{{ read url; {CLIENT} BTC/USD; }}"
    )
    assert done.status == 0, done.err
    kinds = [e["type"] for e in done.events]
    assert [e["state"] for e in done.events if e["type"] == "connection"] == [
        "up", "down", "resubscribed"]  # fmt: skip
    assert kinds.count("gap") == 1
    assert kinds.count("trade") + kinds.count("quote") == 497


@pytest.mark.parametrize("example", stream.EXAMPLES)
def test_the_examples_run_against_the_mock_server(example: str, shell: Shell) -> None:
    line = example.replace("mdc stream kraken", "mdc stream kraken --mock --limit 20")
    done = shell(line.replace("--type bar", "--type trade"))
    assert done.status == 0, done.err
