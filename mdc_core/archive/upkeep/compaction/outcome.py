"""What compaction did, or would do, to a group of parts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.upkeep.compaction.plan import CompactGroup


class CompactOutcome(NamedTuple):
    """What became of a group, or in a dry run what would: `after` is then a forecast."""

    group: CompactGroup
    files: tuple[int, int]  # before and after
    bytes: tuple[int, int | None]
    rows: int
    changed: bool
    duplicates: Counter[str | None] = Counter()  # noqa: RUF012 - by symbol; nobody adds to it
    problem: str | None = None  # why it was left as it was: a damaged part
    busy: str | None = None  # the same: another command was at it
    tied: str | None = None  # the same: a part with events of the same time, which would move
    symbols: int = 1  # of the group; shared parts have several


def outcome_of(
    group: CompactGroup, before: Sequence[PartRow], after: Sequence[PartRow], **more: Any
) -> CompactOutcome:
    """What became of the parts of a group."""
    sizes = sum(part.bytes for part in before), sum(part.bytes for part in after)
    rows = sum(part.rows for part in before)
    files, symbols = (len(before), len(after)), _symbols(before)
    changed = before != after
    return CompactOutcome(group, files, sizes, rows, changed, symbols=symbols, **more)


def regrouped_outcome(
    group: CompactGroup,
    before: Sequence[PartRow],
    files: int,
    size: int | None = None,
    **more: Any,
) -> CompactOutcome:
    """What becomes of parts of which some symbols are to lie otherwise."""
    sizes = sum(part.bytes for part in before), size
    rows = sum(part.rows for part in before)
    found = CompactOutcome(group, (len(before), files), sizes, rows, changed=True)
    return found._replace(symbols=_symbols(before), **more)


def _symbols(parts: Sequence[PartRow]) -> int:
    return len({symbol for part in parts for symbol in part.symbols})
