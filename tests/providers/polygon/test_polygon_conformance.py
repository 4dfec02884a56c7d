"""Polygon's codec against frames written after its documentation."""

import pytest

from mdc_core.plugin import Sandbox
from mdc_core.testing import StreamSuite
from mdc_providers.polygon.massive import Massive
from mdc_providers.polygon.stream import Polygon

MILLISECOND = 1_000_000


class PolygonSuite(StreamSuite):
    stream = Polygon
    resolution = MILLISECOND
    unread = ("message",)  # of the greeting, and of what else the status says


class TestStocks(PolygonSuite):
    symbols = ("SPY", "IBM")
    channels = ("trade", "quote", "bar", "second_bar", "luld", "fmv", "imbalance")
    lacks = ("trade.aggressor_side", "status")
    unread = ("message", "a")  # a type of auction that is not known stays in `extra`


class TestMassive(PolygonSuite):
    stream = Massive
    symbols = ("SPY",)
    channels = ("trade",)
    lacks = ("trade.aggressor_side",)
    transcript = "massive.jsonl"


class TestDecimalSizes(PolygonSuite):
    symbols = ("SPY",)
    channels = ("trade", "bar")
    lacks = ("trade.aggressor_side",)
    transcript = "decimal_sizes.jsonl"
    unread = ("message", "s", "v", "av")  # whole numbers, beside the exact ones


class TestCrypto(PolygonSuite):
    symbols = ("BTC-USD",)
    channels = ("trade", "quote", "bar", "second_bar", "book")
    options = {"market": "crypto"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "crypto.jsonl"
    lacks = ("delta", "trade.seq", "quote.seq", "book.seq")


class TestIndices(PolygonSuite):
    symbols = ("I:SPX", "I:NDX")
    channels = ("value", "bar", "second_bar")
    options = {"market": "indices"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "indices.jsonl"

    def server(self) -> type[Sandbox]:
        """Its round trip is in test_polygon_round_trip.py."""
        pytest.skip("of what the suite plays, nothing is an index")


class TestForex(PolygonSuite):
    symbols = ("EUR/USD",)
    channels = ("quote", "bar", "second_bar")
    options = {"market": "forex"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "forex.jsonl"
    precise = None
    lacks = (
        "quote.bid_price=none",
        "quote.ask_price=none",
        "quote.bid_size",
        "quote.ask_size",
        "quote.seq",
    )
