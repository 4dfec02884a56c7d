"""Binance through the command line, against its mock server on loopback."""

import json
import socket
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from mdc_core.live.sandbox.playback import Playback
from mdc_core.live.sandbox.server import SandboxServer
from mdc_core.logs import Log
from mdc_core.plugin import Endpoint, HangUp
from mdc_providers.binance.sandbox import BinanceSandbox
from tests.conftest import Shell
from tests.kit.deadline import DEADLINE

Row = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream binance --mock --url $url"
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def of_type(rows: Iterable[Row], *names: str) -> list[Row]:
    return [row for row in rows if row["type"] in names]


def at(ms: int) -> str:
    return f"2024-01-02T14:{30 + ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}000000Z"


def levels(rows: Iterable[Row], symbol: str) -> dict[tuple[str, Decimal], Decimal]:
    """The book of a symbol behind these events."""
    book: dict[tuple[str, Decimal], Decimal] = {}
    for row in rows:
        if row.get("symbol") != symbol:
            continue
        if row["type"] == "book":
            sides = (("bid", row["bids"]), ("ask", row["asks"]))
            book = {(s, Decimal(x["price"])): Decimal(x["size"]) for s, some in sides for x in some}
        elif row["type"] == "delta":
            key = row["side"], Decimal(row["price"])
            book.pop(key, None)
            if Decimal(row["size"]):
                book[key] = Decimal(row["size"])
    return book


@pytest.fixture
def tape(tmp_path: Path) -> list[Row]:
    """Two books and 400 changes, with a trade behind each; in `tape.jsonl`."""
    rows: list[Row] = []
    for symbol in SYMBOLS:
        bids = [{"price": f"{100 - n}.50", "size": f"{n + 1}.25"} for n in range(20)]
        asks = [{"price": f"{101 + n}.50", "size": f"{n + 2}.75"} for n in range(20)]
        rows.append({"type": "book", "symbol": symbol, "ts_event": at(0)})
        rows[-1] |= {"bids": bids, "asks": asks}
    for n in range(400):
        head = {"symbol": SYMBOLS[n % 2], "ts_event": at(n + 1)}
        side = "bid" if n % 3 else "ask"
        price, size = (100 - n % 17 if side == "bid" else 101 + n % 13), n % 5
        rows.append({"type": "delta", **head, "action": "modify" if size else "cancel"})
        rows[-1] |= {"side": side, "price": f"{price}.50", "size": f"{size}.5" if size else "0"}
        rows.append({"type": "trade", **head, "price": f"{price}.50", "size": f"0.{n + 1:05}"})
        rows[-1] |= {"aggressor_side": "buy" if n % 2 else "sell", "trade_id": str(5000 + n)}
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm"])
def test_trades_and_books_come_whole(shell: Shell, tape: list[Row], market: str) -> None:
    server = f"mdc mock binance --market {market} --once tape.jsonl"
    client = f"{CLIENT} --market {market} --type trade,book {' '.join(SYMBOLS)}"
    done = shell(f"{server} | {{ read url; {client}; }}")
    assert done.status == 0, done.err
    names = ("symbol", "ts_event", "price", "size", "aggressor_side", "trade_id")
    trades = [
        [Decimal(r[n]) if n in ("price", "size") else r[n] for n in names]
        for r in tape
        if r["type"] == "trade"
    ]
    found = of_type(done.events, "trade")
    assert [
        [Decimal(r[n]) if n in ("price", "size") else r[n] for n in names] for r in found
    ] == trades
    for symbol in SYMBOLS:
        assert levels(done.events, symbol) == levels(tape, symbol) != {}
        assert sum(row["symbol"] == symbol for row in of_type(done.events, "book")) == 1
    assert not of_type(done.events, "gap", "integrity")


def test_a_hole_in_the_updates_is_a_gap_and_the_book_is_asked_for_again(
    shell: Shell, tape: list[Row]
) -> None:
    server = "mdc mock binance --once tape.jsonl --lose-nth 150 --speed 1x"
    client = f"{CLIENT} --type book {' '.join(SYMBOLS)} --capture c.jsonl"
    done = shell(f"{server} | {{ read url; {client}; }}")
    assert done.status == 0, done.err
    gaps = of_type(done.events, "gap")
    assert [(gap["reason"], gap["count"]) for gap in gaps] == [("sequence", "1")] * 2
    for gap in gaps:
        assert gap["start"] < gap["end"]
    again = shell("mdc stream binance --replay c.jsonl")
    assert again.lines == done.lines


def test_a_disconnect_is_a_gap_and_nothing_else_is_lost(shell: Shell, tape: list[Row]) -> None:
    server = "mdc mock binance --once tape.jsonl --fault disconnect-after=300,skip=20"
    done = shell(f"{server} | {{ read url; {CLIENT} --type trade,book {' '.join(SYMBOLS)}; }}")
    assert done.status == 0, done.err
    played = tape[:300] + tape[320:]
    ids = [row["trade_id"] for row in of_type(done.events, "trade")]
    assert ids == [row["trade_id"] for row in of_type(played, "trade")]
    gaps = of_type(done.events, "gap")
    assert [(gap["symbol"], gap["reason"]) for gap in gaps] == [(s, "disconnect") for s in SYMBOLS]
    for symbol in SYMBOLS:
        assert levels(done.events, symbol) == levels(tape, symbol)


def test_the_mock_in_a_pipe(shell: Shell) -> None:
    done = shell(
        "timeout $DEADLINE mdc stream binance BTCUSDT --market usdm --type trade,quote,book "
        "--mock --limit 500 | mdc validate --strict | mdc store --root data"
    )
    assert done.status == 0, done.err
    counted = shell("mdc count --root data --json").out
    assert json.loads(counted)["total"] >= 500, counted


