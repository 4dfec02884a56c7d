"""Alpaca's codec against frames written after its documentation."""

from decimal import Decimal

from mdc_core.testing import StreamSuite
from mdc_providers.alpaca.stream import Alpaca
from tests.providers.alpaca.conversation import STOCK_CHANNELS


class TestStocks(StreamSuite):
    stream = Alpaca
    symbols = ("SPY", "IBM")
    channels = STOCK_CHANNELS
    lacks = ("trade.aggressor_side",)
    unread = ("corrections", "cancelErrors")  # they come unasked, with the trades
    many = 30  # of the free feed


class TestCrypto(StreamSuite):
    stream = Alpaca
    symbols = ("BTC/USD",)
    channels = ("trade", "quote", "book")
    options = {"feed": "crypto"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "crypto.jsonl"
    many = 10  # order books


class TestPacked(StreamSuite):
    """The same in msgpack; a price that no double is does not travel."""

    stream = Alpaca
    symbols = ("SPY", "IBM")
    channels = ("trade", "quote", "status")
    options = {"encoding": "msgpack", "feed": "sip"}  # noqa: RUF012 - the suite's is a ClassVar
    lacks = ("trade.aggressor_side",)
    precise = Decimal("4503599627370.497")
    transcript = "packed.jsonl"
    many = 30


class TestPerpetuals(StreamSuite):
    stream = Alpaca
    symbols = ("BTC-PERP",)
    channels = ("trade", "quote", "book", "funding")
    options = {"feed": "crypto-perps"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "perpetuals.jsonl"
    many = 10


class TestNews(StreamSuite):
    stream = Alpaca
    symbols = ("AAPL", "TSLA")
    channels = ("news",)
    options = {"feed": "news"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "news.jsonl"
    # The suite's tape has no news: test_alpaca_command.py plays some.
    test_sandbox = test_many_symbols = test_other_symbols = None  # type: ignore[assignment]
