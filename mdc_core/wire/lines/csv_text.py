"""Columns as lines of CSV: RFC 4180, an absent field empty, an empty text `""`."""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.schema import kind_of
from mdc_core.wire.lines.text import cell_text

# The stub of it knows arrays or scalars, not the mixture of both that it takes.
_join: Callable[..., Any] = pc.binary_join_element_wise
_BARE = ("number", "time", "whole", "flag", "date", "float")  # never need quotes
_NEEDS_QUOTES = r'[",\r\n]|^\s|\s$|^$'


def csv_header(names: Sequence[str]) -> bytes:
    """The first line of a file."""
    return ",".join(names).encode() + b"\n"


def csv_lines(batch: pa.RecordBatch, names: Sequence[str]) -> bytes:
    """A line for each row, of these columns; one that is not there is empty."""
    cells: list[Any] = []
    for name in names:
        place = batch.schema.get_field_index(name)
        kind = "text" if name in ("type", "v") else kind_of(name)
        cells += ["" if place < 0 else _cell(batch.column(place), kind), ","]
    text = _join(*cells[:-1], "\n", "")
    if isinstance(text, pa.Scalar):  # no column of them is there
        return str(text.as_py()).encode() * batch.num_rows
    return "".join(text.to_pylist()).encode()


def _cell(column: Any, kind: str) -> Any:
    """The text of a column's values, in quotes where CSV needs them; empty where absent."""
    text = cell_text(column, kind)
    if kind not in _BARE:
        needed = pc.match_substring_regex(text, _NEEDS_QUOTES)
        if pc.any(needed).as_py():
            quoted = _join('"', pc.replace_substring(text, '"', '""'), '"', "")
            text = pc.if_else(needed, quoted, text)
    return text.fill_null("")
