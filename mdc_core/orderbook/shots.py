"""The best levels of books at some moments, as columns."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, int64_array, make, plain, unify
from mdc_core.orderbook.levels import ASK, BID, OrderBook
from mdc_core.orderbook.units import decimals_of
from mdc_core.schema import arrow_types

Statistic = Literal["spread", "mid", "microprice", "imbalance"]
HEAD = ("type", "symbol", "ts_event", "ts_recv", "provider", "venue", "channel", "seq")


def head_of(batch: pa.RecordBatch, rows: Int64s) -> pa.RecordBatch:
    """What names some rows of a batch."""
    names = [name for name in batch.schema.names if name in HEAD]
    return batch.select(names).take(int64_array(rows))


class _ShotSide:
    def __init__(self) -> None:
        self.keys: list[int] = []
        self.sizes: list[int] = []
        self.lengths: list[int] = []
        self.counts: list[int | None] | None = None  # where a book has known orders


class Shots:
    """The best `levels` of a side of books, each taken when `take` is called."""

    def __init__(self, levels: int, columns: Sequence[Statistic] = ()) -> None:
        self._levels, self._columns = levels, columns
        self.clear()

    def clear(self) -> None:
        """Forget what was taken."""
        self._sides = (_ShotSide(), _ShotSide())
        self.places: list[tuple[int, int]] = []  # where in the stream, by which they are ordered
        self._rows: list[int] = []  # the row of the batch that each is of, -1: of another
        self._heads: list[pa.RecordBatch] = []

    def take(self, place: int, moment: int, book: OrderBook, row: int) -> None:
        """The best levels of a book as it is now."""
        self.places.append((place, moment))
        self._rows.append(row)
        if row < 0:
            self._heads.append(book.head)
        most = self._levels
        for number, side in enumerate(self._sides):
            sizes = book.sizes[number]
            top = book.keys[number][: -most - 1 : -1]
            side.keys += top
            side.sizes += [sizes[key] for key in top]
            side.lengths.append(len(top))
            if book.orders is not None:
                if side.counts is None:
                    side.counts = [None] * (len(side.keys) - len(top))
                side.counts += [book.count(number, key) for key in top]
            elif side.counts is not None:
                side.counts += [None] * len(top)

    def batch(self, rows: pa.RecordBatch | None, units: int) -> pa.RecordBatch | None:
        """What was taken, in order, as `book` events; its rows are those of this batch."""
        if not self._rows:
            return None
        found = np.array(self._rows)
        here = found[found >= 0]
        heads = [*self._heads, *([head_of(rows, here)] if rows is not None else [])]
        head = unify(heads)
        # Those of other batches stand first among the heads.
        within = np.empty(len(found), np.int64)
        within[found < 0] = np.arange(len(self._heads))
        within[found >= 0] = len(self._heads) + np.arange(len(here))
        values: dict[str, Any] = dict(zip(head.schema.names, head.columns, strict=True))
        del values["type"]
        values = {name: column.take(int64_array(within)) for name, column in values.items()}
        values |= {"bids": self._column(BID, units), "asks": self._column(ASK, units)}
        if self._columns:
            values["extra"] = pa.array(self._statistics(units), pa.string())
        made = make("book", len(found), values)
        order = sorted(range(len(found)), key=self.places.__getitem__)
        self.places.sort()
        return made if order == list(range(len(found))) else made.take(int64_array(order))

    def _column(self, number: int, units: int) -> Any:
        side, of = self._sides[number], arrow_types()["levels"]
        sign = -1 if number == ASK else 1
        prices = decimals_of([sign * key for key in side.keys] if sign < 0 else side.keys, units)
        counts: Any = pa.nulls(len(side.keys), pa.int64())
        if side.counts is not None:
            counts = pa.array(side.counts, pa.int64())
        level: Any = of.value_type  # type: ignore[attr-defined]
        levels = pa.StructArray.from_arrays(
            [prices, decimals_of(side.sizes, units), counts], fields=list(level)
        )
        offsets = np.zeros(len(side.lengths) + 1, np.int32)
        np.cumsum(side.lengths, out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), levels, type=of)

    def _statistics(self, units: int) -> list[str]:
        texts = []
        bids, asks = self._sides
        bid = ask = 0
        for many, few in zip(bids.lengths, asks.lengths, strict=True):
            best = None
            if many and few:
                best = bids.keys[bid], bids.sizes[bid], -asks.keys[ask], asks.sizes[ask]
            sizes = (sum(bids.sizes[bid : bid + many]), sum(asks.sizes[ask : ask + few]))
            texts.append(self._text(best, sizes, units))
            bid, ask = bid + many, ask + few
        return texts

    def _text(
        self, best: tuple[int, int, int, int] | None, sizes: tuple[int, int], units: int
    ) -> str:
        """The statistics of one book as JSON; those that it has no levels for are left out."""
        said: list[str] = []
        for name in self._columns:
            value = None
            total = sizes[0] + sizes[1]
            if name == "imbalance" and total:
                value = json.dumps((sizes[0] - sizes[1]) / total)
            elif best is not None:
                bid, bid_size, ask, ask_size = best
                if name == "spread":
                    value = plain(ask - bid, units)
                elif name == "mid":
                    value = plain((ask + bid) * 5, units + 1)
                elif name == "microprice":
                    weighed = bid * ask_size + ask * bid_size
                    value = json.dumps(weighed / ((bid_size + ask_size) * 10**units))
            if value is not None:
                said.append(f'"{name}":{value}')
        return f"{{{','.join(said)}}}"
