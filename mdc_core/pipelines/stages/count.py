"""The stage `count`: how many events there are of each type."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from mdc_core.accounting import Input
from mdc_core.archive.health.sought import Sought
from mdc_core.archive.read.snapshot import Snapshot, snapshot
from mdc_core.archive.read.summary import footer_group, part_of
from mdc_core.batch import count_types
from mdc_core.events import CONTROL_TYPES
from mdc_core.pipelines.inputs import STDIN
from mdc_core.pipelines.stage import Ending, Made, StageRun
from mdc_core.pipelines.stages.cat import ArchiveSource


class Count(ArchiveSource):
    """Counts events by type; its answer is a Counter."""

    def __init__(
        self, *args: Any, tell: Callable[["Counter[str]"], None] | None = None, **options: Any
    ) -> None:
        super().__init__("count", *args, **options)
        self.tell = tell

    @property
    def writes(self) -> bool:
        """It answers, and writes no events."""
        return False

    @property
    def keeps(self) -> bool:
        """No: it only looks."""
        return False

    @property
    def ending(self) -> Ending:
        """An input goes on to its end; a look at an archive can be broken off."""
        return self.ending_by_input

    def work(self, run: StageRun) -> Iterator[Made]:
        """Count everything that is to be read."""
        files, folders = run.places(self.root)
        counts: Counter[str] = Counter()
        sought = Sought(self.query)
        for path in files:
            counts += _counted(run, sought, path)
        for folder in folders:
            with closing(snapshot(folder, self.query)) as held:
                for name, number in _held(run, sought, held):
                    counts[name] += number
        total = sum(counts.values())
        run.skipped = sum(run.input.counts.values()) - total
        run.answer = counts
        run.finish(kept=total)
        run.must_have(sought, found=total > 0)
        yield from ()


def _held(run: StageRun, sought: Sought, held: Snapshot) -> Iterator[tuple[str, int]]:
    """How many events of an archive are wanted, by type, part for part."""
    query = sought.query
    known = []
    for piece in held.stored():
        row = piece.row
        groups = part_of(row).groups if row is not None else []
        within = [group.within(query) for group in groups]
        if piece.path is not None:
            yield from _counted(run, sought, piece.path).items()
        elif row is not None and any(within) and None not in within:
            if piece.offset == 0:  # once, of a file of several frames
                known.append(row)
                for group, wanted in zip(groups, within, strict=True):
                    if wanted:
                        run.input.counts[group.type_name] += group.rows
                        yield group.type_name, group.rows
        else:
            for batch in piece.batches():
                run.input.counts.update(count_types(batch))
                yield from count_types(query.of(batch)).items()
    held.archive.must_have(known)
    for batch in held.unsealed_batches():
        run.input.counts.update(count_types(batch))
        yield from count_types(batch).items()


def _counted(run: StageRun, sought: Sought, path: Path) -> "Counter[str]":
    """How many events of a file are wanted, by type; what is read goes to the books."""
    group = None if path == STDIN else footer_group(path)
    all_or_none = group and group.within(sought.query)
    if group is not None and all_or_none is not None:
        sought.see(group)
        run.input.counts[group.type_name] += group.rows
        control = group.type_name in CONTROL_TYPES
        wanted = all_or_none and not control
        return Counter({group.type_name: group.rows} if wanted else {})
    counts: Counter[str] = Counter()
    source = Input(run.readers((path,)))
    for chunk in source:
        run.progress.add(chunk.size)
        counts.update(count_types(sought.of(chunk.batch)))
    run.input.absorb(source)
    for name in CONTROL_TYPES:
        del counts[name]
    return counts
