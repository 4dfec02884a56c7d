"""The lines of captures: a frame with its receive time, and how they are read.

    {"recv_ns":1704205800000279014,"dir":"in","frame":[{"T":"t","p":1.50}]}

`dir` is `in` (from the vendor), `out` (to the vendor), `http` (an answer to a question by HTTP) or
`derived` (the connection is tried, opened or was lost). `frame` is the message as it was on the
wire, byte for byte, if it is JSON on one line; otherwise a string with `encoding` "text" or
"base64". `connection` says of which connection it is, and `line` of which line, where a feed has
several at once. Other members, such as notes, are left alone.
"""

import re
import shlex
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from mdc_core.disk import unreadable
from mdc_core.errors import DataError, TruncatedError
from mdc_core.mapping.guess.own_files import own_file
from mdc_core.texts import typed
from mdc_core.wire.sniff import CHUNK
from mdc_core.wire.unpack import unpacked

_FRAME = re.compile(
    rb'\{"recv_ns":([1-8]?\d{1,18}|null),"dir":"(\w+)"(?:,"connection":"([^"]*)")?(?:,"line":"([^"]*)")?'
    rb'(?:,"url":"([^"]*)")?(?:,"encoding":"(\w+)")?,"frame":'
)
_TAIL = 4096  # bytes of a line in which all stands that is behind its frame
_BEHIND = re.compile(rb'(?:,"encoding":"(?P<encoding>\w+)")?(?:,"line":"(?P<line>[^"]*)")?\}\s*$')


class CaptureRecord(Struct):
    """One line of a capture."""

    dir: str
    frame: msgspec.Raw
    recv_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    encoding: str | None = None
    line: str = ""
    connection: str = ""
    url: str = ""  # of an answer by HTTP

    def content(self) -> str | bytes:
        """The frame as it was on the wire; raises DataError for one that is not encoded so."""
        raw = bytes(self.frame)
        try:
            if self.encoding == "base64":
                return msgspec.json.decode(raw, type=bytes)
            if self.encoding == "text":
                return msgspec.json.decode(raw, type=str)
        except msgspec.ValidationError as error:
            raise DataError(f"a captured frame is not {self.encoding}: {error}") from None
        return raw.decode()


def quick_record(line: bytes) -> CaptureRecord | None:
    """A line as the archive of frames writes it: whatever is in the frame, it is not looked at."""
    found = _FRAME.match(line)
    if found is None:
        return None
    ns, direction, connection, name, url, encoding = found.groups()
    return CaptureRecord(
        direction.decode(),
        msgspec.Raw(line[found.end() :].rstrip()[:-1]),
        None if ns == b"null" else int(ns),
        encoding.decode() if encoding else None,
        (name or b"").decode(),
        (connection or b"").decode(),
        (url or b"").decode(),
    )


_is_json = msgspec.json.Decoder(msgspec.Raw).decode


def line_of(record: CaptureRecord) -> bytes:
    """The line of a frame, which is JSON whatever is in it."""
    frame, encoding = bytes(record.frame), record.encoding
    if encoding is None:
        try:
            _is_json(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            frame, encoding = _as_text(frame)
    ns = "null" if record.recv_ns is None else record.recv_ns
    start = f'{{"recv_ns":{ns},"dir":"{record.dir}"'
    for name in ("connection", "line", "url"):
        if value := getattr(record, name):
            start += f',"{name}":{msgspec.json.encode(value).decode()}'
    start += f',"encoding":"{encoding}"' if encoding else ""
    return b'%b,"frame":%b}\n' % (start.encode(), frame)


def _as_text(frame: bytes) -> tuple[bytes, str]:
    try:
        return msgspec.json.encode(frame.decode()), "text"
    except UnicodeDecodeError:
        return msgspec.json.encode(frame), "base64"


def records(lines: Iterator[bytes], path: Path) -> Iterator[CaptureRecord]:
    """What the lines of a capture are; raises DataError that names the line it cannot read."""
    decode = msgspec.json.Decoder(CaptureRecord).decode
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except RecursionError:
            yield _deep(line, f"{path}: line {number}")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = f"{path}: line {number} is not a captured frame: {error}"
            raise DataError(text, hint=reader_of(line, path)) from None


def lines_of(path: Path) -> Generator[bytes, None, None]:
    """The lines of a file, unpacked where its first bytes say so."""
    try:
        with path.open("rb", buffering=0) as file:
            plain = unpacked(file, str(path))
            left = list[bytes]()
            while piece := plain.read(CHUNK):
                *whole, rest = piece.split(b"\n")
                if whole:
                    yield b"".join([*left, whole[0]])
                    yield from whole[1:]
                    left = []
                left.append(rest)
            if any(left):
                yield b"".join(left)
    except TruncatedError as error:
        raise DataError(str(error)) from None
    except OSError as error:
        raise unreadable(path, error, "not a capture") from None


def reader_of(line: bytes, path: Path) -> str | None:
    """The command that reads what is no capture, where that can be told."""
    if line.startswith(b'{"recv_ns":'):
        return None
    if line.startswith(b'{"type":'):
        return typed("replay", path)
    found = own_file(line)
    return found.command.format(shlex.quote(str(path)), root="DIR") if found else None


def _deep(line: bytes, where: str) -> CaptureRecord:
    """A line whose frame is nested too deep for any reader but the codec, which may split it."""
    found = quick_record(line)
    behind = None if found is None else _BEHIND.search(line, max(len(line) - _TAIL, 0))
    if found is None or behind is None:
        raise DataError(f"{where} is not a captured frame: nested too deep")
    found.frame = msgspec.Raw(line[line.index(b'"frame":') + 8 : behind.start()])
    for name, value in behind.groupdict().items():
        if value:
            setattr(found, name, value.decode())
    return found
