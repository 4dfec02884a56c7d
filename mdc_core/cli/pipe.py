"""What every command that reads events shares: inputs, accounting, the summary, the status."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from mdc_core.cli.options import Session
from mdc_core.cli.progress import Progress
from mdc_core.errors import DataError, UsageError

if TYPE_CHECKING:
    from mdc_core.wire.reader import Chunk, Reader
    from mdc_core.wire.writer import Wire, Writer

F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path, allow_dash=True)


def reading(function: F) -> F:
    """The options of a command that reads events."""
    for option in (
        click.option(
            "--quarantine",
            type=click.Path(path_type=Path, dir_okay=False),
            help="where lines that cannot be read are set aside",
        ),
        click.option("--strict", is_flag=True, help="rejections and other counts are failures"),
        click.option("--partial", is_flag=True, help="accept an input that is truncated"),
    ):
        function = option(function)
    return function


def writing(function: F) -> F:
    """The option of a command that writes events to standard output."""
    return click.option(
        "--wire",
        type=click.Choice(["jsonl", "arrow"]),
        default="jsonl",
        show_default=True,
        envvar="MDC_WIRE",
        help="encoding of the output",
    )(function)


class Pipe:
    """One command between its input and its output, with the books of both."""

    def __init__(
        self,
        session: Session,
        stage: str,
        paths: tuple[Path, ...] = (),
        *,
        wire: "Wire | None" = None,
        writer: "Writer | None" = None,
        quarantine: Path | None = None,
        partial: bool = False,
        strict: bool = False,
        request: dict[str, Any] | None = None,
        tick: float | None = None,
    ) -> None:
        from mdc_core.accounting import Input, Output, new_run_id
        from mdc_core.wire.quarantine import Quarantine, default_paths

        self.session = session
        self.stage = stage
        self.dropped = 0
        self.used = 0  # events of which a filter made something else
        self.derived = 0
        self.rejected = 0
        self._partial, self._strict = partial, strict
        session.log.stage = stage
        aside = default_paths(stage, f"{new_run_id()}-{os.getpid()}")
        self.quarantine = Quarantine(quarantine) if quarantine else Quarantine(*aside)
        self._tick = tick
        self.input = Input(self.readers(paths))
        self.progress = Progress(session, stage, writes=writer is not None or wire is not None)
        self.output: Output | None = None
        if wire is not None:
            from mdc_core.wire.writer import Writer

            writer = Writer(1, wire)
        if writer is not None:
            self.output = Output(
                stage, writer, request=session.asked(request or {}), origin=self.input
            )

    def readers(self, paths: tuple[Path, ...]) -> "Iterator[Reader]":
        """A reader for each path; none is standard input."""
        from mdc_core.wire.reader import Reader

        for path in paths or (Path("-"),):
            name = "<stdin>" if str(path) == "-" else str(path)
            with _opened(path) as file:
                real = path if name != "<stdin>" else _stdin_file()
                yield Reader(file, name, self.quarantine, real, tick=self._tick)

    def chunks(self) -> "Iterator[Chunk]":
        """The input, chunk by chunk, with a progress bar."""
        for chunk in self.input:
            self.progress.add(chunk.batch.num_rows)
            yield chunk

    def origin(self) -> bytes:
        """The begin event of the input, as a file keeps it: the lineage of its rows."""
        from mdc_core.wire.jsonl import as_dict, encode_json

        origin = self.input.origin
        return b"{}" if origin is None else encode_json(as_dict(origin))

    def finish(self, *, reason: str | None = None, kept: int | None = None) -> int:
        """Write what the accounting found, and `end`; say the counts; the exit status."""
        from mdc_core.accounting import end_reason, findings_of, verdict

        self.progress.close()
        source = self.input
        found = findings_of(source)
        if self.output is not None:
            if found:
                self.output.rows(found)
                self.derived += len(found)
            self.output.close(reason or end_reason(source))
        self._say(kept)
        self.quarantine.close()
        return verdict(source, partial=self._partial, strict=self._strict)

    def _say(self, kept: int | None) -> None:
        log, source = self.session.log, self.input
        read = sum(source.counts.values())
        out = kept
        if out is None:
            out = sum(self.output.counts.values()) - self.derived if self.output else read
        rejected = source.rejected + self.rejected
        counts = f"{read + source.rejected} in = {out} out + {rejected} rejected"
        counts += f" + {self.dropped} dropped" + (f" + {self.used} used" if self.used else "")
        log.note(
            f"{self.stage}: {counts}" + (f" (+ {self.derived} derived)" if self.derived else "")
        )
        if source.rejected:
            more = f" and {source.rejected - 1} more" if source.rejected > 1 else ""
            log.warning(f"{source.first_rejection}{more}; set aside in {self.quarantine.path}")
        if source.truncated:
            log.warning(f"truncated input: {source.truncated}")
        for text in source.mismatches:
            log.warning(text)


def _stdin_file() -> Path | None:
    """Standard input by name, where it is a file and not a pipe."""
    return Path("/dev/stdin") if stat.S_ISREG(os.fstat(0).st_mode) else None


def _opened(path: Path) -> BinaryIO:
    if str(path) == "-":
        if sys.stdin is not None and sys.stdin.isatty():
            raise UsageError(
                "nothing to read: standard input is a terminal",
                hint="name a file, or pipe events in: mdc stream sim SPY | mdc ...",
            )
        from mdc_core.wire.sniff import open_stdin

        return open_stdin()
    try:
        return path.open("rb", buffering=0)
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory", hint=f"mdc cat {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
