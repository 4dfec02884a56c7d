"""What is kept of a feed: its frames, and notes of what became of its connections."""

import base64
import gzip
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, cast

import msgspec
from msgspec.structs import asdict, replace

from mdc_core.contracts import Endpoint, Response, Subscription
from mdc_core.errors import WriteError
from mdc_core.live.frames.head import FORMAT, STATE, FileHead
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import MASK, Mask

_TELLING = ("auth", "cookie", "key", "secret", "token")  # in the name of a header


class Recorder:
    """Keeps the frames of a feed, and what became of its connections; no secret is in it."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._name = ""

    def line(self, name: str) -> Self:
        """A recorder of one of several lines, into the same place."""
        one = copy(self)
        one._name = name
        return one

    def received(self, ns: int, frame: str | bytes) -> None:
        """A frame came."""
        self._line(ns, "in", self._mask.frame(frame))

    def sent(self, ns: int, frame: str | bytes) -> None:
        """A frame went out."""
        self._line(ns, "out", self._mask.frame(frame))

    def connecting(self, ns: int, asked: Subscription) -> None:
        """A connection is tried, to ask for this."""
        self._derived(ns, {"state": "connecting", **_told(asked)})

    def opened(self, ns: int, endpoint: Endpoint, asked: Subscription) -> None:
        """A connection was opened, to ask for this."""
        what = {"url": endpoint.url, "headers": _shown(endpoint.headers), **_told(asked)}
        self._derived(ns, {"state": "open", **what})

    def lost(self, ns: int, loss: Loss, asked: Subscription) -> None:
        """The connection that asked for this was lost, or could not be made."""
        self._derived(ns, {"state": "lost", **asdict(loss), **_told(asked)})

    def half_open(self, ns: int) -> None:
        """The circuit breaker lets one connection be tried."""
        self._derived(ns, {"state": "half-open"})

    def fetched(self, ns: int, tag: str, response: Response) -> None:
        """The answer to a Fetch came."""
        body = base64.b64encode(self._mask.frame(response.body)).decode()  # type: ignore[arg-type]
        what = {"state": "fetched", "tag": tag, "status": response.status, "body": body}
        self._derived(ns, {**what, "headers": _shown(response.headers)})

    def asked(self, ns: int, wanted: Subscription) -> None:
        """Something else is asked for from now on."""
        self._derived(ns, {"state": "asked", **_told(wanted)})

    def close(self) -> None:
        """Finish what is kept."""
        raise NotImplementedError

    def _line(self, ns: int | None, direction: str, frame: str | bytes) -> None:
        """Keep a frame, or a note; what is of no moment has no time."""
        raise NotImplementedError

    def _derived(self, ns: int | None, what: dict[str, Any]) -> None:
        self._line(ns, "derived", self._mask(msgspec.json.encode(what).decode()))


class Capture(Recorder):
    """Writes the frames to a new file, one JSON object a line; compressed by .gz or .zst.

    The first line is its head, if there is one: by whom and for what it is written.
    """

    def __init__(self, path: Path, mask: Mask, head: FileHead | None = None) -> None:
        super().__init__(mask)
        self.path = path
        self._lock = threading.Lock()
        self._is_json = msgspec.json.Decoder(msgspec.Raw).decode
        try:
            with suppress(FileExistsError):  # a file in the folder's place: opening says so
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _open_to_write(path)
        except FileExistsError:
            raise WriteError(
                f"{path} exists already, and a capture is never written over",
                hint="name another file, or a folder: CAPTURES/",
            ) from None
        except OSError as error:
            raise WriteError(f"cannot capture to {path}: {error.strerror}") from None
        if head is not None:
            told = replace(head, state=STATE, format=FORMAT, number=1)
            self._derived(None, msgspec.to_builtins(told))

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failure(error) from None

    def _line(self, ns: int | None, direction: str, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            text = f'"{base64.b64encode(frame).decode()}","encoding":"base64"'
        elif self._pastes(frame):
            text = frame
        else:
            text = msgspec.json.encode(frame).decode() + ',"encoding":"text"'
        if self._name:
            text += f',"line":"{self._name}"'
        moment = "null" if ns is None else ns
        try:
            with self._lock:
                line = f'{{"recv_ns":{moment},"dir":"{direction}","frame":{text}}}\n'.encode()
                while line:
                    line = line[self._file.write(line) :]
                if direction == "derived":  # something has become of the connection
                    self._file.flush()
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

    def _failure(self, error: OSError) -> WriteError:
        return WriteError(f"cannot go on capturing to {self.path}: {error.strerror or error}")


def _told(asked: Subscription) -> dict[str, Sequence[str]]:
    """What a line asks for: of a feed with several of them, each asks for a part."""
    return {"symbols": asked.symbols, "channels": asked.channels}


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
