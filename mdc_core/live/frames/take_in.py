"""A capture of one file taken into an archive of frames."""

from pathlib import Path

import msgspec

from mdc_core.live.frames.capture import FrameCapture
from mdc_core.live.frames.head import STATE, FileHead
from mdc_core.live.recorded.record import CaptureRecord
from mdc_core.logs import Mask


class _State(msgspec.Struct):
    state: str = ""


class FrameIntake:
    """Writes the frames and notes of a capture as if they came now."""

    def __init__(self, folder: Path, head: FileHead) -> None:
        self._capture = FrameCapture(folder, Mask(), head)
        self._lines: dict[str, FrameCapture] = {"": self._capture}

    def take(self, record: CaptureRecord) -> None:
        """Write the next."""
        line = self._lines.get(record.line)
        if line is None:
            line = self._lines[record.line] = self._capture.line(record.line)
        state = _state(record)
        if state != STATE:
            line.take_over(record, state)

    def close(self) -> None:
        """Finish the last file."""
        self._capture.close()


def is_kept(record: CaptureRecord) -> bool:
    """Whether a record is taken over: what a file says of itself is not."""
    return _state(record) != STATE


def _state(record: CaptureRecord) -> str:
    """What a note says has become of the connection."""
    if record.dir != "derived":
        return ""
    try:
        return msgspec.json.decode(record.frame, type=_State).state
    except msgspec.DecodeError:
        return ""
