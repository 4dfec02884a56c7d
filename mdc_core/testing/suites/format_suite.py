"""The suite for formats of the archive: parts of every type, written and read back."""

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import PartFormat
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event, Level
from mdc_core.schema import arrow_schema, fields_of
from mdc_core.testing.suites.plugin_suite import PluginSuite
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.sniff import FileSlice
from mdc_core.wire.tables.arrow import Incoming

KEPT = tuple(name for name in EVENT_TYPES if name not in CONTROL_TYPES)
_ROWS = 6
# What is easily lost, by kind of column; the rows have them by turns, and then none.
ODD: dict[str, tuple[Any, ...]] = {
    "text": ("", 'a,b;\t"c"\r\n', "\u2028\U0001f600", " null ", "1e5"),
    "number": tuple(map(Decimal, ("0", "-1E-18", f"{10**18 - 1}.{10**18 - 1}", "1.10", "-1"))),
    "whole": (0, -1, 2**63 - 1, -(2**63), 2**53 + 1),
    "float": (0.1, 5e-324, -1.7976931348623157e308, 1.0),
    "flag": (True, False),
    "time": (
        "2024-01-02T14:30:00.000279014Z",
        "1970-01-01T00:00:00.000000000Z",
        "2262-04-11T23:47:16.854775807Z",
    ),
    "date": ("2024-02-29", "1970-01-01"),
    "list": ([], ["", "a,b"], ["@"]),
    "levels": ([], [Level(Decimal("1.5"), Decimal(0)), Level(Decimal("-1"), Decimal(2), 3)]),
    "json": ({}, {"a": [1, "x", None], "b": {"c": "d"}}),
}


def odd_rows(type_name: str) -> list[Event]:
    """Events of a type, with whatever its fields may hold, and with nothing."""
    cls = EVENT_TYPES[type_name]
    rows = []
    for number in range(_ROWS):
        given: dict[str, Any] = {}
        for name, kind, _ in fields_of(cls):
            values = (*ODD[kind], None)
            given[name] = values[number % len(values)]
        rows.append(cls(**given))
    return rows


class RowsPart:
    """Events as a part, cut into tables of a number of rows."""

    def __init__(self, rows: list[Event], size: int) -> None:
        whole = from_rows(rows)
        names: list[Any] = whole.column(0).unique().to_pylist()
        self.rows = len(rows)
        self.schema = arrow_schema(frozenset(names))
        self._whole, self._size = whole, size

    def tables(self) -> Iterator[pa.Table]:
        for start in range(0, self.rows, self._size):
            yield pa.Table.from_batches([self._whole.slice(start, self._size)])


class PartFormatSuite(PluginSuite):
    """Set `part_format`; and `types`, where the format is for some types of events only."""

    part_format: ClassVar[type[PartFormat]]
    types: ClassVar[tuple[str, ...]] = KEPT

    def plugin(self) -> type[PartFormat]:
        """The class under test."""
        return self.part_format

    def written(self, rows: list[Event], size: int) -> bytes:
        """What a new format writes of events that come in tables of this size."""
        file = io.BytesIO()
        part = RowsPart(rows, size)
        self.part_format(self.make_options()).write(part, {b"mdc.origin": b"{}"}, file)
        return file.getvalue()

    def lines(self, data: bytes) -> bytes:
        """What the format, with its default options, reads: the events as lines of JSON."""
        form = self.part_format(self.part_format.Options())
        file: Any = pa.BufferReader(data)
        source: Any = FileSlice(file, len(data)) if form.grows else file
        found = form.read(source)
        return b"".join(encode_batch(Incoming(b.schema, "").events(b)) for b in found)

    def test_suffix(self) -> None:
        """The files have a suffix by which they are found, with any options."""
        form = self.part_format(self.make_options())
        assert form.suffix.startswith("."), form.suffix
        assert form.suffix in (form.suffixes or (self.part_format.suffix,))

    @pytest.mark.parametrize("size", [1, 4, _ROWS])
    def test_round_trip(self, size: int) -> None:
        """What is written is read, value for value, however it is cut into tables."""
        for name in self.types:
            rows = odd_rows(name)
            assert self.lines(self.written(rows, size)) == encode_batch(from_rows(rows)), name

    def test_few_columns(self) -> None:
        """One event, most of whose columns are empty, comes back as it was."""
        for name in self.types:
            rows = odd_rows(name)[-1:]
            assert self.lines(self.written(rows, 1)) == encode_batch(from_rows(rows)), name

    def test_many_rows(self) -> None:
        """More rows than are read at once come back in their order."""
        rows = odd_rows(self.types[0]) * 3_000
        assert self.lines(self.written(rows, 10_000)) == encode_batch(from_rows(rows))

    def test_deterministic(self) -> None:
        """The same events give the same file: sealing again must not change it."""
        rows = odd_rows(self.types[0])
        assert self.written(rows, 2) == self.written(rows, 2)

    def test_grows(self) -> None:
        """Files of a format that grows are a file again, one behind the other."""
        if self.part_format.grows:
            rows = odd_rows(self.types[0])
            data = self.written(rows, len(rows))
            assert self.lines(data + data) == encode_batch(from_rows(rows + rows))

    def test_cut_file(self) -> None:
        """Of a file that was cut there is an error, or the first events; never others."""
        rows = odd_rows(self.types[0])
        data = self.written(rows, len(rows))
        for size in range(0, len(data), max(1, len(data) // 20)):
            try:
                found = self.lines(data[:size])
            except Exception:
                continue
            assert encode_batch(from_rows(rows)).startswith(found), size
