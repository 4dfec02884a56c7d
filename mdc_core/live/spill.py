"""A temporary file for events that find no room in memory: first in, first out, exact."""

import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Union

import msgspec

from mdc_core.disk import read_at
from mdc_core.events import EVENT_TYPES, Event

_HEAD = 8  # bytes that hold the length of a list's text


class BufferSpill:
    """Lists of events in an unnamed file, each as JSON behind its length."""

    def __init__(self) -> None:
        import tempfile  # few buffers spill

        self._file = tempfile.TemporaryFile(prefix="mdc-spill-", buffering=0)  # noqa: SIM115
        self._read_at = self._end = 0
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        union: Any = Union[tuple(EVENT_TYPES.values())]  # noqa: UP007 - built at run time
        # Numbers of `extra` have no declared type; as decimals they keep their text.
        self._decode = msgspec.json.Decoder(list[union], float_hook=Decimal).decode

    @property
    def empty(self) -> bool:
        """Whether everything written has been read."""
        return self._read_at == self._end

    def write(self, events: Sequence[Event]) -> None:
        """Append a list; where that raises OSError, nothing has been appended."""
        text = self._encode(events)
        record = len(text).to_bytes(_HEAD, "big") + text
        left, at = memoryview(record), self._end
        while left:
            done = os.pwrite(self._file.fileno(), left, at)
            left, at = left[done:], at + done
        self._end += len(record)

    def read(self) -> Sequence[Event]:
        """The oldest list not yet read."""
        file = self._file.fileno()
        size = int.from_bytes(read_at(file, _HEAD, self._read_at), "big")
        text = read_at(file, size, self._read_at + _HEAD)
        self._read_at += _HEAD + size
        return self._decode(text)

    def close(self) -> None:
        """Give the file back; it has no name and is gone then."""
        self._file.close()
