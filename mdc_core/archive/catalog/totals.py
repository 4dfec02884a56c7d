"""What a catalog answers by itself: sums by symbol and type, and the spans of the parts.

No entry is looked at, so what an archive of very many parts holds is told in little memory.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mdc_core.archive.catalog.database import CatalogFile
from mdc_core.archive.catalog.query import Query

SHARED = b"\xff"  # for the symbol of a shared part: no text has such a byte
_OWN = "symbol IN ({})"


class PartTotals(NamedTuple):
    """The parts of one symbol and type, summed up; event times where they are known.

    A shared part counts for each of its symbols, with what it has of that.
    """

    symbol: str | None
    type_name: str
    files: int
    rows: int
    bytes: int
    first: int | None
    last: int | None
    untimed: int  # rows without event time
    periods: int
    tiers: list[str]


class PartSpan(NamedTuple):
    """What a part holds of one symbol: the number of the part, rows, first and last moment.

    The moment of a row is its event time, else its receive time, else NO_TIME.
    """

    number: int
    symbol: str | None
    type_name: str
    rows: int
    begins: int
    ends: int


def part_totals(db: CatalogFile, query: Query) -> Iterator[PartTotals]:
    """The parts that can hold what is asked for, summed up by symbol and type."""
    where, values = held_conditions(query)
    for symbol, *others, tiers in db.each(
        "SELECT symbol, type, count(*), sum(rows), sum(bytes), min(first), max(last),"
        " sum(untimed), count(DISTINCT period), group_concat(DISTINCT tier)"
        f" FROM held WHERE {where} GROUP BY symbol, type",
        values,
    ):
        yield PartTotals._make([_symbol(symbol), *others, sorted(tiers.split(","))])


def spans(db: CatalogFile, query: Query) -> Iterator[PartSpan]:
    """What each of the parts that can hold what is asked for has of each symbol."""
    where, values = held_conditions(query)
    asked = f"SELECT number, symbol, type, rows, begins, ends FROM held WHERE {where}"
    for number, symbol, *others in db.each(asked, values):
        yield PartSpan(number, _symbol(symbol), *others)


def size(db: CatalogFile, query: Query) -> tuple[int, int]:
    """How many parts can hold what is asked for, and how many bytes they have."""
    where, values = held_conditions(query)
    asked = f"SELECT count(DISTINCT number), coalesce(sum(bytes), 0) FROM held WHERE {where}"
    files, total = db.run(asked, values)[0]
    return files, total


def conditions(query: Query) -> tuple[str, list[Any]]:
    """What parts hold, or may hold, that is asked for, in SQL, and the values in it."""
    return _conditions(query, _OWN, "number IN (SELECT number FROM shares WHERE symbol IN ({}))")


def held_conditions(query: Query) -> tuple[str, list[Any]]:
    """What parts hold of each symbol that is asked for, in SQL, and the values in it."""
    return _conditions(query, _OWN)


def _conditions(query: Query, *of_symbols: str) -> tuple[str, list[Any]]:
    found: list[str] = []
    values: list[Any] = []
    if query.symbols:
        marks = ", ".join("?" * len(query.symbols))
        found.append(f"({' OR '.join(test.format(marks) for test in of_symbols)})")
        values += list(map(text_of, query.symbols)) * len(of_symbols)
    if query.types:
        found.append(f"type IN ({', '.join('?' * len(query.types))})")
        values += query.types
    if query.start is not None:
        found.append("ends >= ?")
        values.append(query.start)
    if query.end is not None:
        found.append("begins < ?")
        values.append(query.end)
    return " AND ".join(found) or "1", values


def text_of(symbol: str | None) -> bytes | None:
    """A symbol as SQLite keeps it: its bytes, whatever they are."""
    return None if symbol is None else symbol.encode("utf-8", "surrogatepass")


def _symbol(text: bytes | None) -> str | None:
    """A symbol as it was before SQLite kept it."""
    return None if text is None else text.decode("utf-8", "surrogatepass")
