"""The facts about Kraken Futures, shared by what is asked of it."""

from mdc_core.plugin import Limits, Provider


class KrakenFuturesProvider(Provider):
    """Kraken's derivatives exchange, formerly Crypto Facilities."""

    vendor = "Kraken Futures"
    assets = ("future", "crypto")
    limits = Limits()
    notes = (
        "Market data needs no key. Symbols are those of the venue, such as PF_XBTUSD.",
        "Sizes are contracts; those of PI_ and FI_ products are worth a dollar each.",
        "Trades from before the subscription are left out.",
        "Of tickers, only those with another funding or open interest make such an event.",
        "A quote of ticker comes once a second at the most; that of ticker_lite has no time and "
        "no sizes, and is dated by its receipt.",
    )
