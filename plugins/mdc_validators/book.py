"""Order books that cannot be: crossed, changed in a way that is impossible, or not complete.

The books are those of `mdc book`, rebuilt without being given out: a finding says why one is not
known from there on (a change of a level or an order that cannot be, bid over ask, a checksum that
does not fit, a gap), or has never been (no snapshot has come), and since when it is known again.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mdc_core.columns import BookBuilder, BookChecksums, BooksMade
from mdc_core.plugin import Check, Finding, book_checksum

if TYPE_CHECKING:
    import pyarrow as pa


class Book(Check):
    """Order books that cannot be as they are told."""

    scope: ClassVar[Literal["market", "all"]] = "all"

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._books = BookBuilder(verify=BookChecksums(book_checksum))
        self._quiet = False

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        self._quiet = False
        return _findings(self._books(batch))

    def tick(self, now: int) -> Iterable[Finding]:
        """Nothing has come since the last tick: what came last is whole."""
        quiet, self._quiet = self._quiet, True
        return _findings(self._books.flush()) if quiet else ()

    def close(self) -> Iterable[Finding]:
        return _findings(self._books.flush())


def _findings(made: BooksMade) -> Iterator[Finding]:
    for note in made.notes:
        of = note.event if note.row is None else None
        yield Finding(note.row, str(note.event.message), note.severity, of=of)
