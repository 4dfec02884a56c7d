"""The writer that a stage's options ask for: on a terminal, in a pipe, or in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from mdc_core.accounting import EventWriter
from mdc_core.errors import UsageError
from mdc_core.pipelines.output.options import PIPED, OutputOptions
from mdc_core.wire import stdout
from mdc_core.wire.writer import PackedOutput, Writer


class Destination:
    """Where events go; what is a file has its name once `keep` was called."""

    def __init__(self, writer: EventWriter) -> None:
        self.writer = writer
        self.kept = False

    def keep(self) -> None:
        """Say that what was written is to stay."""
        self.kept = True


class NotKeptError(Exception):
    """The file is not to stay."""


@contextmanager
def destination(
    options: OutputOptions, *, shows: bool, fd: int | None = None
) -> Iterator[Destination]:
    """Open what the options ask for; a terminal is shown a table where the stage `shows` one."""
    if options.file is None:
        fd = stdout.descriptor() if fd is None else fd
        yield Destination(_writer(options, _form(options, fd, shows), fd, None))
        return
    from mdc_core.archive.read.one_file import whole_file

    named, codec = options.named
    try:
        with whole_file(options.file) as file:
            form = options.form or named or "jsonl"
            made = Destination(_writer(options, form, file.fileno(), codec))
            yield made
            if not made.kept:
                raise NotKeptError
    except NotKeptError:
        pass


def _form(options: OutputOptions, fd: int, shows: bool) -> str:
    """The form for a descriptor; raises UsageError for one that a terminal cannot show."""
    watched = os.isatty(fd)
    form = options.form or (None if watched else options.piped)
    if watched and form in ("arrow", "parquet"):
        raise UsageError(f"{form} is not for a terminal", hint="name a file with -o")
    return form or ("table" if watched and shows else "jsonl")


def _writer(options: OutputOptions, form: str, fd: int, codec: str | None) -> EventWriter:
    if form in PIPED and not (options.fields or options.floats):
        wire: Literal["jsonl", "arrow"] = "arrow" if form == "arrow" else "jsonl"
        return Writer(fd, wire, codec, plain=options.plain)
    from mdc_core.archive.read.one_file import Shape
    from mdc_core.pipelines.output.columns import CsvWriter, FieldsWriter, TableFileWriter

    file = PackedOutput(fd, codec)
    if form == "csv":
        return CsvWriter(file, options.fields, options.types)
    if form == "table":
        from mdc_core.grid import screen_of
        from mdc_core.pipelines.output.table import TableWriter

        return TableWriter(file, options.fields, screen_of(fd), options.zone)
    if options.fields:
        return FieldsWriter(file, options.fields, form)
    return TableFileWriter(file, form, Shape(options.portable, options.floats))
