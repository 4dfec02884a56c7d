"""Which events are wanted: by symbol, by type, by time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdc_core.times import MAX_NS

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.batch import Bools


@dataclass(frozen=True)
class Query:
    """Which events are wanted; [start, end) in nanoseconds since 1970, UTC."""

    symbols: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        # The end of the last day that there is lies beyond what a number of nanoseconds can be.
        if self.end is not None and self.end > MAX_NS:
            object.__setattr__(self, "end", None)

    def spans(self, begins: int, ends: int) -> bool:
        """Whether something between two moments can be wanted."""
        late = self.start is None or ends >= self.start
        return late and (self.end is None or begins < self.end)

    def of(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """The rows of a batch that are wanted."""
        import pyarrow as pa
        import pyarrow.compute as pc

        masks = []
        if self.symbols:
            symbols = batch.column(batch.schema.get_field_index("symbol"))
            masks.append(pc.is_in(symbols, pa.array(self.symbols)))
        if self.types:
            masks.append(pc.is_in(batch.column(0), pa.array(self.types)))
        if self.start is not None or self.end is not None:
            in_time = self._in_time(batch)
            # Arrow makes a mask of numpy's only when there is something to leave out.
            if not in_time.all():
                masks.append(pa.array(in_time))
        masks = [mask for mask in masks if not pc.all(mask).as_py()]
        if not masks:
            return batch
        combined = masks[0]
        for other in masks[1:]:
            combined = pc.and_(combined, other)
        return batch.filter(combined)

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
