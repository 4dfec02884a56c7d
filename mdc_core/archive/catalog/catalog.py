"""The catalog: which parts an archive has, and what is in each.

One SQLite file. A transaction in it is the moment at which events move from a journal into
parts, or from some parts into others; everything before can be done again, everything after
is cleaning up. Each entry carries a checksum, and so do all values together (`database.py`),
so that a flipped bit is found; what is lost is made again from the parts (`health/rebuild.py`).
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from mdc_core.archive.catalog import totals
from mdc_core.archive.catalog.database import REBUILD, CatalogFile, is_sound
from mdc_core.archive.catalog.origins import (
    LARGE,
    LISTED,
    forget,
    gathered,
    keep,
    origin_key,
    runs,
    sources_of,
)
from mdc_core.archive.catalog.part_row import Frame as Frame
from mdc_core.archive.catalog.part_row import PartRow as PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import (
    SHARED,
    PartSpan,
    PartTotals,
    conditions,
    part_totals,
    size,
    spans,
    text_of,
)
from mdc_core.archive.row_time import NO_TIME
from mdc_core.disk import writing
from mdc_core.errors import BusyError, DataError
from mdc_core.texts import plainly
from mdc_core.times import DAY


class ChangedError(BusyError):
    """Another process has changed or removed a part since it was looked up."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was changed by another command", hint="try again")


class FileMove(NamedTuple):
    """A file that a committed transaction still has to bring into its place, or out of it."""

    kind: Literal["put", "drop"]
    source: str  # of a put: below the state directory; of a drop: in the trash
    place: str
    path: str


# The fields that are columns as well, to be asked for.
_COLUMNS = {
    "place": "place",
    "path": "path",
    "symbol": "symbol",
    "type": "type_name",
    "begins": "begins",
    "ends": "ends",
    "tier": "tier",
    "run_id": "run_id",
    "rows": "rows",
    "bytes": "bytes",
    "first": "first",
    "last": "last",
    "untimed": "untimed",
    "period": "period",
}
_SHARED = ("symbol", "rows", "bytes", "begins", "ends", "first", "last", "untimed")
_AT_ONCE = 200  # parts that are asked for by their numbers
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartRow).decode


