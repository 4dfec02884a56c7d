"""What one statement of SQL reads of an archive, and which parts that can be in."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.paths import chosen as chosen_by_path
from mdc_core.archive.catalog.paths import period
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import merge
from mdc_core.archive.read.snapshot import Snapshot, Stored
from mdc_core.archive.sql.where import either
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import MdcError
from mdc_core.events import EVENT_TYPES

PARTS_NAME = "parts"
PLACE = "row"


class Seen:
    """How many of the rows that a statement has to read were read."""

    def __init__(self) -> None:
        self._expected = self._read = 0

    def expect(self, rows: int) -> None:
        """Note that a scan begins, with so many rows before it."""
        self._expected += rows

    def add(self, rows: int) -> None:
        """Note that rows were read."""
        self._read += rows

    def share(self) -> float | None:
        """How much was read, from 0 to 1; None before the first scan."""
        return self._read / self._expected if self._expected else None


class Reading:
    """An archive at one moment, as far as one statement needs it.

    `chosen` limits all event types; `limits` is what the statement says of each that it
    names, None if that cannot be told.
    """

    def __init__(
        self,
        archive: Archive,
        chosen: Query,
        limits: Mapping[str, Query] | None,
        seen: Seen | None = None,
    ) -> None:
        self.archive = archive
        self.seen = seen or Seen()
        self.chosen = chosen
        self.limits = limits
        self.problem: MdcError | None = None
        self.too_fine: str | None = None  # the type of which a scan found such decimals
        self._snapshot: Snapshot | None = None
        self._lock = threading.Lock()

    @property
    def snapshot(self) -> Snapshot:
        """The archive at the moment of the first scan, the same for all of them."""
        with self._lock:
            if self._snapshot is None:
                self._snapshot = Snapshot(self.archive, self._needed())
            return self._snapshot

    def _needed(self) -> Query:
        if not self.archive.has_catalog:  # what files hold, their paths may not tell
            return Query(start=self.chosen.start, end=self.chosen.end)
        return self._asked()

    def _asked(self) -> Query:
        """What is chosen and not excluded by the statement."""
        chosen = self.chosen
        if self.limits is None or PARTS_NAME in self.limits:
            return chosen
        named = {name: limit for name, limit in self.limits.items() if name in EVENT_TYPES}
        return both(Query((), tuple(named)), both(chosen, either(list(named.values()))))

    def placed(self) -> Iterator[pa.RecordBatch]:
        """What the statement may read in the order of `mdc cat`, each row with its place."""
        place = 1
        query = self._asked()
        for batch in map(query.of, merge(self.snapshot.sources(Counter()))):
            places = np.arange(place, place + batch.num_rows)
            yield batch.append_column(PLACE, pa.array(places))
            place += batch.num_rows

    def named(self) -> list[str]:
        """The event types that the statement may read."""
        return [
            name
            for name in EVENT_TYPES
            if self.may_read(name) and (self.limits is None or name in self.limits)
        ]

    def parts(self) -> list[PartRow]:
        """What is known of the parts."""
        # Without a catalog that takes reading them all; the scans do with less.
        known = self.archive.has_catalog
        return (self.snapshot if known else Snapshot(self.archive, self.chosen)).parts

    def limit(self, type_name: str) -> Query:
        """What the statement says of a type."""
        return Query() if self.limits is None else self.limits.get(type_name, Query())

    def may_read(self, type_name: str) -> bool:
        """Whether the type is not excluded altogether."""
        return not self.chosen.types or type_name in self.chosen.types

    def stored(self, type_name: str) -> Iterator[Stored]:
        """What can hold wanted events of a type."""
        query = both(Query((), (type_name,)), both(self.chosen, self.limit(type_name)))
        if self.archive.has_catalog:
            for piece in self.snapshot.stored():
                if piece.row is not None and piece.row.may_hold(query):
                    yield piece
            return
        by_path = set(chosen_by_path(Path(self.archive.root), query))
        for piece in self.snapshot.stored():
            assert piece.path is not None
            below = PurePosixPath(piece.path.relative_to(self.archive.root))
            # Where a path is not one of ours, it tells nothing.
            if piece.path in by_path or period(below) == (None, None):
                yield piece


def both(query: Query, other: Query) -> Query:
    """What is wanted by both, or somewhat more: the symbols and types of the first count."""
    starts = [start for start in (query.start, other.start) if start is not None]
    ends = [end for end in (query.end, other.end) if end is not None]
    first = other if query.is_of_all else query
    return Query(
        first.symbols,
        query.types or other.types,
        max(starts, default=None),
        min(ends, default=None),
        first.patterns,
    )
