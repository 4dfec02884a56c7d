"""The facts about Finnhub, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Limits, Provider


class FinnhubProvider(Provider):
    """Finnhub: trades of US stocks, of crypto and of foreign exchange, and news."""

    vendor = "Finnhub"
    assets = ("equity", "etf", "crypto", "fx")
    venues = ("BINANCE", "COINBASE", "KRAKEN", "OANDA", "FXCM", "IC MARKETS")
    # As others have measured with free keys (2026): the 51st or 52nd symbol is refused, and a
    # second connection of a key ends both.
    limits = Limits(symbols=50, connections=1)
    notes = (
        "A key is free: one connection with 50 symbols, and no news.",
        "Finnhub acknowledges nothing: a symbol that it does not know is silence, and so are some "
        "that trade, with a free key.",
        "A second connection with the same key ends both.",
        "Crypto and foreign exchange are EXCHANGE:SYMBOL, such as BINANCE:BTCUSDT.",
        "There are no trade ids, no sides and no quotes; alike trades are different ones.",
    )
    test_secrets: ClassVar[Mapping[str, str]] = MappingProxyType({"FINNHUB_API_KEY": "sandbox-key"})
    secrets = tuple(test_secrets)
