"""The facts about Tiingo, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Provider


class TiingoProvider(Provider):
    """Tiingo: stocks of one exchange, IEX, crypto of several, and foreign exchange."""

    vendor = "Tiingo"
    assets = ("equity", "etf", "crypto", "fx")
    venues = ("IEXG", "gdax", "kraken", "binance", "bitfinex", "gemini")
    notes = (
        "A free key has --market crypto, --market fx, and of IEX --type reference; trades and "
        "quotes of IEX need its signed agreement (since 2025-02-01).",
        "Tiingo says nothing of a symbol that it does not know.",
        "A trade of crypto may be several trades at their average price.",
        "Numbers have the digits that Tiingo writes: 0.0136 may be 0.013599999999999999.",
        "Plans have a volume of data a month, and '*' is a lot of it.",
    )
    test_secrets: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"TIINGO_API_TOKEN": "sandbox-token"}
    )
    secrets = tuple(test_secrets)
