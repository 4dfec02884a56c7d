"""Finnhub's codec against frames written after its documentation."""

from mdc_core.testing import StreamSuite
from mdc_providers.finnhub.stream import Finnhub


class TestFinnhub(StreamSuite):
    stream = Finnhub
    symbols = ("AAPL", "TSLA", "BINANCE:BTCUSDT")
    channels = ("trade", "news")
    lacks = ("trade.trade_id", "trade.aggressor_side")
    resolution = 1_000_000
