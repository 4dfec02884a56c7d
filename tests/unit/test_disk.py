"""What the system says of a disk becomes 65 or 73, and damage is told from a refusal."""

import errno
import os
from pathlib import Path

import pytest

from mdc_core.disk import is_refusal, reading, reason, refused, sync_path, unreadable, writing
from mdc_core.errors import DataError, UnreadableError, WriteError


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/data/x")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (os_error(errno.EIO), True),
        (os_error(errno.EACCES), True),
        (os_error(errno.EMFILE), True),
        (os_error(errno.EINVAL), False),  # a place that no file can have
        (os_error(errno.EOVERFLOW), False),
        (OSError("Arrow: not a Parquet file"), False),
        (ValueError("no"), False),
    ],
)
def test_a_refusal_of_the_system_is_told_from_damage(error: Exception, refusal: bool) -> None:
    assert is_refusal(error) == refusal
    found = unreadable("x.parquet", error, "is damaged")
    assert isinstance(found, UnreadableError) == refusal
    assert found.exit_status == 65
    start = "cannot read x.parquet: " if refusal else "x.parquet: is damaged: "
    assert str(found) == start + reason(error)


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert reason(os_error(errno.ENOSPC)) == "No space left on device"
    assert reason(ValueError("one\n  two\tthree")) == "one two three"
    assert len(reason(ValueError("x" * 10_000))) == 300


def test_a_place_that_refuses() -> None:
    with pytest.raises(WriteError) as raised, writing("there", "nothing is lost"):
        raise os_error(errno.EROFS)
    assert str(raised.value) == "cannot write there: Read-only file system"
    assert (raised.value.hint, raised.value.exit_status) == ("nothing is lost", 73)
    assert raised.value.__cause__ is None
    assert str(refused(Path("a b"), os_error(errno.EDQUOT))) == (
        f"cannot write a b: {os.strerror(errno.EDQUOT)}"
    )


@pytest.mark.parametrize("kind", [FileNotFoundError, NotADirectoryError, PermissionError])
def test_what_is_absent_can_be_told(kind: type[OSError]) -> None:
    number = {FileNotFoundError: errno.ENOENT, NotADirectoryError: errno.ENOTDIR}
    error = kind(number.get(kind, errno.EACCES), "no")
    with pytest.raises(UnreadableError), reading("x"):
        raise error
    wanted = kind if kind in number else UnreadableError
    with pytest.raises(wanted), reading("x", absent=True):
        raise error


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), reading("x"), writing("y"):
        raise ZeroDivisionError
    with pytest.raises(DataError, match="x: cannot be read: what Arrow says"), reading("x"):
        raise OSError("what Arrow says")


def test_a_file_and_a_directory_can_be_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    sync_path(tmp_path / "file")
    sync_path(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_path(tmp_path / "nothing")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
