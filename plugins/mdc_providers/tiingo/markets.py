"""Tiingo's services: where each is, what it carries, and at which level."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from msgspec import Struct

from mdc_core.plugin import Cancel, Event, Quote, Status, Trade, UsageError


class Market(Struct, frozen=True):
    """A service; `levels` are the `thresholdLevel`s at which each of its channels comes."""

    path: str
    service: str
    levels: Mapping[str, tuple[int, ...]]


# Tiingo, "Real-time IEX WebSocket API", "WebSocket crypto", "forex". The first level of a channel
# is the one that brings the least besides; of several channels it is the first they share.
MARKETS: Mapping[str, Market] = MappingProxyType(
    {
        "iex": Market("iex", "iex", {"trade": (5, 0), "quote": (5, 0), "reference": (6,)}),
        "crypto": Market("crypto", "crypto_data", {"trade": (5, 2), "quote": (2,)}),
        "fx": Market("fx", "fx", {"quote": (7,)}),
    }
)
USUAL_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {"iex": "SPY", "crypto": "btcusd", "fx": "eurusd"}
)
ASSETS: Mapping[str, str] = MappingProxyType({"iex": "equity", "crypto": "crypto", "fx": "fx"})
TYPES: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {"trade": (Trade, Cancel), "quote": (Quote,), "reference": (Status,)}
)


def level_of(name: str, channels: Collection[str]) -> int:
    """The level at which all of these channels of a market come."""
    market = MARKETS[name]
    for channel in channels:
        if channel not in market.levels:
            raise UsageError(
                f"tiingo's market {name} has no channel {channel!r}",
                hint=f"it has {', '.join(market.levels)}",
            )
    shared = [market.levels[channel] for channel in channels]
    for level in shared[0]:
        if all(level in levels for levels in shared):
            return level
    raise UsageError(
        f"tiingo's market {name} has no subscription with {' and '.join(channels)}",
        hint="collect them by two commands",
    )
