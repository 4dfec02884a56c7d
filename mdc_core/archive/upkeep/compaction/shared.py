"""Compaction of what symbols share: which of them share a part of a type and period afterwards.

It is as where events are sealed (`sealing/sharing.py`): more than so many small partitions share
a part, the others have parts of their own. What a symbol has in both kinds is brought together,
so that events of equal time keep their order. It is one transaction for a type and period, and
proven to hold the same events before; parts that stay shared, and need no more than to be merged,
are left to the compaction of any group.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.layout import Layout, whole_path
from mdc_core.archive.catalog.origins import joined
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.upkeep.compaction.files import contents, read_back, write_like
from mdc_core.archive.upkeep.compaction.order import OrderOfTies
from mdc_core.archive.upkeep.compaction.outcome import CompactOutcome, regrouped_outcome
from mdc_core.archive.upkeep.compaction.plan import family_of
from mdc_core.archive.upkeep.merged import EventContent
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.archive.write.sealing.load import WORTH_ROWS, Sealed
from mdc_core.archive.write.sealing.sharing import MANY, may_share, together
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.sealing.spill import SharedSlices, Slices
from mdc_core.disk import writing
from mdc_core.errors import DataError
from mdc_core.texts import counted


class _TieError(Exception):
    """Events of equal time would change places with those of this part."""


class Regrouping(NamedTuple):
    """The parts of a type and period of which some symbols are to lie otherwise."""

    parts: list[PartRow]  # in the order of those of one symbol
    sharing: frozenset[str | None]  # the symbols that share a part afterwards

    @property
    def symbols(self) -> set[str | None]:
        """Of which symbols there is something."""
        return {symbol for part in self.parts for symbol in part.symbols}

    @property
    def files(self) -> int:
        """How many parts there are afterwards, of whatever size."""
        return len(self.symbols - self.sharing) + bool(self.sharing)


def regrouping(parts: Sequence[PartRow], profiles: Profiles) -> Regrouping | None:
    """What is to lie otherwise of the parts of a family; None if nothing is.

    A symbol that has more than a few rows, or few of which there are not many, is to have parts
    of its own.
    """
    held = {symbol for part in parts if part.shares for symbol in part.symbols}
    if not held and len({part.symbol for part in parts}) <= MANY:
        return None
    rows: Counter[str | None] = Counter()
    for part in parts:
        for one in part.shares or (part,):
            rows[one.symbol] += one.rows
    able = _able(parts, profiles)
    small = {symbol for symbol, number in rows.items() if number < WORTH_ROWS and able(symbol)}
    sharing = small if len(small) > MANY else set[str | None]()
    own = {part.symbol for part in parts if not part.shares}
    if held <= sharing and own.isdisjoint(sharing):
        return None
    moving = held | sharing
    touched = (part for part in parts if part.shares or part.symbol in moving)
    return Regrouping(sorted(touched, key=lambda part: part.file_name), frozenset(sharing))


def _able(parts: Sequence[PartRow], profiles: Profiles) -> Callable[[str | None], bool]:
    """Which symbols may share a part."""
    formats = Formats.like(parts, profiles)
    return may_share(formats, parts[0].layout, parts[0].tier)


def regrouped(
    archive: Archive,
    catalog: Catalog,
    wanted: Regrouping,
    profiles: Profiles,
    row_group: int | None,
    order: OrderOfTies,
) -> tuple[CompactOutcome, list[PartRow]]:
    """Do it; what became of it, and the new parts. Within `rewriting`.

    A group with a damaged part, one that another command was at, and one of which events of
    equal time would change places with others, is left as it is.
    """
    before, replacement = wanted.parts, Replacement(archive, catalog)
    group = family_of(before[0])
    try:
        with writing(f"below {archive.state}"):
            after = _written(archive, catalog, wanted, replacement, profiles, row_group, order)
            replacement.commit()
    except (DataError, ChangedError, _TieError) as error:
        left = regrouped_outcome(group, before, len(before), changed=False)
        if isinstance(error, _TieError):
            return left._replace(tied=str(error)), []
        if isinstance(error, ChangedError):
            return left._replace(busy=str(error)), []
        return left._replace(problem=str(error)), []
    finally:
        replacement.abandon()
    clear_trash(archive)
    order.replace(before, after)
    size = sum(part.bytes for part in after)
    return regrouped_outcome(group, before, len(after), size), after


def _written(
    archive: Archive,
    catalog: Catalog,
    wanted: Regrouping,
    replacement: Replacement,
    profiles: Profiles,
    row_group: int | None,
    order: OrderOfTies,
) -> list[PartRow]:
    """Stage the new parts; raises DataError where they do not hold the same events."""
    before = wanted.parts
    of_symbol: dict[str | None, list[PartRow]] = {}
    for part in before:
        for symbol in part.symbols:
            of_symbol.setdefault(symbol, []).append(part)
    usual, able = before[0], _able(before, profiles)
    after: list[PartRow] = []
    content = EventContent()
    with closing(Sorter(archive.state, "none")) as sorter:
        for _, key, rows in together(_sorted(archive, before, sorter), usual.layout, able):
            shared = isinstance(rows, SharedSlices)
            symbols = wanted.sharing if shared else {key.symbol}
            parts = list({p.key: p for s in symbols for p in of_symbol[s]}.values())
            parts.sort(key=lambda part: part.file_name)
            like = msgspec.structs.replace(parts[0], symbol=key.symbol, shares=())
            formats = Formats.like(parts, profiles, row_group)
            suffix = formats.of(key.symbol, like.tier).suffix
            path = _free_path(archive, like, suffix, before, shared=shared)
            if (other := order.tie(parts, [path], moving=before)) is not None:
                raise _TieError(archive.path_of(other))
            origin, kept = joined((part.origin for part in parts), catalog.origin_of)
            file = replacement.stage()
            part = write_like(
                archive, parts, rows, file, path, formats, origin, like, shared=shared
            )
            content += read_back(file, part)
            replacement.add(file, part, kept)
            after.append(part)
    old = contents(archive, before)
    if (old.rows, old.hash) != (content.rows, content.hash):
        raise DataError(
            f"{archive.path_of(before[0])} and its neighbours: read {counted(old.rows, 'event')} "
            f"and {content.rows:,} written, or not the same ones; nothing was changed"
        )
    for part in before:
        replacement.remove(part)
    return after


def _sorted(archive: Archive, parts: Iterable[PartRow], sorter: Sorter) -> Iterator[Sealed]:
    """The rows of parts of one type by symbol, of equal time in the order of the parts."""
    for part in parts:
        for piece in pieces(archive, part):
            for batch in piece.batches():
                sorter.add(batch)
    return (("", key, rows) for key, rows in sorter.partitions())


def by_symbol(
    archive: Archive, parts: Sequence[PartRow], folder: Path
) -> Iterator[tuple[str | None, Slices]]:
    """The rows of parts of one type by symbol, of equal time in the order of the parts."""
    with closing(Sorter(folder, "none")) as sorter:
        for _, key, rows in _sorted(archive, parts, sorter):
            yield key.symbol, rows


def _free_path(
    archive: Archive, like: PartRow, suffix: str, old: Sequence[PartRow], *, shared: bool
) -> str:
    """The path of a part that is whole, or the next one that is free, or becomes free."""
    place, going = archive.place_at(like.place), {part.path for part in old}
    layout, key = cast(Layout, like.layout), (like.symbol, like.type_name, like.period)
    names = (whole_path(layout, *key, number, shared=shared) for number in count())
    paths = (f"{name}{suffix}" for name in names)
    return next(path for path in paths if path in going or place.size(path) is None)
