"""The stage `export`: events as files of another tool's format."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from mdc_core.archive.health.sought import Sought
from mdc_core.archive.merge import merge
from mdc_core.archive.read.snapshot import snapshot
from mdc_core.export.exporting import Export
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.stage import Ending, Made, StageRun
from mdc_core.pipelines.stages.cat import ArchiveSource
from mdc_core.texts import counted

if TYPE_CHECKING:
    import pyarrow as pa


class ExportSink(ArchiveSource):
    """Writes the events of archives, then of files, to a directory or to one file."""

    def __init__(
        self,
        plugin: Chosen,
        target: Path,
        *args: Any,
        one_file: bool = False,
        force: bool = False,
        **options: Any,
    ) -> None:
        super().__init__("export", *args, **options)
        self.plugin, self.target = plugin, target
        self.one_file, self.force = one_file, force

    @property
    def writes(self) -> bool:
        """It writes files, and no events."""
        return False

    @property
    def ending(self) -> Ending:
        """An input goes on to its end; what comes from an archive is written whole or not."""
        return self.ending_by_input

    def work(self, run: StageRun) -> Iterator[Made]:
        """Write everything that is wanted."""
        plugin = self.plugin
        exporter = plugin.plugin(plugin.options)
        made = Export(exporter, self.target, one_file=self.one_file, force=self.force)
        sought = Sought(self.query)
        for batch in self._events(run, sought):
            made.add(batch)
        options = to_builtins(plugin.options)
        count = made.write({"profile": plugin.name, "options": options})
        run.finish(kept=made.rows)
        files = counted(count, "file")
        run.log.result(
            f"{files} in {self.target}", event="exported", files=count, target=str(self.target)
        )
        run.must_have(sought, found=made.rows > 0)
        yield from ()

    def _events(self, run: StageRun, sought: Sought) -> "Iterator[pa.RecordBatch]":
        files, folders = run.places(self.root)
        for folder in folders:
            with closing(snapshot(folder, self.query)) as held:
                run.progress.expect(sum(part.rows for part in held.parts))
                for batch in merge(held.sources(run.input.counts)):
                    run.progress.add(batch.num_rows)
                    yield batch
        if not files:
            return
        for chunk in run.chunks():
            batch = sought.of(_without_control(chunk.batch))
            run.skipped += chunk.batch.num_rows - batch.num_rows
            yield batch


def _without_control(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    import pyarrow as pa
    import pyarrow.compute as pc

    from mdc_core.events import CONTROL_TYPES

    return batch.filter(pc.invert(pc.is_in(batch.column(0), pa.array(CONTROL_TYPES))))
