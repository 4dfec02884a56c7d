"""Tiingo's codec against frames written after its documentation."""

from mdc_core.testing import StreamSuite
from mdc_providers.tiingo.stream import Tiingo

# All values of an array have the key `data`: each place has its own test among the samples.
UNREAD = ("data", "message", "subscriptionId", "thresholdLevel")


class TestIex(StreamSuite):
    stream = Tiingo
    symbols = ("SPY", "IBM")
    lacks = ("trade.trade_id", "trade.aggressor_side")
    unread = UNREAD


class TestCrypto(StreamSuite):
    stream = Tiingo
    symbols = ("btcusd",)
    options = {"market": "crypto"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    lacks = ("trade.trade_id", "trade.aggressor_side")
    transcript = "crypto.jsonl"
    unread = UNREAD


class TestFx(StreamSuite):
    stream = Tiingo
    symbols = ("eurusd",)
    channels = ("quote",)
    options = {"market": "fx"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    lacks = ("trade",)
    transcript = "fx.jsonl"
    unread = UNREAD
