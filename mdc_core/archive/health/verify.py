"""Verifying an archive: the catalog against the disk, and every byte of it on request.

Nothing is changed, and nothing needs the right to write. Others may be writing meanwhile: what
looks wrong is looked at again before it is told.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mdc_core.archive.catalog.catalog import FileMove, PartRow
from mdc_core.archive.catalog.database import NAME
from mdc_core.archive.catalog.origins import file_of, gathered, kept
from mdc_core.archive.catalog.paths import may_be_of
from mdc_core.archive.catalog.query import EVERYTHING, Query
from mdc_core.archive.health.pages import PageDamage
from mdc_core.archive.health.paths import misplaced
from mdc_core.archive.health.rebuild import distinct_places
from mdc_core.archive.health.salvage import Salvaged, salvaged
from mdc_core.archive.health.sound import damages_of_file, damages_of_part
from mdc_core.archive.health.unfinished import is_written
from mdc_core.archive.part_formats import suffix_of
from mdc_core.archive.storage import Storage
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import MAINTENANCE, Archive
from mdc_core.archive.write.columns_file import lacking_columns
from mdc_core.archive.write.segment import Segment
from mdc_core.disk import reading
from mdc_core.errors import MdcError
from mdc_core.texts import counted

RECOVER = "mdc recover"
REBUILD = "mdc catalog rebuild"


class VerifyFinding(NamedTuple):
    """Something wrong: in which file, and where in it as far as that is known."""

    file: str
    kind: str
    text: str
    start: int | None = None
    stop: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = "" if self.start is None else f"bytes {self.start} to {self.stop}: "
        return f"{self.file}: {where}{self.text}" + (f" ({self.hint})" if self.hint else "")


class Verification:
    """One look at an archive; `rows` and `parts` tell how much was looked at."""

    def __init__(
        self,
        archive: Archive,
        tiers: Mapping[str, str],
        *,
        deep: bool = False,
        query: Query = EVERYTHING,
        read: Callable[[int], None] = lambda rows: None,
        expect: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self.parts = self.rows = 0
        self.notes: list[str] = []
        self._archive, self._tiers, self._deep, self._read = archive, tiers, deep, read
        self._expect = expect
        self._query = query
        self._known = Salvaged()
        self._journals: dict[str, bool] = {}  # by segment: whether somebody writes it

    def findings(self) -> Iterator[VerifyFinding]:
        """Everything that is wrong."""
        self._journals = {
            path.stem: is_written(path)
            for path in journal.segments(self._archive.state / "journal")
        }
        # The files first: what is sealed meanwhile is in the catalog, then, at least.
        sizes = dict(self._sizes(frozenset()))
        self._known = salvaged(self._archive)
        sizes |= self._sizes(frozenset(name for name, _ in sizes))
        self._expect(sum(p.rows for p in self._known.parts if p.may_hold(self._query)))
        yield from self._catalog()
        yield from self._of_journals()
        if self._catalogued:
            yield from self._of_parts(sizes)
            if self._query == EVERYTHING:
                yield from self._columns()
                yield from self._origins()
                yield from self._orphans(sizes)
                yield from self._moves()
        else:
            yield from self._files(sizes)
        if self._query == EVERYTHING:
            yield from self._left_over()

    def _sizes(self, done: frozenset[str]) -> Iterator[tuple[tuple[str, str], int]]:
        """The files of each place, but for those that are done, and their sizes."""
        for name, at in self._places():
            if name not in done:
                for path, size in at.walk():
                    yield (name, path), size

    def _places(self) -> list[tuple[str, Storage]]:
        return [
            (name, at)
            for name, at in distinct_places(self._archive, self._known.parts, self._tiers)
            if at.local is None or at.local.is_dir()
        ]

    @cached_property
    def _catalogued(self) -> bool:
        return self._archive.has_catalog and not (self._known.problems and not self._known.parts)

    @cached_property
    def _later(self) -> dict[tuple[str, str], PartRow]:
        """The parts as the catalog knows them when something looked wrong."""
        return {part.key: part for part in salvaged(self._archive).parts}

    def _catalog(self) -> Iterator[VerifyFinding]:
        path = self._archive.state / NAME
        for text in self._known.problems:
            file, _, rest = text.partition(": ")
            yield VerifyFinding(file, "catalog", rest, hint=REBUILD)
        if self._known.broken_off:
            yield VerifyFinding(
                str(path), "unfinished", "a transaction was broken off", hint=RECOVER
            )
        if self._archive.has_catalog:
            return
        if self._archive.state.is_dir():
            yield VerifyFinding(str(path), "catalog", "there is no catalog", hint=REBUILD)
        else:
            self.notes.append(f"{self._archive.root} has no catalog: the files alone are read")

    def _of_journals(self) -> Iterator[VerifyFinding]:
        for segment, written in self._journals.items():
            path = self._archive.state / "journal" / f"{segment}{journal.SUFFIX}"
            if not journal.counts(segment, self._known.sealed, self._journals):
                if not written:
                    text = "a journal whose events are all in files"
                    yield VerifyFinding(str(path), "journal", text, hint=RECOVER)
                continue
            if written and not self._deep:
                continue
            try:
                with reading(path, absent=True):
                    file = path.open("rb", buffering=0)
            except FileNotFoundError:
                continue  # sealed since we looked
            with closing(file):
                read = Segment(file, str(path))
                events = sum(batch.num_rows for batch in read.batches())
            self._read(events)
            for damage in read.damages:
                if not damage.torn:
                    yield VerifyFinding(
                        str(path), "damaged", damage.reason, damage.start, damage.stop
                    )
            if not written:
                text = f"a journal that was left behind, with {counted(events, 'event')}"
                yield VerifyFinding(str(path), "journal", text, hint=RECOVER)

    def _of_parts(self, sizes: dict[tuple[str, str], int]) -> Iterator[VerifyFinding]:
        for part in self._known.parts:
            if not part.may_hold(self._query):
                continue
            self.parts += 1
            found = list(self._of_part(part, sizes.get(part.key)))
            if found and self._later.get(part.key) == part:
                yield from found
            self.rows += part.rows
            if not self._deep:
                self._read(part.rows)

    def _columns(self) -> Iterator[VerifyFinding]:
        """What plain readers need beside the parts, to see the columns of all of them."""
        archive, known = self._archive, self._known
        if known.moves or known.problems or known.broken_off:
            return
        with archive.catalog(read_only=True) as catalog:
            for name, at in self._places():
                parts = [part for part in known.parts if part.place == name]
                for path in lacking_columns(archive, catalog, name, parts):
                    text = "missing or damaged: pandas and others may not see all columns"
                    yield VerifyFinding(at.full_path(path), "columns", text, hint=REBUILD)

    def _origins(self) -> Iterator[VerifyFinding]:
        """What parts only name has to be there: in the catalog, and in a file beside it."""
        state, known = self._archive.state, self._known.origins
        named = {part.origin for part in self._known.parts if part.slim and part.origin}
        for key in sorted({*named, *gathered(named, known.get)}):
            found = kept(state, key)
            if found != known.get(key):
                where = "missing or damaged" if key in known else "not in the catalog"
                text = f"{where}: what is known of where parts come from"
                yield VerifyFinding(str(file_of(state, key)), "origin", text, hint=REBUILD)

    def _of_part(self, part: PartRow, size: int | None) -> Iterator[VerifyFinding]:
        archive = self._archive
        name = archive.path_of(part)
        if size != part.bytes:
            size = archive.place_at(part.place).size(part.path)
        if size is None:
            if part.key not in self._coming:
                yield VerifyFinding(name, "missing", f"missing, with {counted(part.rows, 'event')}")
            return
        if size < part.bytes or (size > part.bytes and not part.frames):
            yield VerifyFinding(
                name, "size", f"{counted(size, 'byte')}, the catalog says {part.bytes:,}"
            )
            return
        runs = {segment.rpartition("-")[0] for segment in self._journals}
        if size > part.bytes and part.run_id not in runs:
            text = f"a tail of {counted(size - part.bytes, 'byte')} that was never committed"
            yield VerifyFinding(name, "tail", text, part.bytes, size, hint=REBUILD)
        if (claim := misplaced(part)) is not None:
            yield VerifyFinding(name, "misplaced", claim)
        if self._deep:
            yield from (VerifyFinding(name, "damaged", *damage) for damage in self._damages(part))

    def _damages(self, part: PartRow) -> Iterator[PageDamage]:
        try:
            yield from damages_of_part(self._archive, part, self._read)
        except MdcError as error:
            yield PageDamage(str(error).removeprefix(f"{self._archive.path_of(part)}: "))

    @cached_property
    def _coming(self) -> set[tuple[str, str]]:
        """Parts whose files are still to be moved into their places, and are there."""
        return {
            (move.place, move.path)
            for move in self._known.moves
            if move.kind == "put" and (self._archive.state / move.source).exists()
        }

    def _orphans(self, sizes: dict[tuple[str, str], int]) -> Iterator[VerifyFinding]:
        known = {part.key for part in self._known.parts}
        moving = {(move.place, move.path) for move in self._known.moves}
        for key in sorted(sizes.keys() - known - moving):
            name, path = key
            # A part of a segment that is being sealed is in its place before it counts.
            sealing = any(f".{segment}." in f".{Path(path).name}" for segment in self._journals)
            if not suffix_of(path) or sealing or key in self._later:
                continue
            at = self._archive.place_at(name)
            if at.size(path) is not None:
                hint = f"{REBUILD} takes it in"
                if not self._archive.is_taken(name):
                    hint += ", unless it is another archive's"
                yield VerifyFinding(at.full_path(path), "orphan", "not in the catalog", hint=hint)

    def _moves(self) -> Iterator[VerifyFinding]:
        if self._known.moves and not is_written(self._archive.state / MAINTENANCE):
            for move in self._known.moves:
                yield VerifyFinding(
                    self._full(move),
                    "move",
                    f"a {move.kind} that was not finished",
                    hint=RECOVER,
                )

    def _full(self, move: FileMove) -> str:
        return self._archive.place_at(move.place).full_path(move.path)

    def _files(self, sizes: dict[tuple[str, str], int]) -> Iterator[VerifyFinding]:
        """Without a catalog, the files have to speak for themselves."""
        for name, path in sizes:
            if not suffix_of(path) or not may_be_of(PurePosixPath(path), self._query):
                continue
            self.parts += 1
            at = self._archive.place_at(name)
            seen = self.rows
            try:
                for damage in damages_of_file(at, path, self._counted, deep=self._deep):
                    yield VerifyFinding(at.full_path(path), "damaged", *damage)
            except FileNotFoundError:
                self.rows = seen  # gone since we looked

    def _counted(self, rows: int) -> None:
        self.rows += rows
        self._read(rows)

    def _left_over(self) -> Iterator[VerifyFinding]:
        """What killed commands began to write, and nobody goes on with."""
        state = self._archive.state
        text = "left over by a killed command"
        for path in sorted((state / "tmp").glob("*")) if state.is_dir() else ():
            if not self._in_use(path.name) and path.exists():
                yield VerifyFinding(str(path), "leftover", text, hint=RECOVER)
        for path in sorted((state / "journal").glob("*.new")):
            pid = path.suffixes[-2][1:] if len(path.suffixes) > 1 else ""
            if not _alive(pid):
                yield VerifyFinding(str(path), "leftover", text, hint=RECOVER)
        moving = {self._full(move) for move in self._known.moves}
        for _, at in self._places():
            for path in sorted(at.local.rglob(".*.part")) if at.local is not None else ():
                target = str(path.with_name(path.name[1:].removesuffix(".part")))
                if target not in moving and state not in path.parents:
                    yield VerifyFinding(str(path), "leftover", text, hint="remove it")
        for path in sorted((state / "damaged").glob("*")):
            self.notes.append(f"{path} is a damaged journal, kept by recovery")

    def _in_use(self, name: str) -> bool:
        """Whether a directory of new files belongs to a command that is running."""
        if name.startswith("rewrite-"):
            return _alive(name.split("-")[1])
        return self._journals.get(name, False) or is_written(
            self._archive.state / "journal" / f"{name}{journal.SUFFIX}"
        )


def _alive(pid: str) -> bool:
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
