"""The facts about Coinbase, shared by what is asked of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Limits, Provider

API_KEY, API_SECRET = "COINBASE_API_KEY", "COINBASE_API_SECRET"  # of Advanced Trade
EXCHANGE_KEY = "COINBASE_EXCHANGE_KEY"
EXCHANGE_SECRET = "COINBASE_EXCHANGE_SECRET"
EXCHANGE_PASSPHRASE = "COINBASE_EXCHANGE_PASSPHRASE"


class CoinbaseProvider(Provider):
    """Coinbase: crypto of its own exchange, by two generations of its protocol."""

    vendor = "Coinbase"
    assets = ("crypto",)
    # Coinbase, "Advanced Trade WebSocket Rate Limits": 8 connections a second from one address.
    limits = Limits(messages=8, openings=8, openings_per=1)
    notes = (
        "Market data needs no key. With one, each message of --feed advanced is signed (this "
        "needs the extra `coinbase`), and --feed exchange has the undelayed book, level2.",
        "BTC-USDC is BTC-USD on Coinbase's books: its events say BTC-USD.",
        "The side of a trade is the taker's, the opposite of the side on the wire.",
        "Trades from before the subscription (the snapshot of market_trades, last_match) are "
        "left out, and so are old candles.",
        "The book of --feed exchange has no numbers: changes that are lost pass unseen, and it "
        "cannot be proved complete. That of --feed advanced can.",
    )
    optional_secrets = (API_KEY, API_SECRET, EXCHANGE_KEY, EXCHANGE_SECRET, EXCHANGE_PASSPHRASE)
    test_secrets: ClassVar[Mapping[str, str]] = MappingProxyType(
        dict.fromkeys(optional_secrets, "")  # the mock server serves who has none
    )
