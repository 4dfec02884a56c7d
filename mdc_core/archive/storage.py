"""Where parts lie: a directory, or an object store by a URL such as s3://bucket/prefix."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from time import time_ns
from typing import TYPE_CHECKING, Any

from mdc_core.disk import reading, reason, sync_path, unreadable, writing
from mdc_core.errors import ConfigError, DataError, UnreadableError, WriteError
from mdc_core.folders import files_below
from mdc_core.texts import counted

if TYPE_CHECKING:
    import pyarrow as pa

URL = re.compile(r"[a-z][a-z0-9+.-]+://")
SYNCS_AT_ONCE = 4
COPY_BYTES = 4 << 20
STATE = "_mdc"  # the directory of catalog and journals
COLUMNS = "%.columns.parquet"  # no part, but what plain readers look into first of a folder


class Storage:
    """Files by their paths below a directory or prefix, each whole or not there."""

    url: str
    local: Path | None = None

    def open(self, path: str) -> "pa.NativeFile":
        """A file to read anywhere in; raises FileNotFoundError."""
        raise NotImplementedError

    def take(self, files: Sequence[tuple[Path, str]]) -> None:
        """Bring finished files from the state directory into their places, durably."""
        raise NotImplementedError

    def make(self, path: str, data: bytes) -> None:
        """Make a small file, durably, unless there is one; it is whole or not there."""
        raise NotImplementedError

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is fine."""
        raise NotImplementedError

    def size(self, path: str) -> int | None:
        """The bytes of a file, None if it is not there."""
        raise NotImplementedError

    def modified(self, path: str) -> int:
        """When a file was written; raises UnreadableError if it is not there."""
        raise NotImplementedError

    def absent(self, paths: Sequence[str]) -> list[str]:
        """Which of these files, given in the order of their paths, are not there."""
        raise NotImplementedError

    def walk(self) -> Iterator[tuple[str, int]]:
        """All files that may be parts and their sizes, in the order of their paths."""
        raise NotImplementedError

    def full_path(self, path: str) -> str:
        """The path as people and other programs name it."""
        raise NotImplementedError


