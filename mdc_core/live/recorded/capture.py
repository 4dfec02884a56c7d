"""Raw frames with their receive times, one JSON object a line, and how they are read.

    {"recv_ns":1704205800000279014,"dir":"in","frame":[{"T":"t","p":1.50}]}

`dir` is `in` (from the vendor), `out` (to the vendor) or `derived` (the connection is tried,
opened or was lost). `frame` is the message as it was on the wire, byte for byte, if it is JSON on
one line; otherwise a string with `encoding` "text" or "base64". No secret is in the file.
`line` says which connection it is of, where a feed has several at once.
"""

import base64
import gzip
import re
import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import msgspec
from msgspec import Struct

from mdc_core.contracts import Endpoint, Response
from mdc_core.disk import unreadable
from mdc_core.errors import DataError, WriteError
from mdc_core.logs import MASK, Mask
from mdc_core.mapping.guess.own_files import own_file
from mdc_core.texts import typed

_FRAME = re.compile(
    rb'\{"recv_ns":(\d+),"dir":"in","frame":(.*?)(?:,"line":"([^"]*)")?\}\s*', re.DOTALL
)
_TELLING = ("auth", "cookie", "key", "secret", "token")  # in the name of a header


class Capture:
    """Writes the frames of a feed to a new file as they come; compressed by .gz or .zst."""

    def __init__(self, path: Path, mask: Mask) -> None:
        self.path = path
        self._mask = mask
        self._lock = threading.Lock()
        self._name = ""
        self._is_json = msgspec.json.Decoder(msgspec.Raw).decode
        try:
            with suppress(FileExistsError):  # a file in the folder's place: opening says so
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _open_to_write(path)
        except FileExistsError:
            raise WriteError(
                f"{path} exists already, and a capture is never written over",
                hint="name another file, such as one with the time in its name",
            ) from None
        except OSError as error:
            raise WriteError(f"cannot capture to {path}: {error.strerror}") from None

    def line(self, name: str) -> "Capture":
        """A capture of one of several lines, into this file."""
        one = copy(self)
        one._name = name
        return one

    def received(self, ns: int, frame: str | bytes) -> None:
        """A frame came."""
        self._line(ns, "in", self._masked(frame))

    def sent(self, ns: int, frame: str | bytes) -> None:
        """A frame went out."""
        self._line(ns, "out", self._masked(frame))

    def connecting(self, ns: int, symbols: Sequence[str]) -> None:
        """A connection is tried, for these symbols."""
        self._derived(ns, {"state": "connecting", "symbols": symbols})

    def opened(self, ns: int, endpoint: Endpoint, symbols: Sequence[str]) -> None:
        """A connection was opened, for these symbols."""
        what = {"url": endpoint.url, "headers": _shown(endpoint.headers), "symbols": symbols}
        self._derived(ns, {"state": "open", **what})

    def lost(self, ns: int, reason: str, symbols: Sequence[str]) -> None:
        """The connection for these symbols was lost, or could not be made."""
        self._derived(ns, {"state": "lost", "reason": reason, "symbols": symbols})
        self._flush()

    def fetched(self, ns: int, tag: str, response: Response) -> None:
        """The answer to a Fetch came."""
        body = base64.b64encode(response.body).decode()
        what = {"state": "fetched", "tag": tag, "status": response.status, "body": body}
        self._derived(ns, {**what, "headers": _shown(response.headers)})

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failure(error) from None

    def _masked(self, frame: str | bytes) -> str | bytes:
        if isinstance(frame, str):
            return self._mask(frame)
        # Bytes that are no text survive, and text in them is masked.
        text = frame.decode(errors="surrogateescape")
        return self._mask(text).encode(errors="surrogateescape")

    def _derived(self, ns: int, what: dict[str, Any]) -> None:
        self._line(ns, "derived", self._mask(msgspec.json.encode(what).decode()))

    def _line(self, ns: int, direction: str, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            text = f'"{base64.b64encode(frame).decode()}","encoding":"base64"'
        elif self._pastes(frame):
            text = frame
        else:
            text = msgspec.json.encode(frame).decode() + ',"encoding":"text"'
        if self._name:
            text += f',"line":"{self._name}"'
        try:
            with self._lock:
                line = f'{{"recv_ns":{ns},"dir":"{direction}","frame":{text}}}\n'.encode()
                while line:
                    line = line[self._file.write(line) :]
        except OSError as error:
            raise self._failure(error) from None

    def _pastes(self, frame: str) -> bool:
        if "\n" in frame or "\r" in frame:
            return False
        try:
            self._is_json(frame)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> WriteError:
        return WriteError(f"cannot go on capturing to {self.path}: {error.strerror or error}")


class CaptureRecord(Struct):
    """One line of a capture; other members, such as notes, are left alone."""

    dir: str
    frame: msgspec.Raw
    recv_ns: int | None = None
    encoding: str | None = None
    line: str = ""

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


def records(path: Path) -> Iterator[CaptureRecord]:
    """The lines of a capture; raises DataError that names the line it cannot read."""
    decode = msgspec.json.Decoder(CaptureRecord).decode
    try:
        with _open_to_read(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield decode(line)
                except RecursionError:
                    yield _deep(line, f"{path}: line {number}")
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    text = f"{path}: line {number} is not a captured frame: {error}"
                    raise DataError(text, hint=_reader_of(line, path)) from None
    except EOFError:
        raise DataError(f"{path}: the compressed capture breaks off") from None
    except OSError as error:
        raise unreadable(path, error, "not a capture") from None


def _reader_of(line: bytes, path: Path) -> str | None:
    """The command that reads what is no capture, where that can be told."""
    if line.startswith(b'{"type":'):
        return typed("replay", path)
    found = own_file(line)
    return found.command.format(shlex.quote(str(path)), root="DIR") if found else None


def _deep(line: bytes, where: str) -> CaptureRecord:
    """A line whose frame is nested too deep for any reader but the codec, which may split it."""
    found = _FRAME.fullmatch(line)
    if found is None:
        raise DataError(f"{where} is not a captured frame: nested too deep")
    name = (found[3] or b"").decode()
    return CaptureRecord("in", msgspec.Raw(found[2]), int(found[1]), line=name)


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without what may be a secret."""
    return {
        name: MASK if any(t in name.lower() for t in _TELLING) else value
        for name, value in headers.items()
    }


def _open_to_write(path: Path) -> BinaryIO:
    # What is no file, such as a FIFO, holds nothing that could be lost; nor does an empty one.
    is_free = path.exists() and not (path.is_file() and path.stat().st_size)
    mode: Literal["wb", "xb"] = "wb" if is_free else "xb"
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, mode))
    if path.suffix == ".zst":
        import zstandard

        return cast(BinaryIO, zstandard.open(path, mode))
    return cast(BinaryIO, path.open(mode, buffering=0))


def _open_to_read(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import io

        import zstandard

        return cast(BinaryIO, io.BufferedReader(zstandard.open(path, "rb")))
    return path.open("rb")
