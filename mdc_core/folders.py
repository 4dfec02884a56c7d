"""The files below a folder, those behind links as well, each of them once; what is a path."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

Chosen = Callable[[str, list[str]], list[str] | None]
_Identity = tuple[int, int]


def is_there(text: str) -> bool:
    """Whether a text is the path of something; one that is too long for a path is not."""
    with suppress(OSError, ValueError):
        return Path(text).exists()
    return False


def _every(folder: str, folders: list[str]) -> list[str]:
    return folders


def files_below(folder: Path, chosen: Chosen = _every) -> Iterator[Path]:
    """The files below a folder: first those that are there, then those behind links.

    What a link leads to is left out where it was listed already, so a link to a folder above
    is no circle; a link to nothing is a file. `chosen` says which folders of a folder are
    looked into, or None for none of its files either. Raises OSError for a folder that cannot
    be listed.
    """
    yield from _listed(str(folder), chosen, set())


def _listed(folder: str, chosen: Chosen, seen: set[_Identity | None]) -> Iterator[Path]:
    links: list[Path] = []
    for top, folders, names in os.walk(folder, onerror=_raise):
        here = _identity(Path(top))
        wanted = None if here in seen else chosen(top, folders)
        folders[:] = sorted(wanted or ())
        if wanted is None:
            continue
        seen.add(here)
        for name in [*folders, *sorted(names)]:
            path = Path(top, name)
            if path.is_symlink():
                links.append(path)
            elif name not in folders:
                yield path
    for link in links:
        if link.is_dir():
            yield from _listed(str(link), chosen, seen)
        elif not link.exists():
            yield link
        elif not seen.intersection((_identity(link), _identity(link.resolve().parent))):
            seen.add(_identity(link))
            yield link


def _identity(path: Path) -> _Identity | None:
    """What a folder or file is whatever its name; None if it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
