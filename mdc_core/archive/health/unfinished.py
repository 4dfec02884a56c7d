"""What runs of `store` that were killed left in files that grow, beside in their journals.

A seal appends to such a file, then tells the catalog, then gives up its journal. Without the
catalog, nothing but the journal tells how much of the file is still in it: what a seal would
append is made again, and looked for at the end of the file.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from mdc_core.archive.catalog.layout import part_path, with_current_name
from mdc_core.archive.part_formats import write_with
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.examine import examine, segment_of
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.sealing.spill import Key
from mdc_core.archive.write.segment import Segment
from mdc_core.disk import reading
from mdc_core.errors import ConfigError, DataError, UsageError

_HEAD = 48  # bytes by which the beginning of a frame is looked for


def is_written(path: Path) -> bool:
    """Whether somebody holds a journal, or a lock; nothing is changed."""
    with (
        suppress(FileNotFoundError),
        reading(path, absent=True),
        path.open("rb", buffering=0) as file,
    ):
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def written_now(archive: Archive) -> list[Path]:
    """The journals that a running command writes."""
    return [p for p in journal.segments(archive.state / "journal") if is_written(p)]


class GrownTails:
    """How much of files that grow is not in a journal any more.

    With `cut`, the rest is cut off: recovery appends it again.
    """

    def __init__(self, archive: Archive, sealed: set[str], *, cut: bool) -> None:
        self._archive, self._cut = archive, cut
        # The first of a run: segments are sealed in order, so nothing of a later one is in files.
        self._left = {
            path.stem.rpartition("-")[0]: path
            for path in reversed(journal.segments(archive.state / "journal"))
            if path.stem not in sealed
        }

    def committed(self, path: str, size: int) -> int:
        """How many bytes of a file are those of sealed events."""
        named = segment_of(path)
        left = self._left.get(named[0]) if named else None
        if named is None or left is None or self._archive.local is None:
            return size
        if named[1] == left.stem:
            return 0  # nothing was appended yet; recovery writes it anew
        file = self._archive.local / path
        for frame in self._frames(left, path, named[1]):
            length = self._without(file, path, size, frame)
            if self._cut and length < size:
                os.truncate(file, length)
            return length
        return size

    def _frames(self, left: Path, path: str, segment: str) -> Iterator[bytes]:
        """What sealing the journal appends to a file."""
        with (
            reading(left),
            left.open("rb", buffering=0) as file,
            TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ):
            found = Segment(file, str(left))
            header = found.header()
            if header is None:
                return
            profiles = msgspec.convert(header.profiles, Profiles)
            try:
                formats = Formats.load(header.format, header.options, profiles)
            except (UsageError, ConfigError):
                return  # it will be sealed in another format, which appends to no file
            with closing(Sorter(Path(folder), header.partition)) as sorter:
                for batch in found.batches():
                    sorter.add(batch)
                for key, rows in sorter.partitions():
                    form = formats.of(key.symbol)
                    below = part_path(header.layout, *_named(key), segment)
                    if form.grows and f"{below}{form.suffix}" == with_current_name(
                        path, header.layout, key.symbol
                    ):
                        out = BytesIO()
                        write_with(form, rows, {}, out)
                        yield out.getvalue()

    def _without(self, file: Path, path: str, size: int, frame: bytes) -> int:
        """The length of a file without a frame, or the piece of one, at its end."""
        with reading(file), file.open("rb") as opened:
            opened.seek(max(size - len(frame), 0))
            end = opened.read()
        if end == frame:
            return size - len(frame)
        try:
            examine(self._archive.place, path, digest=False)
        except DataError:
            at = end.find(frame[:_HEAD])
            while at >= 0:
                if frame.startswith(end[at:]):
                    return size - len(end) + at
                at = end.find(frame[:_HEAD], at + 1)
            for length in range(_HEAD - 1, 0, -1):
                if end.endswith(frame[:length]):
                    return size - length
        return size


def _named(key: Key) -> tuple[str | None, str, str]:
    return key.symbol, key.type_name, key.period
