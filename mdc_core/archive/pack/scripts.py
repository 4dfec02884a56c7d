"""The files of a pack that are for people: README, data dictionary, scripts to load it."""

from collections.abc import Iterator, Sequence

from mdc_core.archive.pack.manifest import PackedFile
from mdc_core.schema import columns, data_dictionary, field_names
from mdc_core.texts import counted

README = """\
# {title}

Market data, packed by mdc {mdc}.

| | |
| --- | --- |
| pack | `{id}` |
| files | {files:,} in {parts} |
| events | {rows:,} |
| symbols | {symbols} |
| first event | {first} |
| last event | {last} |

| event type | events |
| --- | --- |
{types}

## What is where

- `data/`: the events, one file for each symbol, event type and period
- `manifest.json`: every file with its SHA-256, numbers and origin; the JSON Schemas
- `data_dictionary.md`: what the fields mean
- `SHA256SUMS`: `sha256sum -c SHA256SUMS` checks that nothing has changed
- `scripts/`: programs that load the data

A pack in several parts has a manifest and a list of checksums for each, and all parts can be
unpacked into the same directory.

## Loading it

Unpack it, and then, from the directory where this file is:

    python scripts/load_data.py            # pandas and pyarrow
    Rscript scripts/load_data.R            # the packages arrow and jsonlite
    duckdb -init scripts/load_data.sql     # one view for each event type

Or bring it into an archive of mdc, without unpacking it:

    mdc pack import PACK --root data

Prices and sizes are exact decimals, times are nanoseconds in UTC.
"""

PYTHON = '''\
"""Load the events of this pack: python scripts/load_data.py [TYPE [SYMBOL]]

`load("trade")` is a table of pyarrow, `frame("trade")` one of pandas. Prices are exact
decimals, times nanoseconds in UTC.
"""

import gzip
import io
import json
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent.parent
NUMBER = pa.decimal128(36, 18)
LEVEL = pa.struct([("price", NUMBER), ("size", NUMBER), ("count", pa.int64())])
KINDS = {
    "text": pa.string(), "number": NUMBER, "whole": pa.int64(), "float": pa.float64(),
    "flag": pa.bool_(), "time": pa.timestamp("ns", "UTC"), "date": pa.date32(),
    "list": pa.list_(pa.string()), "levels": pa.list_(LEVEL), "json": pa.string(),
}


def manifests():
    """The manifest of each part of the pack that is here."""
    return [json.loads(path.read_text()) for path in sorted(HERE.glob("manifest*.json"))]


def load(event_type, symbol=None):
    """The events of a type, and of one symbol or all, as a pyarrow Table."""
    found = manifests()
    kinds = {"type": "text"}
    for manifest in found:
        kinds |= manifest["columns"].get(event_type, {})
    schema = pa.schema([(name, KINDS[kind]) for name, kind in kinds.items()])
    files = [
        file for manifest in found for file in manifest["files"]
        if file["type"] == event_type and symbol in (None, file["symbol"])
    ]
    tables = [_read(HERE / file["path"], schema, kinds, file) for file in files]
    return pa.concat_tables([schema.empty_table(), *tables])


def frame(event_type, symbol=None):
    """The same as a pandas DataFrame, its columns exact."""
    import pandas as pd

    return load(event_type, symbol).to_pandas(types_mapper=pd.ArrowDtype)


def _read(path, schema, kinds, file):
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        for name in ("type", "symbol") if file.get("bare") else ():
            table = table.append_column(name, pa.array([file[name]] * len(table), pa.string()))
        columns = [
            table[f.name].cast(f.type) if f.name in table.column_names
            else pa.nulls(table.num_rows, f.type)
            for f in schema
        ]
        return pa.table(columns, schema=schema)
    with _plain(path) as lines:
        rows = [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]
    return pa.table(
        [_column([row.get(f.name) for row in rows], kinds[f.name], f.type) for f in schema],
        schema=schema,
    )


def _column(values, kind, arrow_type):
    if kind == "json":
        values = [v if v is None else json.dumps(v, default=str) for v in values]
    if kind in ("time", "date"):
        return pa.array(values, pa.string()).cast(arrow_type)
    if kind == "number":
        values = [v if v is None else Decimal(v) for v in values]
    if kind == "levels":
        values = [v and [_level(level) for level in v] for v in values]
    return pa.array(values, arrow_type)


def _level(level):
    return {**level, "price": Decimal(level["price"]), "size": Decimal(level["size"])}


def _plain(path):
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix in (".zst", ".lz4"):
        codec = {".zst": "zstd", ".lz4": "lz4"}[path.suffix]
        return io.TextIOWrapper(pa.input_stream(str(path), compression=codec), "utf-8")
    return path.open(encoding="utf-8")


def main():
    """Print what is here, or the first and last events of a type."""
    if len(sys.argv) > 1:
        print(frame(*sys.argv[1:3]))
        return
    types = sorted({name for manifest in manifests() for name in manifest["columns"]})
    for name in types:
        print(name, load(name).num_rows)


if __name__ == "__main__":
    main()
'''

