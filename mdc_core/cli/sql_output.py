"""Results of SQL for people and for programs: table, CSV, JSONL, Parquet, Arrow."""

import csv
import io
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, BinaryIO, cast

from mdc_core.cli.show import escaped, shown, zone_shown
from mdc_core.errors import UsageError
from mdc_core.grid import grid, screen_of, shortened
from mdc_core.texts import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.archive.sql.database import Result

FORMATS = ("table", "csv", "jsonl", "json", "parquet", "arrow")
ROWS = 100  # of a table
WIDEST = 40  # characters of a cell
_SUFFIXES = {
    ".txt": "table",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrows": "arrow",
}


def form_of(form: str | None, output: Path | None) -> str:
    """The format that is asked for, or that suits where the result goes."""
    if form is None and output is not None:
        form = _SUFFIXES.get(output.suffix)
        if form is None:
            raise UsageError(
                f"cannot tell the format of {output} by its name",
                hint=f"say --format, or end it in one of {', '.join(_SUFFIXES)}",
            )
    terminal = output is None and sys.stdout.isatty()
    if form in ("parquet", "arrow") and terminal:
        raise UsageError(f"{form} is not for a terminal", hint="name a file with -o")
    return form or ("table" if terminal else "jsonl")


def write(
    result: "Result",
    form: str,
    output: BinaryIO | None,
    limit: int | None,
    *,
    shell: bool = False,
) -> None:
    """Write a result batch by batch to a file, or to standard output.

    What a table leaves out is told with what shows it: in a shell that is another word.
    """
    rows = ROWS if limit is None else limit
    with closing(result.batches):
        if limit is not None and form != "table":
            result.batches = _first(result.batches, limit)
        if output is not None:
            _write(result, form, output, rows, shell)
            return
        with open(1, "wb", closefd=False) as standard:
            _write(result, form, standard, rows, shell)


def _write(result: "Result", form: str, output: BinaryIO, rows: int, shell: bool) -> None:
    if form == "jsonl":
        from mdc_core.archive.sql.text import json_lines

        names = _unique(result.schema.names)
        for batch in result.batches:
            output.write(json_lines(batch, names))
            output.flush()
    elif form == "json":
        _write_json(result, output)
    elif form == "csv":
        _write_csv(result, output)
    elif form == "table" and result.schema.names == ["explain_key", "explain_value"]:
        for batch in result.batches:  # a picture
            output.write("".join(map(str, batch.column(1).to_pylist())).encode())
    elif form == "table":
        _write_table(result, output, rows, shell)
    else:
        _write_columns(result, output, form)


def _first(
    batches: "Generator[pa.RecordBatch, None, None]", rows: int
) -> "Generator[pa.RecordBatch, None, None]":
    """The first rows, in batches; what is behind them is not asked for."""
    with closing(batches):
        for batch in batches if rows else ():
            yield batch.slice(0, rows)
            rows -= batch.num_rows
            if rows <= 0:
                return


def _write_json(result: "Result", output: BinaryIO) -> None:
    """An array of objects, in the style of all answers, with the digits that there are."""
    from msgspec.json import format as indented

    from mdc_core.archive.sql.text import json_lines

    names, separator = _unique(result.schema.names), b"[\n"
    for batch in result.batches:
        for line in json_lines(batch, names).splitlines():
            text = escaped(indented(line, indent=2).decode())
            output.write(separator + indent(text, "  ").encode())
            separator = b",\n"
    output.write(b"[]\n" if separator[:1] == b"[" else b"\n]\n")


def _write_csv(result: "Result", output: BinaryIO) -> None:
    """RFC 4180: NULL is an empty field, an empty text as well."""
    from mdc_core.wire.lines.json_values import cells

    text = io.TextIOWrapper(output, "utf-8", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(result.schema.names)
    for batch in result.batches:
        lines.writerows(zip(*map(cells, batch.columns), strict=True))
        text.flush()
    text.detach()


def _write_columns(result: "Result", output: BinaryIO, form: str) -> None:
    """Arrow IPC stream, or Parquet: the columns as they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = _unique(result.schema.names)
    schema = pa.schema(list(zip(names, result.schema.types, strict=True)))
    writer: pq.ParquetWriter | pa.RecordBatchStreamWriter
    if form == "parquet":
        writer = pq.ParquetWriter(output, schema, compression="zstd", store_decimal_as_integer=True)
    else:
        writer = pa.ipc.new_stream(cast("io.IOBase", output), schema)
    with writer:
        for batch in result.batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def _write_table(result: "Result", output: BinaryIO, rows: int, shell: bool) -> None:
    """Aligned columns, the first rows only, cut where they are wide."""
    lines = [[_cut(name) for name in result.schema.names]]
    more = False
    for batch in result.batches:
        left = rows + 1 - len(lines)
        lines += _cells(batch.slice(0, left))
        more = batch.num_rows > left
        if more:
            break
    fields = list(enumerate(result.schema))
    numbers = [i for i, field in fields if _is_number(field)]
    times = [i for i, field in fields if _is_time(field)]
    screen = screen_of()
    made = grid(lines, screen, right=numbers, times=times, exact=True, zone=zone_shown())
    text = made.told(screen, "SELECT fewer")
    if more:
        all_rows = ".mode csv shows all" if shell else "--limit shows more, --format csv all"
        told = f"... more than {counted(rows, 'row')}: {all_rows}"
        text.append(shortened(told, screen.width, screen.ellipsis))
    output.write("".join(f"{line}\n" for line in text).encode("utf-8", "backslashreplace"))


def _cells(batch: "pa.RecordBatch") -> list[list[str]]:
    from mdc_core.wire.lines.json_values import cells

    columns = [["-" if c is None else _cut(c) for c in cells(col)] for col in batch.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _is_number(field: "pa.Field[pa.DataType]") -> bool:
    import pyarrow as pa

    kind = field.type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _is_time(field: "pa.Field[pa.DataType]") -> bool:
    import pyarrow as pa

    return pa.types.is_timestamp(field.type)


def _unique(names: Sequence[str]) -> list[str]:
    """The names of columns, each once: price, price_1."""
    found: list[str] = []
    for name in names:
        new, number = name, 0
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return found
