"""The suite for exporters: events in, expected bytes out."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Exporter, Importer, ImportRequest
from mdc_core.events import Event
from mdc_core.schema import arrow_schema
from mdc_core.testing.golden import rows_of
from mdc_core.testing.plugin_suite import PluginSuite
from mdc_core.wire.jsonl import encode_batch


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


class ExporterSuite(PluginSuite):
    """Set `exporter`, and `importer` if the format can be read; `golden` is the file expected."""

    exporter: ClassVar[type[Exporter]]
    importer: ClassVar[type[Importer] | None] = None
    rows: ClassVar[str] = "rows.jsonl"
    golden: ClassVar[str]

    def plugin(self) -> type[Exporter]:
        """The class under test."""
        return self.exporter

    def written(self, rows: list[Event], size: int) -> bytes:
        """What a new exporter writes of events that come in tables of this size."""
        file = io.BytesIO()
        self.exporter(self.make_options()).write(RowsPart(rows, size), file)
        return file.getvalue()

    def test_file(self, request: pytest.FixtureRequest) -> None:
        """The events give the expected file, byte for byte."""
        folder = request.path.parent
        rows = rows_of(folder / self.rows)
        data = self.written(rows, len(rows))
        if os.environ.get("MDC_UPDATE_GOLDEN"):
            (folder / self.golden).write_bytes(data)
        assert data == (folder / self.golden).read_bytes()

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_tables(self, request: pytest.FixtureRequest, size: int) -> None:
        """The file is the same however the events are cut into tables."""
        rows = rows_of(request.path.parent / self.rows)
        assert self.written(rows, size) == self.written(rows, len(rows))

    def test_round_trip(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """What is written is read back by the importer, value for value."""
        if self.importer is None:
            return
        rows = rows_of(request.path.parent / self.rows)
        exporter = self.exporter(self.make_options())
        path = tmp_path / f"file{exporter.suffix}"
        path.write_bytes(self.written(rows, len(rows)))
        importer = self.importer(ImportRequest(path), self.importer.Options())
        back = list(importer.batches())
        assert all(isinstance(item, pa.RecordBatch) for item in back), back
        lines = b"".join(encode_batch(item) for item in back if isinstance(item, pa.RecordBatch))
        assert lines == encode_batch(from_rows(rows))
