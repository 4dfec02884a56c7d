"""What the parts of an archive hold, in numbers: from the footer of Parquet, else by reading.

The footer tells of a part with one symbol and one event type, which is what `store` writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.part_row import divided
from mdc_core.archive.catalog.paths import chosen, period
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.catalog.totals import PartTotals
from mdc_core.archive.health.missing import missing
from mdc_core.archive.part_formats import read_part_file
from mdc_core.archive.write.archive import Archive
from mdc_core.batch import integers
from mdc_core.disk import unreadable
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES

_TIME = pa.timestamp("ns", "UTC")


class PartGroup(NamedTuple):
    """The events of one symbol and type in a part, `first` and `last` by event time."""

    symbol: str | None
    type_name: str
    rows: int
    first: int | None
    last: int | None
    untimed: int = 0  # rows without event time

    def within(self, query: Query) -> bool | None:
        """Whether all events are wanted, or none; None if only reading them can tell."""
        if not query.wants(self.symbol, self.type_name):
            return False
        if query.types and self.type_name not in query.types:
            return False
        if self.symbol is None and not query.is_of_all:
            return None  # of gaps, those that are about a wanted one
        if query.start is None and query.end is None:
            return True
        if self.untimed or self.first is None or self.last is None:
            return None
        late = query.start is None or query.start <= self.first
        early = query.end is None or self.last < query.end
        if late and early:
            return True
        before = query.start is not None and self.last < query.start
        after = query.end is not None and self.first >= query.end
        return False if before or after else None


class StoredPart(NamedTuple):
    """One file of an archive: its path below the root, its period, its events."""

    path: PurePosixPath
    bytes: int
    period: tuple[int | None, int | None]
    groups: list[PartGroup]
    problem: str | None = None  # why its events are not known
    tier: str = "hot"


class Summary(NamedTuple):
    """The parts of an archive in numbers, by symbol and type; and what is wrong with some."""

    totals: list[PartTotals]
    bytes: int  # of all, also of those that are not known
    problems: list[str]  # why some are not known
    missing: Sequence[str] = ()  # which the catalog knows, and are counted, and are gone


def summed(root: Path | str, query: Query) -> Summary:
    """The parts that hold, or may hold, what is asked for, summed up; whole parts."""
    archive = Archive.open(root)
    if not archive.has_catalog:
        return _summed(_from_files(Path(root), query))
    with archive.catalog(read_only=True) as catalog:
        totals = list(catalog.totals(query))
    return Summary(totals, sum(one.bytes for one in totals), [], missing(archive, query))


def _summed(parts: Iterable[StoredPart]) -> Summary:
    groups: dict[tuple[str | None, str], PartGroup] = {}
    found: dict[Any, list[tuple[StoredPart, int]]] = {}
    size, problems = 0, []
    for part in parts:
        size += part.bytes
        problems += [part.problem] if part.problem else []
        for group, share in zip(part.groups, shares(part), strict=True):
            key = group.symbol, group.type_name
            groups[key] = joined(groups[key], group) if key in groups else group
            found.setdefault(key, []).append((part, share))
    totals = [
        PartTotals(
            *key,
            files=len(found[key]),
            rows=group.rows,
            bytes=sum(share for _, share in found[key]),
            first=group.first,
            last=group.last,
            untimed=group.untimed,
            periods=len({part.period for part, _ in found[key]}),
            tiers=sorted({part.tier for part, _ in found[key]}),
        )
        for key, group in groups.items()
    ]
    return Summary(totals, size, problems)


def summaries(root: Path | str, query: Query) -> Iterator[StoredPart]:
    """The parts of an archive that hold, or may hold, what is asked for; whole parts.

    Of a shared part it is what may be wanted of each symbol, with its share of the bytes.
    """
    archive = Archive.open(root)
    if archive.has_catalog:
        with archive.catalog(read_only=True) as catalog:
            for row in catalog.parts(query):
                yield wanted_of(row, query)
    else:
        yield from _from_files(Path(root), query)


def part_of(row: PartRow) -> StoredPart:
    """What the catalog knows of a part."""
    path = PurePosixPath(row.path)
    groups = [
        PartGroup(one.symbol, one.type_name, one.rows, one.first, one.last, one.untimed)
        for one in row.by_symbol()
    ]
    return StoredPart(path, row.bytes, period(path), groups, tier=row.tier)


def wanted_of(row: PartRow, query: Query) -> StoredPart:
    """What the catalog knows of a part; of a shared one only what may be wanted."""
    part = part_of(row)
    if not row.shares:
        return part
    sized = zip(part.groups, shares(part), strict=True)
    kept = [(group, size) for group, size in sized if group.within(query) is not False]
    return part._replace(groups=[g for g, _ in kept], bytes=sum(size for _, size in kept))


def _from_files(root: Path, query: Query) -> Iterator[StoredPart]:
    """The parts where there is no catalog: what the files say."""
    for path in chosen(root, query):
        below = PurePosixPath(path.relative_to(root))
        size = 0
        try:
            size = path.stat().st_size
            groups = groups_of(path)
        except FileNotFoundError:
            continue  # gone since we looked
        except OSError as error:
            yield StoredPart(below, size, period(below), [], str(unreadable(path, error)))
        except DataError as error:
            problem = str(error) if str(path) in str(error) else f"{path}: {error}"
            yield StoredPart(below, size, period(below), [], problem)
        else:
            wanted = [group for group in groups if group.within(query) is not False]
            if wanted or not groups:
                yield StoredPart(below, size, period(below), wanted)


def groups_of(path: Path) -> list[PartGroup]:
    """The events of a file by symbol and type; control events are none."""
    group = footer_group(path)
    if group is None:
        return _read_groups(path)
    return [group] if group.rows and group.type_name not in CONTROL_TYPES else []


def footer_group(path: Path) -> PartGroup | None:
    """The events of a Parquet file of one symbol and type, by its footer alone.

    None if the footer does not tell; raises DataError if there is none that can be read.
    """
    if path.suffix != ".parquet":
        return None
    try:
        meta = pq.read_metadata(path)
        kind = _only_value(meta, "type")
        symbol = _only_value(meta, "symbol")
        times = _range(meta, "ts_event")
        field_type = meta.schema.to_arrow_schema().field("ts_event").type if times else None
    except (pa.ArrowException, ValueError, OSError) as error:
        raise unreadable(path, error, "not a whole Parquet file") from None
    if not kind or not kind[0] or not symbol or times is None or field_type != _TIME:
        return None
    return PartGroup(symbol[0], kind[0], meta.num_rows, *times)


def _statistics(meta: pq.FileMetaData, name: str) -> list[Any] | None:
    """What the footer knows of a column, by row group; None if not of each one."""
    columns = [i for i in range(meta.num_columns) if meta.schema.column(i).path == name]
    if not columns:
        return None
    found: list[Any] = [
        meta.row_group(index).column(columns[0]).statistics for index in range(meta.num_row_groups)
    ]
    return found if all(s is not None and s.has_null_count for s in found) else None


def _only_value(meta: pq.FileMetaData, name: str) -> tuple[str | None] | None:
    """The one value of a text column, which may be null; None if the footer does not tell."""
    values: set[str | None] = set()
    for statistics in _statistics(meta, name) or ():
        if statistics.null_count:
            values.add(None)
        if statistics.num_values:
            if not statistics.has_min_max:
                return None
            values |= {statistics.min, statistics.max}
    return (values.pop(),) if len(values) == 1 else None


def _range(meta: pq.FileMetaData, name: str) -> tuple[int | None, int | None, int] | None:
    """First, last and number of nulls of a time column; None if the footer does not tell."""
    ends: list[int] = []
    nulls = 0
    found = _statistics(meta, name)
    if found is None:
        return None
    for statistics in found:
        nulls += statistics.null_count
        if statistics.num_values:
            if not statistics.has_min_max or statistics.physical_type != "INT64":
                return None
            ends += [statistics.min_raw, statistics.max_raw]
    return (min(ends), max(ends), nulls) if ends else (None, None, nulls)


def _read_groups(path: Path) -> list[PartGroup]:
    """The groups of a file, by reading its events."""
    groups: dict[tuple[Any, Any], PartGroup] = {}
    for batch in read_part_file(path):
        moments, known = integers(batch, "ts_event")
        table = pa.table(
            {
                "symbol": batch.column(batch.schema.get_field_index("symbol")),
                "type": batch.column(0),
                "moment": pa.array(moments, mask=~known),
            }
        ).group_by(["symbol", "type"])
        counts: list[Any] = [([], "count_all"), ("moment", "count")]
        ends: list[Any] = [("moment", "min"), ("moment", "max")]
        for row in table.aggregate(counts + ends).to_pylist():
            if row["type"] not in CONTROL_TYPES:
                key = row["symbol"], row["type"]
                untimed = row["count_all"] - row["moment_count"]
                new = PartGroup(
                    *key, row["count_all"], row["moment_min"], row["moment_max"], untimed
                )
                groups[key] = joined(groups[key], new) if key in groups else new
    return [groups[key] for key in sorted(groups, key=str)]


def joined(one: PartGroup, other: PartGroup) -> PartGroup:
    """The events of two groups of the same symbol and type as one."""
    firsts = [g.first for g in (one, other) if g.first is not None]
    lasts = [g.last for g in (one, other) if g.last is not None]
    return PartGroup(
        one.symbol,
        one.type_name,
        one.rows + other.rows,
        min(firsts, default=None),
        max(lasts, default=None),
        one.untimed + other.untimed,
    )


def shares(part: StoredPart) -> list[int]:
    """The bytes of each group of a part; a file of several is divided by their rows."""
    return divided(part.bytes, [group.rows for group in part.groups])
