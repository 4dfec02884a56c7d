"""Version 1 of Kraken's WebSocket, by frames after its documentation: every value of them."""

import json
import zlib
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import (
    Bar,
    Book,
    DataError,
    Delta,
    Gap,
    Integrity,
    Level,
    Maintenance,
    Quote,
    Refused,
    Status,
    Subscription,
    Trade,
    from_ns,
)
from mdc_providers.kraken.stream import Kraken

NOW = 1_534_614_057_000_000_000
PAIR = "XBT/USD"
VENUE = "KRAKEN"
D = Decimal


def decoded(*frames: Any) -> list[Any]:
    stream = Kraken(Subscription(()), Kraken.Options(), {})
    return [item for frame in frames for item in stream.receive(json.dumps(frame), NOW)]


def test_trades_have_their_takers_side_and_the_kind_of_its_order() -> None:
    rows = [
        ["5541.20000", "0.15850568", "1534614057.321597", "s", "l", ""],
        ["6060.00000", "0.02455000", "1534614057.324998", "b", "m", "x"],
    ]
    head = {"symbol": PAIR, "venue": VENUE, "channel": "trade"}
    assert decoded([0, rows, "trade", PAIR]) == [
        Trade(
            **head,
            ts_event="2018-08-18T17:40:57.321597000Z",
            price=D("5541.20000"),
            size=D("0.15850568"),
            aggressor_side="sell",
            conditions=["limit"],
        ),
        Trade(
            **head,
            ts_event="2018-08-18T17:40:57.324998000Z",
            price=D("6060.00000"),
            size=D("0.02455000"),
            aggressor_side="buy",
            conditions=["market"],
            extra={"misc": "x"},
        ),
    ]


def test_a_ticker_has_the_size_of_the_best_lot_and_no_time() -> None:
    best = {"a": ["5525.40000", 1, "1.500"], "b": ["5525.10000", 2, "2.750"]}
    more = {"c": ["5525.10000", "0.00398963"], "t": [11493, 16267]}
    assert decoded([0, {**best, **more}, "ticker", PAIR]) == [
        Quote(
            symbol=PAIR,
            venue=VENUE,
            channel="ticker",
            ts_event=from_ns(NOW),
            bid_price=D("5525.10000"),
            bid_size=D("2.750"),
            ask_price=D("5525.40000"),
            ask_size=D("1.500"),
            extra=more,
        )
    ]


def test_a_spread_names_bid_and_ask_before_the_time_and_their_sizes_behind_it() -> None:
    row = ["5698.40000", "5700.00000", "1542057299.545897", "1.01234567", "0.98765432"]
    assert decoded([0, row, "spread", PAIR]) == [
        Quote(
            symbol=PAIR,
            venue=VENUE,
            channel="spread",
            ts_event="2018-11-12T21:14:59.545897000Z",
            bid_price=D("5698.40000"),
            bid_size=D("1.01234567"),
            ask_price=D("5700.00000"),
            ask_size=D("0.98765432"),
        )
    ]


@pytest.mark.parametrize(
    ("name", "interval", "begin"),
    [
        ("ohlc-5", "5m", "2018-11-12T21:15:00.000000000Z"),
        ("ohlc", "1m", "2018-11-12T21:19:00.000000000Z"),
    ],
)
def test_a_candle_begins_its_interval_before_its_end(name: str, interval: str, begin: str) -> None:
    times = ["1542057314.748456", "1542057600.000000"]
    row = [*times, "3586.1", "3586.9", "3585.2", "3586.6", "3586.68894", "0.03373", 2]
    assert decoded([42, row, name, PAIR]) == [
        Bar(
            symbol=PAIR,
            venue=VENUE,
            channel="ohlc",
            ts_event=begin,
            ts_close="2018-11-12T21:20:00.000000000Z",
            interval=interval,
            open=D("3586.1"),
            high=D("3586.9"),
            low=D("3585.2"),
            close=D("3586.6"),
            vwap=D("3586.68894"),
            volume=D("0.03373"),
            trade_count=2,
            is_final=False,
            extra={"last_trade": "2018-11-12T21:15:14.748456000Z"},
        )
    ]


