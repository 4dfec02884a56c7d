"""The containers that a pack can be, by name, by suffix and by first bytes."""

from pathlib import Path

from mdc_core.archive.pack.containers.container import Container
from mdc_core.errors import UsageError

FORMATS = ("zip", "tar.gz", "tar.zst", "7z")


def container(name: str) -> Container:
    """The container of a format's name."""
    if name == "zip":
        from mdc_core.archive.pack.containers.zips import Zip

        return Zip()
    if name == "7z":
        from mdc_core.archive.pack.containers.sevenzip import SevenZip

        return SevenZip()
    from mdc_core.archive.pack.containers.tars import TarGz, TarZst

    return TarGz() if name == "tar.gz" else TarZst()


def format_of(path: Path) -> str | None:
    """The format that a file's name says, None if it says none."""
    return next((f for f in FORMATS if path.name.endswith(f".{f}")), None)


def asked_format(path: Path, named: str | None) -> str:
    """The format to write: what is named, else what the suffix says."""
    found = named or format_of(path)
    if found is None:
        raise UsageError(
            f"{path}: its name does not say which container it is",
            hint=f"end it in .{', .'.join(FORMATS)}, or say --format",
        )
    return found


def sniffed(path: Path) -> str | None:
    """The format of a file by its first bytes."""
    with path.open("rb") as file:
        head = file.read(6)
    marks = {
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
        b"\x1f\x8b": "tar.gz",
        b"\x28\xb5\x2f\xfd": "tar.zst",
        b"7z\xbc\xaf\x27\x1c": "7z",
    }
    return next((name for mark, name in marks.items() if head.startswith(mark)), None)
