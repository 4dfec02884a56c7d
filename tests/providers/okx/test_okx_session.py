"""OKX's candles: each length of them, and every place of a row."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Bad, Bar, Subscription
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
