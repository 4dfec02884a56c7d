"""The stages `head` and `tail`: the first and the last events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mdc_core.pipelines.inputs import READING, InputOptions
from mdc_core.pipelines.stage import Ending, FilterStage, Made, StageRun
from mdc_core.pipelines.stages.cat import ArchiveSource
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.writer import Wire


class Head(FilterStage):
    """The first events; what comes behind them is not read."""

    def __init__(
        self,
        lines: int = 10,
        paths: tuple[Path, ...] = (),
        reading: InputOptions = READING,
        wire: Wire = "jsonl",
    ) -> None:
        super().__init__("head")
        self.lines, self.paths = lines, paths
        self.reading, self.wire = reading, wire

    @property
    def keeps(self) -> bool:
        """No: it only looks."""
        return False

    @property
    def request(self) -> dict[str, Any]:
        """How many."""
        return {"lines": self.lines}

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on so many events."""
        left = self.lines
        for chunk in run.chunks():
            if chunk.size > left:
                chunk = chunk.select(np.arange(left))
            left -= chunk.size
            yield chunk
            if left == 0:
                break
        run.skipped = sum(run.input.counts.values()) - (self.lines - left)
        run.finish(reason="limit" if left == 0 else None)


class Tail(ArchiveSource):
    """The last events in time order."""

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
        last = TailRows(self.lines)
        if files:
            for chunk in run.chunks():
                last.add(self.query.of(chunk.batch))
        for folder in folders:
            for batch in archive_last(folder, self.query, self.lines, run.input.counts):
                last.add(batch)
        yield from map(Chunk, last.batches())
        run.skipped = sum(run.input.counts.values()) - sum(run.out.counts.values())
        run.finish()
