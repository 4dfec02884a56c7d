"""What a catalog answers by itself: sums by symbol and type, and the spans of the parts.

Entries are looked at for the intervals of bars alone, so what an archive of very many parts holds
is told in little memory.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from mdc_core.archive.catalog.database import CatalogFile, is_sound
from mdc_core.archive.catalog.part_row import IntervalShare
from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.catalog.query import GAP, Query
from mdc_core.archive.row_time import NO_TIME
from mdc_core.patterns import glob, prefix

SHARED = b"\xff"  # for the symbol of a shared part: no text has such a byte
_OWN = "({})"
_SHARES = "number IN (SELECT number FROM shares WHERE {})"
# Any number of names is one value.
_NAMED = "symbol IN (SELECT CAST(value AS BLOB) FROM json_each(CAST(? AS TEXT)))"
_MATCHED = "(symbol >= ? AND symbol < ? AND CAST(symbol AS TEXT) GLOB ?)"


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

    The moment of a row is its event time, else its receive time, else NO_TIME. Of a type with
    intervals it is what it holds of one of them, or, if it is not `told`, of all.
    """

    number: int
    symbol: str | None
    type_name: str
    rows: int
    begins: int
    ends: int
    interval: str | None = None
    told: bool = True


class _Intervals(msgspec.Struct):
    """What of an entry tells of intervals."""

    intervals: tuple[IntervalShare, ...] = ()


_intervals_of = msgspec.json.Decoder(_Intervals).decode


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
    told = set()
    for number, span in _interval_spans(db, query):
        told.add(number)
        if span is not None:
            yield span
    where, values = held_conditions(query)
    asked = f"SELECT number, symbol, type, rows, begins, ends FROM held WHERE {where}"
    for number, symbol, *others in db.each(asked, values):
        if number not in told:
            span = PartSpan(number, _symbol(symbol), *others)
            yield span._replace(told=False) if span.type_name in WITH_INTERVAL else span


def _interval_spans(db: CatalogFile, query: Query) -> Iterator[tuple[int, PartSpan | None]]:
    """The numbers of the parts whose entries tell of intervals, with what they tell."""
    where, values = conditions(query)
    kinds = ", ".join("?" * len(WITH_INTERVAL))
    asked = f"SELECT number, type, entry, crc FROM parts WHERE {where} AND type IN ({kinds})"
    for number, type_name, entry, crc in db.each(asked, [*values, *sorted(WITH_INTERVAL)]):
        if not is_sound(entry, crc):
            continue  # its columns are asked, and whoever reads it finds that it is damaged
        for share in _intervals_of(entry).intervals:
            if query.wants(share.symbol):
                rest = share.rows, share.begins, share.ends, share.interval
                yield number, PartSpan(number, share.symbol, type_name, *rest)
            else:
                yield number, None


def size(db: CatalogFile, query: Query) -> tuple[int, int]:
    """How many parts can hold what is asked for, and how many bytes they have."""
    where, values = held_conditions(query)
    asked = f"SELECT count(DISTINCT number), coalesce(sum(bytes), 0) FROM held WHERE {where}"
    files, total = db.run(asked, values)[0]
    return files, total


def lacking(db: CatalogFile, names: Iterable[str]) -> list[str]:
    """Those of some symbols of which no part has events."""
    listed = list(names)
    held = "EXISTS (SELECT 1 FROM {} WHERE symbol = CAST(value AS BLOB))"
    either = " OR ".join(map(held.format, ("parts", "shares")))
    asked = f"SELECT key FROM json_each(?) WHERE NOT ({either})"
    return [listed[at] for (at,) in db.each(asked, [json.dumps(listed)])]


def symbols(db: CatalogFile, begins: Sequence[str], limit: int) -> list[str]:
    """The symbols, or so many of those that begin like this where there are more."""
    found = list(islice(_each_symbol(db, ""), limit + 1))
    if len(found) <= limit:
        return found
    return [name for text in begins for name in islice(_each_symbol(db, text), limit)]


def _each_symbol(db: CatalogFile, begins: str) -> Iterator[str]:
    """The symbols that begin like this, each looked up behind the one before."""
    for table in ("parts", "shares"):
        after = text_of(begins)
        bound = (after or b"") + SHARED
        asked = f"SELECT min(symbol) FROM {table} WHERE symbol {{}} ? AND symbol < ?"
        (found,) = db.run(asked.format(">="), (after, bound))[0]
        while found is not None:
            yield str(_symbol(found))
            (found,) = db.run(asked.format(">"), (found, bound))[0]


def kinds(db: CatalogFile, query: Query) -> list[tuple[str, int | None, int | None]]:
    """The types that parts may hold of what is asked for, each with its first and last moment."""
    where, values = held_conditions(query)
    timed = f"CASE WHEN begins > {NO_TIME} THEN {{}} END"
    span = f"min({timed.format('begins')}), max({timed.format('ends')})"
    return db.run(f"SELECT type, {span} FROM held WHERE {where} GROUP BY type", values)


def holds(db: CatalogFile, query: Query) -> bool:
    """Whether any part may hold what is asked for."""
    where, values = held_conditions(query)
    return bool(db.run(f"SELECT EXISTS (SELECT 1 FROM held WHERE {where})", values)[0][0])


def conditions(query: Query) -> tuple[str, list[Any]]:
    """What parts hold, or may hold, that is asked for, in SQL, and the values in it."""
    return _conditions(query, _OWN, _SHARES)


def held_conditions(query: Query) -> tuple[str, list[Any]]:
    """What parts hold of each symbol that is asked for, in SQL, and the values in it."""
    return _conditions(query, _OWN)


def _conditions(query: Query, *of_symbols: str) -> tuple[str, list[Any]]:
    found: list[str] = []
    values: list[Any] = []
    if not query.is_of_all:
        test, names = _chosen(query)
        tests = [of.format(test) for of in of_symbols]
        if query.with_gaps:
            without = " OR ".join(of.format("symbol IS NULL") for of in of_symbols)
            tests.append(f"(type = '{GAP}' AND ({without}))")
        found.append(f"({' OR '.join(tests)})")
        values += names * len(of_symbols)
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


def _chosen(query: Query) -> tuple[str, list[Any]]:
    """The test of a symbol, and the values in it; what a pattern begins with is looked up."""
    tests: list[str] = []
    values: list[Any] = []
    if query.symbols:
        odd = [name for name in query.symbols if "\0" in name]  # where SQLite's JSON ends a text
        listed = json.dumps([name for name in query.symbols if "\0" not in name])
        tests += [_NAMED, *["symbol = ?"] * len(odd)]
        values += [listed, *map(text_of, odd)]
    for pattern in query.patterns:
        begins = prefix(pattern).encode()
        tests.append(_MATCHED)
        values += [begins, begins + SHARED, glob(pattern)]
    return " OR ".join(tests), values


def text_of(symbol: str | None) -> bytes | None:
    """A symbol as SQLite keeps it: its bytes, whatever they are."""
    return None if symbol is None else symbol.encode("utf-8", "surrogatepass")


def _symbol(text: bytes | None) -> str | None:
    """A symbol as it was before SQLite kept it."""
    return None if text is None else text.decode("utf-8", "surrogatepass")
