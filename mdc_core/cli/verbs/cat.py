"""Show stored events as one stream in time order.

Reads the archive at --root, or the files and directories that are named; `-` is standard
input, which is also read when something is piped in and nothing is named. Standard input
is taken as it comes, everything else is merged by time; equal times keep the order of the
files, and within a file that of its rows."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Event
from typing import TYPE_CHECKING

import click

from mdc_core.accounting import Input, count_types
from mdc_core.archive.find import Query, chosen, source_of
from mdc_core.archive.follow import growing, new_parts
from mdc_core.archive.merge import Source, in_order, merge, sorted_sources
from mdc_core.cli.options import MOMENT, MOMENT_END, Session, command
from mdc_core.cli.pipe import PATH, Pipe, reading, writing
from mdc_core.cli.signals import stopping_source
from mdc_core.errors import DataError, UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.suggest import known, unknown
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Chunk, Reader
from mdc_core.wire.writer import Wire

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = (
    "mdc cat --root data --symbol SPY --type trade",
    "mdc cat --root data --from 2024-01-02T14:30 --to 2024-01-02T14:31 | mdc head",
    "mdc cat events.jsonl data",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option("--root", type=click.Path(path_type=Path), help="an archive  [default: data]")
@click.option("--symbol", "symbols", multiple=True, help="only this symbol")
@click.option("--type", "types", multiple=True, help="only this event type")
@click.option("--from", "start", type=MOMENT, help="from this time or day on (UTC)")
@click.option("--to", "end", type=MOMENT_END, help="up to this time, or to the end of this day")
@click.option("--follow", "-f", "following", is_flag=True,
              help="go on with what is stored from now on")  # fmt: skip
@writing
@reading
@click.pass_obj
def cat(
    session: Session, paths: tuple[Path, ...], root: Path | None, symbols: tuple[str, ...],
    types: tuple[str, ...], start: int | None, end: int | None, following: bool, wire: Wire,
    quarantine: Path | None, partial: bool, strict: bool,
) -> int:  # fmt: skip
    """Show stored events as one stream in time order."""
    for name in types:
        if name not in EVENT_TYPES:
            raise UsageError(unknown("event type", name, EVENT_TYPES), hint=known(EVENT_TYPES))
    query = Query(symbols, types, start, end)
    paths = _places(paths, root)
    files = tuple(path for path in paths if not path.is_dir())
    folders = [path for path in paths if path.is_dir()]
    for path in files:
        if str(path) != "-" and not path.exists():
            raise DataError(f"no such file or directory: {path}")
    request = {"paths": [str(p) for p in paths], "symbols": list(symbols), "types": list(types)}
    pipe = Pipe(session, "cat", files, wire=wire, quarantine=quarantine, partial=partial,
                strict=strict, request=request)  # fmt: skip
    with stopping_source() as stop:
        reason = _Cat(pipe, query, folders, files).run(stop.event, following)
    return pipe.finish(reason=reason, kept=None)


def _places(paths: tuple[Path, ...], root: Path | None) -> tuple[Path, ...]:
    """What to read: what is named, else what is piped in, else the archive."""
    if root is not None:
        if not root.is_dir():
            raise DataError(f"no archive at {root}", hint=f"mdc store --root {root} makes one")
        return (*paths, root)
    if paths:
        return paths
    mode = os.fstat(0).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode):
        return (Path("-"),)
    if not Path("data").is_dir():
        raise UsageError("nothing to read: no archive at data", hint="mdc cat --root DIR")
    return (Path("data"),)


class _Cat:
    """One run of `cat`: what is read how, and what goes out."""

    def __init__(
        self, pipe: Pipe, query: Query, folders: list[Path], files: tuple[Path, ...]
    ) -> None:
        assert pipe.output is not None
        self._pipe, self._output = pipe, pipe.output
        self._query = query
        self._folders, self._files = folders, files

    def run(self, stop: Event, following: bool) -> str | None:
        """Write everything; why it ended, if not by the end of the input."""
        if following:
            return self._follow(stop)
        alone = not self._folders and len(self._files) == 1
        if alone and self._as_it_comes(self._files[0]):
            chunks: Iterator[Chunk] = iter(self._pipe.input)
            for chunk in chunks:
                self._write(chunk)
                if stop.is_set():
                    return "signal"
            return None
        for batch in merge(self._sources()):
            self._output.batch(batch)
            if stop.is_set():
                return "signal"
        return None

    def _as_it_comes(self, path: Path) -> bool:
        """Whether a single input can be passed on as it is: a pipe, or in order already."""
        return str(path) == "-" or in_order(self._batches(path, Quarantine(Path(os.devnull))))

    def _write(self, chunk: Chunk) -> None:
        batch = self._query.of(chunk.batch)
        unchanged = batch is chunk.batch
        self._pipe.dropped += chunk.batch.num_rows - batch.num_rows
        self._output.batch(batch, chunk.raw if unchanged else None)

    def _sources(self) -> Iterator[Source]:
        for path in self._files:
            if str(path) != "-" and in_order(self._batches(path, Quarantine(Path(os.devnull)))):
                yield Source(partial(self._read, path))
            else:
                yield from sorted_sources(self._read(path))
        for folder in self._folders:
            for path in chosen(folder, self._query):
                below = PurePosixPath(path.relative_to(folder))
                yield source_of(path, below, self._query, self._pipe.input.counts)

    def _read(self, path: Path, rows: int = 0) -> "Iterator[pa.RecordBatch]":
        """The wanted rows of a file; its books go to those of the command."""
        source = Input(self._pipe.readers((path,)))
        for chunk in source:
            batch = self._query.of(chunk.batch)
            self._pipe.dropped += chunk.batch.num_rows - batch.num_rows
            yield batch
        self._pipe.input.absorb(source)

    def _batches(self, path: Path, aside: Quarantine) -> "Iterator[pa.RecordBatch]":
        with path.open("rb", buffering=0) as file:
            for chunk in Input([Reader(file, str(path), aside, path)]):
                yield chunk.batch

    def _follow(self, stop: Event) -> str:
        """What is there, then what comes, until a signal."""
        if len(self._files) + len(self._folders) != 1:
            raise UsageError("--follow takes one file or one archive")
        if self._files:
            for chunk in Input([growing(self._files[0], self._pipe.quarantine, stop)]):
                self._pipe.input.counts += count_types(chunk.batch)
                self._write(chunk)
            return "signal"
        (folder,) = self._folders
        for paths in new_parts(folder, self._query, stop):
            sources = [
                source_of(path, PurePosixPath(path.relative_to(folder)), self._query,
                          self._pipe.input.counts)
                for path in paths
            ]  # fmt: skip
            for batch in merge(sources):
                self._output.batch(batch)
        return "signal"


command = cat
