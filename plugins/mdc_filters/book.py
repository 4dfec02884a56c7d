"""Order books made of snapshots and changes: the best levels after each update.

Snapshots (`book`) and changes (`delta`, by price or order by order) come in, the best levels of
both sides go out as `book` events, for each symbol, provider and channel by itself. A book is
known from its first snapshot, or `clear`, on. One that is crossed, gets a change that cannot be,
a checksum that does not fit, or falls into a gap is frozen: nothing comes out until the next
snapshot. An `integrity` event of check `book` says so each time.

An update is what the sender says belongs together: changes of one `ts_event` and one `seq`, or up
to a checksum. When they were received makes no difference: live, of an archive and replayed at
any speed the books are the same.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from mdc_core.columns import BookBuilder, BookChecksums, BooksMade
from mdc_core.plugin import Filter, Options, Span, book_checksum, from_rows

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = (
    "mdc stream sim SPY --type delta --limit 1000 | mdc book --levels 5",
    "mdc book events.jsonl --every 1s --columns spread,mid,microprice,imbalance",
)


class BookOptions(Options, frozen=True, kw_only=True):
    """What goes out of a book, and when."""

    levels: Annotated[int, Meta(description="how many levels of a side", ge=1)] = 10
    every: Annotated[
        Span,
        Meta(
            description="the state at the end of each such time in which something changed, by "
            "event time; `update`: after each update (one `ts_event` and `seq`)",
            extra={"zero": "update"},
        ),
    ] = 0
    columns: Annotated[
        tuple[Literal["spread", "mid", "microprice", "imbalance"], ...],
        Meta(description="statistics that go to `extra`"),
    ] = ()


class Book(Filter):
    """Order books made of snapshots and changes."""

    Options = BookOptions
    options: BookOptions
    derives = True

    def __init__(self, options: BookOptions) -> None:
        super().__init__(options)
        self._books = BookBuilder(
            options.levels, options.every or None, options.columns, BookChecksums(book_checksum)
        )
        self._quiet: int | None = None  # since when

    def __call__(self, batch: "pa.RecordBatch") -> "Iterator[pa.RecordBatch]":
        self._quiet = None
        return _in_order(self._books(batch))

    def about_data(self, batch: "pa.RecordBatch") -> "Iterator[pa.RecordBatch]":
        self._quiet = None
        return _in_order(self._books(batch))

    def tick(self, now: int) -> "Iterator[pa.RecordBatch] | None":
        """Nothing has come since the last tick: what came last is whole.

        An interval is over when nothing has come for as long as it is.
        """
        if self._quiet is None:
            self._quiet = now
            return None
        over = now - self._quiet >= self.options.every
        return _in_order(self._books.flush(intervals=over))

    def close(self) -> "Iterator[pa.RecordBatch]":
        return _in_order(self._books.flush())


def _in_order(made: BooksMade) -> "Iterator[pa.RecordBatch]":
    """Books and what is said of them, each in its place."""
    notes = list(made.notes)
    for batch, places in made.books:
        start = 0
        while notes and notes[0].place <= places[-1][0]:
            stop = bisect_left(places, (notes[0].place, -1))
            if stop > start:
                yield batch.slice(start, stop - start)
            yield from_rows([notes.pop(0).event])
            start = stop
        yield batch.slice(start)
    if notes:
        yield from_rows([note.event for note in notes])
