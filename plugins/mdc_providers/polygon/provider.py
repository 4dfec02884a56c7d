"""The facts about Polygon, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Limits, Provider
from mdc_providers.polygon.codes import ID_OF_MIC


class PolygonProvider(Provider):
    """Polygon.io, since 2025-10-30 Massive: consolidated US stocks, crypto, forex, indices."""

    vendor = "Massive (formerly Polygon.io)"
    assets = ("equity", "etf", "crypto", "fx", "index")
    venues = tuple(ID_OF_MIC)
    limits = Limits(connections=1)
    notes = (
        "The free plan has no WebSocket; other plans have --feed delayed, or both feeds.",
        "One connection for each market and key.",
        "Symbols are SPY, BTC-USD (crypto), EUR/USD (forex), I:SPX (indices); '*' is every one.",
        "Numbers of trades and of quotes rise for each symbol, and are skipped: no jump is a gap.",
        "Sizes of stock quotes are round lots before 2025-11-03, and shares from then on, as the "
        "documentation says; what the vendor sends is kept.",
        "Books of crypto are whole snapshots of one exchange, deprecated by the vendor in 2024.",
        "Bars of forex have no volume: the vendor's counts quotes, and is in `extra`.",
        "Corrections and cancels are not sent.",
    )
    test_secrets: ClassVar[Mapping[str, str]] = MappingProxyType({"POLYGON_API_KEY": "sandbox-key"})
    secrets = tuple(test_secrets)
