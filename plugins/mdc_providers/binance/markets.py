"""Binance's three markets: where they are, and how the names of their streams are written.

Sources: Binance, "WebSocket Streams" and "General REST API Information" of Spot, USD-M Futures
and COIN-M Futures (binance/binance-spot-api-docs; developers.binance.com).
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

CHANNELS = (
    "trade",
    "agg_trade",
    "quote",
    "book",
    "partial_book",
    "bar",
    "mark_price",
    "liquidation",
)
FUTURES_ONLY = ("mark_price", "liquidation")


class Market(Struct, frozen=True):
    """Where a market is."""

    feed: str  # the combined form, to which streams are subscribed
    rest: str  # what the paths of its REST API begin with
    book_weight: int  # of a snapshot of 1,000 levels, in request weight
    weight: int  # which one address may use in a minute
    of_all: tuple[str, ...] = ()  # channels that have a stream of all symbols
    mic: str | None = None

    @property
    def is_spot(self) -> bool:
        """Whether its update ids are contiguous; those of futures name the one before."""
        return "/api/" in self.rest


MARKETS: Mapping[str, Market] = MappingProxyType(
    {
        "spot": Market(
            "wss://stream.binance.com:9443/stream", "https://api.binance.com/api/v3", 50, 6000
        ),
        "usdm": Market(
            "wss://fstream.binance.com/stream",
            "https://fapi.binance.com/fapi/v1",
            20,
            2400,
            ("quote", "mark_price", "liquidation"),
        ),
        "coinm": Market(
            "wss://dstream.binance.com/stream",
            "https://dapi.binance.com/dapi/v1",
            20,
            2400,
            ("quote", "liquidation"),
        ),
    }
)
# Channel -> the name of its stream, behind the symbol; how books are spaced is a part of it.
_STREAMS: Mapping[str, str] = MappingProxyType(
    {
        "trade": "trade",
        "agg_trade": "aggTrade",
        "quote": "bookTicker",
        "book": "depth@100ms",
        "partial_book": "depth{levels}@100ms",
        "bar": "kline_{interval}",
        "mark_price": "markPrice@1s",
        "liquidation": "forceOrder",
    }
)
# Channel -> the stream of all symbols, in the markets that have one. Mark prices come in a list.
_OF_ALL: Mapping[str, str] = MappingProxyType(
    {
        "quote": "!bookTicker",
        "mark_price": "!markPrice@arr@1s",
        "liquidation": "!forceOrder@arr",
    }
)
EVERY = "*"


def stream_of(symbol: str, channel: str, *, interval: str = "1m", levels: int = 20) -> str:
    """The name of a stream: the symbol in small letters, and what of it; `*` is every symbol."""
    if symbol == EVERY:
        return _OF_ALL[channel]
    what = _STREAMS[channel].format(interval=interval, levels=levels)
    return f"{symbol.lower()}@{what}"


def channel_of(stream: str) -> tuple[str, str] | None:
    """The symbol of a stream's name, in capitals, and its channel; None for others."""
    if stream.startswith("!"):
        every = (channel for channel, name in _OF_ALL.items() if name == stream)
        channel = next(every, None)
        return None if channel is None else (EVERY, channel)
    symbol, _, what = stream.partition("@")
    kind = what.partition("@")[0]
    name = kind.rstrip("0123456789") if kind.startswith("depth") else kind.partition("_")[0]
    found = {
        "trade": "trade",
        "aggTrade": "agg_trade",
        "bookTicker": "quote",
        "depth": "book" if kind == "depth" else "partial_book",
        "kline": "bar",
        "markPrice": "mark_price",
        "forceOrder": "liquidation",
    }.get(name)
    return None if found is None or not symbol else (symbol.upper(), found)
