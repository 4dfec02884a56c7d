"""What is sealed at once: the events of journal segments, as a whole or as far as it is worth it.

A part is worth it when it has enough rows, when they have waited long enough, or when its
period is over and nothing comes for it any more. What is not is carried on: written to a
segment of its own, which counts from the moment at which those that it comes from are sealed.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from time import monotonic, time_ns
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.layout import Partition, period_of
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.write import journal
from mdc_core.archive.write.journal import Journal
from mdc_core.archive.write.sealing.sorter import Sorter, partitions
from mdc_core.archive.write.sealing.spill import Key, Slices, stored_schema
from mdc_core.batch import int64_array, unify
from mdc_core.schema import arrow_schema

WORTH_ROWS = 5_000
WRITE_ROWS = 16_384  # in a record of a segment that carries on
WRITE_PIECES = 4_096


class SealSource(NamedTuple):
    """A segment, and its events as they were sorted."""

    segment: str
    sorter: Sorter


Sealed = tuple[str, Key, Slices]  # a partition, behind the segment that its part is named after


class SealLoad:
    """All events of some segments, of equal times those of the first segment first."""

    carry: "Carry | None" = None  # what was carried on, once that is durable
    again = False  # whether an attempt to seal these segments may have been cut short

    def __init__(self, journals: Path, sources: Sequence[SealSource]) -> None:
        self._journals, self._sources = journals, sources

    @property
    def segments(self) -> list[str]:
        """The segments whose events are in parts, or carried on, when this is sealed."""
        return [source.segment for source in self._sources]

    def let_go(self) -> None:
        """Let go of what was begun: it was not sealed, or nobody can tell."""

    def partitions(self) -> Iterator[Sealed]:
        """Each partition that becomes a part, and the segment after which that is named.

        It is the first one that has rows of it: whoever seals the segments again, one by one
        after a kill, writes over whatever this has left behind.
        """
        journal.discard_carry(self._journals, self.segments[-1])
        for key, pieces, places in partitions([source.sorter for source in self._sources]):
            yield self.segments[places[0]], key, Slices(key, pieces)


class Carry:
    """Events that were carried on: where they are, and since when their partitions wait."""

    def __init__(self, journal: Journal, sorter: Sorter, since: dict[Key, float]) -> None:
        self.journal, self.since = journal, since
        self.source = SealSource(journal.segment, sorter)

    def give_up(self) -> None:
        """Remove the segment: its events are in parts, or carried on once more."""
        self.source.sorter.close()
        self.journal.give_up()

    def close(self) -> None:
        """Let go; the events stay in the segment."""
        self.source.sorter.close()
        self.journal.close()


class WorthyLoad(SealLoad):
    """Of these events those that are worth a part; the others are carried on."""

    def __init__(
        self,
        journals: Path,
        sources: Sequence[SealSource],
        worth: "Worth",
        since: Callable[[Key], float],
        writer: "CarryWriter",
    ) -> None:
        super().__init__(journals, sources)
        self._worth, self._since, self._writer = worth, since, writer

    def partitions(self) -> Iterator[Sealed]:
        """Each partition that is worth it; behind them the rest is carried on."""
        self._writer.discard()
        worthy, rest = self._split()
        yield from worthy
        for _, key, rows in rest:
            self._writer.add(key, rows, self._since(key))
        self.carry = self._writer.finish()

    def let_go(self) -> None:
        """Let go of the segment that was to carry on; whether it counts, the catalog tells."""
        self._writer.let_go()

    @property
    def has_worthy(self) -> bool:
        """Whether anything is worth a part."""
        return bool(self._split()[0])

    def _split(self) -> tuple[list[Sealed], list[Sealed]]:
        found = list(super().partitions())
        judge = self._worth.judge([rows.ends for _, _, rows in found])
        split: tuple[list[Sealed], list[Sealed]] = ([], [])
        for some in found:
            _, key, rows = some
            split[not judge(key, rows.rows, self._since(key))].append(some)
        return split


class Worth(NamedTuple):
    """When a partition is worth a part."""

    wait: float  # seconds
    partition: Partition
    arriving: Container[Key] = ()  # partitions for which something has just come

    def judge(self, ends: list[int]) -> Callable[[Key, int, float], bool]:
        """A judge of partitions by their rows and since when they wait.

        `ends` are their last moments.
        """
        # What is dated later than now does not make it so late.
        newest, now = min(max(ends, default=NO_TIME), time_ns()), monotonic()
        period = period_of(newest if newest > NO_TIME else None, self.partition)

        def is_worth(key: Key, rows: int, since: float) -> bool:
            over = key.period < period and key not in self.arriving
            return rows >= WORTH_ROWS or now - since >= self.wait or over

        return is_worth


class CarryWriter:
    """Writes the segment that carries on what a seal leaves."""

    def __init__(self, create: Callable[[], Journal], sorter: Callable[[], Sorter]) -> None:
        self._create, self._sorter = create, sorter
        self._carry: Carry | None = None
        self._pieces: list[tuple[str | None, pa.RecordBatch]] = []
        self._type = ""
        self._rows = 0

    def add(self, key: Key, rows: Slices, since: float) -> None:
        """Carry a partition on."""
        if self._carry is None:
            self._carry = Carry(self._create(), self._sorter(), {})
        self._carry.since[key] = since
        if key.type_name != self._type:
            self._flush()
            self._type = key.type_name
        for batch in rows.batches():
            self._pieces.append((key.symbol, batch))
            self._rows += batch.num_rows
            if self._rows >= WRITE_ROWS or len(self._pieces) >= WRITE_PIECES:
                self._flush()

    def _flush(self) -> None:
        """Write what has come together: columns again, as a batch that comes in."""
        pieces, self._pieces, self._rows = self._pieces, [], 0
        if not pieces:
            return
        assert self._carry is not None
        stored = unify([batch for _, batch in pieces], stored_schema(self._type))
        lengths = np.array([batch.num_rows for _, batch in pieces])
        owners = np.repeat(np.arange(len(pieces)), lengths)
        symbols = pa.array([symbol for symbol, _ in pieces], pa.string()).take(int64_array(owners))
        types = pa.repeat(pa.scalar(self._type, pa.string()), stored.num_rows)
        schema = arrow_schema(frozenset([self._type]))
        batch = pa.RecordBatch.from_arrays([types, symbols, *stored.columns], schema=schema)
        self._carry.journal.write(batch, Counter({self._type: batch.num_rows}))
        self._carry.source.sorter.add(batch)

    def finish(self) -> Carry | None:
        """Make it durable; None if there is nothing to carry on."""
        self._flush()
        if self._carry is not None:
            self._carry.journal.harden()
        return self._carry

    def discard(self) -> None:
        """Give up what was begun: its events are where they were."""
        if self._carry is not None:
            self._carry.give_up()
        self._carry = None
        self._pieces, self._rows, self._type = [], 0, ""

    def let_go(self) -> None:
        """Close what was begun."""
        if self._carry is not None:
            self._carry.close()
        self._carry = None
