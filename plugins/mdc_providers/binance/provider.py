"""The facts about Binance, shared by what is asked of it."""

from mdc_core.plugin import Limits, Provider


class BinanceProvider(Provider):
    """Binance: spot, and futures that are paid in USD-stablecoins or in coins."""

    vendor = "Binance"
    assets = ("crypto", "future")
    # Binance, "WebSocket Streams", "Limits": 1,024 streams a connection, here of eight channels;
    # 5 messages a second; 300 attempts to connect in 5 minutes, by address.
    limits = Limits(subscriptions=1024, messages=5, openings=300, openings_per=300)
    notes = (
        "Needs no account. Symbols as Binance writes them: BTCUSDT, of COIN-M BTCUSD_PERP.",
        "Of spot, quotes and snapshots of books have no time: they get that of receiving, "
        "or of the change of the book beside them.",
        "Sizes of COIN-M are contracts (of BTC 100 USD, of others 10 USD).",
        "Binance.US: --url wss://stream.binance.us:9443/stream --http-url https://api.binance.us.",
        "Without an account's region: --url wss://data-stream.binance.vision/stream "
        "--http-url https://data-api.binance.vision.",
    )
