"""What Binance allows and how it differs: streams of all symbols, limits, times, partial books."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mdc_core.contracts import Subscription
from mdc_core.live.group import by_symbols, divided
from mdc_core.plugin import Bad, Book, DataError, Fetch, HangUp, Response, Send, Trade, from_ns
from mdc_providers.binance.sandbox import BinanceSandbox
from mdc_providers.binance.stream import Binance
from tests.conftest import Shell

CLIENT = "timeout $DEADLINE mdc stream binance --mock --url $url"
SECOND = 1_000_000_000
WEIGHTS = {"spot": (50, 6000), "usdm": (20, 2400), "coinm": (20, 2400)}


def at(n: int) -> str:
    return f"2024-01-02T14:30:{n // 1000:02}.{n % 1000:03}000000Z"


def tape(folder: Path) -> list[dict[str, Any]]:
    """Quotes, mark prices and liquidations of three symbols, in `tape.jsonl`."""
    rows: list[dict[str, Any]] = []
    for n in range(30):
        head = {"symbol": ("BTCUSDT", "ETHUSDT", "XRPUSDT")[n % 3], "ts_event": at(n)}
        rows.append({"type": "quote", **head, "bid_price": f"1.{n}", "bid_size": "2"})
        rows[-1] |= {"ask_price": f"2.{n}", "ask_size": "3"}
        rows.append({"type": "funding", **head, "mark_price": f"1.5{n}", "funding_rate": "0.0001"})
        rows.append({"type": "liquidation", **head, "side": "sell", "price": f"1.{n}", "size": "7"})
    (folder / "tape.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def test_streams_of_all_symbols(shell: Shell, tmp_path: Path) -> None:
    rows = tape(tmp_path)
    words = "'*' --market usdm --type quote,mark_price,liquidation --capture c.jsonl"
    done = shell(
        "mdc mock binance --market usdm --once tape.jsonl --type quote,mark_price,liquidation | "
        f"{{ read url; {CLIENT} {words}; }}"
    )
    assert done.status == 0, done.err
    found = [row for row in done.events if row["type"] in ("quote", "funding", "liquidation")]
    assert Counter((r["type"], r["symbol"]) for r in found) == Counter(
        (r["type"], r["symbol"]) for r in rows
    )
    marks = [
        [Decimal(r["mark_price"]) for r in some if r["type"] == "funding"] for some in (found, rows)
    ]
    assert marks[0] == marks[1]
    sent = (tmp_path / "c.jsonl").read_text()
    for name in ("!bookTicker", "!markPrice@arr@1s", "!forceOrder@arr"):
        assert f'"{name}"' in sent
    assert not [row for row in done.events if row["type"] == "integrity"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("'*'", "binance's market spot has no stream of all symbols: trade, quote"),
        ("'*' --market coinm --type mark_price,quote", "no stream of all symbols: mark_price"),
        ("'*' --market usdm --type book", "quote, mark_price, liquidation"),
    ],
)
def test_what_has_no_stream_of_all_symbols(shell: Shell, words: str, message: str) -> None:
    done = shell(f"mdc stream binance {words} --url ws://127.0.0.1:1")
    assert done.status == 2 and message in done.err


def test_a_list_with_a_field_that_nobody_knows() -> None:
    stream = Binance(Subscription(("*",), ("mark_price",)), Binance.Options(market="usdm"), {})
    one = '{"e":"markPriceUpdate","E":1,"s":"%s","p":"1.50","i":"1.5","r":"0.1","T":2,"new":%d}'
    both = f"[{one % ('A', 1)},{one % ('B', 2)}]"
    frame = f'{{"stream":"!markPrice@arr@1s","data":{both}}}'
    for _ in range(2):
        events: list[Any] = list(stream.receive(frame, 0))
        assert [(e.symbol, str(e.mark_price), e.extra["new"]) for e in events] == [
            ("A", "1.50", 1),
            ("B", "1.50", 2),
        ]
    plain = frame.replace(',"new":1', "").replace(',"new":2', "")
    assert [e.symbol for e in stream.receive(plain, 0)] == ["A", "B"]  # type: ignore[union-attr]
    for _ in range(2):  # the second by the way of what is known
        with pytest.raises(DataError, match="a list without messages"):
            list(stream.receive('{"stream":"!markPrice@arr@1s","data":[]}', 0))
    (bad,) = stream.receive('{"stream":"!ticker@arr","data":[{}]}', 0)
    assert isinstance(bad, Bad)


@pytest.mark.parametrize(
    ("channels", "most"), [(("trade",), 1024), (("trade", "quote"), 512), (("book",), 1024)]
)
def test_a_connection_has_1024_streams(channels: tuple[str, ...], most: int) -> None:
    symbols = tuple(f"S{n}USDT" for n in range(most + 1))
    wanted = Subscription(symbols, channels)
    stream = Binance(wanted, Binance.Options(), {})
    limits = by_symbols(Binance.limits, len(channels))
    found = divided(stream.endpoints(), wanted, limits)
    assert [len(share.subscription.symbols) for share in found] == [most, 1]
    first = Binance(found[0].subscription, Binance.Options(), {})
    sent = [json.loads(e.frame) for e in settled(first, 60) if isinstance(e, Send)]
    assert sum(len(one["params"]) for one in sent) == 1024


def settled(stream: Binance, seconds: int, each: Any = lambda effects: None) -> list[Any]:
    """What a connection does in so many seconds whose messages are acknowledged."""
    done: list[Any] = []
    todo = list(stream.opened(0))
    for second in range(seconds):
        now = second * SECOND
        while todo:
            effect = todo.pop(0)
            done.append(effect)
            each((second, effect))
            if isinstance(effect, Send):
                number = json.loads(effect.frame)["id"]
                todo += stream.receive(json.dumps({"result": None, "id": number}), now)
        todo += stream.tick(now)
    return done


@pytest.mark.parametrize("market", WEIGHTS)
def test_snapshots_of_a_hundred_books_keep_to_the_weight_of_a_minute(market: str) -> None:
    weight, limit = WEIGHTS[market]
    symbols = tuple(f"S{n}USDT" for n in range(100))
    options = Binance.Options(market=market, check_symbols=False)
    stream = Binance(Subscription(symbols, ("book",)), options, {})
    times: list[int] = []

    def note(of: tuple[int, Any]) -> None:
        if isinstance(of[1], Fetch):
            times.append(of[0])

    done = settled(stream, 200, note)
    asked = [e.request.params["symbol"] for e in done if isinstance(e, Fetch)]
    assert sorted(asked) == sorted(symbols)
    for start in range(140):
        assert sum(start <= time < start + 60 for time in times) * weight <= limit
    told = list(stream.fetched("book:S1USDT", Response(429, {"retry-after": "30"}, b"{}"), 0))
    assert not [e for e in told if isinstance(e, Fetch)]
    later = [[e for e in stream.tick(n * SECOND) if isinstance(e, Fetch)] for n in (10, 29, 31)]
    assert [len(some) for some in later] == [0, 0, 1], "as long as the vendor says"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"lastUpdateId":1,"bids":[[',
        b"[" * 100_000,
        b'{"lastUpdateId":7,"bids":[["NaN","2"]],"asks":[]}',
        b'{"lastUpdateId":7,"bids":[],"asks":[["1E+30","2"]]}',
    ],
)
def test_a_snapshot_that_cannot_be_read_is_set_aside_and_asked_for_again(body: bytes) -> None:
    options = Binance.Options(check_symbols=False)
    stream = Binance(Subscription(("btcusdt",), ("book",)), options, {})
    settled(stream, 2)
    bad, again = stream.fetched("book:BTCUSDT", Response(200, {}, body), 0)
    assert isinstance(bad, Bad) and (bad.raw, bad.symbol) == (body, "btcusdt")
    assert isinstance(again, Fetch) and again.again == "book BTCUSDT"
    good = b'{"lastUpdateId":7,"bids":[["1","2"]],"asks":[]}'
    (book,) = stream.fetched(again.tag, Response(200, {}, good), 0)
    assert isinstance(book, Book) and book.seq == 7


def test_a_connection_lives_as_long_as_the_server_lets_it() -> None:
    sandbox = BinanceSandbox("/stream", {}, BinanceSandbox.Options(lifetime=3))
    for _ in range(2):
        assert not list(sandbox.tick(0))
    with pytest.raises(HangUp):
        sandbox.tick(0)


def test_times_in_microseconds() -> None:
    moment = "2024-01-02T14:30:00.123456000Z"
    for query, expected in (("?timeUnit=MICROSECOND", moment), ("", f"{moment[:23]}000000Z")):
        sandbox = BinanceSandbox(f"/stream{query}", {}, BinanceSandbox.Options())
        sandbox.receive('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        trade = Trade(symbol="BTCUSDT", ts_event=moment, price=1, size=2, trade_id="7")  # type: ignore[arg-type]
        (frame,) = sandbox.feed([trade])
        stream = Binance(Subscription(("BTCUSDT",), ("trade",)), Binance.Options(), {})
        (event,) = stream.receive(frame, 0)
        assert isinstance(event, Trade) and event.ts_event == expected


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_the_best_levels_of_a_book_whole(shell: Shell, tmp_path: Path, market: str) -> None:
    levels = [
        [{"price": f"{p + s * n}.5", "size": "1"} for n in range(9)]
        for p, s in ((99, -1), (100, 1))
    ]
    rows = [{"type": "book", "symbol": "BTCUSDT", "ts_event": at(0), "bids": levels[0]}]
    rows[0] |= {"asks": levels[1]}
    for n in range(1, 30):
        rows.append({"type": "delta", "symbol": "BTCUSDT", "ts_event": at(n), "side": "bid"})
        rows[-1] |= {"action": "modify", "price": f"{99 - n % 9}.5", "size": f"{n}"}
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = f"BTCUSDT --market {market} --type partial_book --partial-levels 5"
    done = shell(
        f"mdc mock binance --market {market} --once tape.jsonl | {{ read url; {CLIENT} {words}; }} "
        "| mdc validate --strict"
    )
    assert done.status == 0, done.err
    books = [row for row in done.events if row["type"] == "book"]
    assert len(books) == len(rows)
    assert {len(row[side]) for row in books for side in ("bids", "asks")} == {5}
    assert {row["channel"] for row in books} == {"binance-1~partial_book"}
    best = [Decimal(row["bids"][0]["size"]) for row in books]
    assert best == [1] * 9 + [9] * 9 + [18] * 9 + [27] * 3


def test_a_partial_book_of_spot_is_of_its_stream() -> None:
    stream = Binance(Subscription(("BTCUSDT",), ("partial_book",)), Binance.Options(), {})
    data = '{"lastUpdateId":9,"bids":[["1.50","2"]],"asks":[]}'
    (book,) = stream.receive(f'{{"stream":"btcusdt@depth20@100ms","data":{data}}}', SECOND)
    assert isinstance(book, Book)
    assert (book.symbol, book.seq, book.ts_event, book.asks) == ("BTCUSDT", 9, from_ns(SECOND), [])
