"""Which partitions of a seal become one part together, and what an attempt before left behind.

A file costs as much as a thousand rows. So where very many symbols have a few rows each of one
event type and period, these go into one part that the symbols share.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from mdc_core.archive.catalog.catalog import Catalog
from mdc_core.archive.catalog.layout import Layout, mixed_path, part_path
from mdc_core.archive.ties import ranked
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import FALLBACK, Formats
from mdc_core.archive.write.sealing.load import WORTH_ROWS, Sealed
from mdc_core.archive.write.sealing.spill import Key, SharedSlices, Slices

MANY = 256  # small partitions of one type and period: more than these share a part


def may_share(formats: Formats, layout: str, tier: str = "hot") -> Callable[[str | None], bool]:
    """Which symbols may share a part: those of the usual Parquet.

    With the hive layout none, for there the symbol is nowhere but in the path for some readers.
    """
    usual = formats.of(None, tier)
    able = formats.name == FALLBACK and layout != "hive"
    return lambda symbol: able and formats.of(symbol, tier) is usual


def together(
    found: Iterable[Sealed], layout: str, able: Callable[[str | None], bool]
) -> Iterator[Sealed | tuple[str, Key, SharedSlices]]:
    """The partitions, many small ones as one; the key of that names no symbol."""
    small: dict[tuple[str, str, str], list[tuple[Key, Slices]]] = {}
    for segment, key, rows in found:
        if rows.rows < WORTH_ROWS and able(key.symbol):
            small.setdefault((segment, key.type_name, key.period), []).append((key, rows))
        else:
            yield segment, key, rows
    for (segment, type_name, period), listed in small.items():
        if len(listed) <= MANY:
            yield from ((segment, key, rows) for key, rows in listed)
        else:
            rank = ranked((layout, key.symbol, type_name) for key, _ in listed)
            yield segment, Key(type_name, None, period), SharedSlices(listed, rank)


def clear_attempt(archive: Archive, catalog: Catalog, run_id: str, segments: Iterable[str]) -> None:
    """Remove what an attempt to seal has left that was cut short before its commit.

    It may have shared other partitions than the next one, which then does not write over it.
    """
    known = {part.key for part in catalog.of_run(run_id)}
    names = [f".{segment}." for segment in segments]
    for path, _ in archive.place.walk():
        name = f".{path.rpartition('/')[2]}"
        if any(segment in name for segment in names) and ("", path) not in known:
            archive.place.remove(path)


def path_below(layout: Layout, segment: str, key: Key, *, shared: bool) -> PurePosixPath:
    """The path of the part of a partition, or of one that several share; without its suffix."""
    place = (key.type_name, key.period, segment)
    return mixed_path(layout, *place) if shared else part_path(layout, key.symbol, *place)


def clear_repeats(
    archive: Archive,
    catalog: Catalog,
    layout: Layout,
    formats: Formats,
    came: Iterable[Sealed],
    files: Iterable[Sealed | tuple[str, Key, SharedSlices]],
) -> None:
    """Remove what an attempt has left of what another run has stored since.

    `came` are the partitions of that attempt, `files` those that are written now.
    """
    kept = {
        path_below(layout, segment, key, shared=isinstance(rows, SharedSlices))
        for segment, key, rows in files
    }
    for segment, key, _ in came:
        for below in {path_below(layout, segment, key, shared=one) for one in (False, True)}:
            path = f"{below}{formats.of(key.symbol).suffix}"
            if below not in kept and not catalog.knows("", path):
                archive.place.remove(path)
