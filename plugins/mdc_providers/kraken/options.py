"""How deep a book, how long a bar, what a quote is told by."""

from typing import Annotated, Literal

from msgspec import Meta

from mdc_core.plugin import Options


class KrakenOptions(Options, frozen=True, kw_only=True):
    """How deep a book, how long a bar, what a quote is told by."""

    depth: Annotated[
        Literal[10, 25, 100, 500, 1000], Meta(description="levels of each side of a book")
    ] = 10
    interval: Annotated[
        Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "15d"],
        Meta(description="length of the bars"),
    ] = "1m"
    trigger: Annotated[
        Literal["bbo", "trades"],
        Meta(description="a quote comes when the best bid or offer changes, or at each trade"),
    ] = "bbo"
