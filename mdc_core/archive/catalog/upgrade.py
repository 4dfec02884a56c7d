"""Catalogs of older formats: how they are read as they are, and how they become current ones.

In format 1 parts had fewer columns, and a checksum of the whole file lay beside it in a file;
format 2 had no shared parts, format 3 no table of sources.
"""

import zlib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

OLD_SUM = ".sum"  # behind the name of the file
CHECKSUM = "CREATE TABLE checksum (total INTEGER NOT NULL, crc INTEGER NOT NULL)"

# What parts hold of each symbol.
_HELD = """VIEW held AS
    SELECT number, symbol, type, tier, period, rows, bytes, begins, ends, first, last, untimed
        FROM parts WHERE symbol IS NOT x'ff'
    UNION ALL SELECT number, s.symbol, p.type, p.tier, p.period, s.rows, s.bytes, s.begins,
        s.ends, s.first, s.last, s.untimed
        FROM shares AS s JOIN parts AS p USING (number)"""
_SHARES = """TABLE shares (
    number INTEGER NOT NULL, symbol TEXT, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    begins INTEGER NOT NULL, ends INTEGER NOT NULL, first INTEGER, last INTEGER,
    untimed INTEGER NOT NULL)"""
# The entries of the parts have checksums; this is what can be asked for of them.
SHARES = f"""CREATE {_SHARES};
CREATE INDEX shares_by_symbol ON shares (symbol, number);
CREATE INDEX shares_by_number ON shares (number);
CREATE TRIGGER shares_go AFTER DELETE ON parts
    BEGIN DELETE FROM shares WHERE number = old.number; END;
CREATE {_HELD}"""

# By what the origins are known, so that who stores can ask whether something comes again.
SOURCES = """CREATE TABLE sources (source TEXT NOT NULL, key TEXT NOT NULL);
CREATE INDEX by_source ON sources (source);
CREATE INDEX by_origin ON sources (key);
CREATE TRIGGER sources_go AFTER DELETE ON origins
    BEGIN DELETE FROM sources WHERE key = old.key; END"""


def _said(name: str, default: str) -> str:
    """What an entry says; a field that has its default is not in it."""
    return f"coalesce(json_extract(CAST(entry AS TEXT), '$.{name}'), {default})"


_ADDED = {
    "rows": ("INTEGER NOT NULL DEFAULT 0", _said("rows", "0")),
    "bytes": ("INTEGER NOT NULL DEFAULT 0", _said("bytes", "0")),
    "first": ("INTEGER", _said("first", "NULL")),
    "last": ("INTEGER", _said("last", "NULL")),
    "untimed": ("INTEGER NOT NULL DEFAULT 0", _said("untimed", "0")),
    "period": ("TEXT NOT NULL DEFAULT ''", _said("period", "''")),
}
# It takes the place of the table for whoever may not write.
_VIEW = (
    "CREATE TEMP VIEW parts AS SELECT place, path, symbol, type, begins, ends, tier, run_id, "
    + ", ".join(f"{value} AS {name}" for name, (_, value) in _ADDED.items())
    + ", entry, crc, number FROM main.parts"
)
STATEMENTS = ";\n".join(
    [
        *(f"ALTER TABLE parts ADD COLUMN {name} {kind}" for name, (kind, _) in _ADDED.items()),
        "UPDATE parts SET " + ", ".join(f"{name} = {v}" for name, (_, v) in _ADDED.items()),
        CHECKSUM,
    ]
)


def views(found: int) -> list[str]:
    """What makes an older catalog look like a current one, for whoever may not write."""
    shares = [f"CREATE TEMP {_SHARES}", f"CREATE TEMP {_HELD}"]
    return [*([_VIEW] if found == 1 else []), *(shares if found < 3 else [])]


def sum_of(path: Path) -> Path:
    """Where the checksum of the file lay."""
    return path.with_name(f"{path.name}{OLD_SUM}")


def problems(path: Path) -> list[str]:
    """Compare the file with its checksum, unless there is none, or a kill came before it."""
    with suppress(FileNotFoundError):
        noted = sum_of(path).read_bytes()
        data = path.read_bytes()
        counter = data[24:28]
        if counter != data[92:96]:
            return [f"{path}: damaged header"]
        if len(noted) != 40 or zlib.crc32(noted[:36]) != int.from_bytes(noted[36:], "big"):
            return [f"{sum_of(path)}: damaged"]
        if noted[:4] == counter and sha256(data).digest() != noted[4:36]:
            return [f"{path}: damaged, it differs from its checksum"]
    return []
