"""Writing events: JSONL or Arrow, to a file descriptor, at once."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from mdc_core.errors import ReaderGone, WriteError
from mdc_core.events import Event
from mdc_core.wire.jsonl import encode_batch, encode_rows
from mdc_core.wire.sniff import widen_pipe

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.wire.arrow import StreamEncoder

Wire = Literal["jsonl", "arrow"]


class Writer:
    """Events to a file descriptor; each call is written before it returns."""

    def __init__(self, fd: int = 1, wire: Wire = "jsonl") -> None:
        self.wire = wire
        self._fd = fd
        self._arrow: StreamEncoder | None = None
        widen_pipe(fd)
        if wire == "arrow":
            from mdc_core.wire.arrow import StreamEncoder

            self._arrow = StreamEncoder()

    @property
    def for_people(self) -> bool:
        """Whether somebody looks at it: a terminal."""
        return os.isatty(self._fd)

    def batch(self, batch: "pa.RecordBatch", raw: bytes | None = None) -> None:
        """Write a batch; `raw`, if given, is its text and is written untouched."""
        if self._arrow is not None:
            self.bytes(self._arrow.encode(batch))
        else:
            self.bytes(encode_batch(batch) if raw is None else raw)

    def rows(self, rows: Sequence[Event]) -> None:
        """Write rows."""
        if self._arrow is not None:
            from mdc_core.batch import from_rows

            self.bytes(self._arrow.encode(from_rows(rows)))
        else:
            self.bytes(encode_rows(rows))

    def close(self) -> None:
        """Write what ends the encoding; the descriptor stays open."""
        if self._arrow is not None:
            self.bytes(self._arrow.end())

    def bytes(self, data: bytes) -> None:
        """Write bytes, all of them; raises ReaderGone or WriteError."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BrokenPipeError:
                raise ReaderGone from None
            except OSError as error:
                raise WriteError(f"cannot write to the output: {error.strerror}") from None


def leave_stdout() -> None:
    """Point standard output nowhere, so that nothing fails when Python flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
