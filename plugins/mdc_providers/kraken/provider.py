"""The facts about Kraken, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType

from mdc_core.plugin import Limits, Provider

VENUE = "KRAKEN"  # it has no MIC
# Kraken's names of the channels, by ours.
CHANNELS: Mapping[str, str] = MappingProxyType(
    {"trade": "trade", "quote": "ticker", "book": "book", "bar": "ohlc", "status": "instrument"}
)
NAMES: Mapping[str, str] = MappingProxyType({theirs: ours for ours, theirs in CHANNELS.items()})


class KrakenProvider(Provider):
    """Kraken's spot market: crypto against currencies and crypto."""

    vendor = "Kraken"
    assets = ("crypto", "fx")
    venues = (VENUE,)
    # Kraken, "Spot WebSockets Introduction": about 150 attempts in ten minutes.
    limits = Limits(frame=1024 * 1024, openings=150, openings_per=600)
    notes = (
        "No key is needed. Symbols are written BTC/USD: capitals, a slash, BTC and not XBT.",
        "About 150 connections in 10 minutes from one address, then none for 10 minutes.",
        "A book has no sequence numbers: its checksum tells what is missing.",
        "Captures of WebSocket v1 (XBT/USD) are decoded as well, with --replay.",
    )