R = """\
# Load the events of this pack: source("scripts/load_data.R"); trades <- load_events("trade")
# Needs the packages arrow and jsonlite. Run it from the directory of manifest.json.

library(arrow)
library(jsonlite)

manifests <- lapply(Sys.glob("manifest*.json"), read_json)
files <- unlist(lapply(manifests, function(m) m$files), recursive = FALSE)

load_events <- function(type, symbol = NULL) {
  wanted <- Filter(function(f) {
    f$type == type && (is.null(symbol) || identical(f$symbol, symbol))
  }, files)
  tables <- lapply(wanted, function(f) {
    if (!endsWith(f$path, ".parquet")) return(read_json_arrow(f$path, as_data_frame = FALSE))
    table <- read_parquet(f$path, as_data_frame = FALSE)
    if (isTRUE(f$bare)) {
      said <- if (is.null(f$symbol)) NA_character_ else f$symbol
      table$type <- rep(f$type, nrow(table))
      table$symbol <- rep(said, nrow(table))
    }
    table
  })
  do.call(concat_tables, c(tables, unify_schemas = TRUE))
}

for (type in unique(vapply(files, function(f) f$type, ""))) {
  cat(type, nrow(load_events(type)), "\\n")
}
"""

_SQL_HEAD = """\
-- The events of this pack in DuckDB, one view for each event type. From the directory of
-- manifest.json: duckdb -init scripts/load_data.sql
-- Parquet is exact. Numbers of JSONL go through a double in DuckDB: 15 digits are exact.
"""
_SQL_TYPES = {
    "text": "VARCHAR",
    "number": "DECIMAL(18,9)",
    "whole": "BIGINT",
    "float": "DOUBLE",
    "flag": "BOOLEAN",
    "time": "TIMESTAMP_NS",
    "date": "DATE",
    "list": "VARCHAR[]",
    "levels": 'STRUCT(price DECIMAL(18,9), size DECIMAL(18,9), "count" BIGINT)[]',
    "json": "VARCHAR",
}


def readme(files: Sequence[PackedFile], title: str, pack_id: str, parts: int, mdc: str) -> str:
    """The README of a pack."""
    types: dict[str, int] = {}
    for file in files:
        types[file.type] = types.get(file.type, 0) + file.rows
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in sorted(types.items()))
    symbols = sorted({"(none)" if f.symbol is None else f.symbol for f in files})
    some = ", ".join(f"`{ascii(symbol)[1:-1]}`" for symbol in symbols[:20])
    more = f" and {len(symbols) - 20:,} more" if len(symbols) > 20 else ""
    return README.format(
        title=title or "A pack of market data",
        id=pack_id,
        mdc=mdc,
        files=len(files),
        parts=counted(parts, "part"),
        rows=sum(types.values()),
        symbols=some + more,
        types=rows,
        first=min((f.first for f in files if f.first), default="-"),
        last=max((f.last for f in files if f.last), default="-"),
    )


def sql(files: Sequence[PackedFile]) -> str:
    """A script for DuckDB: one view for each event type."""
    out = [_SQL_HEAD]
    for name in sorted({file.type for file in files}):
        mine = [file for file in files if file.type == name]
        full = [f.path for f in mine if f.suffix == ".parquet" and not f.bare]
        reads = [
            _read_parquet(full),
            *_read_bare([f for f in mine if f.bare]),
            _read_json(name, [f.path for f in mine if f.suffix.startswith(".jsonl")]),
        ]
        selects = "\nUNION ALL BY NAME\n".join(read for read in reads if read)
        out.append(f'CREATE OR REPLACE VIEW "{name}" AS\n{selects};\n')
    return "\n".join(out)


def _read_parquet(paths: list[str]) -> str:
    if not paths:
        return ""
    return f"SELECT * FROM read_parquet([\n{_listed(paths)}],\n  union_by_name = true, {_HIVE})"


def _read_bare(files: Sequence[PackedFile]) -> Iterator[str]:
    """Files without the columns that their folders say, symbol by symbol."""
    for symbol in dict.fromkeys(file.symbol for file in files):
        mine = [file for file in files if file.symbol == symbol]
        said = "NULL::VARCHAR" if symbol is None else "'" + symbol.replace("'", "''") + "'"
        columns = f"SELECT '{mine[0].type}' AS type, {said} AS symbol, *"
        yield _read_parquet([file.path for file in mine]).replace("SELECT *", columns, 1)


_HIVE = "hive_partitioning = false"


def _read_json(type_name: str, paths: list[str]) -> str:
    if not paths:
        return ""
    kinds = {"type": "text", **{n: columns()[n].kind for n in field_names(type_name)}}
    fields = ", ".join(f"'{name}': '{_SQL_TYPES[kind]}'" for name, kind in kinds.items())
    return (
        f"SELECT * FROM read_json([\n{_listed(paths)}],\n"
        f"  format = 'newline_delimited', {_HIVE},\n  columns = {{{fields}}})"
    )


def _listed(paths: list[str]) -> str:
    return ",\n".join(f"  '{path}'" for path in paths)


def texts(
    files: Sequence[PackedFile], description: str, pack_id: str, parts: int, mdc: str
) -> dict[str, bytes]:
    """The files of a pack that are for people, by name."""
    made = {
        "README.md": readme(files, description, pack_id, parts, mdc),
        "data_dictionary.md": data_dictionary(),
        "scripts/load_data.py": PYTHON,
        "scripts/load_data.R": R,
        "scripts/load_data.sql": sql(files),
    }
    return {name: text.encode() for name, text in made.items()}
