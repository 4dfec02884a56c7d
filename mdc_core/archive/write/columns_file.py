"""Files without rows that have the columns of all event types in a folder, for plain readers.

pyarrow and pandas take the columns of the first file below a folder for those of all, and leave
out what the others have beside them; DuckDB and Polars do so, or refuse. Such a file is the first
by its name: then all columns are there, or it is an error. It is in its place before the first
part of a type is.

In the layout hive it lies in folders as parts do, or the folders would say nothing; its symbol is
no number, and so all symbols are texts, also where pyarrow and Polars would guess numbers.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.storage import COLUMNS, Storage
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.width import decimals_of
from mdc_core.decimals import narrowed
from mdc_core.disk import writing
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import arrow_schema

_KEY = b"mdc.columns"  # the types and widths that a file has the columns of
_LOCK = "columns.lock"
_NO_SYMBOL, _NO_TYPE, _NO_DATE = "symbol=%20", "type=%20", "date=1970-01-01"
Widths = dict[str, str]  # of decimals, by event type


class ColumnsPath(NamedTuple):
    """Where a file of columns lies; `by_name`: the names beside it are those of event types."""

    path: str
    by_name: bool = False


def paths_of(part: PartRow) -> list[ColumnsPath]:
    """Where files of columns lie that a part is behind, the one for the whole place first."""
    folders = part.path.split("/")[:-1]
    match part.layout:
        case "hive":
            kinds = (_NO_TYPE, f"type={part.type_name}")
            return [ColumnsPath(f"{_NO_SYMBOL}/{kind}/{_NO_DATE}/{COLUMNS}") for kind in kinds]
        case "by-symbol" if len(folders) == 2:
            below = [(folders[0], True)]
        case "by-date" if len(folders) == 2:
            below = [(folders[0], False), ("/".join(folders), True)]
        case _:  # also what somebody else put anywhere
            below = []
    found = [ColumnsPath(f"{folder}/{COLUMNS}", by_name) for folder, by_name in below]
    return [ColumnsPath(COLUMNS), *found]


@contextmanager
def columns_first(
    archive: Archive, catalog: Catalog, name: str, parts: Iterable[PartRow], folder: Path
) -> Iterator[list[tuple[Path, str]]]:
    """The files, staged in a folder, that a place of the archive is to have before these parts.

    They are to be taken within the context.
    """
    wanted = _types_behind(archive.place_at(name), parts)
    with writing(f"below {archive.root}"), (archive.state / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        staged: list[tuple[Path, str]] = []
        for path, types in wanted.items():
            widths = _wanted(archive, catalog, archive.place_at(name), path, types)
            if widths:
                file = folder / f"{len(staged)}.columns"
                _write(file, widths, hive=_is_hive(path.path))
                staged.append((file, path.path))
        yield staged


def lacking_columns(
    archive: Archive, catalog: Catalog, name: str, parts: Iterable[PartRow]
) -> Iterator[str]:
    """The paths at which a place lacks a sound file of the columns of these parts."""
    place = archive.place_at(name)
    for path, types in _types_behind(place, parts).items():
        if _wanted(archive, catalog, place, path, types):
            yield path.path


def _types_behind(place: Storage, parts: Iterable[PartRow]) -> dict[ColumnsPath, set[str]]:
    """The event types of the parts that are behind each file of columns."""
    wanted: dict[ColumnsPath, set[str]] = {}
    for part in parts:
        if part.suffix == ".parquet":
            for path in _kept_in(place, part):
                wanted.setdefault(path, set()).add(part.type_name)
    return wanted


def _wanted(
    archive: Archive, catalog: Catalog, place: Storage, path: ColumnsPath, types: set[str]
) -> Widths:
    """What a file of columns has to have anew; nothing if it is as it should be."""
    there = _widths(place, path.path)
    if there is None:
        types = types | _beside(catalog, place, path)
        if path.by_name and len(types) < 2 and place.size(path.path) is None:
            return {}
    told = {kind: decimals_of(archive, kind).decode() for kind in sorted(types)}
    both = told | {kind: width for kind, width in (there or {}).items() if width == "wide"}
    return {} if both.items() <= (there or {}).items() else (there or {}) | both


def _kept_in(place: Storage, part: PartRow) -> list[ColumnsPath]:
    """The files of columns of a part that a place has: an object store no more than it must."""
    paths = paths_of(part)
    return paths if place.local is not None or part.layout == "hive" else paths[:1]


def _widths(place: Storage, path: str) -> Widths | None:
    """What a file of columns has; None if it is not there, damaged, or of other versions."""
    with suppress(FileNotFoundError, NotADirectoryError, pa.ArrowException, OSError, ValueError):
        with place.open(path) as file:
            schema = pq.read_schema(file)
        found = json.loads((schema.metadata or {})[_KEY])
        widths = {kind: str(found[kind]) for kind in found if kind in EVENT_TYPES}
        if schema.remove_metadata().equals(_table(widths, _is_hive(path)).schema):
            return widths
    return None


def _beside(catalog: Catalog, place: Storage, path: ColumnsPath) -> set[str]:
    """The event types that are there already: of the archive, or of a folder by its names."""
    folder = path.path.rpartition("/")[0]
    if not folder or _NO_TYPE in folder:
        return {one.type_name for one in catalog.totals()}
    if not path.by_name or place.local is None:
        return set()
    with suppress(FileNotFoundError, NotADirectoryError):
        names = {file.name.partition(".")[0] for file in (place.local / folder).iterdir()}
        return names & EVENT_TYPES.keys()
    return set()


def _is_hive(path: str) -> bool:
    return path.startswith(_NO_SYMBOL)


def _table(widths: Widths, hive: bool) -> pa.Table:
    """No rows of the columns of some event types, each as wide as the widest."""
    table = arrow_schema(frozenset(widths)).empty_table()
    wide = [kind for kind, width in widths.items() if width == "wide"]
    table = narrowed(table, arrow_schema(frozenset(wide)).names if wide else ())
    if hive:
        table = table.drop_columns(["type", "symbol"])
    return table.replace_schema_metadata(None)


def _write(file: Path, widths: Widths, *, hive: bool) -> None:
    """Write the file of the columns of some event types."""
    told = {_KEY: json.dumps(widths).encode()}
    table = _table(widths, hive).replace_schema_metadata(told)
    with file.open("wb") as out:  # not by its name: pyarrow takes no path that is not UTF-8
        pq.write_table(table, out, compression="none")
