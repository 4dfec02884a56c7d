"""The stages `head` and `tail`: the first and the last events."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from mdc_core.archive.health.sought import Sought
from mdc_core.archive.merge import merge
from mdc_core.pipelines.stage import Ending, Made, StageRun
from mdc_core.pipelines.stages.cat import ArchiveSource, data_rows
from mdc_core.wire.chunk import Chunk


class Head(ArchiveSource):
    """The first events; what comes behind them is not read."""

    shows = True

    def __init__(self, lines: int = 10, *args: Any, **options: Any) -> None:
        super().__init__("head", *args, **options)
        self.lines = self.few = lines

    @property
    def keeps(self) -> bool:
        """No: it only looks."""
        return False

    @property
    def request(self) -> dict[str, Any]:
        """How many, and of what."""
        return {"lines": self.lines, **super().request}

    @property
    def ending(self) -> Ending:
        """An input goes on to its end; a look at an archive can be broken off."""
        return self.ending_by_input

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on so many events."""
        left, sought = self.lines, Sought(self.query)
        for chunk in self._wanted(run, sought):
            if chunk.size > left:
                chunk = chunk.select(np.arange(left))
            left -= chunk.size
            yield chunk
            if left == 0:
                break
        run.skipped = sum(run.input.counts.values()) - (self.lines - left)
        run.finish(reason="limit" if left == 0 else None)
        run.must_have(sought, found=not self.lines or left < self.lines)

    def _wanted(self, run: StageRun, sought: Sought) -> Iterator[Chunk]:
        """What is in archives by time, then what is in files as it comes."""
        files, folders = run.places(self.root)
        for folder in folders:
            from mdc_core.archive.read.snapshot import snapshot  # files need nothing of it

            with closing(snapshot(folder, self.query)) as held:
                yield from map(Chunk, merge(held.sources(run.input.counts)))
        for chunk in run.chunks() if files else ():
            batch = sought.of(chunk.batch)
            yield chunk if batch is chunk.batch else Chunk(batch)


class Tail(ArchiveSource):
    """The last events in time order."""

    shows = True

    def __init__(self, lines: int = 10, *args: Any, **options: Any) -> None:
        super().__init__("tail", *args, **options)
        self.lines = lines

    @property
    def keeps(self) -> bool:
        """No: it only looks."""
        return False

    @property
    def request(self) -> dict[str, Any]:
        """How many, and of what."""
        return {"lines": self.lines, **super().request}

    @property
    def ending(self) -> Ending:
        """An input goes on to its end; a look at an archive can be broken off."""
        return self.ending_by_input

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on the last events of everything that is to be read."""
        from mdc_core.archive.read.tail import TailRows, archive_last

        files, folders = run.places(self.root)
        last, sought = TailRows(self.lines), Sought(self.query)
        if files:
            for chunk in run.chunks():
                last.add(sought.of(chunk.batch))
        for folder in folders:
            for batch in archive_last(folder, self.query, self.lines, run.input.counts):
                last.add(batch)
        yield from map(Chunk, last.batches())
        run.skipped = sum(run.input.counts.values()) - sum(run.out.counts.values())
        run.finish()
        run.must_have(sought, found=not self.lines or data_rows(run.out.counts) > 0)
