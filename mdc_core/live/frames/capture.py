"""A feed's frames on their way into the archive of frames."""

import base64
from pathlib import Path

import msgspec

from mdc_core.contracts import Endpoint, Subscription
from mdc_core.live.frames.head import FileHead
from mdc_core.live.frames.writer import FrameLine, FrameRotation, FrameWriter
from mdc_core.live.recorded.capture import Recorder
from mdc_core.live.recorded.record import CaptureRecord
from mdc_core.live.upkeep.loss import Loss
from mdc_core.logs import Mask


class FrameCapture(Recorder):
    """Writes the frames of a feed into new files of a folder.

    A connection is called as in the `channel` of its events: `alpaca-1`, `alpaca-2`, ...
    """

    def __init__(
        self, folder: Path, mask: Mask, head: FileHead, rotation: FrameRotation | None = None
    ) -> None:
        super().__init__(mask)
        told = msgspec.json.decode(mask(msgspec.json.encode(head).decode()), type=FileHead)
        self._writer = FrameWriter(folder, told, rotation)
        self._provider = head.provider
        self._call("", 1)

    def line(self, name: str) -> "FrameCapture":
        """A recorder of one of several lines, into the same place."""
        one = super().line(name)
        one._call(name, 1)
        return one

    def _call(self, line: str, number: int) -> None:
        """What a line says of its connection, which is this one of its connections."""
        self._number, self._is_open = number, False
        self._connection = f"{self._provider}-{line}{number}"
        name = msgspec.json.encode(self._connection).decode()
        told = f'"connection":{name}' + (f',"line":"{line}"' if line else "")
        self._starts = {
            direction: f',"dir":"{direction}",{told}'
            for direction in ("in", "out", "http", "derived")
        }

    def opened(self, ns: int, endpoint: Endpoint, asked: Subscription) -> None:
        """A connection was opened, to ask for this."""
        super().opened(ns, endpoint, asked)
        self._is_open = True

    def lost(self, ns: int, loss: Loss, asked: Subscription) -> None:
        """The connection that asked for this was lost, or could not be made."""
        super().lost(ns, loss, asked)
        self._writer.flush()
        self._left()

    def take_over(self, record: CaptureRecord, state: str) -> None:
        """Keep what somebody else has recorded; `state` is what it says of the connection."""
        self._line(record.recv_ns, record.dir, record.content(), record.url)
        if state == "open":
            self._is_open = True
        elif state == "lost":
            self._left()

    def _left(self) -> None:
        """The next connection has a name of its own."""
        if self._is_open:
            self._call(self._name, self._number + 1)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def _line(self, ns: int | None, direction: str, frame: str | bytes, url: str = "") -> None:
        if isinstance(frame, bytes):
            size, text = len(frame), f'"{base64.b64encode(frame).decode()}"'
            encoding = ',"encoding":"base64"'
        else:
            size = len(frame) if frame.isascii() else len(frame.encode(errors="surrogatepass"))
            # Whether it is JSON to its end is for the reader to look at, who has the time.
            if frame[:1] in _JSON and "\n" not in frame and "\r" not in frame:
                encoding, text = "", frame
            else:
                encoding, text = ',"encoding":"text"', msgspec.json.encode(frame).decode()
        moment = "null" if ns is None else ns
        if url:
            encoding = f',"url":{msgspec.json.encode(url).decode()}{encoding}'
        start = f'{{"recv_ns":{moment}{self._starts[direction]}{encoding},"frame":'
        self._writer.add(FrameLine(start, text, ns, self._connection, direction, size))


_JSON = ("{", "[")
