"""The catalog: which parts an archive has, and what is in each.

One SQLite file. A transaction in it is the moment at which events move from a journal into
parts, or from some parts into others; everything before can be done again, everything after
is cleaning up. Each entry carries a checksum, and the file as a whole has one beside it, so
that a flipped bit is found; what is lost is made again from the parts (`health/rebuild.py`).
"""

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from mdc_core.archive.catalog.query import Query
from mdc_core.errors import BusyError, DataError, MdcError, WriteError

NAME = "catalog.sqlite"
FORMAT = 1  # of the tables
PATIENCE = 60.0  # seconds, for another process's transaction
_TABLES = """
CREATE TABLE parts (
    place TEXT NOT NULL, path TEXT NOT NULL, symbol TEXT, type TEXT NOT NULL,
    begins INTEGER NOT NULL, ends INTEGER NOT NULL, tier TEXT NOT NULL, run_id TEXT NOT NULL,
    entry BLOB NOT NULL, crc INTEGER NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT,
    UNIQUE (place, path));
CREATE INDEX by_symbol ON parts (symbol, type);
CREATE INDEX by_run ON parts (run_id);
CREATE TABLE origins (key TEXT PRIMARY KEY, origin BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sealed (segment TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE moves (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, source TEXT NOT NULL,
    place TEXT NOT NULL, path TEXT NOT NULL);
"""
T = TypeVar("T")


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What was appended to a file at once: rows in time order."""

    bytes: int
    rows: int
    begins: int
    ends: int


class PartRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part as the catalog knows it; times in nanoseconds since 1970, UTC."""

    path: str  # below its place, with slashes
    place: str = ""  # empty: the root; else a directory or URL of a tier
    symbol: str | None = None
    type_name: str
    period: str
    layout: str
    format: str  # the plugin that wrote it
    suffix: str
    codec: str = ""  # with its level, as far as it is known
    rows: int
    bytes: int
    begins: int  # the moments that the first and the last row are filed under
    ends: int
    first: int | None = None  # event times
    last: int | None = None
    untimed: int = 0  # rows without event time
    first_seq: int | None = None
    last_seq: int | None = None
    sha256: str
    tier: str = "hot"
    version: str  # of its event type
    segment: str | None = None  # of the journal that it was sealed from
    run_id: str = ""
    origin: str = ""  # key of what is known of where the rows come from
    inputs: tuple[tuple[str, str], ...] = ()  # path and hash of the parts it was made from
    made_by: str = "store"
    made_at: int
    in_order: bool = True  # whether the rows, or those of each frame, are in time order
    frames: tuple[Frame, ...] = ()  # of a file that grows; empty: written at once, in order

    @property
    def key(self) -> tuple[str, str]:
        """What names a part."""
        return self.place, self.path


