"""Parquet and Arrow files of others, whatever they are named."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from mdc_core.errors import DataError
from mdc_core.mapping.heads import head_of
from mdc_core.mapping.plan import TableSample
from mdc_core.wire.tables.files import bounds_of

_ROWS = 65_536  # read at once
_LONG_ROWS = 256  # where a text may be long and stand in all of them


@contextmanager
def opened_table(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The columns and the rows of a file; raises DataError where it is damaged."""
    import pyarrow.parquet as pq

    head = head_of(path)[:6]
    try:
        with path.open("rb") as file:
            if head.startswith(b"PAR1"):
                parquet = pq.ParquetFile(file, pre_buffer=False)
                packed, most = bounds_of(parquet.metadata, path.name)
                rows = min(_ROWS, most, _LONG_ROWS if packed else most)
                yield parquet.schema_arrow, parquet.iter_batches(rows)
            elif head == b"ARROW1":
                whole = pa.ipc.open_file(file)
                numbers = range(whole.num_record_batches)
                yield whole.schema, _cut(whole.get_batch(number) for number in numbers)
            elif head.startswith(b"\xff\xff\xff\xff"):
                stream = pa.ipc.open_stream(file)
                yield stream.schema, _cut(stream)
            else:
                raise DataError("it is neither Parquet nor Arrow" if head else "it is empty")
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise DataError(f"it cannot be read: {error}".partition("\n")[0]) from None


def _cut(batches: Any) -> Iterator[pa.RecordBatch]:
    """Batches of bounded size."""
    pieces = (
        (batch.slice(at, _ROWS) for at in range(0, batch.num_rows, _ROWS)) for batch in batches
    )
    return chain.from_iterable(pieces)


def table_head(path: Path) -> TableSample:
    """The first rows of a file; raises DataError where it is damaged."""
    with opened_table(path) as (schema, batches):
        first = list(islice((batch for batch in batches if batch.num_rows), 1))
        if len(set(schema.names)) < len(schema.names):
            raise DataError("two columns have the same name")
        rows = first or [pa.RecordBatch.from_pylist([], schema=schema)]
        rows[0].validate(full=True)  # a text may be none
        return TableSample(dict(zip(schema.names, rows[0].columns, strict=True)))