SNAPSHOT = {
    "as": [["0.05010", "2.000", "1534614248.100000"], ["0.05020", "1.500", "1534614248.300000"]],
    "bs": [["0.05000", "3.000", "1534614248.200000"], ["0.04990", "0.250", "1534614248.000001"]],
}


def checksum(asks: list[str], bids: list[str]) -> str:
    text = "".join(number.replace(".", "").lstrip("0") for number in asks + bids)
    return str(zlib.crc32(text.encode()))


def test_a_book_is_as_old_as_its_newest_level_and_its_changes_are_checked() -> None:
    asks = ["0.05020", "1.500", "0.05030", "7.000"]
    bids = ["0.05000", "3.000", "0.04990", "0.250"]
    changes = [
        {
            "a": [
                ["0.05010", "0.000", "1534614335.345903"],
                ["0.05030", "7.000", "1534614300.000000", "r"],
            ]
        },
        {"b": [["0.05000", "3.000", "1534614336.000000"]], "c": checksum(asks, bids)},
    ]
    book, gone, again, same = decoded(
        [1234, SNAPSHOT, "book-10", PAIR], [1234, *changes, "book-10", PAIR]
    )
    assert isinstance(book, Book)
    assert (book.symbol, book.ts_event, book.depth) == (PAIR, "2018-08-18T17:44:08.300000000Z", 10)
    assert book.asks == [Level(D("0.05010"), D("2.000")), Level(D("0.05020"), D("1.500"))]
    assert book.bids == [Level(D("0.05000"), D("3.000")), Level(D("0.04990"), D("0.250"))]
    assert book.extra == {"price_precision": 5, "qty_precision": 3}
    head = {"symbol": PAIR, "venue": VENUE, "channel": "book"}
    assert gone == Delta(
        **head,
        ts_event="2018-08-18T17:45:35.345903000Z",
        action="cancel",
        side="ask",
        price=D("0.05010"),
        size=D("0.000"),
    )
    # It was there before, and came into sight again when another went.
    assert (again.action, again.side, again.price, again.size) == ("modify", "ask", D("0.05030"), 7)
    assert again.extra == {"republished": True, "since": "2018-08-18T17:45:00.000000000Z"}
    assert again.ts_event == "2018-08-18T17:45:36.000000000Z"
    assert (same.side, same.price, same.size) == ("bid", D("0.05000"), 3)
    assert same.checksum == checksum(asks, bids)


def test_a_checksum_that_does_not_hold_is_told() -> None:
    change = {"b": [["0.05000", "4.000", "1534614336.000000"]], "c": "1"}
    _, found, gap, _ = decoded([1, SNAPSHOT, "book-10", PAIR], [1, change, "book-10", PAIR])
    assert isinstance(found, Integrity) and isinstance(gap, Gap)
    assert found.message is not None and found.message.startswith("the checksum is 1, of our book")
    assert (gap.start, gap.end) == (
        "2018-08-18T17:44:08.300000000Z",
        "2018-08-18T17:45:36.000000000Z",
    )


def test_what_is_said_of_the_connection() -> None:
    subscribed = {"event": "subscriptionStatus", "pair": PAIR, "status": "subscribed"}
    refused = {
        "event": "subscriptionStatus",
        "status": "error",
        "pair": "NO/SUCH",
        "errorMessage": "Currency pair not supported NO/SUCH",
    }
    ended = {"event": "systemStatus", "status": "maintenance"}
    quiet = {"event": "systemStatus", "status": "online"}, {"event": "heartbeat"}
    told, status, maintenance = decoded(*quiet, subscribed, refused, ended)
    assert told == Refused(
        "kraken refuses NO/SUCH: Currency pair not supported NO/SUCH", ("NO/SUCH",)
    )
    assert isinstance(status, Status) and isinstance(maintenance, Maintenance)
    assert (status.symbol, status.status, status.status_code) == (PAIR, "halted", "maintenance")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ([0, [], "own", PAIR], "an unknown channel 'own'"),
        ({"event": "party"}, "an unknown event 'party'"),
        ([0, {"as": [], "bs": []}, "book-10", PAIR], "a book of version 1 without a level"),
    ],
)
def test_what_is_not_known_is_named(frame: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        decoded(frame)
