"""How wide decimals are at rest: one width for all parts of an event type.

Plain readers take the columns of the first file for those of all, and round the others to them.
So a type whose values do not all fit decimal(18, 9) is wide everywhere: that is noted first, then
the parts that are there are written anew (`upkeep/widen.py`), and only then the value comes in.
"""

from pathlib import Path

from mdc_core.archive.storage import sync_all
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import writing

_FOLDER = "wide"
_BEGUN = ".begun"


def is_wide(archive: Archive, type_name: str) -> bool:
    """Whether the decimals of an event type are (36, 18) in each part that is written."""
    folder = archive.state / _FOLDER
    return (folder / type_name).exists() or (folder / f"{type_name}{_BEGUN}").exists()


def decimals_of(archive: Archive, type_name: str) -> bytes:
    """The width of the decimals of an event type, as a part is told it."""
    return b"wide" if is_wide(archive, type_name) else b"narrow"


def note_wide(archive: Archive, type_name: str) -> None:
    """Note that a type is wide, and that its parts have to be written anew."""
    folder = archive.state / _FOLDER
    with writing(folder):
        folder.mkdir(exist_ok=True)
        (folder / f"{type_name}{_BEGUN}").touch()
        sync_all([folder, archive.state])


def begun(archive: Archive) -> list[str]:
    """The types that are to be wide, and whose parts may not all be yet."""
    found = (archive.state / _FOLDER).glob(f"*{_BEGUN}")
    return sorted(path.name.removesuffix(_BEGUN) for path in found)


def note_done(archive: Archive, type_name: str) -> None:
    """Note that all parts of a type are wide."""
    path: Path = archive.state / _FOLDER / f"{type_name}{_BEGUN}"
    with writing(path):
        path.rename(path.with_suffix(""))
