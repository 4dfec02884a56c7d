"""The joint between two stages of one process: what one writes, the next one reads."""

from collections.abc import Callable, Iterator

from mdc_core.events import Begin
from mdc_core.wire.chunk import Chunk


class Link:
    """Takes what a `Writer` takes, and hands it on by reference."""

    plain = False

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []

    def make(self, chunk: Chunk) -> None:
        """Make columns of it: rows that none can hold are the failure of who wrote them."""
        _ = chunk.batch

    def write(self, chunk: Chunk) -> None:
        """Hand on a chunk."""
        self.make(chunk)
        self._chunks.append(chunk)

    def close(self, origin: Begin | None = None) -> None:
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
