"""Captures of other collectors, told by their first line, as frames of ours.

cryptofeed's raw files: the seconds of a frame, as Python writes a float, and before its frames what
connects (`URL <-> SECONDS`), what it sends (`URL <- SECONDS: FRAME`) and what it gets by HTTP
(`URL -> SECONDS: BODY`). The files of hftbacktest's collector: `NANOSECONDS FRAME`, and among the
frames of Binance the bare answers to its questions by HTTP. No time is ever a float.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mdc_core.errors import DataError
from mdc_core.live.recorded.record import CaptureRecord

_SECONDS = rb"(\d+)(?:\.(\d+))?"
_CONNECTS = re.compile(rb"(\S+) <-> " + _SECONDS + rb"\s*")
_ASKS = re.compile(rb"(\S+) (<-|->) " + _SECONDS + rb": (.*)", re.DOTALL)
_TELLS = re.compile(_SECONDS + rb": (.*)", re.DOTALL)
_COLLECTED = re.compile(rb"(\d{16,19}) (.*)", re.DOTALL)
_SNAPSHOT = b'{"lastUpdateId":'  # of a book; as a frame it stands in the wrapper of its stream

Reader = Callable[[Iterator[bytes], Path], Iterator[CaptureRecord]]


def reader_for(line: bytes) -> Reader | None:
    """What reads a capture that begins with this line; None where it is no other collector's."""
    if line.startswith(b"{"):  # neither a URL nor a time: the line need not be gone through
        return None
    if any(pattern.match(line) for pattern in (_CONNECTS, _ASKS, _TELLS)):
        return _cryptofeed
    return _collector if _COLLECTED.match(line) else None


def _cryptofeed(lines: Iterator[bytes], path: Path) -> Iterator[CaptureRecord]:
    is_open = False
    for number, line in enumerate(lines, 1):
        if found := _TELLS.match(line):
            is_open = True
            yield _record("in", found[3], _ns(found[1], found[2]))
        elif found := _ASKS.match(line):
            url, way, whole, part, frame = found.groups()
            what = _record("out" if way == b"<-" else "http", frame, _ns(whole, part))
            what.url = "" if way == b"<-" else url.decode()
            yield what
        elif found := _CONNECTS.match(line):
            ns = _ns(found[2], found[3])
            if is_open:
                yield _note(ns, {"state": "lost", "reason": "the capture connects again"})
            is_open = True
            yield _note(ns, {"state": "open", "url": found[1].decode()})
        elif line.strip():
            raise _no_frame(path, number)


def _collector(lines: Iterator[bytes], path: Path) -> Iterator[CaptureRecord]:
    for number, line in enumerate(lines, 1):
        if found := _COLLECTED.match(line):
            way = "http" if found[2].startswith(_SNAPSHOT) else "in"
            yield _record(way, found[2], int(found[1]))
        elif line.strip():
            raise _no_frame(path, number)


def _record(way: str, frame: bytes, ns: int) -> CaptureRecord:
    return CaptureRecord(way, msgspec.Raw(frame.rstrip(b"\r\n")), ns)


def _note(ns: int, what: dict[str, str]) -> CaptureRecord:
    return _record("derived", msgspec.json.encode(what), ns)


def _ns(whole: bytes, part: bytes | None) -> int:
    """Nanoseconds of seconds with decimals; what is finer is cut off."""
    return int(whole + ((part or b"") + b"0" * 9)[:9])


def _no_frame(path: Path, number: int) -> DataError:
    return DataError(f"{path}: line {number} is not a captured frame")
