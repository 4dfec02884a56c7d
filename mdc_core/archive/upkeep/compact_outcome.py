"""What compaction did, or would do, to a group of parts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.upkeep.compact_plan import CompactGroup


class CompactOutcome(NamedTuple):
    """What became of a group, or in a dry run what would: `after` is then a forecast."""

    group: CompactGroup
    files: tuple[int, int]  # before and after
    bytes: tuple[int, int | None]
    rows: int
    changed: bool
    duplicates: int = 0
    problem: str | None = None  # why it was left as it was: a damaged part
    busy: str | None = None  # the same: another command was at it
    symbols: int = 1  # of the group; shared parts have several


def outcome_of(
    group: CompactGroup, before: Sequence[PartRow], after: Sequence[PartRow], **more: Any
) -> CompactOutcome:
    """What became of the parts of a group."""
    sizes = sum(part.bytes for part in before), sum(part.bytes for part in after)
    rows = sum(part.rows for part in before)
    return CompactOutcome(group, (len(before), len(after)), sizes, rows, before != after, **more)


def shared_outcome(
    group: CompactGroup, shared: Sequence[PartRow], before: Sequence[PartRow], **more: Any
) -> CompactOutcome:
    """What becomes of shared parts, and of what their symbols have beside."""
    symbols = len({symbol for part in shared for symbol in part.symbols})
    size = sum(part.bytes for part in before)
    rows = sum(part.rows for part in before)
    found = CompactOutcome(group, (len(before), symbols), (size, None), rows, True)
    return found._replace(symbols=symbols, **more)
