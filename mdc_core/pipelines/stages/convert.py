"""The stage `convert`: events in another encoding."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mdc_core.errors import UsageError
from mdc_core.pipelines.inputs import READING, STDIN, InputOptions
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import Ending, FilterStage, Made, StageRun
from mdc_core.wire.chunk import Chunk


class Convert(FilterStage):
    """Writes events in another encoding, to a file where one is named."""

    def __init__(
        self,
        paths: tuple[Path, ...] = (),
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
    ) -> None:
        super().__init__("convert")
        self.paths, self.reading, self.writing = paths, reading, writing
        form = writing.form or writing.named[0]
        if writing.portable and form != "parquet":
            raise UsageError("--portable is for Parquet", hint="name a file with -o: x.parquet")
        lacks_file = writing.file is None or writing.named[1]
        if writing.floats and (lacks_file or form not in ("parquet", "arrow")):
            hint = "name a file with -o: x.parquet, or x.arrow"
            raise UsageError("--floats is for Parquet and Arrow files", hint=hint)

    @property
    def request(self) -> dict[str, Any]:
        """What is converted."""
        return {"paths": [str(path) for path in self.paths]}

    @property
    def ending(self) -> Ending:
        """From file to file a signal leaves nothing; what came by a pipe is nowhere else."""
        whole = self.writing.file is not None and self.paths and STDIN not in self.paths
        return "none" if whole else "follow"

    def work(self, run: StageRun) -> Iterator[Made]:
        """Write the input to its end."""
        yield from _columns(run)
        run.finish()


def _columns(run: StageRun) -> Iterator[Chunk]:
    """The input without its text, so that it is written anew."""
    for chunk in run.chunks():
        yield Chunk(chunk.batch)
