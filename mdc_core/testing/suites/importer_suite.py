"""The suite for importers: files in, expected events and rejections out."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.contracts import BadRow, Importer, ImportRequest
from mdc_core.errors import DataError, MdcError
from mdc_core.events import Event
from mdc_core.testing.golden import check_golden, line_of
from mdc_core.testing.suites.plugin_suite import PluginSuite, check_wire, damaged
from mdc_core.times import to_ns
from mdc_core.wire.lines.jsonl import rows_of


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

    def test_something_is_set_aside(self) -> None:
        """Among the files is something that cannot be read: what is not there is not tested."""
        assert self.bad, "put a damaged file, or a bad line, among the files, and say why in `bad`"

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event is what its type says, and survives the wire."""
        check_wire(self.read(request.path.parent / self.files)[0])

    def test_repeatable(self, request: pytest.FixtureRequest) -> None:
        """The same files give the same, in the same order."""
        files = request.path.parent / self.files
        assert self.read(files) == self.read(files)

    def test_symbol(self, request: pytest.FixtureRequest) -> None:
        """One symbol that is asked for gives the events of that symbol."""
        files = request.path.parent / self.files
        events, _ = self.read(files)
        symbol = events[0].symbol
        assert symbol is not None
        of_it, _ = self.read(files, symbols=(symbol,))
        assert of_it == [event for event in events if event.symbol == symbol]

    def test_range(self, request: pytest.FixtureRequest) -> None:
        """What is asked for up to a time, and from it on, is all that has a time; each once."""
        files = request.path.parent / self.files
        events = [event for event in self.read(files)[0] if event.ts_event is not None]
        times = sorted(str(event.ts_event) for event in events)
        middle = times[len(times) // 2]
        before, _ = self.read(files, end=to_ns(middle))
        after, _ = self.read(files, start=to_ns(middle))
        assert all(str(event.ts_event) < middle for event in before), f"[..., {middle})"
        assert all(str(event.ts_event) >= middle for event in after), f"[{middle}, ...)"
        assert _lines([*before, *after]) == _lines(events)

    def test_nothing_there(self, tmp_path: Path) -> None:
        """An empty folder is a DataError, and so is a path at which there is nothing."""
        for path in (tmp_path, tmp_path / "nothing"):
            with pytest.raises(DataError):
                self.read(path)

    def test_damaged_files(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A damaged file is set aside, in whole or by line, and the others are read."""
        for path in self.copied(request, tmp_path):
            whole = path.read_bytes()
            others = self.without(path, tmp_path / "files")
            for content in damaged([whole], times=20):
                path.write_bytes(
                    content.encode("utf-8", "replace") if isinstance(content, str) else content
                )
                try:
                    events, _ = self.read(tmp_path / "files")
                except MdcError as error:
                    pytest.fail(f"{path.name}: {error}")
                lost = others - _lines(events)
                assert not lost, (
                    f"{path.name} is damaged, and {len(lost)} events of others are gone"
                )
            path.write_bytes(whole)

    def test_damaged_lines(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A line of text that is none costs itself: all others are read, and it is set aside."""
        events, bad = self.read(request.path.parent / self.files)
        for path in self.copied(request, tmp_path):
            whole = path.read_bytes()
            lines = whole.splitlines(keepends=True)
            if len(lines) < 3 or not whole.isascii() or b'"' in whole:
                continue  # not lines of text, or such as a line may go on in the next
            path.write_bytes(b"".join([*lines[:-1], b"?!?\n", lines[-1]]))
            found, aside = self.read(tmp_path / "files")
            assert _lines(found) == _lines(events), path.name
            assert len(aside) == len(bad) + 1, path.name
            path.write_bytes(whole)

    def copied(self, request: pytest.FixtureRequest, folder: Path) -> list[Path]:
        """The files, in a folder `files` of their own that can be written to."""
        files = request.path.parent / self.files
        if files.is_dir():
            shutil.copytree(files, folder / "files")
        else:
            (folder / "files").mkdir()
            shutil.copy(files, folder / "files")
        return sorted(path for path in (folder / "files").rglob("*") if path.is_file())

    def without(self, path: Path, files: Path) -> Counter[bytes]:
        """The lines of the events of all files but one."""
        aside = files.parent / path.name
        path.rename(aside)
        try:
            return _lines(self.read(files)[0])
        except MdcError:
            return Counter()  # there are no others
        finally:
            aside.rename(path)


def _lines(events: Sequence[Event]) -> Counter[bytes]:
    return Counter(map(line_of, events))
