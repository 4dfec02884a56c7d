"""What is said about books: why one is not known, and since when it is known again."""

from typing import Any, NamedTuple

import pyarrow as pa

from mdc_core.batch import Int64s
from mdc_core.contracts import Severity
from mdc_core.events import Integrity
from mdc_core.orderbook.levels import OrderBook
from mdc_core.times import from_ns

_TEXTS = ("symbol", "provider", "venue", "channel")
_TIMES = ("ts_event", "ts_recv")


class BookNote(NamedTuple):
    """Something said about a book, where in the stream; `row` is that of the batch at fault."""

    place: int
    severity: Severity
    event: Integrity
    row: int | None


def note(
    place: int,
    severity: Severity,
    message: str,
    book: OrderBook,
    batch: pa.RecordBatch,
    row: int,
    of_row: bool = True,
) -> BookNote:
    """A note with the times of a row of a batch, and the name of the book."""
    symbol, provider, channel = book.name
    event = Integrity(check="book", severity=severity, message=message, symbol=symbol)
    event.about, event.ts_event = _text(batch, "type", row), _time(batch, "ts_event", row)
    event.ts_recv, event.venue = _time(batch, "ts_recv", row), _text(batch, "venue", row)
    event.provider, event.channel = provider, channel
    number = _value(batch, "seq", row)
    event.seq = None if number is None else number.as_py()
    return BookNote(place, severity, event, row if of_row else None)


def of_rows(said: BookNote, rows: Int64s) -> BookNote:
    """The same note, its row counted in the batch that these rows were taken from, if it was."""
    at = -1 if said.row is None else int(rows[said.row])
    return said._replace(row=None if at < 0 else at)


def _text(batch: pa.RecordBatch, name: str, row: int) -> str | None:
    value = _value(batch, name, row)
    return None if value is None else value.as_py()


def _time(batch: pa.RecordBatch, name: str, row: int) -> str | None:
    value = _value(batch, name, row)
    return None if value is None or not value.is_valid else from_ns(value.value)


def _value(batch: pa.RecordBatch, name: str, row: int) -> Any:
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)[row]
