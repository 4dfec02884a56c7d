"""A catalog as versions of format 1 wrote it."""

import sqlite3
import zlib
from contextlib import closing
from hashlib import sha256
from pathlib import Path

TABLES = """
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
PRAGMA user_version = 1;
"""
COLUMNS = {
    "parts": "place, path, symbol, type, begins, ends, tier, run_id, entry, crc, number",
    "origins": "key, origin",
    "sealed": "segment, at",
    "moves": "number, kind, source, place, path",
}


def make_old(state: Path) -> Path:
    """Write the catalog of a state directory as format 1 had it; returns its path."""
    path = state / "catalog.sqlite"
    new = path.rename(state / "new.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(TABLES)
        db.execute("ATTACH ? AS new", (str(new),))
        for table, columns in COLUMNS.items():
            db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
        db.execute(
            "UPDATE sqlite_sequence SET seq = "
            "(SELECT seq FROM new.sqlite_sequence AS n WHERE n.name = sqlite_sequence.name)"
        )
    new.unlink()
    data = path.read_bytes()
    noted = data[24:28] + sha256(data).digest()
    sum_of(path).write_bytes(noted + zlib.crc32(noted).to_bytes(4, "big"))
    return path


def sum_of(path: Path) -> Path:
    """Where the checksum of the file lies."""
    return path.with_name("catalog.sqlite.sum")


def values_of(path: Path) -> list[list[tuple[object, ...]]]:
    """Everything that a catalog says, as SQLite gives it."""
    with closing(sqlite3.connect(path)) as db:
        return [
            db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in (*COLUMNS, "sqlite_sequence")
        ]
