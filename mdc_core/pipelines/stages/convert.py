"""The stage `convert`: events in another encoding."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core.accounting import findings_of
from mdc_core.archive.read.one_file import (
    Shape,
    arrow_file_writer,
    check_form,
    parquet_writer,
    whole_file,
    write_table,
)
from mdc_core.disk import must_be_new
from mdc_core.errors import UsageError
from mdc_core.pipelines.inputs import READING, STDIN, InputOptions
from mdc_core.pipelines.stage import Ending, FilterStage, Made, StageRun
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.writer import Writer

if TYPE_CHECKING:
    import pyarrow as pa


class Convert(FilterStage):
    """Writes events in another encoding, to a file where one is named."""

    def __init__(
        self,
        paths: tuple[Path, ...] = (),
        form: str | None = None,
        file: Path | None = None,
        force: bool = False,
        portable: bool = False,
        reading: InputOptions = READING,
        *,
        floats: bool = False,
    ) -> None:
        super().__init__("convert")
        self.paths, self.file, self.reading = paths, file, reading
        self.shape = Shape(portable, floats)
        self.form: str | None = form
        self.codec: str | None = None
        if file is not None:
            self.form, self.codec = check_form(file, form)
        if portable and "parquet" not in (self.form, form):
            raise UsageError("--portable is for Parquet", hint="name a file with -o: x.parquet")
        if floats and (file is None or self.form == "jsonl" or self.codec):
            hint = "name a file with -o: x.parquet, or x.arrow"
            raise UsageError("--floats is for Parquet and Arrow files", hint=hint)
        if file is None and form == "parquet":
            raise UsageError("Parquet cannot be written to a pipe", hint="name a file with -o")
        if file is not None:
            must_be_new(file, force=force)
        self.wire = "arrow" if self.form == "arrow" else "jsonl"

    @property
    def request(self) -> dict[str, Any]:
        """What is converted."""
        return {"paths": [str(path) for path in self.paths]}

    @property
    def writes(self) -> bool:
        """Whether the events go on, and not to a file."""
        return self.file is None

    @property
    def ending(self) -> Ending:
        """From file to file a signal leaves nothing; what came by a pipe is nowhere else."""
        whole = self.file is not None and self.paths and STDIN not in self.paths
        return "none" if whole else "follow"

    def work(self, run: StageRun) -> Iterator[Made]:
        """Write the input to its end; a file is there when it is whole."""
        if self.file is None:
            yield from _columns(run)
            run.finish()
            return
        with whole_file(self.file) as file:
            if self.form == "parquet" or self.shape.floats:
                writer = parquet_writer if self.form == "parquet" else arrow_file_writer
                write_table(_with_findings(run), file, run.origin, self.shape, writer)
                run.finish()
                return
            output = run.write_to(Writer(file.fileno(), self.wire, self.codec))
            try:
                for chunk in _columns(run):
                    output.write(chunk)
                run.finish()
            finally:
                run.output = None  # its file is closed, or not to be


def _columns(run: StageRun) -> Iterator[Chunk]:
    """The input without its text, so that it is written anew."""
    for chunk in run.chunks():
        yield Chunk(chunk.batch)


def _with_findings(run: StageRun) -> "Iterator[pa.RecordBatch]":
    """The events of the input, and what its accounting has to say."""
    from mdc_core.batch import from_rows

    for chunk in run.chunks():
        yield chunk.batch
    found = findings_of(run.input)
    if found:
        run.derived += len(found)
        yield from_rows(found)
