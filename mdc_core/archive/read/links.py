"""Hard links to the files of an archive, which stay what they are while others write.

Programs that list the files of an archive themselves may meet a new file beside those that it
replaces, or none under a name that they listed. These links are made as mdc itself reads, so
together they are what one moment had.
"""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.storage import COPY_BYTES
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.columns_file import paths_of
from mdc_core.disk import must_be_new, reading, writing
from mdc_core.errors import UsageError


def link_parts(archive: Archive, parts: Sequence[PartRow], folder: Path) -> None:
    """Make a directory with the files of some parts, by their paths in the archive.

    What cannot be linked is copied: a file that grows, one of an object store or another disk.
    """
    must_be_new(folder, hint="name a new directory")
    root = archive.place.local
    if root is not None and folder.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{folder} is within the archive", hint="name a directory beside it")
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        with writing(folder):
            beside.mkdir(parents=True)
            for part, path in zip(parts, _paths(parts), strict=True):
                target = beside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(archive, part, target)
            _columns(archive, parts, beside)
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _columns(archive: Archive, parts: Sequence[PartRow], folder: Path) -> None:
    """Copy the files of columns that the parts lie behind."""
    for at, name in dict.fromkeys((p.path, one.place) for one in parts for p in paths_of(one)):
        with suppress(FileNotFoundError), archive.place_at(name).open(at) as file:
            target = folder / at
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read())


def _paths(parts: Sequence[PartRow]) -> list[PurePosixPath]:
    """A path for each; where two tiers have the same one, with the name of the tier."""
    counts = Counter(part.path for part in parts)
    paths = []
    for part in parts:
        path = PurePosixPath(part.path)
        if counts[part.path] > 1 and part.place:
            stem = path.name.removesuffix(part.suffix)
            path = path.with_name(f"{stem}.{part.tier}{part.suffix}")
        paths.append(path)
    return paths


def _link(archive: Archive, part: PartRow, target: Path) -> None:
    with archive.open_part(part) as file:
        if not part.frames and archive.place_at(part.place).local is not None:
            try:
                # The file that was opened, whatever has its name by now.
                fd = file.fileno()
                os.link(f"/proc/self/fd/{fd}", target, src_dir_fd=fd, follow_symlinks=True)
            except OSError:  # another disk, or a system without /proc
                target.unlink(missing_ok=True)
            else:
                return
        with target.open("wb") as out:
            left = part.bytes
            while left:
                with reading(archive.path_of(part)):
                    data = file.read(min(left, COPY_BYTES))
                left -= out.write(data)
