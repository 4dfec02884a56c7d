"""Which of Binance's markets, and how."""

from typing import Annotated, Literal

from msgspec import Meta

from mdc_core.plugin import Options


class BinanceOptions(Options, frozen=True, kw_only=True):
    """Which of Binance's markets, and how."""

    market: Annotated[
        Literal["spot", "usdm", "coinm"],
        Meta(description="spot, futures paid in USD-stablecoins, or in coins"),
    ] = "spot"
    interval: Annotated[
        Literal[
            "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d",
            "1w", "1M",
        ],
        Meta(description="of --type bar; 1s has spot alone, 1M is a month"),
    ] = "1m"  # fmt: skip
    partial_levels: Annotated[
        Literal[5, 10, 20], Meta(description="of --type partial_book, each side")
    ] = 20
    check_symbols: Annotated[
        bool, Meta(description="ask by REST which symbols there are, and name those that are not")
    ] = True


class BinanceSandboxOptions(Options, frozen=True, kw_only=True):
    """Which market, and what goes wrong."""

    market: Annotated[
        Literal["spot", "usdm", "coinm"],
        Meta(description="spot, futures paid in USD-stablecoins, or in coins"),
    ] = "spot"
    lifetime: Annotated[
        int, Meta(description="seconds after which a connection is ended; at Binance a day", ge=1)
    ] = 86_400
    shutdown_event: Annotated[
        int, Meta(description="announce a shutdown behind so many events; 0: never", ge=0)
    ] = 0
    lose_nth: Annotated[
        int, Meta(description="leave out each change of a book of this number; 0: none", ge=0)
    ] = 0
