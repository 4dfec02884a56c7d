"""Which events are wanted: by symbol, by type, by time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mdc_core import patterns
from mdc_core.times import MAX_NS

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.batch import Bools


GAP = "gap"


@dataclass(frozen=True)
class Query:
    """Which events are wanted; [start, end) in nanoseconds since 1970, UTC.

    A symbol is wanted if it is named or matches a pattern; without names and patterns each is.
    `with_gaps` are those that have no symbol and are about a wanted one: for who reads, not for
    who removes.
    """

    symbols: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    patterns: tuple[str, ...] = ()
    allow_empty: bool = field(default=False, compare=False)  # nothing is an answer as well
    with_gaps: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        # The end of the last day that there is lies beyond what a number of nanoseconds can be.
        if self.end is not None and self.end > MAX_NS:
            object.__setattr__(self, "end", None)

    @classmethod
    def of_words(cls, words: Iterable[str], types: tuple[str, ...] = ()) -> "Query":
        """What words for symbols ask for, each a name or a pattern."""
        known = dict.fromkeys(words)
        names = tuple(word for word in known if not patterns.is_pattern(word))
        return cls(names, types, patterns=tuple(filter(patterns.is_pattern, known)))

    @property
    def is_of_all(self) -> bool:
        """Whether no symbols are chosen."""
        return not self.symbols and not self.patterns

    @property
    def words(self) -> tuple[str, ...]:
        """What was said of symbols: names, then patterns."""
        return self.symbols + self.patterns

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.symbols)

    def wants(self, symbol: str | None, type_name: str | None = None) -> bool:
        """Whether events of a symbol, and perhaps of a type, are wanted; or some of them."""
        if self.is_of_all or symbol in self._names:
            return True
        if symbol is None:
            return self.with_gaps and type_name == GAP
        return any(patterns.matches(p, symbol) for p in self.patterns)

    def among(self, symbols: Iterable[str | None]) -> tuple[str, ...]:
        """Those symbols that are chosen; none where no symbols are."""
        if self.is_of_all:
            return ()
        return tuple(one for one in symbols if one is not None and self.wants(one))

    def held(self, symbols: Iterable[str | None], type_name: str) -> tuple[str, ...]:
        """Those symbols of a part that are chosen; none where what has no symbol may be as well."""
        return () if self.with_gaps and type_name == GAP else self.among(symbols)

    def spans(self, begins: int, ends: int) -> bool:
        """Whether something between two moments can be wanted."""
        late = self.start is None or ends >= self.start
        return late and (self.end is None or begins < self.end)

    def of(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The rows of a batch that are wanted."""
        mask = self._mask(batch)
        return batch if mask is None else batch.filter(mask)

    def but(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The rows of a batch that are not wanted."""
        import pyarrow.compute as pc

        mask = self._mask(batch)
        return batch.slice(0, 0) if mask is None else batch.filter(pc.invert(mask))

    def _mask(self, batch: "pa.RecordBatch") -> "pa.BooleanArray | None":
        """Which rows are wanted; None: all of them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        masks = []
        if not self.is_of_all:
            symbols = batch.column(batch.schema.get_field_index("symbol"))
            wanted = self.among(pc.unique(symbols).to_pylist())
            mask = pc.is_in(symbols, pa.array(wanted, pa.string()))
            if self.with_gaps and symbols.null_count:
                mask = pc.or_(mask, pa.array(self._gaps(batch)))
            masks.append(mask)
        if self.types:
            masks.append(pc.is_in(batch.column(0), pa.array(self.types)))
        if self.start is not None or self.end is not None:
            in_time = self._in_time(batch)
            # Arrow makes a mask of numpy's only when there is something to leave out.
            if not in_time.all():
                masks.append(pa.array(in_time))
        masks = [mask for mask in masks if not pc.all(mask).as_py()]
        if not masks:
            return None
        combined = masks[0]
        for other in masks[1:]:
            combined = pc.and_(combined, other)
        return combined

    def _gaps(self, batch: "pa.RecordBatch") -> "Bools":
        """The gaps without a symbol that are about a wanted one."""
        import numpy as np

        from mdc_core.batch import is_type
        from mdc_core.concerned import Concerned

        symbols = batch.column(batch.schema.get_field_index("symbol"))
        wanted: Bools = is_type(batch, GAP) & symbols.is_null().to_numpy(zero_copy_only=False)
        place = batch.schema.get_field_index("extra")
        for row in np.flatnonzero(wanted).tolist():
            extra = None if place < 0 else batch.column(place)[row].as_py()
            wanted[row] = Concerned.of(None, extra).meet(self.symbols, self.patterns)
        return wanted

    def _in_time(self, batch: "pa.RecordBatch") -> "Bools":
        import numpy as np

        from mdc_core.archive.row_time import row_time

        moments = row_time(batch)
        wanted = np.ones(len(moments), np.bool_)
        if self.start is not None:
            wanted &= moments >= self.start
        if self.end is not None:
            wanted &= moments < self.end
        return wanted


EVERYTHING = Query()
