"""What a compaction finds out of merged rows before it writes them: where to cut, what is twice."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import registry
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.row_time import row_time
from mdc_core.archive.upkeep.compaction.plan import CompactOptions, Job
from mdc_core.archive.upkeep.merged import EventContent, MergedEvents
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing.spill import TABLE_ROWS
from mdc_core.batch import Int64s
from mdc_core.contracts import Check

REMEMBERED = 1_000_000  # events that --dedup looks back, within a group


class Cuts(NamedTuple):
    """What is known of merged rows before they are written."""

    cuts: list[tuple[int, int]]  # moments at which a new file begins, and the rows before
    dropped: Int64s  # the places of duplicates
    duplicates: EventContent
    twice: Counter[str | None]  # the same by symbol


def duplicate_check(wishes: CompactOptions, parts: Sequence[PartRow]) -> Check | None:
    """The check that knows what a duplicate is, for all the parts of a group."""
    if not wishes.dedup:
        return None
    plugin = registry.load("validate", "duplicate")
    window = max(min(sum(part.rows for part in parts), REMEMBERED), 1)
    check: Check = plugin(plugin.Options(window=window))
    return check


def surveyed(archive: Archive, job: Job, check: Check | None) -> Cuts:
    """Where the rows of a job are to be cut, and which are duplicates."""
    goals = [job.rows * number // job.pieces for number in range(1, job.pieces)]
    cuts: list[tuple[int, int]] = []
    dropped: list[int] = []
    duplicates, twice = EventContent(), Counter[str | None]()
    at, last = 0, None
    for batch in MergedEvents(archive, job.parts).batches() if goals or check else ():
        moments = row_time(batch)
        starts = (
            np.flatnonzero(
                np.append(last is not None and moments[0] != last, moments[1:] != moments[:-1])
            )
            + at
        )
        while goals and len(starts) and starts[-1] >= goals[0]:
            cut = int(starts[np.searchsorted(starts, goals[0])])
            cuts.append((int(moments[cut - at]), cut))
            goals = [goal for goal in goals if goal > cut]
        if check is not None:
            # An event with the identity of another that says something else is a warning.
            copies = [found for found in check(batch) if found.severity == "error"]
            again = sorted({found.row for found in copies if found.row is not None})
            dropped += [at + row for row in again]
            if again:
                copied = batch.take(pa.array(again))
                duplicates.add(copied)
                twice.update(copied.column("symbol").to_pylist())
        at, last = at + batch.num_rows, moments[-1]
    return Cuts(cuts, np.array(dropped, np.int64), duplicates, twice)


def divided(
    archive: Archive, job: Job, survey: Cuts, row_group: int | None
) -> Iterator[MergedEvents]:
    """The merged rows as what is to be one file each."""
    ends = [(None, 0), *survey.cuts, (None, job.rows)]
    for (start, first), (stop, after) in pairwise(ends):
        low, high = np.searchsorted(survey.dropped, [first, after])
        dropped = survey.dropped[low:high] - first
        if after - first > len(dropped):
            yield MergedEvents(
                archive,
                job.parts,
                start,
                stop,
                rows=after - first - len(dropped),
                dropped=dropped,
                table_rows=row_group or TABLE_ROWS,
            )
