"""Binance's codec against frames written after its documentation, and against its mock server."""

from typing import Any, ClassVar

from mdc_core.testing import StreamSuite
from mdc_providers.binance.stream import Binance

_MILLISECOND = 1_000_000


class TestFutures(StreamSuite):
    stream = Binance
    symbols = ("BTCUSDT", "ETHUSDT")
    channels = ("trade", "quote", "book", "bar", "mark_price", "liquidation")
    options: ClassVar[dict[str, Any]] = {"market": "usdm"}
    transcript = "usdm.jsonl"
    resolution = _MILLISECOND
    many = 20  # snapshots at once
    lacks = ("trade.aggressor_side=none", "trade.seq", "status")
    # When it was sent, the pair, what the message is, order types, and who closed the position.
    unread = ("E", "M", "e", "ps", "B", "id", "code", "stream")


class TestSpot(StreamSuite):
    stream = Binance
    symbols = ("BTCUSDT", "ETHUSDT")
    channels = ("trade", "quote", "book")
    resolution = _MILLISECOND
    many = 20  # snapshots at once
    # Quotes and snapshots have no time.
    lacks = (
        "trade.aggressor_side=none",
        "trade.seq",
        "status",
        "quote.ts_event",
        "book.ts_event",
    )
    unread = ("E", "M", "e", "id", "code", "stream")
