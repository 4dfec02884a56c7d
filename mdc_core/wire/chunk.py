"""Events on their way from stage to stage: columns, text, or what either is made of when asked.

Whoever writes JSONL asks for the text, whoever works on columns for the batch, and nothing is
made that nobody asks for. Text that came in is cut and joined, but never made anew.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from mdc_core.events import Event
from mdc_core.wire.lines.jsonl import encode_batch, encode_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Rows = npt.NDArray[np.integer]

T = TypeVar("T")
Counts = Mapping[str, int]


class Chunk:
    """Some events in order; what is a function here is called when somebody first asks.

    `text` is their JSONL, one line a row; without it, it is made of the batch. `versions` are
    the types with the versions that the lines named, where some were migrated: then the text is
    what they became.
    """

    __slots__ = ("_batch", "_counts", "_cuts", "_text", "size", "versions")

    def __init__(
        self,
        batch: "pa.RecordBatch | Callable[[], pa.RecordBatch]",
        text: bytes | Callable[[], bytes] | None = None,
        counts: Counts | Callable[[], Counts] | None = None,
        versions: frozenset[tuple[str, str]] | None = None,
        *,
        size: int | None = None,
    ) -> None:
        self._batch, self._text, self._counts = batch, text, counts
        self._cuts: Rows | None = None
        self.versions = versions
        self.size = self.batch.num_rows if size is None else size

    @classmethod
    def of_rows(cls, rows: Sequence[Event]) -> "Chunk":
        """Some rows."""
        return cls(
            partial(_columns, rows),
            partial(encode_rows, rows),
            partial(_counted_rows, rows),
            size=len(rows),
        )

    @property
    def batch(self) -> "pa.RecordBatch":
        """The events as columns."""
        made = self._batch = _made(self._batch)
        return made

    @property
    def text(self) -> bytes:
        """The events as lines."""
        made = self._text = encode_batch(self.batch) if self._text is None else _made(self._text)
        return made

    @property
    def has_text(self) -> bool:
        """Whether they came as lines, or have been made lines."""
        return self._text is not None

    @property
    def counts(self) -> Counts:
        """How many events there are of each type."""
        if self._counts is None:
            from mdc_core.batch import count_types

            self._counts = count_types(self.batch)
        made = self._counts = _made(self._counts)
        return made

    def cut(self, start: int, stop: int) -> "Chunk":
        """The rows [start, stop); the text of the whole is made once and cut.

        Made for a row alone, text costs a millisecond.
        """
        if (start, stop) == (0, self.size):
            return self
        return Chunk(
            lambda: self.batch.slice(start, stop - start),
            lambda: self.text[self._starts[start] : self._starts[stop]],
            size=stop - start,
        )

    def select(self, rows: "Rows") -> "Chunk":
        """These rows, in their order."""
        if len(rows) == self.size:
            return self
        return Chunk(
            lambda: _taken(self.batch, rows),
            partial(self._lines, rows) if self.has_text else None,
            lambda: _counted(_taken(self.batch.column(0), rows)),
            size=len(rows),
        )

    def without(self, *types: str) -> "Chunk":
        """All but the events of some types."""
        if not any(name in self.counts for name in types):
            return self
        from mdc_core.batch import is_type

        return self.select((~is_type(self.batch, *types)).nonzero()[0])

    def splice(self, at: "Rows", other: "Chunk") -> "Chunk":
        """With the rows of another chunk put in, each in front of a row; `at` is in order."""
        return Chunk(
            partial(self._spliced_columns, at, other),
            partial(self._spliced_text, at, other) if self.has_text else None,
            lambda: Counter(self.counts) + Counter(other.counts),
            size=self.size + other.size,
        )

    @property
    def _starts(self) -> "Rows":
        """Where each line begins, and where the last one ends."""
        if self._cuts is None:
            import numpy as np

            ends = np.flatnonzero(np.frombuffer(self.text, np.uint8) == ord("\n")) + 1
            self._cuts = np.concatenate([[0], ends])
        return self._cuts

    def _lines(self, rows: "Rows") -> bytes:
        import numpy as np

        # What stands side by side is cut out in one piece.
        first = rows[np.diff(rows, prepend=-2) != 1]
        behind = rows[np.diff(rows, append=self.size + 1) != 1] + 1
        return b"".join(_pieces(self.text, self._starts[first], self._starts[behind]))

    def _spliced_text(self, at: "Rows", other: "Chunk") -> bytes:
        import numpy as np

        places, firsts = np.unique(at, return_index=True)
        own = self._starts[np.concatenate([[0], places, [self.size]])]
        theirs = other._starts[np.append(firsts, other.size)]
        mine = _pieces(self.text, own[:-1], own[1:])
        inserted = _pieces(other.text, theirs[:-1], theirs[1:])
        return b"".join([next(mine), *chain.from_iterable(zip(inserted, mine, strict=True))])

    def _spliced_columns(self, at: "Rows", other: "Chunk") -> "pa.RecordBatch":
        import numpy as np

        from mdc_core.batch import unify

        own, theirs = np.arange(self.size), np.arange(self.size, self.size + other.size)
        both: pa.RecordBatch = _taken(unify([self.batch, other.batch]), np.insert(own, at, theirs))
        return both


def _taken(columns: Any, rows: "Rows") -> Any:
    from mdc_core.batch import int64_array

    return columns.take(int64_array(rows))


def no_events() -> Chunk:
    """Nothing, which says that nothing has come for a while."""
    from mdc_core.wire.tables.arrow import nothing

    return Chunk(nothing(), b"", {})


def _made(value: T | Callable[[], T]) -> T:
    return value() if callable(value) else value


def _pieces(text: bytes, starts: "Rows", stops: "Rows") -> Iterator[bytes]:
    return (text[i:j] for i, j in zip(starts.tolist(), stops.tolist(), strict=True))


def _columns(rows: Sequence[Event]) -> "pa.RecordBatch":
    from mdc_core.batch import from_rows

    return from_rows(rows)


def _counted_rows(rows: Sequence[Event]) -> Counts:
    kinds: Counter[type[Event]] = Counter(map(type, rows))
    return {str(kind.__struct_config__.tag): count for kind, count in kinds.items()}


def _counted(types: "pa.Array[pa.StringScalar]") -> Counts:
    from mdc_core.batch import count_values

    return count_values(types)
