"""Catalogs of format 1: how they are read as they are, and how they become current ones.

Its parts had fewer columns, and a checksum of the whole file lay beside it in a file.
"""

import zlib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

OLD_SUM = ".sum"  # behind the name of the file
CHECKSUM = "CREATE TABLE checksum (total INTEGER NOT NULL, crc INTEGER NOT NULL)"


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
VIEW = (
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
