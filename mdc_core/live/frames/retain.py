"""Which files of an archive of frames need be kept no longer, and their removal."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from mdc_core.disk import sync_path, writing
from mdc_core.live.frames.runs import FileTold, FrameFile, FrameRun, told


class FramesPolicy(NamedTuple):
    """What need not be kept: what ends before a moment, and what is beyond so many bytes."""

    before: int | None = None
    size: int | None = None


class ExpiredFrames(NamedTuple):
    """The files that need be kept no longer, and how many stay, with how many bytes."""

    files: list[FileTold]
    files_left: int
    bytes_left: int


def expired(runs: Iterable[FrameRun], policy: FramesPolicy) -> ExpiredFrames:
    """The files that need be kept no longer: the oldest first, those of each run in its order.

    One that somebody writes stays, and so does what follows it.
    """
    found = [[told(file) for file in files] for files in _files_of(runs)]
    count, left = sum(map(len, found)), sum(one.size for files in found for one in files)
    gone = list[FileTold]()
    ended = (takewhile(lambda one: one.state != "written", files) for files in found)
    for one in heapq.merge(*ended, key=_last):
        is_old = policy.before is not None and _last(one) < policy.before
        if not is_old and (policy.size is None or left <= policy.size):
            break  # what comes behind it, of any run, is later, or follows what stays
        gone.append(one)
        left -= one.size
    return ExpiredFrames(gone, count - len(gone), left)


def _files_of(runs: Iterable[FrameRun]) -> Iterator[list[FrameFile]]:
    """The files of each run, each once, however often it was named."""
    seen = set[Path]()
    for run in runs:
        files = {file.path.resolve(): file for file in run.files}
        yield [file for path, file in files.items() if path not in seen]
        seen |= files.keys()


def _last(one: FileTold) -> int:
    """The time of the last frame; without frames, that of the file."""
    last = one.content.last
    return one.file.path.stat().st_mtime_ns if last is None else last


def remove(files: Sequence[FileTold]) -> None:
    """Remove files of frames, for good."""
    for one in files:
        with writing(one.file.path):
            one.file.path.unlink(missing_ok=True)
    for folder in {one.file.path.parent for one in files}:
        with writing(folder):
            sync_path(folder)
