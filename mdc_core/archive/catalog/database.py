"""The SQLite file of a catalog: its tables, transactions, and the checksum of all its values.

Each row of the tables has a checksum, and their sum is kept in a row of its own, which every
transaction carries on by what it enters and takes out. So a flipped bit in any value is found,
and no transaction costs more the more parts there are.
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from mdc_core.archive.catalog import upgrade
from mdc_core.archive.catalog.origins import keep, sources_of
from mdc_core.disk import DATABASE_REFUSALS
from mdc_core.errors import BusyError, DataError, UnreadableError, WriteError

NAME = "catalog.sqlite"
FORMAT = 4  # of the tables
PATIENCE = 60.0  # seconds, for another process's transaction
_TABLES = f"""
CREATE TABLE parts (
    place TEXT NOT NULL, path TEXT NOT NULL, symbol TEXT, type TEXT NOT NULL,
    begins INTEGER NOT NULL, ends INTEGER NOT NULL, tier TEXT NOT NULL, run_id TEXT NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, first INTEGER, last INTEGER,
    untimed INTEGER NOT NULL, period TEXT NOT NULL,
    entry BLOB NOT NULL, crc INTEGER NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT,
    UNIQUE (place, path));
CREATE INDEX by_symbol ON parts (symbol, type);
CREATE INDEX by_run ON parts (run_id);
CREATE TABLE origins (key TEXT PRIMARY KEY, origin BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sealed (segment TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE moves (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, source TEXT NOT NULL,
    place TEXT NOT NULL, path TEXT NOT NULL);
{upgrade.SHARES};
{upgrade.SOURCES};
{upgrade.CHECKSUM};
INSERT INTO checksum VALUES (0, {zlib.crc32(b"(0, [])")})
"""
# What is summed up of each table; the content of an origin is checked by its key.
SUMMED = {
    "parts": ("number", "place", "path", "crc"),
    "origins": ("key",),
    "sealed": ("segment", "at"),
    "moves": ("number", "kind", "source", "place", "path"),
}
_MODULUS = 1 << 62
_AT_ONCE = 256  # rows that are fetched together
T = TypeVar("T")
REBUILD = "rebuild it from the files: mdc catalog rebuild --root ARCHIVE"


class CatalogFile:
    """The open file. What changes it goes by `add` and `take`, within a `transaction`."""

    def __init__(self, state: Path, *, create: bool = False, read_only: bool = False) -> None:
        self.path = state / NAME
        self._change = 0
        self._read_only = read_only
        if read_only and (state / f"{NAME}-journal").exists():
            # A kill may have come into a transaction: only who can write can take it back.
            with suppress(sqlite3.Error), closing(self._connected("rw")) as db:
                db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        mode = "ro" if read_only else "rwc" if create else "rw"
        self._db = self._asked(lambda: self._connected(mode))
        try:
            if not read_only:
                self.run("PRAGMA synchronous = FULL")
            self._check_format(create, read_only)
        except BaseException:
            self._db.close()
            raise

    def _connected(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)

    def _check_format(self, create: bool, read_only: bool) -> None:
        found = self.one("PRAGMA user_version")
        if found == 0 and create:
            with self._bare_transaction():
                if self.one("PRAGMA user_version") == 0:
                    self._make(_TABLES)
        elif found in (1, 2, 3) and read_only:
            for statement in upgrade.views(found):
                self.run(statement)
        elif found in (1, 2, 3):
            with self._bare_transaction():
                now = self.one("PRAGMA user_version")
                if now == 1:
                    self._upgrade()
                elif now in (2, 3):
                    self._make(*([upgrade.SHARES] if now == 2 else []), upgrade.SOURCES)
                if now != FORMAT:
                    self._enter_sources()
        elif found != FORMAT:
            hint = "update mdc" if found > FORMAT else REBUILD
            raise DataError(f"{self.path}: format {found}, known is {FORMAT}", hint=hint)

    def _make(self, *several: str) -> None:
        for statements in several:
            for statement in statements.split(";\n"):
                self.run(statement)
        self.run(f"PRAGMA user_version = {FORMAT}")

    def _enter_sources(self) -> None:
        for key, origin in self.run("SELECT key, origin FROM origins"):
            self.enter_sources(key, origin)

    def lend_sources(self) -> None:
        """Make the table of sources for whoever only reads a catalog of an older format."""
        if not self.one("SELECT count(*) FROM sqlite_temp_master WHERE name = 'sources'"):
            self.run("CREATE TEMP TABLE sources (source TEXT NOT NULL, key TEXT NOT NULL)")
            self._enter_sources()

    def enter_sources(self, key: str, origin: bytes) -> None:
        """Enter by what an origin is known."""
        self.fill("sources", [(source, key) for source in sources_of(origin)])

    @property
    def is_current(self) -> bool:
        """Whether it has all tables, or is of an older format that is only read."""
        return self.one("PRAGMA user_version") == FORMAT

    def sources(self, key: str) -> list[str]:
        """By what an origin is known."""
        rows = self.run("SELECT source FROM sources WHERE key = ? ORDER BY source", (key,))
        return [source for (source,) in rows]

    def _upgrade(self) -> None:
        """Bring the tables of format 1 up to date; raises DataError where it is damaged."""
        for text in [*upgrade.problems(self.path), *self._damaged_entries()]:
            raise DataError(text, hint=REBUILD)
        self._make(upgrade.STATEMENTS, upgrade.SHARES, upgrade.SOURCES)
        for (origin,) in self.each("SELECT origin FROM origins"):
            keep(self.path.parent, origin)
        self.run("INSERT INTO checksum VALUES (0, 0)")
        self._note(self._counted())
        upgrade.sum_of(self.path).unlink(missing_ok=True)

    def _damaged_entries(self) -> Iterator[str]:
        for entry, crc, path in self.each("SELECT entry, crc, path FROM parts"):
            if not is_sound(entry, crc):
                yield f"{self.path}: the entry of {path} is damaged"

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def add(self, table: str, **values: Any) -> None:
        """Enter a row."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING "
        (row,) = self.run(statement + ", ".join(SUMMED[table]), tuple(values.values()))
        self._change += checksum(table, row)

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Enter rows of a table that is not summed up, with values for all its columns."""
        if not rows:
            return
        statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"
        self._asked(lambda: self._db.executemany(statement, rows))

    def take(self, table: str, where: str = "1", values: Sequence[Any] = ()) -> int:
        """Take rows out; returns how many there were."""
        returned = ", ".join(SUMMED[table])
        rows = self.run(f"DELETE FROM {table} WHERE {where} RETURNING {returned}", values)
        self._change -= sum(checksum(table, row) for row in rows)
        return len(rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is done in here."""
        with self._bare_transaction():
            self._change = 0
            yield
            self._note(self.one("SELECT total FROM checksum") + self._change)

    @contextmanager
    def _bare_transaction(self) -> Iterator[None]:
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything that is read in here is of one moment."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("ROLLBACK")

    def _note(self, total: int) -> None:
        total %= _MODULUS
        self.run("UPDATE checksum SET total = ?, crc = ?", (total, self._sealed(total)))

    def _sealed(self, total: int) -> int:
        """The checksum of the sum itself, and of the numbers that SQLite gives next."""
        numbers = self.run("SELECT name, seq FROM sqlite_sequence ORDER BY name")
        return zlib.crc32(repr((total, numbers)).encode())

    def _counted(self) -> int:
        """The sum of the checksums of all rows as they are."""
        total = 0
        for table, columns in SUMMED.items():
            for row in self.each(f"SELECT {', '.join(columns)} FROM {table}"):
                total += checksum(table, row)
        return total % _MODULUS

    def problems(self) -> Iterator[str]:
        """What is wrong with the file, and with its values as a whole."""
        for (text,) in self.run("PRAGMA integrity_check"):
            if text != "ok":
                yield f"{self.path}: {text}"
        if self.one("PRAGMA user_version") == 1:
            yield from upgrade.problems(self.path)
            return
        noted = self.run("SELECT total, crc FROM checksum")
        if len(noted) != 1 or noted[0][1] != self._sealed(noted[0][0]):
            yield f"{self.path}: damaged, its checksum is not sound"
        elif noted[0][0] != self._counted():
            yield f"{self.path}: damaged, it differs from its checksum"

    def one(self, statement: str) -> int:
        """The only value of an answer."""
        return int(self.run(statement)[0][0])

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Do something, and fetch all of the answer."""
        return self._asked(lambda: self._db.execute(statement, values).fetchall())

    def each(self, statement: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """The rows of an answer, fetched as they are wanted, some at a time."""
        cursor = self._asked(lambda: self._db.execute(statement, values))
        try:
            while rows := self._asked(lambda: cursor.fetchmany(_AT_ONCE)):
                yield from rows
        finally:
            with suppress(sqlite3.ProgrammingError):  # the catalog was closed first
                cursor.close()

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask SQLite; its complaints as ours."""
        try:
            return ask()
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text:
                raise BusyError(f"{self.path} is in use", hint="try again later") from None
            if any(said in text for said in DATABASE_REFUSALS):
                if self._read_only:
                    raise UnreadableError(f"cannot read {self.path}: {text}") from None
                raise WriteError(f"cannot write {self.path}: {text}") from None
            raise DataError(
                f"{self.path}: {text}", hint="see what is damaged: mdc verify --root ARCHIVE"
            ) from None
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise DataError(
                f"{self.path}: {error}",
                hint=REBUILD,
            ) from None


def is_sound(entry: object, crc: int) -> bool:
    """Whether the entry of a part is as it was written."""
    return isinstance(entry, bytes) and zlib.crc32(entry) == crc


def checksum(table: str, row: Sequence[Any]) -> int:
    """The checksum of a row."""
    return zlib.crc32(repr((table, *row)).encode("utf-8", "surrogatepass"))


def exists(state: Path) -> bool:
    """Whether there is a catalog."""
    return (state / NAME).exists()