def test_a_shutdown_that_is_announced_is_a_new_connection(shell: Shell, tape: list[Row]) -> None:
    server = "mdc mock binance tape.jsonl --shutdown-event 100"
    client = f"{CLIENT} --type trade BTCUSDT --limit 40"
    done = shell(
        f"{server} > url & server=$!; until [ -s url ]; do :; done; read url < url; "
        f"{client}; kill -INT $server"
    )
    states = [row["state"] for row in of_type(done.events, "connection")]
    assert states[:3] == ["up", "down", "resubscribed"], done.err
    downs = [r["reason"] for r in of_type(done.events, "connection") if r["state"] == "down"]
    assert downs[0] == "binance shuts this server down"
    assert [gap["reason"] for gap in of_type(done.events, "gap")][:1] == ["disconnect"]


def test_a_symbol_that_there_is_not_is_named_and_the_others_come(shell: Shell) -> None:
    done = shell("timeout $DEADLINE mdc stream binance BTCUSDT NOSUCHUSDT --mock --limit 500")
    assert done.status == 0, done.err
    assert "binance has no NOSUCHUSDT in its market spot" in done.err
    (told,) = of_type(done.events, "integrity")
    assert told["check"] == "subscription" and told["extra"]["symbols"] == ["NOSUCHUSDT"]
    assert {row["symbol"] for row in of_type(done.events, "trade", "quote")} == {"BTCUSDT"}
    done = shell("timeout $DEADLINE mdc stream binance NOSUCHUSDT --mock --duration 60s")
    assert done.status == 77 and "binance has no NOSUCHUSDT" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("BTCUSDT --type mark_price", "binance's spot market has no mark_price"),
        ("BTCUSDT --market usdm --type bar --interval 1s", "has bars of 1s for spot alone"),
        ("BTCUSDT --interval 7m", "--interval"),
    ],
)
def test_what_cannot_be_asked_for(shell: Shell, words: str, message: str) -> None:
    done = shell(f"mdc stream binance {words} --url ws://127.0.0.1:1")
    assert done.status == 2 and message in done.err


BAD = [
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":1,"q":"1","T":1}}',
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":2,"p":"NaN","q":"1",'
    '"T":1700000000000,"m":true,"M":true}}',
    '{"stream":"btcusdt@trade","data":[]}',
    '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,'
    '"b":[["1"]],"a":[]}}',
    '{"e":"newThing"}',
    "[]",
    "hello",
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":3,"p":"1","q":"1",'
    '"T":99999999999999999999,"m":true,"M":true}}',
]
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GOOD = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000001,"s":"BTCUSDT","t":%d,'
    '"p":"%s","q":"%s","T":1700000000000,"m":true,"M":true,"new":{"a":1}}}'
)


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(
    shell: Shell, tmp_path: Path
) -> None:
    numbers = [("5E-7", "1"), ("123456789012345678.123456789012345678", "0.000000000000000001")]
    good = [GOOD % (n, *pair) for n, pair in enumerate(numbers, 10)]
    frames = [good[0], *BAD, good[1]]
    lines = [
        json.dumps(
            {"recv_ns": 1_700_000_000_000_000_000 + n, "dir": "in", "frame": frame}
            | {"encoding": "text"}
        )
        for n, frame in enumerate(frames)
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(lines) + "\n")
    done = shell("mdc stream binance --replay c.jsonl --quarantine q.jsonl")
    assert done.status == 0, done.err
    found = of_type(done.events, "trade")
    exact = [(Decimal(row["price"]), Decimal(row["size"])) for row in found]
    assert exact == [(Decimal(price), Decimal(size)) for price, size in numbers]
    assert [row["extra"] for row in found] == [{"new": {"a": "1"}}] * 2
    assert len((tmp_path / "q.jsonl").read_text().splitlines()) == len(BAD)
    assert len(of_type(done.events, "integrity")) == len(BAD)


def said(client: Any, **values: Any) -> Any:
    client.send(json.dumps(values))
    return json.loads(client.recv(DEADLINE))


def test_the_server_answers_as_binance_does_and_pings() -> None:
    kind = type("Hasty", (BinanceSandbox,), {"ping_every": 0.02})
    endpoint = Endpoint("wss://stream.binance.com:9443/ws")
    with SandboxServer(kind, Playback(list), endpoint=endpoint, say=Log()) as server:
        with connect(server.url()) as one:
            assert said(one, method="LIST_SUBSCRIPTIONS", id=1) == {"result": [], "id": 1}
            combined = {"method": "GET_PROPERTY", "params": ["combined"], "id": "a"}
            assert said(one, **combined) == {"result": False, "id": "a"}
            assert said(one, method="SET_PROPERTY", params=["fast", 1], id=2)["code"] == 0
            assert said(one, method="SET_PROPERTY", params=["combined", 1], id=3)["code"] == 1
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as raw:
            raw.sendall(HANDSHAKE)
            heard = b""
            while b"\x89\x04" not in heard:  # a ping with four bytes
                piece = raw.recv(1)
                assert piece, heard
                heard += piece


def test_more_than_five_messages_a_second_end_the_connection() -> None:
    sandbox = BinanceSandbox("/stream", {}, BinanceSandbox.Options())
    frame = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
    for _ in range(2):
        assert all(list(sandbox.receive(frame)) for _ in range(5))
        sandbox.tick(0)
    assert list(sandbox.receive("hello")) == [
        '{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}'
    ]
    for _ in range(4):
        sandbox.receive(frame)
    with pytest.raises(HangUp) as end:
        sandbox.receive(frame)
    assert end.value.code == 1008
