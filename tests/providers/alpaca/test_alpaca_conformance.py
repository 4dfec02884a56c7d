"""Alpaca's codec against frames written after its documentation."""

from mdc_core.testing import StreamSuite
from mdc_providers.alpaca.stream import Alpaca


class TestStocks(StreamSuite):
    stream = Alpaca
    symbols = ("SPY", "IBM")
    channels = Alpaca.channels[:-1]
    lacks = ("trade.aggressor_side",)
    unread = ("corrections", "cancelErrors")  # they come unasked, with the trades
    many = 30  # of the free feed


class TestCrypto(StreamSuite):
    stream = Alpaca
    symbols = ("BTC/USD",)
    channels = ("trade", "quote", "book")
    options = {"feed": "crypto"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "crypto.jsonl"
