"""The facts about Alpaca, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Limits, Provider
from mdc_providers.alpaca.codes import MIC_OF_LETTER


class AlpacaProvider(Provider):
    """Alpaca Markets: stocks of all US exchanges, crypto of its own venue and of Kraken, news."""

    vendor = "Alpaca Markets"
    assets = ("equity", "etf", "crypto", "future")
    venues = tuple(dict.fromkeys(MIC_OF_LETTER.values()))
    limits = Limits(connections=1, frame=32 * 1024)
    notes = (
        "A key is free; without a paid plan: --feed iex or crypto, and 30 symbols.",
        "--feed iex is one exchange, a few percent of the volume: its trades are not the market's.",
        "--feed test has the symbol FAKEPACA at all hours.",
        "Sizes of stock quotes are round lots before 2025-11-03, and shares from then on.",
        "Nasdaq's two letters, T and Q, are both XNAS.",
    )
    test_secrets: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"ALPACA_KEY_ID": "sandbox-key", "ALPACA_SECRET_KEY": "sandbox-secret"}
    )
    secrets = tuple(test_secrets)