class Catalog:
    """The open catalog of an archive; use it in a `with`."""

    def __init__(self, state: Path, *, create: bool = False, read_only: bool = False) -> None:
        self._db = CatalogFile(state, create=create, read_only=read_only)
        self.path = self._db.path
        self._state = state

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def at_once(self) -> AbstractContextManager[None]:
        """Ask several things of one moment; whoever commits waits for that long."""
        return self._db.reading()

    def parts(self, query: Query | None = None) -> Iterator[PartRow]:
        """The parts that can hold what is asked for, in the order of their paths.

        They are fetched as they are wanted: nothing may be committed before the last one.
        """
        where, values = conditions(query or Query())
        for row in self._db.each(
            f"SELECT entry, crc, path FROM parts WHERE {where} ORDER BY path", values
        ):
            yield self._entry(*row)

    def files(self, query: Query) -> Iterator[tuple[str, str]]:
        """The places and paths of the parts that can hold what is asked for, in their order."""
        where, values = conditions(query)
        return self._db.each(
            f"SELECT place, path FROM parts WHERE {where} ORDER BY place, path", values
        )

    def knows(self, place: str, path: str) -> bool:
        """Whether there is a part of that place and path."""
        asked = "SELECT count(*) FROM parts WHERE place = ? AND path = ?"
        return bool(self._db.run(asked, (place, path))[0][0])

    def places(self) -> list[str]:
        """The places that have parts, however many those are; the root has no name."""
        rows = self._db.run(
            "WITH RECURSIVE found (place) AS (SELECT min(place) FROM parts UNION ALL"
            " SELECT (SELECT min(place) FROM parts WHERE place > found.place) FROM found"
            " WHERE found.place IS NOT NULL) SELECT place FROM found WHERE place IS NOT NULL"
        )
        return [place for (place,) in rows]

    def named(self, name: str) -> Iterator[PartRow]:
        """The parts whose paths end like this."""
        asked = "SELECT entry, crc, path FROM parts WHERE substr(path, -length(?1)) = ?1"
        for row in self._db.each(asked, (name,)):
            yield self._entry(*row)

    def oldest(self, query: Query, stored: int | None = None) -> Iterator[PartRow]:
        """The same as `parts`, by their last moments; those without any come last.

        With `stored`, those that were stored before that, and the days of storing come first.
        """
        where, values = conditions(query)
        order = "begins = ?, ends, path"
        if stored is not None:
            entry = "CAST(entry AS TEXT)"
            at = f"json_extract({entry}, '$.made_at')"
            at = f"coalesce(json_extract({entry}, '$.stored_at'), {at})"
            where, values = f"({where}) AND {at} < ?", [*values, stored]
            order = f"{at} / {DAY}, {order}"
        numbers = self._db.each(
            f"SELECT number FROM parts WHERE {where} ORDER BY {order}", [*values, NO_TIME]
        )
        yield from self.numbered(number for (number,) in numbers)

    def spans(self, query: Query) -> Iterator[PartSpan]:
        """What each of the parts that can hold what is asked for has of each symbol."""
        return spans(self._db, query)

    def numbered(self, numbers: Iterable[int]) -> Iterator[PartRow]:
        """Some parts by their numbers, in this order."""
        left = iter(numbers)
        while some := list(islice(left, _AT_ONCE)):
            marks = ", ".join("?" * len(some))
            asked = f"SELECT number, entry, crc, path FROM parts WHERE number IN ({marks})"
            found = {number: self._entry(*row) for number, *row in self._db.each(asked, some)}
            yield from (found[number] for number in some if number in found)

    def totals(self, query: Query | None = None) -> Iterator[PartTotals]:
        """The parts that can hold what is asked for, summed up by symbol and type."""
        return part_totals(self._db, query or Query())

    def size(self, query: Query) -> tuple[int, int]:
        """How many parts can hold what is asked for, and how many bytes they have."""
        return size(self._db, query)

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of some symbols of which no part has events."""
        return totals.lacking(self._db, names)

    def symbols(self, begins: Sequence[str], limit: int) -> list[str]:
        """The symbols, or so many of those that begin like this where there are more."""
        return totals.symbols(self._db, begins, limit)

    def kinds(self, query: Query) -> list[tuple[str, int | None, int | None]]:
        """The types that parts may hold of what is asked for, with their first and last moments."""
        return totals.kinds(self._db, query)

    def holds(self, query: Query) -> bool:
        """Whether any part may hold what is asked for."""
        return totals.holds(self._db, query)

    def since(self, number: int, query: Query | None = None) -> Iterator[tuple[int, PartRow]]:
        """The parts entered after a number that can hold what is asked for, and their numbers.

        They come in the order in which they were entered.
        """
        where, values = conditions(query or Query())
        for found, *row in self._db.each(
            "SELECT number, entry, crc, path FROM parts"
            f" WHERE {where} AND number > ? ORDER BY number",
            [*values, number],
        ):
            yield found, self._entry(*row)

    def numbers(self) -> tuple[int, int]:
        """The numbers of the part that was entered first, and of the last."""
        first, last = self._db.run("SELECT min(number), max(number) FROM parts")[0]
        return first or 0, last or 0

    def of_run(self, run_id: str) -> list[PartRow]:
        """The parts that a run of `store` made, in the order in which they were."""
        rows = self._db.run(
            "SELECT entry, crc, path FROM parts WHERE run_id = ? ORDER BY number", (run_id,)
        )
        return [self._entry(*row) for row in rows]

    def keys_of(self, sources: Sequence[str]) -> list[str]:
        """The names of the origins that are known by one of these, and of the lists with them."""
        asked = "SELECT DISTINCT key FROM sources WHERE source IN (SELECT value FROM json_each(?))"
        if not self._db.is_current:
            self._db.lend_sources()
        found: dict[str, None] = {}
        new = list(sources)
        while new:
            rows = self._db.run(asked, (_encode(new).decode(),))
            new = [key for (key,) in rows if key not in found]
            found |= dict.fromkeys(new)
        return list(found)

    def related(self, sources: Sequence[str]) -> list[str]:
        """The same, also of those that have another source in common with one of them.

        A file that has grown has the first event of what it was, and another hash; what only
        `compact` has brought together is not related.
        """
        asked = (
            "SELECT DISTINCT source FROM sources JOIN origins USING (key)"
            " WHERE key IN (SELECT value FROM json_each(?)) AND substr(origin, 1, 13) <> ?"
        )
        known: set[str] = set(sources)
        keys = self.keys_of(sources)
        new = keys
        while new:
            rows = self._db.run(asked, (_encode(new).decode(), LISTED))
            more = [source for (source,) in rows if source not in known]
            known.update(more)
            new = [key for key in self.keys_of(more) if key not in keys]
            keys += new
        return keys

    def of_origins(
        self, keys: Iterable[str], run: str, *, since: int = 0, query: Query | None = None
    ) -> Iterator[PartRow]:
        """The parts of some origins, or of runs of `store` with the name of a run before theirs.

        Of those entered after the number `since` that can hold what is asked for.
        """
        listed = list(keys)
        of_run = "run_id > ? AND run_id < ?"
        of_key = "json_extract(CAST(entry AS TEXT), '$.origin') IN (SELECT value FROM json_each(?))"
        where = f"({of_run} OR {of_key})" if listed else of_run
        chosen, names = conditions(query or Query())
        values = [since, *names, f"{run}-", f"{run}."]
        values += [_encode(listed).decode()] if listed else []
        for row in self._db.each(
            f"SELECT entry, crc, path FROM parts WHERE number > ? AND {chosen} AND {where}"
            " ORDER BY number",
            values,
        ):
            yield self._entry(*row)

    def _entry(self, entry: bytes, crc: int, path: str) -> PartRow:
        if not is_sound(entry, crc):
            raise DataError(
                f"{self.path}: the entry of {path} is damaged",
                hint=REBUILD,
            )
        try:
            return _decode(entry)
        except msgspec.DecodeError as error:
            raise DataError(
                f"{self.path}: the entry of {path}: {plainly(error)}", hint="update mdc"
            ) from None

    def origin(self, part: PartRow) -> dict[str, Any]:
        """The begin event of the stream that a part was stored from, as far as it is known."""
        found = runs(part.origin, self.origin_of)
        return {"origins": found} if len(found) > 1 else next(iter(found), {})

    def origin_of(self, key: str) -> bytes | None:
        """An origin by its name, as it is kept."""
        found = self._db.run("SELECT origin FROM origins WHERE key = ?", (key,))
        return found[0][0] if found else None

    def large_origins(self) -> frozenset[str]:
        """The names of those that a file should not carry."""
        found = self._db.run("SELECT key FROM origins WHERE length(origin) > ?", (LARGE,))
        return frozenset(key for (key,) in found)

    def forget_origins(self) -> int:
        """Forget those that no part comes from any more; returns how many there were."""
        asked = "SELECT DISTINCT json_extract(CAST(entry AS TEXT), '$.origin') FROM parts"
        with self._db.transaction():  # nobody enters a part meanwhile
            used = gathered((key for (key,) in self._db.run(asked) if key), self.origin_of)
            known = {key for (key,) in self._db.run("SELECT key FROM origins")}
            for key in known - used.keys():
                self._db.take("origins", "key = ?", (key,))
            forget(self._state, used)
        return len(known - used.keys())

    def sealed(self) -> set[str]:
        """Journal segments whose events are in parts."""
        return {segment for (segment,) in self._db.run("SELECT segment FROM sealed")}

    def moves(self) -> list[FileMove]:
        """What is still to be moved, in order."""
        rows = self._db.run("SELECT kind, source, place, path FROM moves ORDER BY number")
        return [FileMove(*row) for row in rows]

    def commit(
        self,
        add: Iterable[PartRow] = (),
        remove: Iterable[PartRow] = (),
        *,
        sealed: Iterable[tuple[str, int]] = (),
        moves: Iterable[FileMove] = (),
        origins: Iterable[bytes] = (),
        check: Callable[["Catalog"], None] | None = None,
    ) -> None:
        """Enter and remove parts in one transaction, all or nothing.

        Raises ChangedError if a part to remove is not as it was read, or not there; `check` may
        raise what it wants, before anything is changed.
        """
        db = self._db
        with db.transaction():
            if check is not None:
                check(self)
            for part in remove:
                known = (*part.key, zlib.crc32(_encode(part)))
                if not db.take("parts", "place = ? AND path = ? AND crc = ?", known):
                    raise ChangedError(part.path)
            for origin in origins:
                key = self._kept(origin)
                if self.origin_of(key) is None:
                    db.add("origins", key=key, origin=origin)
                    db.enter_sources(key, origin)
            for part in add:
                db.take("parts", "place = ? AND path = ?", part.key)
                entry = _encode(part)
                db.add("parts", **_columns(part), entry=entry, crc=zlib.crc32(entry))
                if part.shares:
                    number = db.one("SELECT last_insert_rowid()")
                    db.fill("shares", [(number, *values) for values in _of_shares(part)])
            for segment, at in sealed:
                db.take("sealed", "segment = ?", (segment,))
                db.add("sealed", segment=segment, at=at)
            for move in moves:
                db.add("moves", **move._asdict())

    def _kept(self, origin: bytes) -> str:
        with writing(f"below {self._state}"):
            return keep(self._state, origin)

    def moved(self) -> None:
        """Note that everything is where it belongs."""
        with self._db.transaction():
            self._db.take("moves")

    def forget_sealed(self, segments: Iterable[str]) -> None:
        """Forget segments whose journals are long gone."""
        with self._db.transaction():
            for segment in segments:
                self._db.take("sealed", "segment = ?", (segment,))

    def sealed_before(self, moment: int) -> list[str]:
        """Segments that were sealed before a moment."""
        rows = self._db.run("SELECT segment FROM sealed WHERE at < ?", (moment,))
        return [segment for (segment,) in rows]

    def problems(self) -> list[str]:
        """What is wrong with the catalog itself: the file, its checksum, its entries."""
        found: list[str] = []
        try:
            found += self._db.problems()
            found += self._of_entries()
            found += self._of_origins()
        except DataError as error:
            found.append(str(error))
        return found

    def _of_entries(self) -> Iterator[str]:
        """Entries that are damaged, or that the columns beside them do not agree with."""
        names = list(_COLUMNS)
        known = self._db.one("SELECT count(*) FROM shares")
        for number, entry, crc, *said in self._db.each(
            f"SELECT number, entry, crc, {', '.join(names)} FROM parts"
        ):
            path = said[names.index("path")]
            try:
                part = self._entry(entry, crc, path)
            except DataError as error:
                yield str(error)
                continue
            shares = self._shares(number) if part.shares else []
            known -= len(shares)
            if said != list(_columns(part).values()) or shares != list(_of_shares(part)):
                yield f"{self.path}: the entry of {part.path} is damaged"
        if known:
            yield f"{self.path}: damaged, there are shares of no part"

    def _shares(self, number: int) -> list[tuple[Any, ...]]:
        asked = f"SELECT {', '.join(_SHARED)} FROM shares WHERE number = ? ORDER BY rowid"
        return self._db.run(asked, (number,))

    def _of_origins(self) -> Iterator[str]:
        known = self._db.is_current
        for key, origin in self._db.each("SELECT key, origin FROM origins"):
            if not isinstance(origin, bytes) or origin_key(origin) != key:
                yield f"{self.path}: the origin {key} is damaged"
            elif known and self._db.sources(key) != sources_of(origin):
                yield f"{self.path}: damaged, the sources of the origin {key} differ"


def _columns(part: PartRow) -> dict[str, Any]:
    """What of a part can be asked for, by column."""
    said = {column: getattr(part, field) for column, field in _COLUMNS.items()}
    return said | {"symbol": SHARED if part.shares else text_of(part.symbol)}


def _of_shares(part: PartRow) -> Iterator[tuple[Any, ...]]:
    """What can be asked for of each symbol of a shared part; nothing of other parts."""
    for one in part.by_symbol() if part.shares else ():
        symbol, *others = (getattr(one, name) for name in _SHARED)
        yield text_of(symbol), *others
