"""Shared parts as what a pack is made of: a part for each symbol that is asked for."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import pyarrow as pa

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.layout import Layout, part_path
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.compaction.shared import by_symbol
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.sealing.seal import write_part
from mdc_core.archive.write.width import decimals_of
from mdc_core.disk import writing


class OwnParts:
    """Parts of an archive, those that are shared as one of each symbol, in a nameless file."""

    def __init__(self, archive: Archive, query: Query) -> None:
        self._archive, self._query = archive, query
        self._places: dict[str, tuple[int, int]] = {}  # in the file, by path
        self._file: BinaryIO | None = None

    def of(self, parts: Iterable[PartRow]) -> list[PartRow]:
        """The parts that go into a pack."""
        found: list[PartRow] = []
        with writing("a temporary file", "TMPDIR names another directory"):
            for part in parts:
                found += self._taken_apart(part) if part.shares else [part]
        return found

    def open(self, part: PartRow) -> "pa.NativeFile":
        """One of them, to read."""
        if part.path not in self._places or self._file is None:
            return self._archive.open_part(part)
        at, size = self._places[part.path]
        self._file.seek(at)
        return pa.BufferReader(self._file.read(size))

    def _taken_apart(self, part: PartRow) -> Iterator[PartRow]:
        """What is asked for of a shared part, each symbol in a part of its own."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the parts
        asked, form = self._query, Formats.like([part], Profiles()).of(None, part.tier)
        wanted = {
            one.symbol: one
            for one in part.by_symbol()
            if asked.wants(one.symbol) and asked.spans(one.begins, one.ends)
        }
        decimals = decimals_of(self._archive, part.type_name)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "part")
            for symbol, rows in by_symbol(self._archive, [part], Path(folder)):
                if symbol not in wanted:
                    continue
                facts = write_part(
                    file, form, rows, part.origin, decimals=decimals, codec=part.codec.encode()
                )
                # No symbol's part has a name like this one, and the next pack has the same.
                place = (symbol, part.type_name, part.period, part.sha256[:12])
                path = f"{part_path(cast(Layout, part.layout), *place)}{part.suffix}"
                self._places[path] = self._file.seek(0, io.SEEK_END), facts["bytes"]
                self._file.write(file.read_bytes())
                yield msgspec.structs.replace(wanted[symbol], path=path, **facts)
