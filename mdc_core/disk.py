"""What the system says of a disk, as errors of ours that name the place, and what is safe.

An OSError with a number is the system's: it refuses, whatever is in the file. One without is
Arrow's, and about what is in the file.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mdc_core.errors import DataError, UnreadableError, WriteError
from mdc_core.texts import typed

if TYPE_CHECKING:
    from pathlib import Path

# What a machine may come to at any call: no bug, wherever it comes up.
NO_ROOM = frozenset({errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS})
CONDITIONS = NO_ROOM | frozenset(
    {
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ESTALE,
    }
)


# What SQLite says where the system refuses.
DATABASE_REFUSALS = ("full", "disk I/O", "readonly", "unable")
# What damage in a file leads to: a place that no file can have.
_OF_DAMAGE = (errno.EINVAL, errno.EOVERFLOW)


def is_refusal(error: BaseException) -> bool:
    """Whether it is the system that refuses, and not what is in a file."""
    return isinstance(error, OSError) and bool(error.errno) and error.errno not in _OF_DAMAGE


def reason(error: BaseException) -> str:
    """An error in the system's own words, on one line."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return " ".join(str(error).split())[:300]


def refused(where: object, error: OSError, hint: str | None = None) -> WriteError:
    """The error for a place that cannot be written; `hint` says what is safe."""
    return WriteError(f"cannot write {where}: {reason(error)}", hint=hint)


def absent(name: object, hint: str | None = None) -> DataError:
    """The error for a file or directory that does not exist."""
    return UnreadableError(f"no such file or directory: {name}", hint=hint)


def no_archive(root: object) -> DataError:
    """The error for an archive that does not exist; its hint is the command that makes one."""
    return DataError(f"no archive at {root}", hint=typed("store", "--root", root, "FILE"))


def no_catalog(root: object) -> DataError:
    """The error for an archive without its catalog; its hint is the command that rebuilds it."""
    return DataError(f"{root} has no catalog", hint=typed("catalog", "rebuild", "--root", root))


def unreadable(name: object, error: BaseException, damage: str = "cannot be read") -> DataError:
    """The error for a file that cannot be read; `damage` says what it is if it is to blame."""
    if isinstance(error, FileNotFoundError):
        return absent(name)
    if is_refusal(error):
        return UnreadableError(f"cannot read {name}: {reason(error)}")
    return DataError(f"{name}: {damage}: {reason(error)}")


def is_no_file(path: "Path") -> bool:
    """Whether there is something that is written to and never replaced: a device, a FIFO."""
    return path.exists() and not (path.is_file() or path.is_dir())


def must_be_new(path: "Path", *, force: bool = False, hint: str = "--force overwrites it") -> None:
    """Raise WriteError for a place where something is already, unless that may go.

    What is no file holds nothing that could be lost.
    """
    if not force and path.exists() and not is_no_file(path):
        raise WriteError(f"{path} exists already", hint=hint)


def check_place(path: "Path") -> None:
    """Raise WriteError where no file can be made at a path, before there is anything to write."""
    with writing(path):
        if path.is_dir():
            raise _error(errno.EISDIR)
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        if there != path and not there.is_dir():
            raise _error(errno.ENOTDIR)
        if not os.access(there, os.W_OK):
            raise _error(errno.EACCES)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def sync_path(path: "Path") -> None:
    """Bring a file, or the names in a directory, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_at(fd: int, size: int, at: int) -> bytes:
    """The bytes at a place of a file, fewer only at its end; a call of the system may give less."""
    data = os.pread(fd, size, at)
    while 0 < len(data) < size and (more := os.pread(fd, size - len(data), at + len(data))):
        data += more
    return data


@contextmanager
def writing(where: object, hint: str | None = None) -> Iterator[None]:
    """Raise what the system refuses as a WriteError."""
    try:
        yield
    except OSError as error:
        raise refused(where, error, hint) from None


@contextmanager
def reading(name: object, *, absent: bool = False) -> Iterator[None]:
    """Raise what the system refuses as an UnreadableError.

    With `absent`, FileNotFoundError and NotADirectoryError stay what they are.
    """
    try:
        yield
    except OSError as error:
        if absent and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise
        raise unreadable(name, error) from None
