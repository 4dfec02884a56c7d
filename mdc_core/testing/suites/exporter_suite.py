"""The suite for exporters: events in, expected bytes out."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pyarrow as pa
import pytest
from msgspec.structs import replace

from mdc_core.batch import from_rows
from mdc_core.contracts import Exporter, Importer, ImportRequest
from mdc_core.errors import DataError, UsageError
from mdc_core.events import Event
from mdc_core.schema import fields_of
from mdc_core.testing.golden import rows_of
from mdc_core.testing.suites.format_suite import KEPT, ODD, RowsPart, odd_rows
from mdc_core.testing.suites.plugin_suite import PluginSuite
from mdc_core.wire.lines.jsonl import encode_batch


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
        with TemporaryDirectory() as folder:
            path = Path(folder, "file")
            with path.open("wb") as file:
                self.exporter(self.make_options()).write(RowsPart(rows, size), file)
            return path.read_bytes()

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

    def test_suffix(self) -> None:
        """The files have a suffix."""
        suffix = self.exporter(self.make_options()).suffix
        assert suffix.startswith("."), f"{suffix!r} is no suffix"

    def test_round_trip(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """What is written is read back by the importer, value for value."""
        rows = rows_of(request.path.parent / self.rows)
        self.check_round_trip(rows, self.written(rows, len(rows)), tmp_path)

    @pytest.mark.parametrize("name", KEPT)
    def test_strange_rows(self, name: str, tmp_path: Path) -> None:
        """Events of each type, odd and empty, are written and come back, or are refused."""
        for rows in (odd_rows(name), odd_rows(name)[-1:]):
            try:
                data = self.written(rows, len(rows))
            except (DataError, UsageError):
                continue
            assert data == self.written(rows, 1), "the file depends on the tables"
            self.check_round_trip(rows, data, tmp_path)

    def test_odd_values(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """An event with another value that a field may have comes back, or is refused."""
        for row in rows_of(request.path.parent / self.rows):
            there = [(n, k) for n, k, _ in fields_of(type(row)) if getattr(row, n) is not None]
            for changed in (replace(row, **{n: value}) for n, k in there for value in ODD[k]):
                try:
                    data = self.written([changed], 1)
                except (DataError, UsageError):
                    continue
                self.check_round_trip([changed], data, tmp_path)

    def check_round_trip(self, rows: list[Event], data: bytes, folder: Path) -> None:
        """Compare rows with what the importer, if there is one, reads of the file."""
        if self.importer is None:
            return
        path = folder / f"file{self.exporter(self.make_options()).suffix}"
        path.write_bytes(data)
        importer = self.importer(ImportRequest(path), self.importer.Options())
        back = list(importer.batches())
        assert all(isinstance(item, pa.RecordBatch) for item in back), back
        lines = b"".join(encode_batch(item) for item in back if isinstance(item, pa.RecordBatch))
        assert lines == encode_batch(from_rows(rows))
