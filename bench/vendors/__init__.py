"""Feeds on loopback, each in the protocol of a vendor, and the shortest clients for them."""

from importlib import import_module

from vendors.vendor import Vendor

# By name, where each is; a process needs one of them.
PLACES = {
    "alpaca": "alpaca:Alpaca",
    "alpaca-msgpack": "alpaca_msgpack:AlpacaPacked",
    "polygon": "polygon:Polygon",
    "finnhub": "finnhub:Finnhub",
    "tiingo": "tiingo:Tiingo",
    "coinbase": "coinbase:Coinbase",
    "coinbase-book": "books:CoinbaseBook",
    "coinbase-exchange": "coinbase:CoinbaseExchange",
    "kraken": "kraken:Kraken",
    "kraken-futures": "kraken_futures:KrakenFutures",
    "kraken-futures-book": "books:KrakenFuturesBook",
    "binance": "binance:Binance",
    "binance-usdm": "binance:BinanceFutures",
    "okx": "okx:Okx",
}


def find(name: str) -> Vendor:
    """The feed of this name; raises LookupError."""
    module, _, kind = PLACES[name].partition(":")
    made: Vendor = getattr(import_module(f"vendors.{module}"), kind)()
    return made
