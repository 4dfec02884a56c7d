"""Events in files that are read from their end: Parquet and Arrow files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core.disk import unreadable
from mdc_core.errors import DataError
from mdc_core.wire.limits import BYTES, LONG_TEXTS, MAX_BODY, MAX_RATIO, ROWS
from mdc_core.wire.sniff import Peeked

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ARROW_MAGIC = 8  # bytes before the stream


def read_parquet(path: Path, *, rows: int = ROWS) -> "Iterator[pa.RecordBatch]":
    """The events of a Parquet file, in our schema; raises DataError if it cannot be read."""
    import pyarrow as pa

    from mdc_core.wire.tables.arrow import Incoming

    name = _printable(path)
    try:
        with _opened(path, ()) as file:
            packed, most = bounds_of(file.metadata, name)
            rows = min(rows, most)
            incoming = Incoming(file.schema_arrow, name)
        with _opened(path, packed) as file:
            for batch in file.iter_batches(rows):
                yield from incoming.pieces(batch)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise unreadable(name, error, "not a whole Parquet file") from None


def _opened(path: Path, packed: Sequence[str]) -> "pq.ParquetFile":
    """A Parquet file, of which some columns of texts come as dictionaries."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        openable(path),
        pre_buffer=False,
        buffer_size=65_536,
        page_checksum_verification=True,
        read_dictionary=list(packed),
    )


def bounds_of(metadata: "pq.FileMetaData", name: str) -> tuple[list[str], int]:
    """Columns of long texts in many rows, and how many rows of a file take little memory.

    Raises DataError for a column that unpacks to more than there is memory for.
    """
    return _packed_texts(metadata, name), _rows_at_once(metadata)


def _packed_texts(metadata: "pq.FileMetaData", name: str) -> list[str]:
    found: dict[str, None] = {}
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            size, packed = column.total_uncompressed_size, column.total_compressed_size
            if size > MAX_BODY and size > MAX_RATIO * packed:
                text = f"{column.path_in_schema} unpacks from {packed} to {size} bytes"
                raise DataError(f"{name}: {text}", hint="write it in smaller row groups")
            is_packed = column.dictionary_page_offset is not None
            if is_packed and column.physical_type == "BYTE_ARRAY" and size > LONG_TEXTS:
                found[column.path_in_schema] = None
    return list(found)


def _rows_at_once(metadata: "pq.FileMetaData") -> int:
    """How many rows take little memory, by what the row groups take on average."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    size = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(BYTES // max(size, 1), 1)


def read_arrow_file(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of an Arrow file, in our schema; raises DataError if it cannot be read.

    It is read as the stream that it holds, so as much at once as of a stream.
    """
    import pyarrow as pa

    from mdc_core.wire.streams.reading import read_streams

    name = _printable(path)
    try:
        with pa.ipc.open_file(openable(path)):
            pass  # its end is there
        with path.open("rb", buffering=0) as file:
            file.seek(_ARROW_MAGIC)
            yield from read_streams(Peeked(file), name, single=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(name, error, "not a whole Arrow file") from None


def _printable(path: Path) -> str:
    """A path for people; bytes of its name that are not UTF-8 as escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def openable(path: Path) -> Any:
    """What pyarrow opens: the path, or the open file where the name is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.open("rb")
    return str(path)
