"""Write events in another encoding.

Reads JSONL, Arrow or Parquet, plain or compressed, and writes the same events to standard
output or to a file, whose suffix says how: .jsonl, .arrows, .parquet, each of the first two
also with .gz, .zst or .lz4. Every value is the same afterwards."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.archive.read.one_file import FORMATS, check_form, whole_file, write_parquet
from mdc_core.cli.options import Session, command
from mdc_core.cli.pipe import PATH, Pipe, reading
from mdc_core.cli.signals import following_input
from mdc_core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = (
    "mdc convert events.jsonl --to arrow > events.arrows",
    "mdc convert events.jsonl -o events.parquet",
    "mdc convert events.parquet | mdc head -n 2",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMATS),
    help="encoding  [default: jsonl, or what the suffix of --output says]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="file to write, instead of standard output",
)
@click.option("--force", is_flag=True, help="overwrite the file")
@reading
@click.pass_obj
def convert(
    session: Session,
    paths: tuple[Path, ...],
    form: str | None,
    output: Path | None,
    force: bool,
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Write events in another encoding."""
    pipe_of = functools.partial(
        Pipe,
        session,
        "convert",
        paths,
        quarantine=quarantine,
        partial=partial,
        strict=strict,
        request={"paths": [str(path) for path in paths]},
    )
    if output is not None:
        form, codec = check_form(output, form)
        if output.exists() and not force:
            raise UsageError(f"{output} exists", hint="--force overwrites it")
        return _to_file(pipe_of, output, form, codec)
    if form == "parquet":
        raise UsageError("Parquet cannot be written to a pipe", hint="name a file with -o")
    return _stream(pipe_of(wire="arrow" if form == "arrow" else "jsonl"))


def _to_file(pipe_of: Callable[..., Pipe], path: Path, form: str, codec: str | None) -> int:
    from mdc_core.wire.writer import Writer

    if form == "parquet":
        pipe = pipe_of()
        with following_input() as stop, whole_file(path) as file:
            write_parquet(_batches(pipe), file, pipe.origin)
            status = pipe.finish()
        return stop.exit_status or status
    with whole_file(path) as file:
        writer = Writer(file.fileno(), "arrow" if form == "arrow" else "jsonl", codec)
        return _stream(pipe_of(writer=writer))


def _batches(pipe: Pipe) -> "Iterator[pa.RecordBatch]":
    """The events of the input, and what its accounting has to say."""
    from mdc_core.accounting import findings_of
    from mdc_core.batch import from_rows

    for chunk in pipe.chunks():
        yield chunk.batch
    found = findings_of(pipe.input)
    if found:
        pipe.derived += len(found)
        yield from_rows(found)


def _stream(pipe: Pipe) -> int:
    assert pipe.output is not None
    with following_input() as stop:
        for chunk in pipe.chunks():
            pipe.output.batch(chunk.batch)
        status = pipe.finish()
    return stop.exit_status or status


command = convert
