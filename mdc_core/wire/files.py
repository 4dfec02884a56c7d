"""Events in files: JSONL, Arrow and Parquet, plain or compressed, whatever their names."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core.errors import DataError
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.sniff import Unbuffered

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 16_384


def read_events(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of a part, in batches; raises DataError for anything that is not whole."""
    with path.open("rb", buffering=0) as file:
        yield from read_file(file, str(path), path)


def read_file(
    file: Unbuffered,
    name: str,
    path: Path | None = None,
    *,
    versions: set[tuple[str, str]] | None = None,
) -> "Iterator[pa.RecordBatch]":
    """The same of an open file; `path` where it has one that Parquet can be read from.

    The types and versions that were migrated are added to `versions`.
    """
    with closing(Quarantine(Path(os.devnull))) as aside:
        reader = Reader(file, name, aside, path)
        for chunk in reader:
            if versions is not None:
                versions.update(chunk.versions or ())
            yield chunk.batch
        if reader.damage or reader.rejected:
            raise DataError(reader.damage or str(reader.first_rejection))


def read_parquet(
    path: Path,
    *,
    rows: int = ROWS,
    source: "pa.NativeFile | None" = None,
    versions: set[tuple[str, str]] | None = None,
) -> "Iterator[pa.RecordBatch]":
    """The events of a Parquet file, in our schema; raises DataError if it cannot be read.

    They are read from `source` where it is given; the path is then only its name. The types
    and versions that the file names are added to `versions`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mdc_core.wire.arrow import Incoming

    name = printable(path)
    try:
        with pq.ParquetFile(
            source or _named(path),
            pre_buffer=False,
            buffer_size=65_536,
            page_checksum_verification=True,
        ) as part:
            incoming = Incoming(part.schema_arrow, name)
            if versions is not None:
                versions.update(incoming.versions.items())
            yield from map(incoming.events, part.iter_batches(rows))
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: not a whole Parquet file: {error}") from None


def read_arrow_file(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of an Arrow file, in our schema; raises DataError if it cannot be read."""
    import pyarrow as pa

    from mdc_core.wire.arrow import Incoming

    name = printable(path)
    try:
        with pa.ipc.open_file(_named(path)) as file:
            incoming = Incoming(file.schema, name)
            for index in range(file.num_record_batches):
                yield incoming.events(file.get_batch(index))
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
