"""Alpaca's code tables, each with the document that it was taken from."""

from collections.abc import Mapping
from types import MappingProxyType

# Exchange letters as Alpaca documents them ("Exchanges" in alpacahq/alpaca-docs,
# content/market-data/_index.md): the participant ids of the CTA and UTP plans. F and G are
# newer than that page and come from Massive's /v3/reference/exchanges. MICs are those of
# ISO 10383. T and Q are both Nasdaq: T on tapes A and B, Q on tape C. D is where all off-
# exchange trades are reported, hence FINRA's operating MIC. E (market independent) and S
# (Nasdaq Small Cap) have no MIC, and stay letters, as does every letter that is not here.
MIC_OF_LETTER: Mapping[str, str] = MappingProxyType(
    {
        "A": "XASE",  # NYSE American
        "B": "XBOS",  # Nasdaq BX
        "C": "XCIS",  # NYSE National
        "D": "FINR",  # FINRA: trade reporting facilities and ADF
        "F": "TXSE",  # Texas Stock Exchange
        "G": "24EQ",  # 24X National Exchange
        "H": "EPRL",  # MIAX Pearl Equities
        "I": "XISE",  # International Securities Exchange
        "J": "EDGA",  # Cboe EDGA
        "K": "EDGX",  # Cboe EDGX
        "L": "LTSE",  # Long-Term Stock Exchange
        "M": "XCHI",  # NYSE Texas, before 2025 NYSE Chicago
        "N": "XNYS",  # New York Stock Exchange
        "P": "ARCX",  # NYSE Arca
        "Q": "XNAS",  # Nasdaq
        "T": "XNAS",  # Nasdaq
        "U": "MEMX",  # Members Exchange
        "V": "IEXG",  # Investors Exchange: the whole of the free feed
        "W": "CBSX",  # Cboe Stock Exchange
        "X": "XPSX",  # Nasdaq PSX
        "Y": "BATY",  # Cboe BYX
        "Z": "BATS",  # Cboe BZX
    }
)
LETTER_OF_MIC: Mapping[str, str] = MappingProxyType(
    {mic: letter for letter, mic in MIC_OF_LETTER.items() if letter != "T"}
)

# Status codes of both plans as Alpaca documents them (alpacahq/alpaca-docs, real-time stock
# data, "Status Codes"); no code means two things. What is not here is "other".
STATUS_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        "2": "halted",  # CTA: Trading Halt
        "3": "trading",  # CTA: Resume
        "5": "indication",  # CTA: Price Indication
        "6": "indication",  # CTA: Trading Range Indication
        "7": "imbalance",  # CTA: Market Imbalance Buy
        "8": "imbalance",  # CTA: Market Imbalance Sell
        "9": "imbalance",  # CTA: Market On Close Imbalance Buy
        "A": "imbalance",  # CTA: Market On Close Imbalance Sell
        "E": "short_sale_restriction",  # CTA: Short Sale Restriction
        "F": "limit_band",  # CTA: Limit Up-Limit Down
        "H": "halted",  # UTP: Trading Halt
        "P": "paused",  # UTP: Volatility Trading Pause
        "Q": "quoting",  # UTP: Quotation Resumption
        "T": "trading",  # UTP: Trading Resumption
    }
)

# Errors (Alpaca, "WebSocket Stream"; alpacahq/alpaca-trade-api-go marketdata/stream) that no
# second attempt will cure. 406 asks for patience; all others lead to a reconnect.
REFUSED: Mapping[int, str | None] = MappingProxyType(
    {
        400: "check the symbols",
        402: "check ALPACA_KEY_ID and ALPACA_SECRET_KEY",
        405: "ask for fewer symbols, or use a plan with more",
        409: "choose a --feed that the plan includes",
        410: "this feed does not offer all of these --type",
        411: None,
        412: None,
        413: None,
    }
)
LOGIN, SLOW = 402, 407  # authentication failed; slow client
BUSY: Mapping[int, str | None] = MappingProxyType(
    {406: "another session of this account is open: close it, or wait"}
)

# Channel -> its name in a subscribe message, for each kind of feed (same documents).
STOCK_CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "trade": "trades",
        "quote": "quotes",
        "bar": "bars",
        "updated_bar": "updatedBars",
        "daily_bar": "dailyBars",
        "status": "statuses",
        "luld": "lulds",
        "imbalance": "imbalances",
    }
)
CRYPTO_CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "trade": "trades",
        "quote": "quotes",
        "bar": "bars",
        "updated_bar": "updatedBars",
        "daily_bar": "dailyBars",
        "book": "orderbooks",
    }
)
# alpacahq/alpaca-trade-api-go, marketdata/stream/subscription.go
PERPS_CHANNELS: Mapping[str, str] = MappingProxyType({**CRYPTO_CHANNELS, "funding": "pricing"})
NEWS_CHANNELS: Mapping[str, str] = MappingProxyType({"news": "news"})
TEST_CHANNELS: Mapping[str, str] = MappingProxyType(
    {"trade": "trades", "quote": "quotes", "bar": "bars"}
)
PATH_OF_FEED: Mapping[str, str] = MappingProxyType(
    {
        "iex": "v2/iex",
        "sip": "v2/sip",
        "delayed_sip": "v2/delayed_sip",
        "test": "v2/test",
        "boats": "v1beta1/boats",
        "overnight": "v1beta1/overnight",
        "crypto": "v1beta3/crypto/us",
        "crypto-us-1": "v1beta3/crypto/us-1",
        "crypto-eu-1": "v1beta3/crypto/eu-1",
        "crypto-perps": "v1beta1/crypto-perps/global",
        "news": "v1beta1/news",
    }
)
# What is there at all times; of stocks it is SPY.
USUAL_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {"test": "FAKEPACA", "crypto": "BTC/USD", "crypto-perps": "BTC-PERP"}
)


def channels_of(path: str) -> Mapping[str, str]:
    """What the feed behind a URL's path offers: channel -> name in a subscribe message."""
    if "/crypto/" in path:
        return CRYPTO_CHANNELS
    if "/crypto-perps/" in path:
        return PERPS_CHANNELS
    if path.rstrip("/").endswith("/news"):
        return NEWS_CHANNELS
    return TEST_CHANNELS if path.rstrip("/").endswith("/test") else STOCK_CHANNELS