class Directory(Storage):
    """A directory of this host."""

    def __init__(self, local: Path) -> None:
        self.local: Path = local
        self.url = str(local)

    def open(self, path: str) -> "pa.NativeFile":
        """A file to read anywhere in, mapped: only what is read comes from the disk."""
        import pyarrow as pa

        with reading(self.full_path(path), absent=True):
            name: Any = os.fsencode(self.local / path)  # Arrow takes bytes as well
            if not S_ISREG((self.local / path).stat().st_mode):  # a FIFO would wait for its writer
                raise DataError(f"{self.full_path(path)} is not a regular file")
            return pa.OSFile(name, "rb")

    def take(self, files: Sequence[tuple[Path, str]]) -> None:
        """Sync the files, rename them, sync the directories they are in now."""
        targets = [self.local / path for _, path in files]
        folders = {target.parent for target in targets}
        above = {above for folder in folders for above in folder.parents}
        within = {*folders, *(f for f in above if f.is_relative_to(self.local))} - {self.local}
        for folder in within:
            if (folder / STATE).exists():
                hint = "it has the name of a symbol, a type or a day of this one: move it"
                raise WriteError(f"{folder} is the root of another archive", hint=hint)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        sync_all([source for source, _ in files])
        for (source, _), target in zip(files, targets, strict=True):
            _rename(source, target)
        sync_all([*within, self.local])

    def make(self, path: str, data: bytes) -> None:
        """Make a small file unless there is one: of several processes one does."""
        target = self.local / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        beside.write_bytes(data)
        sync_path(beside)
        try:
            with suppress(FileExistsError):
                os.link(beside, target)
        except OSError:  # a file system without links
            if not target.exists():
                beside.rename(target)
        beside.unlink(missing_ok=True)
        sync_all(
            [target.parent, *(f for f in target.parent.parents if f.is_relative_to(self.local))]
        )

    def remove(self, path: str) -> None:
        """Remove a file, and the directories that it leaves empty."""
        target = self.local / path
        target.unlink(missing_ok=True)
        for folder in map(self.local.joinpath, target.relative_to(self.local).parents[:-1]):
            with suppress(OSError):
                if os.listdir(folder) == [COLUMNS]:  # noqa: PTH208 - names are enough
                    (folder / COLUMNS).unlink()
                folder.rmdir()

    def size(self, path: str) -> int | None:
        """The bytes of a file, None if it is not there."""
        try:
            return (self.local / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def modified(self, path: str) -> int:
        """When a file was written; raises UnreadableError if it is not there."""
        with reading(self.full_path(path)):
            return (self.local / path).stat().st_mtime_ns

    def absent(self, paths: Sequence[str]) -> list[str]:
        """Which of these files are not there; each folder is listed once."""
        found: list[str] = []
        for folder, those in groupby(paths, lambda path: path.rpartition("/")[0]):
            there: set[str] = set()
            with (
                suppress(FileNotFoundError, NotADirectoryError),
                reading(self.full_path(folder), absent=True),
            ):
                there = set(os.listdir(self.local / folder))  # noqa: PTH208 - names are enough
            start = len(folder) + 1 if folder else 0
            found += [path for path in those if path[start:] not in there]
        return found

    def walk(self) -> Iterator[tuple[str, int]]:
        """All files and their sizes, those behind links once; not what is hidden or another's.

        What is no regular file has no events either: a FIFO, a socket, a device.
        """
        try:
            for file in files_below(self.local, self._chosen):
                if file.name[0] != "." and file.name != COLUMNS and file.is_file():
                    with suppress(FileNotFoundError):
                        yield file.relative_to(self.local).as_posix(), file.stat().st_size
        except OSError as error:  # a folder that cannot be listed is not empty
            raise unreadable(error.filename, error) from None

    def _chosen(self, folder: str, folders: list[str]) -> list[str] | None:
        """The folders in a folder that are the archive's; None if it is another archive's."""
        if folder != str(self.local) and (STATE in folders or self._is_of_another(Path(folder))):
            return None
        return [f for f in folders if f not in (STATE, "_tmp") and f[0] != "."]

    def _is_of_another(self, folder: Path) -> bool:
        """Whether a link leads into another archive, or above this one."""
        if not folder.is_symlink():
            return False
        there, own = folder.resolve(), self.local.resolve()
        others = (place for place in there.parents if place != own)
        return own.is_relative_to(there) or any((place / STATE).is_dir() for place in others)

    def full_path(self, path: str) -> str:
        """The path of a file."""
        return str(self.local / path)


class Bucket(Storage):
    """A prefix of an object store; an object is there when its upload is complete."""

    def __init__(self, url: str) -> None:
        if "@" in url.partition("://")[2].partition("/")[0] and not url.startswith("abfs"):
            raise ConfigError(
                f"{url.partition('://')[0]}://...: keys do not belong in a URL",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
            )
        self.url = url.partition("?")[0].rstrip("/")
        self._fs, self._prefix = _filesystem(url)

    def open(self, path: str) -> "pa.NativeFile":
        """An object to read anywhere in: only what is read is fetched."""
        with self._reading(path):
            file: pa.NativeFile = self._fs.open_input_file(self._key(path))
        return file

    def take(self, files: Sequence[tuple[Path, str]]) -> None:
        """Upload the files, some at a time, and look that each arrived whole."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
            list(pool.map(lambda pair: self._upload(*pair), files))
        for source, _ in files:
            source.unlink()

    def _upload(self, source: Path, path: str) -> None:
        size = source.stat().st_size
        with (
            writing(self.full_path(path)),
            source.open("rb") as file,
            self._fs.open_output_stream(self._key(path), compression=None) as out,
        ):
            while data := file.read(COPY_BYTES):
                out.write(data)
        arrived = self.size(path)
        if arrived != size:
            raise WriteError(
                f"{self.full_path(path)}: {arrived:,} of {counted(size, 'byte')} arrived"
            )

    def make(self, path: str, data: bytes) -> None:
        """Upload a small object unless there is one."""
        if self.size(path) is None:
            with (
                writing(self.full_path(path)),
                self._fs.open_output_stream(self._key(path), compression=None) as out,
            ):
                out.write(data)

    def remove(self, path: str) -> None:
        """Remove an object; one that is not there is fine."""
        with writing(self.full_path(path)), suppress(FileNotFoundError):
            self._fs.delete_file(self._key(path))

    def size(self, path: str) -> int | None:
        """The bytes of an object, None if it is not there."""
        with self._reading(path):
            found: Any = self._fs.get_file_info(self._key(path))
        size: int | None = found.size
        return size

    def modified(self, path: str) -> int:
        """When an object was written."""
        with self._reading(path):
            found: Any = self._fs.get_file_info(self._key(path))
        return int(found.mtime_ns or time_ns())

    def absent(self, paths: Sequence[str]) -> list[str]:
        """Which of these objects are not there; what they have in common is listed."""
        common = os.path.commonpath([PurePosixPath(path).parent for path in paths])
        there = {path for path, _ in self._listed(common)}
        return [path for path in paths if path not in there]

    def walk(self) -> Iterator[tuple[str, int]]:
        """All objects and their sizes, in the order of their paths."""
        files = self._listed("")
        chosen = (f for f in files if not f[0].startswith(f"{STATE}/") and not _is_columns(f[0]))
        return iter(sorted(chosen))

    def _listed(self, below: str) -> Iterator[tuple[str, int]]:
        import pyarrow.fs as pafs

        start = self._key(below).rstrip("/")
        selector = pafs.FileSelector(start, allow_not_found=True, recursive=True)
        with self._reading(below):
            infos: Any = self._fs.get_file_info(selector)
        prefix = PurePosixPath(self._prefix)
        for info in infos:
            if info.is_file:
                yield PurePosixPath(info.path).relative_to(prefix).as_posix(), info.size

    def full_path(self, path: str) -> str:
        """The URL of an object."""
        return f"{self.url}/{path}"

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}"

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        """What an object store answers as errors of ours; FileNotFoundError stays."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnreadableError(f"cannot read {self.full_path(path)}: {reason(error)}") from None


def _is_columns(path: str) -> bool:
    return path.rpartition("/")[2] == COLUMNS


def storage_of(url: str | Path) -> Storage:
    """The place that a path or a URL names."""
    if URL.match(str(url)):
        return Bucket(str(url))
    return Directory(Path(url))


def _filesystem(url: str) -> tuple[Any, str]:
    import pyarrow as pa
    import pyarrow.fs as pafs

    try:
        filesystem, prefix = pafs.FileSystem.from_uri(url)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ConfigError(
            f"{url}: {reason(error)}",
            hint="s3://bucket/prefix, gs://bucket/prefix, abfs://container@account/prefix",
        ) from None
    if not prefix.strip("/"):
        raise ConfigError(f"{url}: names no bucket", hint="s3://bucket/prefix")
    return filesystem, prefix.rstrip("/")


def _rename(source: Path, target: Path) -> None:
    """Rename, also to another file system: then the target is whole or not there as well."""
    try:
        source.rename(target)
    except FileNotFoundError:
        # A directory that was empty until now, and that another process has just removed.
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except OSError as error:
        if error.errno != 18:  # EXDEV
            raise
        beside = target.with_name(f".{target.name}.part")
        from shutil import copyfile

        copyfile(source, beside)
        sync_all([beside])
        beside.rename(target)
        source.unlink()


def sync_all(paths: Sequence[Path]) -> None:
    """Bring files or directories to the disk, some at a time: the disk takes them together."""
    if not paths:
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
        shares = (paths[at::SYNCS_AT_ONCE] for at in range(SYNCS_AT_ONCE))
        list(pool.map(lambda share: list(map(sync_path, share)), shares))
