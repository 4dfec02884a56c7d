"""CSV files: a header, exact decimals, RFC 3339 times in UTC.

An absent field is empty, an empty text is `""`; lists and objects are JSON.
"""

from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow.compute as pc

from mdc_core.columns import cell_text, kind_of
from mdc_core.plugin import Exporter, Part

ROWS = 16_384  # written at once
# The stub of it knows arrays or scalars, not the mixture of both that it takes.
_join: Callable[..., Any] = pc.binary_join_element_wise
_BARE = ("number", "time", "whole", "flag", "date", "float")  # never need quotes
_NEEDS_QUOTES = r'[",\r\n]|^\s|\s$|^$'

EXAMPLES = ("mdc cat --root data | mdc export --profile csv --output tables",)


class Csv(Exporter):
    """Events as CSV, one line each; the columns are those of the types in the file."""

    suffix = ".csv"

    def write(self, part: Part, file: BinaryIO) -> None:
        """Write the header and all rows."""
        names = part.schema.names
        file.write(",".join(names).encode() + b"\n")
        for table in part.tables():
            for batch in table.to_batches(max_chunksize=ROWS):
                cells: list[Any] = []
                for name in names:
                    cells += [
                        _cell(batch.column(name), "text" if name == "type" else kind_of(name)),
                        ",",
                    ]
                text = _join(*cells[:-1], "\n", "")
                file.write("".join(text.to_pylist()).encode())


def _cell(column: Any, kind: str) -> Any:
    """The text of a column's values, in quotes where CSV needs them; empty where absent."""
    text = cell_text(column, kind)
    if kind not in _BARE:
        needed = pc.match_substring_regex(text, _NEEDS_QUOTES)
        if pc.any(needed).as_py():
            quoted = _join('"', pc.replace_substring(text, '"', '""'), '"', "")
            text = pc.if_else(needed, quoted, text)
    return text.fill_null("")
