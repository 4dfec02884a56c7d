"""Rewriting: new parts in the place of old ones, in one transaction.

New files are made below the state directory and synced. The transaction enters them, takes out
the old ones, and says which files are still to be moved; the moves follow, and are done again
by whoever comes next if a kill comes between. An old file goes by way of the trash, where a
reader that has the old catalog in hand still finds it; it is cleared when nobody reads.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mdc_core.archive.catalog.catalog import Catalog, FileMove, PartRow
from mdc_core.archive.storage import sync_all
from mdc_core.archive.write.archive import REWRITE, Archive
from mdc_core.archive.write.columns_file import columns_first
from mdc_core.disk import writing
from mdc_core.errors import DataError, MdcError
from mdc_core.texts import typed

TRASH = "trash"


@contextmanager
def rewriting(archive: Archive, *, wait: bool = False) -> Iterator[Catalog]:
    """The right to rewrite parts, and the catalog; what was left undone is done first."""
    with archive.maintained(wait=wait), archive.catalog() as catalog:
        with writing(f"below {archive.root}", "nothing is lost; mdc recover tries again"):
            finish_moves(archive, catalog)
            _clear_staged(archive)
        clear_trash(archive)
        yield catalog
        clear_trash(archive)


class Replacement:
    """Some parts in the place of others; use it within `rewriting`."""

    def __init__(self, archive: Archive, catalog: Catalog) -> None:
        self._archive, self._catalog = archive, catalog
        self._folder = archive.state / "tmp" / f"{REWRITE}{os.getpid()}"
        self._staged = 0
        self._add: list[tuple[Path, PartRow]] = []
        self._remove: list[PartRow] = []
        self._origins: dict[bytes, None] = {}

    def stage(self) -> Path:
        """A path for a new file."""
        with writing(f"below {self._archive.root}"):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._staged += 1
        return self._folder / f"{self._staged}.part"

    def add(self, file: Path, part: PartRow, origins: Iterable[bytes] = ()) -> None:
        """Enter a staged file as a part, and what is to be kept of where it comes from."""
        self._add.append((file, part))
        self._origins.update(dict.fromkeys(origins))

    def remove(self, part: PartRow) -> None:
        """Take a part out."""
        self._remove.append(part)

    def commit(self) -> None:
        """Do it all, durably; raises WriteError with nothing changed if it cannot be done."""
        archive = self._archive
        recover = typed("recover", "--root", archive.root)
        safe = f"repeat the command, or finish what is committed: {recover}"
        with writing(f"below {archive.root}", safe):
            sync_all([file for file, _ in self._add])
            if self._add:
                sync_all([self._folder])
            puts = [
                FileMove("put", file.relative_to(archive.state).as_posix(), *part.key)
                for file, part in self._add
            ]
            drops = [FileMove("drop", part.kept_as, *part.key) for part in self._remove]
            self.columns([part for _, part in self._add])
            with archive.growing(barred=True):
                self._catalog.commit(
                    [part for _, part in self._add],
                    self._remove,
                    moves=_in_order(puts, drops),
                    origins=self._origins,
                )
            finish_moves(archive, self._catalog)
            for _, part in self._add:
                archive.tell(part)
        self._add, self._remove, self._origins = [], [], {}

    def columns(self, parts: Sequence[PartRow]) -> None:
        """Bring the columns of parts into their places, before those that are new."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in dict.fromkeys(part.place for part in parts):
            own = [part for part in parts if part.place == name]
            with columns_first(self._archive, self._catalog, name, own, self._folder) as files:
                if files:
                    self._archive.place_at(name).take(files)

    def abandon(self) -> None:
        """Give up what was not committed."""
        if not self._is_named():
            shutil.rmtree(self._folder, ignore_errors=True)
        self._add, self._remove, self._origins = [], [], {}

    def _is_named(self) -> bool:
        """Whether a committed transaction names what is staged; True where nobody can tell.

        Only the catalog knows: an error may come from behind the point of commit.
        """
        below = f"{self._folder.relative_to(self._archive.state).as_posix()}/"
        try:
            return any(move.source.startswith(below) for move in self._catalog.moves())
        except MdcError:
            return True


def _in_order(puts: list[FileMove], drops: list[FileMove]) -> list[FileMove]:
    """What takes the place of an old file comes right behind its removal; then the others.

    New files come before old ones leave: whoever looks in between misses nothing.
    """
    old = {(move.place, move.path): move for move in drops}
    moves: list[FileMove] = []
    for put in puts:
        same = old.pop((put.place, put.path), None)
        moves += [same, put] if same else [put]
    return [*moves, *old.values()]


def finish_moves(archive: Archive, catalog: Catalog) -> int:
    """Bring files where the catalog says they are; returns how many there were to move."""
    moves = catalog.moves()
    followed = {(move.place, move.path) for move in moves if move.kind == "put"}
    puts: list[FileMove] = []
    for move in moves:
        if move.kind == "put":
            puts.append(move)
        elif (move.place, move.path) in followed:
            _keep(archive, move, _source_of(archive, moves, move))
    _put(archive, puts)
    for move in moves:
        if move.kind == "drop" and (move.place, move.path) not in followed:
            _drop(archive, move)
    if moves:
        catalog.moved()
    return len(moves)


def _source_of(archive: Archive, moves: Sequence[FileMove], drop: FileMove) -> Path:
    source = next(m.source for m in moves if m.kind == "put" and m[2:] == drop[2:])
    return archive.state / source


def _keep(archive: Archive, drop: FileMove, source: Path) -> None:
    """Link the old file into the trash before the new one is renamed over it."""
    place = archive.place_at(drop.place)
    if place.local is None or not source.exists():
        return
    trash = archive.state / TRASH
    trash.mkdir(exist_ok=True)
    with suppress(FileExistsError, FileNotFoundError):
        try:
            os.link(place.local / drop.path, trash / drop.source)
        except OSError as error:
            if isinstance(error, (FileExistsError, FileNotFoundError)):
                raise
            # Another file system, or one without links: a reader has to try again.


def _put(archive: Archive, puts: Sequence[FileMove]) -> None:
    by_place: dict[str, list[tuple[Path, str]]] = {}
    for move in puts:
        source = archive.state / move.source
        if source.exists():
            by_place.setdefault(move.place, []).append((source, move.path))
        elif archive.place_at(move.place).size(move.path) is None:
            lost = archive.place_at(move.place).full_path(move.path)
            raise DataError(
                f"{lost} is gone, and so is {source}", hint=typed("verify", "--root", archive.root)
            )
    for name, files in by_place.items():
        archive.place_at(name).take(files)


def _drop(archive: Archive, move: FileMove) -> None:
    place = archive.place_at(move.place)
    if place.local is not None:
        trash = archive.state / TRASH
        trash.mkdir(exist_ok=True)
        with suppress(OSError):  # another file system, or gone: removed below
            (place.local / move.path).rename(trash / move.source)
    place.remove(move.path)


def clear_trash(archive: Archive) -> None:
    """Remove what was replaced, unless somebody may still want to read it."""
    trash = archive.state / TRASH
    if trash.is_dir():
        with archive.alone() as alone:
            if alone:
                shutil.rmtree(trash, ignore_errors=True)


def _clear_staged(archive: Archive) -> None:
    """Remove what a rewriting that was killed left behind; we have its right now."""
    for folder in (archive.state / "tmp").glob(f"{REWRITE}*"):
        shutil.rmtree(folder, ignore_errors=True)
