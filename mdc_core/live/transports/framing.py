"""Frames in a stream of bytes: cut out of pieces of any size, and put together to send."""

from collections.abc import Iterator
from typing import Protocol

from mdc_core.contracts import Lengths, Lines
from mdc_core.contracts.live.feeds import Framing

LONGEST = 64 << 20


class Framer(Protocol):
    """How the frames of a stream are told apart."""

    def cut(self, data: bytes) -> Iterator[str | bytes]:
        """The frames that this piece completes."""

    def rest(self) -> bytes:
        """What is left of a frame that never ended."""

    def join(self, frame: str | bytes) -> bytes:
        """A frame as bytes to send."""


class FrameTooLong(Exception):  # noqa: N818 - a reason to close, told as one
    """More bytes than a frame may have."""


class LineFramer:
    """Lines; text, or bytes where they are no UTF-8; LF or CR LF ends one."""

    def __init__(self, form: Lines | None = None) -> None:
        self._end = (form or Lines()).end.encode()
        self._pieces: list[bytes] = []
        self._size = 0

    def cut(self, data: bytes) -> Iterator[str | bytes]:
        """The lines that this piece completes."""
        head, end, tail = data.rpartition(b"\n")
        if end:
            whole = b"".join([*self._pieces, head])
            self._pieces, self._size = [], 0
            for line in whole.split(b"\n"):
                yield _text(line.removesuffix(b"\r"))
        self._pieces.append(tail)
        self._size += len(tail)
        if self._size > LONGEST:
            raise FrameTooLong

    def rest(self) -> bytes:
        """A last line without its end."""
        return b"".join(self._pieces)

    def join(self, frame: str | bytes) -> bytes:
        """A line with its end."""
        data = _bytes(frame)
        return data if data.endswith(b"\n") else data + self._end


class LengthFramer:
    """Bytes behind their length."""

    def __init__(self, form: Lengths) -> None:
        self._form = form
        self._order = "little" if form.little_endian else "big"
        self._data = bytearray()

    def cut(self, data: bytes) -> Iterator[bytes]:
        """The frames that this piece completes."""
        self._data += data
        size, extra = self._form.size, self._form.size if self._form.counts_itself else 0
        at = 0
        while at + size <= len(self._data):
            length = int.from_bytes(self._data[at : at + size], self._order) - extra  # type: ignore[arg-type]
            if not 0 <= length <= LONGEST:
                raise FrameTooLong
            if at + size + length > len(self._data):
                break
            yield bytes(self._data[at + size : at + size + length])
            at += size + length
        del self._data[:at]

    def rest(self) -> bytes:
        """A frame that was cut off."""
        return bytes(self._data)

    def join(self, frame: str | bytes) -> bytes:
        """The length and the frame."""
        data = _bytes(frame)
        length = len(data) + (self._form.size if self._form.counts_itself else 0)
        return length.to_bytes(self._form.size, self._order) + data  # type: ignore[arg-type]


class RawFramer:
    """Pieces as they come: the codec finds its messages in them."""

    def cut(self, data: bytes) -> Iterator[bytes]:
        """The piece."""
        yield data

    def rest(self) -> bytes:
        """Nothing is kept back."""
        return b""

    def join(self, frame: str | bytes) -> bytes:
        """The bytes of the frame."""
        return _bytes(frame)


def framer(form: Framing) -> Framer:
    """The framer of an endpoint's framing."""
    if isinstance(form, Lengths):
        return LengthFramer(form)
    if isinstance(form, Lines):
        return LineFramer(form)
    return LineFramer() if form == "lines" else RawFramer()


def _text(line: bytes) -> str | bytes:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
