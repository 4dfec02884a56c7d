"""Messages of Binance that the transcripts do not have, after its documentation: every field."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Bar, Subscription, Trade
from mdc_providers.binance.stream import Binance

D = Decimal


def received(stream: str, data: dict[str, Any], market: str = "spot") -> list[Any]:
    """The events of a message: the first, which is read carefully, and the second."""
    codec = Binance(Subscription(()), Binance.Options(market=market), {})
    frame = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
    first, second = ([*codec.receive(frame, 0)] for _ in range(2))
    assert first == second
    return first


@pytest.mark.parametrize(
    ("is_maker", "side"), [(True, "sell"), (False, "buy")]
)  # `m`: the buyer was the maker
def test_an_aggregate_has_its_own_id_and_those_of_its_trades(is_maker: bool, side: str) -> None:
    head = {"e": "aggTrade", "E": 1_672_515_782_136, "s": "BNBBTC", "a": 12345}
    data = {**head, "p": "0.0010", "q": "100", "f": 100, "l": 105, "T": 1_672_515_782_135}
    assert received("bnbbtc@aggTrade", {**data, "m": is_maker, "M": True}) == [
        Trade(
            symbol="BNBBTC",
            ts_event="2022-12-31T19:43:02.135000000Z",
            channel="agg_trade",
            price=D("0.0010"),
            size=D("100"),
            aggressor_side=side,  # type: ignore[arg-type]
            trade_id="12345",
            extra={"f": 100, "l": 105},
        )
    ]


@pytest.mark.parametrize(("is_final", "revision"), [(True, 0), (False, None)])
def test_a_bar_of_a_month(is_final: bool, revision: int | None) -> None:
    times = {"t": 1_704_067_200_000, "T": 1_706_745_599_999, "s": "BNBBTC", "i": "1M"}
    prices = {"o": "0.0010", "c": "0.0020", "h": "0.0025", "l": "0.0005"}
    rest = {"v": "1000", "n": 7, "x": is_final, "q": "1.5", "V": "500", "Q": "0.5", "B": "0"}
    k = {**times, "f": 100, "L": 200, **prices, **rest}
    data = {"e": "kline", "E": 1_704_067_300_000, "s": "BNBBTC", "k": k}
    assert received("bnbbtc@kline_1M", data) == [
        Bar(
            symbol="BNBBTC",
            ts_event="2024-01-01T00:00:00.000000000Z",
            ts_close="2024-02-01T00:00:00.000000000Z",
            interval="1mo",
            open=D("0.0010"),
            high=D("0.0025"),
            low=D("0.0005"),
            close=D("0.0020"),
            volume=D("1000"),
            trade_count=7,
            is_final=is_final,
            revision=revision,
            extra={"f": 100, "L": 200, "q": "1.5", "V": "500", "Q": "0.5"},
        )
    ]


def test_a_number_beside_a_message_is_kept_exactly() -> None:
    codec = Binance(Subscription(()), Binance.Options(), {})
    data = '{"e":"trade","E":1,"s":"X","t":1,"p":"1","q":"1","T":1,"m":true,"M":true}'
    frame = f'{{"stream":"x@trade","data":{data},"beside":0.10000000000000000001}}'
    (trade,) = codec.receive(frame, 0)
    assert isinstance(trade, Trade) and trade.extra == {"beside": D("0.10000000000000000001")}


def test_what_an_aggregate_is_without_is_kept_beside_its_trades() -> None:
    head = {"e": "aggTrade", "E": 2, "s": "BTCUSDT", "a": 1, "p": "1", "q": "5", "nq": "4.50"}
    (trade,) = received("btcusdt@aggTrade", {**head, "f": 3, "l": 4, "T": 1, "m": True}, "usdm")
    assert trade.extra == {"f": 3, "l": 4, "nq": "4.50"}
