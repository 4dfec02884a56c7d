"""Crossed (bid over ask) and locked (bid equal to ask) quotes and books.

A quote that brings both sides is judged by itself. One that brings a single side leaves
the other as it was: it is judged with the last known other side of the same symbol,
provider and channel. A price of zero, or a size of zero without a price,
means that nobody quotes, and crosses nothing.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta

from mdc_core.columns import ForwardFill, GroupRuns, decimal_words, decimals
from mdc_core.plugin import Check, Finding, Options, plain

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


class CrossedOptions(Options, frozen=True, kw_only=True):
    """How one-sided quotes are read."""

    carry: Annotated[
        bool, Meta(description="hold a one-sided quote against the last known other side")
    ] = True


class _Side(NamedTuple):
    high: Any
    low: Any
    known: Any

    def at(self, places: Any) -> "_Side":
        return _Side(self.high[places], self.low[places], self.known[places])

    def text(self, place: int) -> str:
        return plain((int(self.high[place]) << 64) + int(self.low[place]))


class Crossed(Check):
    """Crossed and locked quotes and books."""

    Options = CrossedOptions
    options: CrossedOptions

    def __init__(self, options: CrossedOptions) -> None:
        super().__init__(options)
        self._bids = ForwardFill(np.int64, np.uint64)
        self._asks = ForwardFill(np.int64, np.uint64)

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        yield from self._quotes(batch)
        yield from self._books(batch)

    def _quotes(self, batch: "pa.RecordBatch") -> Iterator[Finding]:
        rows = np.flatnonzero(self.groups.is_type(batch, "quote"))
        if not len(rows):
            return
        bids, asks = _side(batch, "bid", rows), _side(batch, "ask", rows)
        both = bids.known & asks.known
        if self.options.carry:
            runs = GroupRuns(self.groups.keys(batch, "symbol", "provider", "channel")[rows])
            if both.all():
                self._bids.learn(runs, [bids.high, bids.low], bids.known)
                self._asks.learn(runs, [asks.high, asks.low], asks.known)
            else:
                bids, asks = _filled(self._bids, runs, bids), _filled(self._asks, runs, asks)
        for place, crossed in _meetings(bids, asks):
            row, bid, ask = int(rows[place]), bids.text(place), asks.text(place)
            if both[place]:
                yield _finding(row, bid, ask, crossed)
            else:
                yield _finding(row, bid, ask, crossed, " with the last known other side")

    def _books(self, batch: "pa.RecordBatch") -> Iterator[Finding]:
        rows = np.flatnonzero(self.groups.is_type(batch, "book"))
        if not len(rows):
            return
        bids, asks = _best(batch, "bids").at(rows), _best(batch, "asks").at(rows)
        for place, crossed in _meetings(bids, asks):
            yield _finding(int(rows[place]), bids.text(place), asks.text(place), crossed)


def _side(batch: "pa.RecordBatch", name: str, rows: Any) -> _Side:
    """One side of these quotes; a size of 0 without a price is a price of 0: nobody quotes."""
    side = _Side(*decimals(batch, f"{name}_price")).at(rows)
    if side.known.all():
        return side
    size = _Side(*decimals(batch, f"{name}_size")).at(rows)
    gone = ~side.known & size.known & ~_quoted(size)
    return _Side(np.where(gone, 0, side.high), np.where(gone, 0, side.low), side.known | gone)


def _filled(latest: ForwardFill, runs: GroupRuns, side: _Side) -> _Side:
    known, (high, low) = latest(runs, side.known, side.high, side.low)
    return _Side(high, low, known)


def _best(batch: "pa.RecordBatch", name: str) -> _Side:
    """The best level of each book; unknown where there is none."""
    column: Any = batch.column(batch.schema.get_field_index(name))
    offsets = column.offsets.to_numpy()
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    prices = _Side(*decimal_words(column.values.field("price"))).at(offsets[filled])
    high = np.zeros(len(column), np.int64)
    low = np.zeros(len(column), np.uint64)
    known = np.zeros(len(column), np.bool_)
    high[filled], low[filled], known[filled] = prices
    return _Side(high, low, known)


def _meetings(bids: _Side, asks: _Side) -> list[tuple[int, bool]]:
    """Where bid meets ask, and whether it is over it."""
    same = bids.high == asks.high
    over = (bids.high > asks.high) | (same & (bids.low > asks.low))
    met = (over | (same & (bids.low == asks.low))) & bids.known & asks.known
    places = np.flatnonzero(met)
    if len(places):
        places = places[_quoted(bids.at(places)) & _quoted(asks.at(places))]
    return [(place, bool(over[place])) for place in places.tolist()]


def _quoted(side: _Side) -> "npt.NDArray[np.bool_]":
    quoted: npt.NDArray[np.bool_] = (side.high != 0) | (side.low != 0)
    return quoted


def _finding(row: int, bid: str, ask: str, crossed: bool, carried: str = "") -> Finding:
    if not crossed:
        return Finding(row, f"locked: bid and ask {bid}{carried}", "info")
    message = f"crossed: bid {bid} over ask {ask}{carried}"
    return Finding(row, message, "warning" if carried else "error")
