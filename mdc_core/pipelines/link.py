"""The joint between two stages of one process: what one writes, the next one reads."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from mdc_core.events import Event
from mdc_core.wire.reader import Chunk

if TYPE_CHECKING:
    import pyarrow as pa


class Link:
    """Takes what a `Writer` takes, and hands it on by reference."""

    for_people = False

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []

    def batch(self, batch: "pa.RecordBatch", raw: bytes | None = None) -> None:
        """Hand on a batch with its text, if it has one."""
        self._chunks.append(Chunk(batch, raw))

    def rows(self, rows: Sequence[Event]) -> None:
        """Hand on rows as columns."""
        from mdc_core.batch import from_rows

        self._chunks.append(Chunk(from_rows(rows)))

    def close(self) -> None:
        """Nothing: the end is an event."""

    def drain(self) -> list[Chunk]:
        """What was written since the last time."""
        chunks, self._chunks = self._chunks, []
        return chunks


class LinkReader:
    """The events of the stage before, as an input that nothing can be wrong with."""

    rejected = 0
    first_rejection: str | None = None
    damage: str | None = None

    def __init__(self, name: str, chunks: Callable[[], Iterator[Chunk]]) -> None:
        self.name = name
        self._chunks = chunks

    def __iter__(self) -> Iterator[Chunk]:
        return self._chunks()
