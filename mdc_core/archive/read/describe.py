"""What one file holds, found out by reading it once with bounded memory.

Of a Parquet file the footer, four columns and the first rows are read, of any other
file everything.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core import times
from mdc_core.accounting import Input
from mdc_core.archive.catalog.origins import KEY, WHOLE, kept_above, runs
from mdc_core.archive.part_formats import (
    JSONL,
    PARQUET,
    format_of,
    part_format,
    read_part_file,
    suffix_of,
)
from mdc_core.archive.read.lineage_reader import LineageReader, begins_in, check_sound
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.batch import count_types
from mdc_core.contracts import PartFormat
from mdc_core.decimals import is_narrow
from mdc_core.disk import reading, unreadable
from mdc_core.errors import DataError, UnreadableError, UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.mapping.guess.own_files import OtherFileError
from mdc_core.schema import VERSIONS_KEY, version_of
from mdc_core.texts import counted, plainly
from mdc_core.wire.limits import ROWS
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.sniff import Exactly, Peeked, encoding_of
from mdc_core.wire.tables.arrow import Incoming, conform
from mdc_core.wire.tables.files import openable, read_parquet
from mdc_core.wire.unpack import unpacked

_LOOKED_AT = ("type", "symbol", "ts_event", "ts_recv")


@dataclass
class Description:
    """What is known of a file; `problems` says what is wrong with it."""

    path: Path
    called: str = ""  # where that is not its path
    size: int = 0
    encoding: str = "unknown"
    compression: str | None = None
    rows: int = 0
    rejected: int = 0
    row_groups: int | None = None
    codecs: list[str] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    versions: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, pa.DataType] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)  # that are not null, by column
    symbols: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None
    origin_key: str = ""  # where it only names its origin
    begins: list[dict[str, Any]] = field(default_factory=list)
    sample: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The path as text, whatever bytes it is made of."""
        return self.called or os.fsencode(self.path).decode(errors="replace")

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged or missing, as far as the file itself can tell."""
        return not self.problems


def describe(path: Path, *, sample: int = 0, name: str = "") -> Description:
    """What a file holds, with its first `sample` events; raises if it cannot be opened."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint=f"name a file in it: mdc ls --tree {path}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file", hint="write it to a file first")
    found = Description(path, name)
    try:
        with reading(path), path.open("rb", buffering=0) as file:
            found.size = os.fstat(file.fileno()).st_size
            _describe(found, file, sample)
    except (UnreadableError, OtherFileError):
        raise
    except DataError as error:
        found.problems.append(_told(found, error))
    return found


def _told(found: Description, error: DataError) -> str:
    """What is wrong with a file; of a table of others, the command that imports it."""
    from mdc_core.mapping.guess.strangers import refuse_table

    if found.encoding in ("parquet", "arrow", "arrow-file") and found.compression is None:
        try:
            refuse_table(found.path, found.name, error)
        except DataError as better:
            error = better
    return f"{error}; {error.hint}" if error.hint and "mdc import" in error.hint else str(error)


def _describe(found: Description, file: BinaryIO, sample: int) -> None:
    form = format_of(suffix_of(found.path.name))
    if form not in (JSONL, PARQUET):
        found.encoding = form
        _part(found, part_format(form), sample)
        return
    plain = unpacked(file, found.name)
    try:
        found.encoding = encoding = encoding_of(plain)
    finally:
        found.compression = plain.compression
    if encoding in ("parquet", "arrow-file") and found.compression:
        raise DataError(f"{found.name}: {encoding} inside {found.compression}; unpack it first")
    if encoding == "parquet":
        _footer(found)
        found.sample = _first_rows(found, sample)
        if not found.begins and found.types["begin"]:
            for batch in read_parquet(found.path):
                found.begins += begins_in(batch)
        return
    if encoding != "jsonl":
        _own_schema(found, encoding, plain)
    file.seek(0)
    _stream(found, file, sample)


def _part(found: Description, form: PartFormat, sample: int) -> None:
    """A part of another format: all of it, once."""
    named: set[tuple[str, str]] = set()
    for batch in read_part_file(found.path, form, named):
        _count(found, batch, count_types(batch))
        _values(found, batch)
        found.rows += batch.num_rows
        found.sample += _lines_of(batch, sample - len(found.sample))
    _versions(found, named)


def _footer(found: Description) -> None:
    """A Parquet file: its footer, and its events by type, symbol and time."""
    name = found.name
    try:
        with pq.ParquetFile(openable(found.path), pre_buffer=False) as part:
            meta, schema = part.metadata, part.schema_arrow
            found.rows, found.row_groups = meta.num_rows, meta.num_row_groups
            groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
            chunks = [group.column(index) for group in groups for index in range(meta.num_columns)]
            found.codecs = sorted({chunk.compression.lower() for chunk in chunks})
            for chunk in chunks:
                if chunk.path_in_schema in schema.names and chunk.statistics is not None:
                    found.values[chunk.path_in_schema] += chunk.statistics.num_values
            _take_schema(found, schema)
            incoming = Incoming(schema, name)
            wanted = pa.schema([incoming.schema.field(column) for column in _LOOKED_AT])
            there = [column for column in _LOOKED_AT if column in schema.names]
            for batch in part.iter_batches(ROWS, columns=there if incoming.is_ours else None):
                current = batch if incoming.is_ours else incoming.events(batch)
                events = conform(current, wanted, name)
                check_sound(events, name)
                _count(found, events, count_types(events))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(name, error, "not a whole Parquet file") from None


