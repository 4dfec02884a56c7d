"""The suite for importers: files in, expected events and rejections out."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.contracts import BadRow, Importer, ImportRequest
from mdc_core.errors import MdcError
from mdc_core.events import Event
from mdc_core.testing.golden import check_golden
from mdc_core.testing.plugin_suite import PluginSuite, check_wire, damaged
from mdc_core.wire.jsonl import rows_of


class ImporterSuite(PluginSuite):
    """Set `importer`; `files` is a folder of its format, or a file, beside the test."""

    importer: ClassVar[type[Importer]]
    files: ClassVar[str] = "files"
    golden: ClassVar[str] = "events.jsonl"
    bad: ClassVar[Mapping[str, str]] = {}  # by place below `files`, a piece of the reason

    def plugin(self) -> type[Importer]:
        """The class under test."""
        return self.importer

    def read(self, path: Path, **wanted: Any) -> tuple[list[Event], list[BadRow]]:
        """The events of files, and what is set aside."""
        events, bad = list[Event](), list[BadRow]()
        request = ImportRequest(path, **wanted)
        for item in self.importer(request, self.make_options()).batches():
            assert isinstance(item, pa.RecordBatch | BadRow), item
            if isinstance(item, BadRow):
                bad.append(item)
            else:
                events += rows_of(item)
        return events, bad

    def test_files(self, request: pytest.FixtureRequest) -> None:
        """The files give the expected events, value for value, and nothing else is set aside."""
        folder = request.path.parent
        events, bad = self.read(folder / self.files)
        assert events, "no event in the files"
        check_golden(folder / self.golden, events)
        places = {row.where.removeprefix(f"{folder / self.files}/"): row.reason for row in bad}
        assert places.keys() == self.bad.keys()
        assert all(self.bad[place] in reason for place, reason in places.items()), places

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event survives the wire."""
        check_wire(self.read(request.path.parent / self.files)[0])

    def test_symbol(self, request: pytest.FixtureRequest) -> None:
        """One symbol that is asked for gives the events of that symbol."""
        files = request.path.parent / self.files
        events, _ = self.read(files)
        symbol = events[0].symbol
        assert symbol is not None
        of_it, _ = self.read(files, symbols=(symbol,))
        assert of_it == [event for event in events if event.symbol == symbol]

    def test_damaged_files(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A damaged file is set aside, in whole or by line, and the others are read."""
        files = request.path.parent / self.files
        if files.is_dir():
            shutil.copytree(files, tmp_path / "files")
        else:
            (tmp_path / "files").mkdir()
            shutil.copy(files, tmp_path / "files")
        paths = sorted(path for path in (tmp_path / "files").rglob("*") if path.is_file())
        for path in paths:
            whole = path.read_bytes()
            for content in damaged([whole], times=20):
                path.write_bytes(
                    content.encode("utf-8", "replace") if isinstance(content, str) else content
                )
                try:
                    self.read(tmp_path / "files")
                except MdcError as error:
                    pytest.fail(f"{path.name}: {error}")
            path.write_bytes(whole)
