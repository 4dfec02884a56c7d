"""The facts about OKX, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType

from mdc_core.plugin import Limits, Provider

VENUE = "OKX"  # it has no MIC
# OKX's names of the channels, by ours; those of books and candles have their size behind them.
CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "trade": "trades",
        "quote": "tickers",
        "book": "books",
        "bar": "candle",
        "funding": "funding-rate",
        "mark_price": "mark-price",
        "open_interest": "open-interest",
        "liquidation": "liquidation-orders",
    }
)
NAMES: Mapping[str, str] = MappingProxyType({theirs: ours for ours, theirs in CHANNELS.items()})


class OkxProvider(Provider):
    """OKX: spot, margin, perpetual and dated futures, options."""

    vendor = "OKX"
    assets = ("crypto", "future", "option")
    venues = (VENUE,)
    # OKX, "API guide", "Connection count limit": three a second from one address.
    limits = Limits(frame=1024 * 1024, messages=480, per=3600, openings=3, openings_per=1)
    notes = (
        "No key is needed. Symbols are OKX's instrument ids: BTC-USDT, BTC-USDT-SWAP.",
        "Sizes of derivatives are contracts.",
        "Three connections a second from one address, 480 requests an hour on each of them.",
        "Since 2026-06-23 books have no checksum; their numbers tell what is missing.",
    )


def ours(channel: str) -> str:
    """Our name of one of OKX's channels."""
    if channel.startswith("candle"):
        return "bar"
    return "book" if channel.startswith("books") else NAMES.get(channel, channel)