class ChangedError(BusyError):
    """Another process has changed or removed a part since it was looked up."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was changed by another command", hint="try again")


class FileMove(NamedTuple):
    """A file that a committed transaction still has to bring into its place, or out of it."""

    kind: Literal["put", "drop"]
    source: str  # of a put: below the state directory; of a drop: the part's hash
    place: str
    path: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartRow).decode


class Catalog:
    """The open catalog of an archive; use it in a `with`."""

    def __init__(self, state: Path, *, create: bool = False, read_only: bool = False) -> None:
        self.path = state / NAME
        self._sum = state / f"{NAME}.sum"
        if read_only and (state / f"{NAME}-journal").exists():
            # A kill may have come into a transaction: only who can write can take it back.
            with suppress(WriteError), Catalog(state):
                pass
        mode = "ro" if read_only else "rwc" if create else "rw"
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        self._db = self._asked(
            lambda: sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
        )
        if not read_only:
            self._asked(lambda: self._db.execute("PRAGMA synchronous = FULL"))
        try:
            self._check_format(create)
        except BaseException:
            self._db.close()
            raise

    def _check_format(self, create: bool) -> None:
        found = self._one("PRAGMA user_version")
        if found == 0 and create:
            with self._transaction():
                if self._one("PRAGMA user_version") == 0:
                    for statement in _TABLES.split(";\n"):
                        self._run(statement)
                    self._run(f"PRAGMA user_version = {FORMAT}")
            found = FORMAT
        if found != FORMAT:
            hint = "update mdc" if found > FORMAT else "mdc catalog rebuild makes a new one"
            raise DataError(f"{self.path}: format {found}, known is {FORMAT}", hint=hint)

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def parts(self, query: Query | None = None) -> list[PartRow]:
        """The parts that can hold what is asked for, in the order of their paths."""
        where, values = _conditions(query or Query())
        rows = self._run(f"SELECT entry, crc, path FROM parts{where} ORDER BY path", values)
        return [self._entry(*row) for row in rows]

    def since(self, number: int) -> tuple[int, list[PartRow]]:
        """The parts entered after a number, in the order in which they were, and the last."""
        rows = self._run(
            "SELECT entry, crc, path, number FROM parts WHERE number > ? ORDER BY number",
            (number,),
        )
        last = max([number, *(row[3] for row in rows)])
        return last, [self._entry(*row[:3]) for row in rows]

    def of_run(self, run_id: str) -> list[PartRow]:
        """The parts that a run of `store` made, in the order in which they were."""
        rows = self._run(
            "SELECT entry, crc, path FROM parts WHERE run_id = ? ORDER BY number", (run_id,)
        )
        return [self._entry(*row) for row in rows]

    def _entry(self, entry: bytes, crc: int, path: str) -> PartRow:
        if not isinstance(entry, bytes) or zlib.crc32(entry) != crc:
            raise DataError(
                f"{self.path}: the entry of {path} is damaged",
                hint="mdc catalog rebuild makes it again from the parts",
            )
        try:
            return _decode(entry)
        except msgspec.DecodeError as error:
            raise DataError(
                f"{self.path}: the entry of {path}: {error}", hint="update mdc"
            ) from None

    def origin(self, part: PartRow) -> dict[str, Any]:
        """The begin event of the stream that a part was stored from, as far as it is known."""
        found = self._run("SELECT origin FROM origins WHERE key = ?", (part.origin,))
        origin: dict[str, Any] = msgspec.json.decode(found[0][0]) if found else {}
        return origin

    def sealed(self) -> set[str]:
        """Journal segments whose events are in parts."""
        return {segment for (segment,) in self._run("SELECT segment FROM sealed")}

    def moves(self) -> list[FileMove]:
        """What is still to be moved, in order."""
        return [
            FileMove(*row)
            for row in self._run("SELECT kind, source, place, path FROM moves ORDER BY number")
        ]

    def commit(
        self,
        add: Iterable[PartRow] = (),
        remove: Iterable[PartRow] = (),
        *,
        sealed: tuple[str, int] | None = None,
        moves: Iterable[FileMove] = (),
        origins: Iterable[bytes] = (),
    ) -> None:
        """Enter and remove parts in one transaction, all or nothing.

        Raises ChangedError if a part to remove is not as it was read, or not there.
        """
        with self._transaction():
            for part in remove:
                values = (*part.key, zlib.crc32(_encode(part)))
                if not self._run(
                    "DELETE FROM parts WHERE place = ? AND path = ? AND crc = ? RETURNING 1",
                    values,
                ):
                    raise ChangedError(part.path)
            for origin in origins:
                self._run(
                    "INSERT OR IGNORE INTO origins VALUES (?, ?)", (origin_key(origin), origin)
                )
            for part in add:
                self._insert(part)
            if sealed is not None:
                self._run("INSERT OR REPLACE INTO sealed VALUES (?, ?)", sealed)
            for move in moves:
                self._run(
                    "INSERT INTO moves (kind, source, place, path) VALUES (?, ?, ?, ?)",
                    tuple(move),
                )

    def moved(self) -> None:
        """Note that everything is where it belongs."""
        with self._transaction():
            self._run("DELETE FROM moves")

    def forget_sealed(self, segments: Iterable[str]) -> None:
        """Forget segments whose journals are long gone."""
        with self._transaction():
            for segment in segments:
                self._run("DELETE FROM sealed WHERE segment = ?", (segment,))

    def sealed_before(self, moment: int) -> list[str]:
        """Segments that were sealed before a moment."""
        rows = self._run("SELECT segment FROM sealed WHERE at < ?", (moment,))
        return [segment for (segment,) in rows]

    def _insert(self, part: PartRow) -> None:
        entry = _encode(part)
        self._run(
            "INSERT OR REPLACE INTO parts (place, path, symbol, type, begins, ends, tier,"
            " run_id, entry, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                part.place,
                part.path,
                _text(part.symbol),
                part.type_name,
                part.begins,
                part.ends,
                part.tier,
                part.run_id,
                entry,
                zlib.crc32(entry),
            ),
        )

    def problems(self) -> list[str]:
        """What is wrong with the catalog itself: the file, its checksum, its entries."""
        found = []
        with suppress(FileNotFoundError):
            found += self._sum_problems()
        try:
            for (text,) in self._run("PRAGMA integrity_check"):
                if text != "ok":
                    found.append(f"{self.path}: {text}")
            rows = self._run(
                "SELECT entry, crc, place, path, symbol, type, begins, ends, tier,"
                " run_id FROM parts"
            )
        except DataError as error:
            return [*found, str(error)]
        for entry, crc, *columns in rows:
            try:
                part = self._entry(entry, crc, columns[1])
            except DataError as error:
                found.append(str(error))
                continue
            said = [
                part.place,
                part.path,
                _text(part.symbol),
                part.type_name,
                part.begins,
                part.ends,
                part.tier,
                part.run_id,
            ]
            if said != columns:
                found.append(f"{self.path}: the entry of {part.path} is damaged")
        return found

    def _sum_problems(self) -> list[str]:
        """Compare the file with its checksum, unless a kill came between the two."""
        data = self.path.read_bytes()
        noted = self._sum.read_bytes()
        counter = data[24:28]
        if counter != data[92:96]:
            return [f"{self.path}: damaged header"]
        if len(noted) != 40 or zlib.crc32(noted[:36]) != int.from_bytes(noted[36:], "big"):
            return [f"{self._sum}: damaged"]
        if noted[:4] == counter and sha256(data).digest() != noted[4:36]:
            return [f"{self.path}: damaged, it differs from its checksum"]
        return []

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        # It is committed: nothing that fails from here on may look as if it were not. A checksum
        # of before does not apply any more, and is not compared.
        with suppress(OSError, MdcError):
            self._note_sum()

    def renew_sum(self) -> None:
        """Write the checksum of the file where a kill came before it was."""
        with suppress(FileNotFoundError):
            if self._sum.read_bytes()[:4] == self.path.read_bytes()[24:28]:
                return
        self._note_sum()

    def _note_sum(self) -> None:
        """Write the checksum of the file as it is now; a kill before that does no harm."""
        self._run("BEGIN IMMEDIATE")
        try:
            data = self.path.read_bytes()
            noted = data[24:28] + sha256(data).digest()
            noted += zlib.crc32(noted).to_bytes(4, "big")
            with suppress(OSError):  # a full disk: the old one does not apply any more
                new = self._sum.with_suffix(".new")
                new.write_bytes(noted)
                new.replace(self._sum)
        finally:
            self._run("ROLLBACK")

    def _one(self, statement: str) -> int:
        return int(self._run(statement)[0][0])

    def _run(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._asked(lambda: self._db.execute(statement, values).fetchall())

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask SQLite; its complaints as ours."""
        try:
            return ask()
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text:
                raise BusyError(f"{self.path} is in use", hint="try again later") from None
            if "full" in text or "disk I/O" in text or "readonly" in text or "unable" in text:
                raise WriteError(f"cannot write {self.path}: {text}") from None
            raise DataError(f"{self.path}: {text}", hint="mdc verify") from None
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise DataError(
                f"{self.path}: {error}",
                hint="mdc catalog rebuild makes a new one from the parts",
            ) from None


def origin_key(origin: bytes) -> str:
    """The name under which an origin is kept."""
    return sha256(origin).hexdigest()[:24]


def _text(symbol: str | None) -> bytes | None:
    """A symbol as SQLite keeps it: its bytes, whatever they are."""
    return None if symbol is None else symbol.encode("utf-8", "surrogatepass")


def _conditions(query: Query) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for column, wanted in (
        ("symbol", [_text(s) for s in query.symbols]),
        ("type", query.types),
    ):
        if wanted:
            conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    if query.start is not None:
        conditions.append("ends >= ?")
        values.append(query.start)
    if query.end is not None:
        conditions.append("begins < ?")
        values.append(query.end)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def exists(state: Path) -> bool:
    """Whether there is a catalog."""
    return (state / NAME).exists()
