"""Events in files: JSONL, Arrow and Parquet, plain or compressed, whatever their names."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core.errors import DataError
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 16_384


def read_events(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of a part, in batches; raises DataError for anything that is not whole."""
    with closing(Quarantine(Path(os.devnull))) as aside, path.open("rb", buffering=0) as file:
        reader = Reader(file, str(path), aside, path)
        for chunk in reader:
            yield chunk.batch
        if reader.damage or reader.rejected:
            raise DataError(reader.damage or str(reader.first_rejection))


def read_parquet(path: Path, *, rows: int = ROWS) -> "Iterator[pa.RecordBatch]":
    """The events of a Parquet file, in our schema; raises DataError if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mdc_core.wire.arrow import check_sound, conform, is_ours, target_schema

    name = printable(path)
    try:
        with pq.ParquetFile(_named(path), pre_buffer=False, buffer_size=65_536) as part:
            schema = target_schema(part.schema_arrow, name)
            ours = is_ours(part.schema_arrow)
            for batch in part.iter_batches(rows):
                check_sound(batch, name, fully=not ours)
                yield conform(batch, schema, name)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{name}: not a whole Parquet file: {error}") from None


def read_arrow_file(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of an Arrow file, in our schema; raises DataError if it cannot be read."""
    import pyarrow as pa

    from mdc_core.wire.arrow import check_sound, conform, is_ours, target_schema

    name = printable(path)
    try:
        with pa.ipc.open_file(_named(path)) as file:
            schema = target_schema(file.schema, name)
            ours = is_ours(file.schema)
            for index in range(file.num_record_batches):
                batch = file.get_batch(index)
                check_sound(batch, name, fully=not ours)
                yield conform(batch, schema, name)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{name}: not a whole Arrow file: {error}") from None


def printable(path: Path) -> str:
    """A path for people; bytes of its name that are not UTF-8 as escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _named(path: Path) -> Any:
    """What pyarrow opens: the path, or the open file where the name is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.open("rb")
    return str(path)
