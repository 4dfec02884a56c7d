"""Polygon's code tables, each with the document that it was taken from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Market = Literal["stocks", "crypto", "forex", "indices"]

# Stock exchanges by the vendor's ids (REST reference, /v3/reference/exchanges). MICs are those of
# ISO 10383. 4 is what all trade reporting facilities and the ADF share, hence FINRA's operating
# MIC; 17 is the vendor's XPHL, which is the options market of what trades stocks as XPSX. What is
# not here (5 and 13 are the plans themselves) stays the vendor's number.
MIC_OF_ID: Mapping[int | None, str] = MappingProxyType(
    {
        1: "XASE",  # NYSE American
        2: "XBOS",  # Nasdaq BX
        3: "XCIS",  # NYSE National
        4: "FINR",  # FINRA: trade reporting facilities and ADF
        6: "XISE",  # International Securities Exchange
        7: "EDGA",  # Cboe EDGA
        8: "EDGX",  # Cboe EDGX
        9: "XCHI",  # NYSE Texas, before 2025 NYSE Chicago
        10: "XNYS",  # New York Stock Exchange
        11: "ARCX",  # NYSE Arca
        12: "XNAS",  # Nasdaq
        14: "LTSE",  # Long-Term Stock Exchange
        15: "IEXG",  # Investors Exchange
        16: "CBSX",  # Cboe Stock Exchange
        17: "XPSX",  # Nasdaq PSX
        18: "BATY",  # Cboe BYX
        19: "BATS",  # Cboe BZX
        20: "EPRL",  # MIAX Pearl Equities
        21: "MEMX",  # Members Exchange
    }
)
ID_OF_MIC: Mapping[str, int] = MappingProxyType(
    {mic: number for number, mic in MIC_OF_ID.items() if number is not None}
)

# Tapes (websocket documentation, "Trades"): 1 is NYSE's, 2 that of the regional exchanges.
TAPE_OF_CODE: Mapping[int | None, str] = MappingProxyType({1: "A", 2: "B", 3: "C"})
CODE_OF_TAPE: Mapping[str, int] = MappingProxyType(
    {tape: code for code, tape in TAPE_OF_CODE.items() if code is not None}
)

# Whose side a crypto trade's condition names (websocket documentation, "Crypto trades").
SIDE_OF_CONDITION: Mapping[int, str] = MappingProxyType({0: "none", 1: "sell", 2: "buy"})
CONDITION_OF_SIDE: Mapping[str, int] = MappingProxyType(
    {side: code for code, side in SIDE_OF_CONDITION.items()}
)

# Auction types of an imbalance (websocket documentation, "Net order imbalance"): early opening,
# core opening, reopening after a halt, closing, extreme and regulatory closing imbalances.
AUCTION_OF_TYPE: Mapping[str | None, str] = MappingProxyType(
    {"O": "open", "M": "open", "H": "halt", "C": "close", "P": "close", "R": "close"}
)
TYPE_OF_AUCTION: Mapping[str | None, str] = MappingProxyType(
    {"open": "M", "halt": "H", "close": "C"}
)

# Channel -> its prefix in a subscription, for each market.
PREFIXES: Mapping[Market, Mapping[str, str]] = MappingProxyType(
    {
        "stocks": MappingProxyType(
            {
                "trade": "T",
                "quote": "Q",
                "bar": "AM",
                "second_bar": "A",
                "luld": "LULD",
                "imbalance": "NOI",
                "fmv": "FMV",
            }
        ),
        "crypto": MappingProxyType(
            {
                "trade": "XT",
                "quote": "XQ",
                "bar": "XA",
                "second_bar": "XAS",
                "book": "XL2",
                "fmv": "FMV",
            }
        ),
        "forex": MappingProxyType({"quote": "C", "bar": "CA", "second_bar": "CAS", "fmv": "FMV"}),
        "indices": MappingProxyType({"value": "V", "bar": "AM", "second_bar": "A"}),
    }
)
DEFAULTS: Mapping[Market, tuple[str, ...]] = MappingProxyType(
    {
        "stocks": ("trade", "quote"),
        "crypto": ("trade", "quote"),
        "forex": ("quote",),
        "indices": ("value",),
    }
)
USUAL_SYMBOLS: Mapping[Market, str] = MappingProxyType(
    {"stocks": "SPY", "crypto": "BTC-USD", "forex": "EUR/USD", "indices": "I:SPX"}
)
ASSETS: Mapping[Market, str] = MappingProxyType(
    {"stocks": "equity", "crypto": "crypto", "forex": "fx", "indices": "index"}
)
HOSTS: Mapping[str, str] = MappingProxyType(
    {"realtime": "wss://socket.massive.com", "delayed": "wss://delayed.massive.com"}
)


def market_of(path: str) -> Market | None:
    """The market behind a URL's path, such as `/stocks`."""
    name = path.partition("?")[0].strip("/").partition("/")[0]
    return next((market for market in PREFIXES if market == name), None)