def _first_rows(found: Description, sample: int) -> list[bytes]:
    for batch in read_parquet(found.path, rows=max(sample, 1)):
        check_sound(batch, found.name)
        return _lines_of(batch, sample)
    return []


def _own_schema(found: Description, encoding: str, plain: Peeked) -> None:
    """The columns as an Arrow file has them, before they are widened to ours."""
    try:
        if encoding == "arrow-file":
            with pa.ipc.open_file(openable(found.path)) as file:
                _take_schema(found, file.schema)
        elif encoding == "arrow":
            with pa.ipc.open_stream(pa.PythonFile(Exactly(plain.read_all), "r")) as stream:
                _take_schema(found, stream.schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise unreadable(found.name, error, "damaged Arrow data") from None


def _take_schema(found: Description, schema: pa.Schema) -> None:
    """Columns, versions and origin, as the schema of a table has them."""
    found.columns = {column.name: column.type for column in schema}
    metadata = schema.metadata or {}
    try:
        versions = msgspec.json.decode(metadata.get(VERSIONS_KEY, b"{}"), type=dict[str, str])
        origin = msgspec.json.decode(metadata.get(WHOLE, b"{}"), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"{found.name}: metadata that is not mdc's: {plainly(error)}") from None
    for name, version in versions.items():
        if not re.fullmatch(r"\d+(\.\d+)*", version, re.ASCII):
            raise DataError(f"{found.name}: {name} has no version: {version[:60]!r}")
    found.versions = {name: [version] for name, version in versions.items()}
    if origin:
        found.begins = origin.get("origins") or [origin]
    found.origin_key = metadata.get(KEY, b"").decode(errors="replace")
    found.begins = found.begins or runs(found.origin_key, partial(kept_above, found.path))


def _stream(found: Description, file: BinaryIO, sample: int) -> None:
    """JSONL and Arrow: all of it, once."""
    with closing(Quarantine(keeps=False)) as aside:
        reader = LineageReader(file, found.name, aside, found.path)
        source = Input([reader])
        try:
            for chunk in source:
                _count(found, chunk.batch, chunk.counts)
                _values(found, chunk.batch)
                found.rows += chunk.batch.num_rows
                missing = sample - len(found.sample)
                found.sample += _lines_of(chunk.batch, missing)
        finally:
            found.begins = reader.begins or found.begins
            found.rejected = source.rejected
    _versions(found, reader.versions)
    found.problems += [source.truncated] if source.truncated else []
    found.problems += source.mismatches
    if source.rejected:
        found.problems.append(_unreadable(found, str(source.first_rejection)))


def _unreadable(found: Description, first: str) -> str:
    if not found.rows:
        found.encoding = "unknown"
        return f"not a file of events: {first}"
    if found.rejected == 1:
        return f"1 line cannot be read: {first}"
    return f"cannot read {counted(found.rejected, 'line')}, the first: {first}"


def _lines_of(batch: pa.RecordBatch, most: int) -> list[bytes]:
    """The first events of a batch as lines of JSON."""
    rows = batch.slice(0, most)
    return encode_batch(rows).splitlines() if rows.num_rows else []


def _count(found: Description, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
    """Types, symbols and times of a batch."""
    found.types.update(counts)
    symbols: list[Any] = batch.column(batch.schema.get_field_index("symbol")).unique().to_pylist()
    found.symbols.update(symbol for symbol in symbols if symbol is not None)
    moments = row_time(batch)
    moments = moments[moments != NO_TIME]
    if len(moments):
        low, high = int(np.min(moments)), int(np.max(moments))
        found.first = low if found.first is None else min(found.first, low)
        found.last = high if found.last is None else max(found.last, high)


def _values(found: Description, batch: pa.RecordBatch) -> None:
    """The columns of a batch that have values, and how many."""
    for column, values in zip(batch.schema, batch.columns, strict=True):
        known = batch.num_rows - values.null_count
        if known or column.name in found.columns:
            found.values[column.name] += known
            found.columns.setdefault(column.name, column.type)


def _versions(found: Description, named: set[tuple[str, str]]) -> None:
    """The schema versions of the types that occur; a line that names none has the current."""
    for type_name in EVENT_TYPES:
        if type_name in found.types and type_name not in found.versions:
            said = sorted(version for name, version in named if name == type_name)
            found.versions[type_name] = said or [version_of(type_name)]


def as_json(found: Description) -> dict[str, Any]:
    """A description as a JSON object, its numbers and lines exact."""
    moments = (found.first, found.last)
    first, last = (None if ns is None else times.from_ns(ns) for ns in moments)
    return {
        "path": found.name,
        "bytes": found.size,
        "encoding": found.encoding,
        "compression": found.compression,
        "codecs": found.codecs,
        "row_groups": found.row_groups,
        "events": found.rows,
        "rejected": found.rejected,
        "whole": found.whole,
        "problems": found.problems,
        "origin": found.begins[0] if found.begins else None,
        "runs": len(found.begins),
        "first": first,
        "last": last,
        "symbols": len(found.symbols),
        "first_symbols": sorted(found.symbols)[:10],
        "types": [
            {"type": name, "events": count, "versions": found.versions.get(name, [])}
            for name, count in sorted(found.types.items())
        ],
        "columns": [
            {
                "name": name,
                "type": str(kind),
                "narrow": is_narrow(kind),
                "values": found.values.get(name),
            }
            for name, kind in found.columns.items()
        ],
        "sample": [msgspec.Raw(line) for line in found.sample],
    }
