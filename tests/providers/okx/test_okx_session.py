"""OKX's candles, in every place of their rows; numbers of books, and what is not known."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Bar,
    Book,
    Busy,
    DataError,
    Delta,
    Event,
    Gap,
    Integrity,
    Send,
    Subscription,
)
from mdc_providers.okx.stream import Okx

D = Decimal
START = 1_704_067_200_000  # 2024-01-01, a Monday
ROW = ["100.10", "102.0", "99.5", "101", "7.25", "725.5", "726.75"]


def candle(channel: str, confirm: str) -> list[Any]:
    stream = Okx(Subscription(("BTC-USDT",), ("bar",)), Okx.Options(), {})
    arg = {"channel": channel, "instId": "BTC-USDT"}
    frame = {"arg": arg, "data": [[str(START), *ROW, confirm]]}
    return list(stream.receive(json.dumps(frame), 0))


@pytest.mark.parametrize(
    ("channel", "interval", "end"),
    [
        ("candle1s", "1s", "2024-01-01T00:00:01.000000000Z"),
        ("candle5m", "5m", "2024-01-01T00:05:00.000000000Z"),
        ("candle2H", "2h", "2024-01-01T02:00:00.000000000Z"),
        ("candle1Dutc", "1d", "2024-01-02T00:00:00.000000000Z"),
        ("candle1Wutc", "1w", "2024-01-08T00:00:00.000000000Z"),
    ],
)
def test_every_place_of_a_candle(channel: str, interval: str, end: str) -> None:
    for confirm in ("0", "1"):
        assert candle(channel, confirm) == [
            Bar(
                symbol="BTC-USDT",
                venue="OKX",
                channel=channel,
                interval=interval,
                ts_event="2024-01-01T00:00:00.000000000Z",
                ts_close=end,
                open=D("100.10"),
                high=D("102.0"),
                low=D("99.5"),
                close=D("101"),
                volume=D("7.25"),
                is_final=confirm == "1",
                extra={"volCcy": "725.5", "volCcyQuote": "726.75"},
            )
        ]
    stream = Okx(Subscription(("X",), ("bar",)), Okx.Options(interval=interval), {})
    assert json.loads(next(iter(stream.opened(0))).frame)["args"] == [  # type: ignore[union-attr]
        {"channel": channel, "instId": "X"}
    ]


def test_days_of_another_clock_are_not_taken_for_those_of_utc() -> None:
    (bad,) = candle("candle1D", "1")
    assert isinstance(bad, Bad) and "candle1D" in bad.text


def test_a_number_beside_the_objects_is_kept_exactly() -> None:
    stream = Okx(Subscription(("BTC-USDT",)), Okx.Options(), {})
    row = '{"instId":"BTC-USDT","tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1"}'
    arg = '{"channel":"trades","instId":"BTC-USDT"}'
    (trade,) = stream.receive(f'{{"arg":{arg},"data":[{row}],"beside":0.10000000000000000001}}', 0)
    assert isinstance(trade, Event) and trade.extra == {"beside": D("0.10000000000000000001")}


def book(action: str, before: int, number: int) -> str:
    levels = {"bids": [["10", "1", "0", "2"]], "asks": [["11", "3", "0", "1"]]}
    row = {**levels, "ts": str(START), "checksum": 0, "prevSeqId": before, "seqId": number}
    arg = {"channel": "books", "instId": "BTC-USDT"}
    return json.dumps({"arg": arg, "action": action, "data": [row]})


def test_a_change_that_comes_twice_is_no_finding_and_one_that_is_missing_is() -> None:
    stream = Okx(Subscription(("BTC-USDT",), ("book",)), Okx.Options(), {})
    steps = [("snapshot", -1, 10), ("update", 10, 11), ("update", 10, 11), ("update", 11, 12)]
    for step in steps:
        assert {type(item) for item in stream.receive(book(*step), 0)} <= {Book, Delta}
    found, gap, _, _, again = stream.receive(book("update", 13, 14), 0)
    assert isinstance(found, Integrity) and isinstance(gap, Gap) and isinstance(again, Send)
    assert found.message == "the message before is 13, and ours is 12"
    assert json.loads(again.frame)["op"] == "unsubscribe"


def test_an_event_that_nobody_knows_is_named() -> None:
    stream = Okx(Subscription(("BTC-USDT",)), Okx.Options(), {})
    with pytest.raises(DataError, match="an event 'party', which is not known"):
        list(stream.receive('{"event":"party"}', 0))


def test_a_sign_of_life_is_asked_for_where_there_is_none() -> None:
    second = 1_000_000_000
    stream = Okx(Subscription(("BTC-USDT",)), Okx.Options(), {})
    list(stream.opened(0))
    assert list(stream.receive("pong", 5 * second)) == []
    assert Send("ping") not in [*stream.tick(24 * second)]
    assert Send("ping") in [*stream.tick(25 * second)]
    assert Send("ping") not in [*stream.tick(26 * second)]


@pytest.mark.parametrize("code", ["60014", "60023"])
def test_too_many_requests_are_waited_for(code: str) -> None:
    stream = Okx(Subscription(("BTC-USDT",)), Okx.Options(), {})
    list(stream.opened(0))
    (busy,) = stream.receive(json.dumps({"event": "error", "code": code, "msg": "slower"}), 0)
    assert busy == Busy(f"okx says: slower (error {code})")
