"""The events of some parts in time order, as often as they are asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import MergeSource, merge, sorted_sources
from mdc_core.archive.read.snapshot import pieces, tie_rank
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing.spill import TABLE_BYTES, TABLE_ROWS
from mdc_core.batch import Int64s, let_go, size_of, widen
from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import encode_batch

_WORD = 1 << 64


class EventContent:
    """Which events there are, in whatever order: their number, and the sum of their hashes.

    A hash is that of an event's canonical line, of 64 bits, keyed anew for each process, so
    contents are for comparing and not for keeping.
    """

    def __init__(self, rows: int = 0, total: int = 0) -> None:
        self.rows, self.hash = rows, total

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the events of a batch in."""
        self.rows += batch.num_rows
        lines = encode_batch(batch).split(b"\n")  # behind the last one: nothing, which is 0
        self.hash = (self.hash + sum(map(hash, lines))) % _WORD

    def __add__(self, other: "EventContent") -> "EventContent":
        return EventContent(self.rows + other.rows, (self.hash + other.hash) % _WORD)


class MergedEvents:
    """The rows of parts of one type, of one symbol or shared, from one moment to another.

    Equal times come in the order of the parts. `dropped` are places that are left out.
    """

    def __init__(
        self,
        archive: Archive,
        parts: Sequence[PartRow],
        start: int | None = None,
        stop: int | None = None,
        *,
        rows: int = 0,
        dropped: Int64s | None = None,
        table_rows: int = TABLE_ROWS,
    ) -> None:
        self.rows = rows
        self.schema = arrow_schema(frozenset([parts[0].type_name]))
        self._archive, self._parts = archive, parts
        self._rank = tie_rank(parts)
        self._query = Query(start=start, end=stop)
        self._dropped = np.zeros(0, np.int64) if dropped is None else dropped
        self._table_rows = table_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, however many at a time."""
        at = 0
        for batch in merge(self._sources(), self._rank):
            low, high = np.searchsorted(self._dropped, [at, at + batch.num_rows])
            kept = widen(batch, self.schema)
            if low < high:
                wanted = np.ones(batch.num_rows, np.bool_)
                wanted[self._dropped[low:high] - at] = False
                kept = kept.filter(pa.array(wanted))
            at += batch.num_rows
            yield kept

    def tables(self) -> Iterator[pa.Table]:
        """The rows in tables of the same size, from the beginning each time it is called.

        Where rows are long, in smaller ones.
        """
        waiting: list[pa.RecordBatch] = []
        count = size = 0
        for batch in self.batches():
            rest = batch
            while rest.num_rows:
                piece = rest.slice(0, self._table_rows - count)
                waiting.append(piece)
                count += piece.num_rows
                size += size_of(piece)
                rest = rest.slice(piece.num_rows)
                if count == self._table_rows or size >= TABLE_BYTES:
                    yield pa.Table.from_batches(waiting)
                    if size >= TABLE_BYTES:
                        let_go()
                    waiting, count, size = [], 0, 0
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _sources(self) -> Iterator[MergeSource]:
        """What is in the time that is asked for; what is not is not read."""
        start, end = self._query.start, self._query.end
        for part in self._parts:
            for piece in pieces(self._archive, part):
                if (end is None or piece.start < end) and (start is None or piece.stop > start):
                    if part.in_order:
                        yield piece.source(self._query, Counter())
                    else:
                        yield from sorted_sources(map(self._query.of, piece.batches()), self._rank)
