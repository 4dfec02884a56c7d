"""The stages `convert` and `import`: events from and to other encodings and formats."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mdc_core import registry
from mdc_core.accounting import Account, findings_of
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
from mdc_core.events import Gap
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import READING, STDIN, InputOptions, keep, place_again
from mdc_core.pipelines.stage import Ending, FilterStage, Made, SourceStage, StageRun
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.writer import Wire, Writer

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.contracts import Importer, ImportRequest


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


class ImportSource(SourceStage):
    """Reads files of another tool's format as events; bad rows and files are set aside."""

    def __init__(
        self,
        plugin: Chosen,
        wanted: "ImportRequest",
        reading: InputOptions = READING,
        wire: Wire = "jsonl",
    ) -> None:
        super().__init__("import")
        self.plugin, self.wanted = plugin, wanted
        self.reading, self.wire = reading, wire
        self.provider = plugin.name

    @property
    def request(self) -> dict[str, Any]:
        """What is read, and what of it is wanted."""
        path, symbols = str(self.wanted.path), list(self.wanted.symbols)
        return {"profile": self.plugin.name, "path": path, "symbols": symbols}

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on what the importer reads, until its end or a signal."""
        named, stop = self.wanted.path, run.control.stop
        with place_again(named) as place:
            importer = self.plugin.plugin(replace(self.wanted, path=place), self.plugin.options)
            keep(named, place, stop)
            if stop.is_set():
                run.end("signal")  # of a part of a pipe, the last line could be a part as well
                return
            renamed = str(place), "<stdin>" if named == STDIN else str(named)
            yield from self._work(run, importer, renamed)

    def _work(
        self, run: StageRun, importer: "Importer", renamed: tuple[str, str]
    ) -> Iterator[Made]:
        from mdc_core.export.importing import Import

        wrong = partial(registry.misused, "import", self.plugin.name)
        source = Import(importer, run.quarantine, renamed, wrong)
        reading, stopped = self.reading, False
        try:
            for item in source.events():
                yield [item] if isinstance(item, Gap) else Chunk(item)
                run.progress.add(1 if isinstance(item, Gap) else item.num_rows)
                if stopped := run.control.stop.is_set():
                    break
            run.end("signal" if stopped and source.end == "eof" else source.end)
        finally:
            read, rejected = source.read, source.rejected
            run.say(Account(read + rejected, read, rejected, 0, derived=source.gaps))
            run.warn_of_rejected(source.first_rejection, rejected)
            if source.damage:
                run.log.warning(f"truncated input: {source.damage}")
        run.status = source.status(strict=reading.strict, partial=reading.partial)
