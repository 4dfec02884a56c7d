"""The stages of `import`: files of other tools as events, and a look at what they would be."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace as replace_of
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mdc_core import registry
from mdc_core.accounting import Account
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.health.sought import Sought
from mdc_core.disk import absent
from mdc_core.errors import MdcError, UsageError
from mdc_core.events import Gap
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import (
    READING,
    STDIN,
    InputOptions,
    is_read_once,
    keep,
    place_again,
)
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import Made, SourceStage, StageRun
from mdc_core.wire.chunk import Chunk

if TYPE_CHECKING:
    from mdc_core.contracts import Importer, ImportRequest
    from mdc_core.export.importing import Import
    from mdc_core.mapping.guess.picture import TablePicture


class ImportSource(SourceStage):
    """Reads files of another tool's format as events; bad rows and files are set aside."""

    def __init__(
        self,
        plugin: Chosen,
        sources: tuple[Path, ...],
        wanted: "ImportRequest",
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
        *,
        allow_empty: bool = False,
    ) -> None:
        super().__init__("import")
        self.allow_empty = allow_empty
        self.plugin, self.sources, self.wanted = plugin, sources, wanted
        self.reading, self.writing = reading, writing
        self.provider = plugin.name

    @property
    def request(self) -> dict[str, Any]:
        """What is read, and what of it is wanted."""
        paths, symbols = [str(path) for path in self.sources], list(self.wanted.symbols)
        return {"profile": self.plugin.name, "paths": paths, "symbols": symbols}

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on what the importer reads, until its end or a signal."""
        from mdc_core.export.importing import Import

        _refuse_missing(self.sources)
        importers = {path: self._importer(path) for path in self.sources if not is_read_once(path)}
        files = [file for importer in importers.values() for file in importer.files()]
        run.progress.reads([*files, *(path for path in self.sources if path not in importers)])
        if run.output is not None:
            hashed = [{"name": str(file), "sha256": of} for file in files if (of := _hash_of(file))]
            run.output.request.update({"files": hashed} if hashed else {})
        wrong = partial(registry.misused, "import", self.plugin.name)
        source, stopped = Import(run.quarantine, wrong), False
        asked = Query.of_words(self.wanted.symbols)
        asked = replace_of(asked, start=self.wanted.start, end=self.wanted.end)
        sought = Sought(replace_of(asked, allow_empty=self.allow_empty))
        try:
            for path in self.sources:
                yield from self._one(run, source, sought, path, importers.get(path))
                if stopped := run.control.stop.is_set():
                    break
            run.end("signal" if stopped and source.end == "eof" else source.end)
        finally:
            self._tell(run, source)
        if not stopped:
            run.must_have(sought, found=source.read > 0, files=self.sources)

    def _importer(self, place: Path, name: str | None = None) -> "Importer":
        request = replace(self.wanted, path=place, name=name)
        made: Importer = self.plugin.plugin(request, self.plugin.options)
        return made

    def _one(
        self,
        run: StageRun,
        source: "Import",
        sought: Sought,
        path: Path,
        importer: "Importer | None",
    ) -> Iterator[Made]:
        """The events at one path."""
        stop = run.control.stop
        with place_again(path) as place:
            name = "<stdin>" if path == STDIN else str(path)
            if importer is None:
                importer = self._importer(place, str(path))
            keep(path, place, stop)
            run.progress.begin(importer.files())
            if place != path and stop.is_set():
                return  # of a part of a pipe, the last line could be a part as well
            with _named(str(place), name):
                for item in source.events(importer, (str(place), name)):
                    if not isinstance(item, Gap):
                        sought.of(item)
                    yield [item] if isinstance(item, Gap) else Chunk(item)
                    run.progress.add(1 if isinstance(item, Gap) else item.num_rows)
                    if stop.is_set():
                        return
            run.progress.end(importer.files())

    def _tell(self, run: StageRun, source: "Import") -> None:
        read, rejected = source.read, source.rejected
        run.say(Account(read + rejected, read, rejected, 0, derived=source.gaps))
        run.warn_of_rejected(source.first_rejection, rejected)
        if source.damage:
            run.log.warning(f"truncated input: {source.damage}")
        run.status = source.status(strict=self.reading.strict, partial=self.reading.partial)


class LookAtTables(ImportSource):
    """Guesses what the columns of tables are; its answer is a picture of each."""

    def __init__(
        self,
        *args: Any,
        tell: "Callable[[list[TablePicture]], None] | None" = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.tell = tell

    @property
    def writes(self) -> bool:
        """It answers, and writes no events."""
        return False

    def work(self, run: StageRun) -> Iterator[Made]:
        """Look at the first rows of each file."""
        from mdc_core.mapping.guess.picture import picture_of
        from mdc_core.mapping.importer import TableImporter

        if not issubclass(self.plugin.plugin, TableImporter):
            raise UsageError(f"{self.plugin.name} has nothing to guess: it knows its files")
        pictures: list[TablePicture] = []
        for path in self.sources:
            with place_again(path) as place:
                importer = self._importer(place, None if place == path else str(path))
                assert isinstance(importer, TableImporter)
                keep(path, place, run.control.stop)
                with _named(str(place), "<stdin>" if path == STDIN else str(path)):
                    pictures += [picture_of(importer, file) for file in importer.files()[:1]]
        run.answer = pictures
        run.end("eof")
        yield from ()


def _refuse_missing(paths: Iterable[Path]) -> None:
    """Raise DataError before anything is read where one of several is not there."""
    for path in paths:
        if path != STDIN and not path.exists():
            raise absent(path)


@contextmanager
def _named(place: str, name: str) -> Iterator[None]:
    """Say the name that people know where the file is a copy of a pipe."""
    try:
        yield
    except MdcError as error:
        if place == name or place not in str(error):
            raise
        hint = error.hint and error.hint.replace(place, name)
        raise type(error)(str(error).replace(place, name), hint=hint) from None


def _hash_of(path: Path) -> str | None:
    """What a file is known by; None where it cannot be read, which is told when it is its turn."""
    with suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return None
