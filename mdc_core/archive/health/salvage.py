"""What can still be read of a catalog, however damaged, broken off or busy it is.

It is looked at in a copy: SQLite rolls back there what a kill has broken off, and the catalog
itself stays as it is, also on a disk that is read-only.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from mdc_core.archive.catalog.catalog import Catalog, FileMove, PartRow
from mdc_core.archive.catalog.database import NAME, PATIENCE, is_sound
from mdc_core.archive.catalog.upgrade import OLD_SUM
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import writing
from mdc_core.errors import MdcError, UnreadableError

_JOURNAL = f"{NAME}-journal"
# A flipped bit in its schema gives SQLite words that Python cannot read.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_decode = msgspec.json.Decoder(PartRow).decode


class Salvaged(msgspec.Struct):
    """The sound part of a catalog, and what is wrong with it."""

    parts: list[PartRow] = []
    origins: dict[str, bytes] = {}
    sealed: dict[str, int] = {}
    moves: list[FileMove] = []
    problems: list[str] = []
    broken_off: bool = False  # a transaction that was never finished


def salvaged(archive: Archive) -> Salvaged:
    """What the catalog of an archive says; nothing is changed."""
    if not archive.has_catalog:
        return Salvaged()
    with (
        writing("a copy of the catalog", "TMPDIR names another directory"),
        TemporaryDirectory(prefix="mdc-catalog-", ignore_cleanup_errors=True) as folder,
    ):
        broken_off = _copied(archive.state, Path(folder))
        problems = _problems(Path(folder), archive.state)
        with closing(_opened(Path(folder, NAME), "rw")) as db:
            rows = partial(_rows, db, damaged=bool(problems))
            moves = rows("SELECT kind, source, place, path FROM moves ORDER BY number")
            return Salvaged(
                parts=list(_parts(rows("SELECT entry, crc FROM parts ORDER BY path"))),
                origins=dict(rows("SELECT key, origin FROM origins")),
                sealed=dict(rows("SELECT segment, at FROM sealed")),
                moves=[FileMove(*row) for row in moves],
                problems=problems,
                broken_off=broken_off,
            )


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise UnreadableError(f"cannot read {path}: {error}") from None


def _copied(state: Path, folder: Path) -> bool:
    """Copy the catalog while nobody writes it; whether a transaction was broken off."""
    broken_off = False
    with closing(_opened(state / NAME, "ro")) as db:
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except _ERRORS:
            # Rolling back takes the right to write; or it is too damaged to be read at all.
            broken_off = (state / _JOURNAL).exists()
        names = [NAME, f"{NAME}{OLD_SUM}", *([_JOURNAL] if broken_off else [])]
        for name in names:
            with suppress(FileNotFoundError):
                shutil.copyfile(state / name, folder / name)
    return broken_off


def _problems(folder: Path, state: Path) -> list[str]:
    try:
        with Catalog(folder, read_only=True) as catalog:
            found = catalog.problems()
    except MdcError as error:
        found = [str(error)]
    except UnicodeDecodeError as error:
        found = [f"{state / NAME}: damaged: {error}"]
    # The copy is ours alone: people know the catalog by its own name.
    return [text.replace(str(folder), str(state)) for text in found]


def _parts(rows: Iterable[Any]) -> Iterator[PartRow]:
    for entry, crc in rows:
        if is_sound(entry, crc):
            with suppress(msgspec.DecodeError):
                yield _decode(entry)


def _rows(db: sqlite3.Connection, statement: str, *, damaged: bool) -> Iterator[Any]:
    """The rows of a table, as far as they can be read; of a sound file that is all of them."""
    try:
        yield from db.execute(statement)
    except _ERRORS as error:
        if not damaged:
            raise UnreadableError(f"cannot read a copy of the catalog: {error}") from None
