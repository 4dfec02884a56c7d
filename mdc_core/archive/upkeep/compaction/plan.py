"""What there is to compact: which parts of a period are to become one, or several of a size.

The parts of a group (one symbol, type and period, in one place, layout and format) are taken
in the order of their time. Those that overlap in time stay together; as many neighbours are
put together as stay within the target size. What overlaps and is larger is divided, if it is
one and a half times the target or more, between two times, never between events of one time.
A part that has the name that compaction gives, and no neighbour to join, is left as it is,
unless it carries all that its run says of itself, as parts of older versions do.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.layout import Layout, in_folders, whole_path, with_current_name
from mdc_core.archive.catalog.query import Query

TARGET = 512_000_000
LEAST = 1_000_000  # smaller files cost more than they are worth
_NUMBER = re.compile(r"(\.\d+)?", re.ASCII)


class CompactOptions(NamedTuple):
    """How an archive is to be compacted."""

    target: int = TARGET  # bytes of a file
    row_group: int | None = None  # rows of a row group, where the format has such
    dedup: bool = False  # without the events that the sender sent twice
    sort: bool = False  # also what lies by itself, but not in the order of time
    heavy: frozenset[str] = frozenset()  # the origins that no file should carry


class CompactGroup(NamedTuple):
    """What parts have in common that may become one."""

    symbol: str | None
    type_name: str
    period: str
    tier: str
    place: str
    layout: str
    format: str
    shared: bool  # of parts that several symbols share: then `symbol` says nothing


class Job(NamedTuple):
    """Parts that are to be written anew together, in the order of their paths."""

    parts: list[PartRow]
    pieces: int  # how many files they should become
    whole: bool  # whether they are all there is of the group

    @property
    def rows(self) -> int:
        """How many events they have."""
        return sum(part.rows for part in self.parts)


def grouped(parts: Iterable[PartRow]) -> dict[CompactGroup, list[PartRow]]:
    """Parts by group, in the order of symbol, type and period."""
    groups: dict[CompactGroup, list[PartRow]] = {}
    for part in parts:
        groups.setdefault(group_of(part), []).append(part)
    ordered = sorted(groups, key=lambda key: (key.symbol is not None, key.symbol or "", key[1:]))
    return {key: groups[key] for key in ordered}


def group_of(part: PartRow) -> CompactGroup:
    """The group of a part."""
    return CompactGroup(
        part.symbol,
        part.type_name,
        part.period,
        part.tier,
        part.place,
        part.layout,
        part.format,
        bool(part.shares),
    )


def family_of(part: PartRow) -> CompactGroup:
    """The group of the shared parts that could hold the same rows."""
    return group_of(part)._replace(symbol=None, shared=True)


def families(parts: Iterable[PartRow]) -> dict[CompactGroup, list[PartRow]]:
    """Parts by the shared parts that they could be, or are."""
    found: dict[CompactGroup, list[PartRow]] = {}
    for part in parts:
        found.setdefault(family_of(part), []).append(part)
    return {key: found[key] for key in sorted(found, key=lambda key: key[1:])}


def chosen(ask: Callable[[Query], Iterable[PartRow]], query: Query) -> list[PartRow]:
    """The parts of the groups that are asked for, which are whole, from those that `ask` gives.

    With a shared part comes whatever its symbols have beside it.
    """
    timeless = replace(query, start=None, end=None)
    found = {part.key: part for part in ask(timeless)}
    if not query.is_of_all and any(part.shares for part in found.values()):
        found |= _beside(found.values(), list(ask(replace(timeless, symbols=(), patterns=()))))
    with_shared = {family_of(part) for part in found.values() if part.shares}
    sets: dict[CompactGroup, list[PartRow]] = {}
    for part in found.values():
        family = family_of(part)
        sets.setdefault(family if family in with_shared else group_of(part), []).append(part)
    return [
        part
        for some in sets.values()
        if query.spans(min(part.begins for part in some), max(part.ends for part in some))
        for part in some
    ]


def _beside(found: Iterable[PartRow], every: Sequence[PartRow]) -> dict[tuple[str, str], PartRow]:
    """The shared parts of the families of those that were found, and what their symbols have."""
    families = {family_of(part) for part in found if part.shares}
    near = [part for part in every if family_of(part) in families]
    held = {(family_of(part), symbol) for part in near if part.shares for symbol in part.symbols}
    return {p.key: p for p in near if p.shares or (family_of(p), p.symbol) in held}


def jobs(parts: Sequence[PartRow], wishes: CompactOptions) -> list[Job]:
    """What is to be done about the parts of a group, in the order of time."""
    bins = _packed(parts, wishes.target)
    planned = [
        Job(sorted(some, key=lambda part: part.path), _pieces(some, wishes), len(bins) == 1)
        for some in bins
    ]
    return [job for job in planned if wishes.dedup or job.pieces > 1 or due(job, wishes)]


def due(job: Job, wishes: CompactOptions) -> bool:
    """Whether the parts are to be written anew even if they stay one file of all events."""
    part = job.parts[0]
    unsorted = wishes.sort and not part.in_order
    return len(job.parts) > 1 or unsorted or not settled(part) or carries(part, wishes.heavy)


def settled(part: PartRow) -> bool:
    """Whether a part may stay as it is: written at once, by compaction or under a name of today.

    Of the layout hive, without the columns that its folders say.
    """
    in_both = part.suffix == ".parquet" and not (part.bare or part.shares)
    if in_both and in_folders(part.layout, part.symbol, part.type_name):
        return False
    name = name_of(part)
    if (
        part.made_by == "store"
        and with_current_name(part.path, part.layout, part.symbol) == part.path
    ):
        return len(part.frames) <= 1
    path = part.path.removesuffix(part.suffix)
    named = path.startswith(name) and _NUMBER.fullmatch(path.removeprefix(name)) is not None
    return named and len(part.frames) <= 1


def carries(part: PartRow, heavy: Container[str]) -> bool:
    """Whether the file of a part carries one of these origins, as those of old versions do."""
    return part.suffix == ".parquet" and not part.slim and part.origin in heavy


def name_of(part: PartRow, number: int = 0) -> str:
    """The path that a compacted part of the same group has, without its suffix."""
    layout = cast(Layout, part.layout)
    key = (part.symbol, part.type_name, part.period, number)
    path = whole_path(layout, *key, shared=bool(part.shares))
    return path.as_posix()


def _pieces(parts: Sequence[PartRow], wishes: CompactOptions) -> int:
    if min(part.begins for part in parts) == max(part.ends for part in parts):
        return 1
    size = sum(part.bytes for part in parts)
    return max(1, (2 * size + wishes.target) // (2 * wishes.target))


def _packed(parts: Sequence[PartRow], target: int) -> list[list[PartRow]]:
    """As many neighbours in time together as stay within a size."""
    bins: list[list[PartRow]] = []
    room = 0
    for cluster in _clusters(parts):
        size = sum(part.bytes for part in cluster)
        if bins and size <= room:
            bins[-1] += cluster
            room -= size
        else:
            bins.append(cluster)
            room = target - size
    return bins


def _clusters(parts: Sequence[PartRow]) -> Iterator[list[PartRow]]:
    """The parts that overlap in time together, in the order of time."""
    cluster: list[PartRow] = []
    ends = 0
    for part in sorted(parts, key=lambda part: (part.begins, part.path)):
        if cluster and part.begins > ends:
            yield cluster
            cluster = []
        ends = max(ends, part.ends) if cluster else part.ends
        cluster.append(part)
    if cluster:
        yield cluster
