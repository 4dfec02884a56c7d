"""Which files of an archive of frames are older than they need be kept, and their removal."""

from collections.abc import Iterable, Iterator, Sequence

from mdc_core.disk import sync_path, writing
from mdc_core.live.frames.runs import FileTold, FrameRun, told


def expired(runs: Iterable[FrameRun], before: int) -> Iterator[FileTold]:
    """The files that end before a moment, those of each run from its first on.

    One that somebody writes stays, and so does what follows it.
    """
    for run in runs:
        for file in run.files:
            one = told(file)
            if one.state == "written" or _last(one) >= before:
                break
            yield one


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
