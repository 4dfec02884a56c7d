"""Whose a place is: what an archive puts parts into carries the archive's id.

An archive has an id, made once, in `_mdc/archive.json`; each directory or prefix beside its root
that has parts of it has a file of that name as well. It is made before the first part goes there,
and never written over. Whoever finds the id of another archive leaves the place alone.
"""

import os
from contextlib import suppress
from pathlib import Path
from socket import gethostname
from uuid import uuid4

import msgspec
from msgspec import Struct

from mdc_core.archive.storage import STATE, Storage
from mdc_core.disk import reading, writing
from mdc_core.errors import ConfigError, DataError
from mdc_core.texts import plainly

NAME = "archive.json"
FILE = f"{STATE}/{NAME}"
CATALOG = "catalog.sqlite"
HERE = "."


class Owner(Struct, frozen=True):
    """The archive that a place belongs to: its id, and its root as seen from the place."""

    id: str
    root: str = HERE

    def root_from(self, place: Storage) -> str:
        """The root as people name it."""
        if place.local is None:
            return self.root
        return os.path.normpath(place.local.resolve() / self.root)


def new_id() -> str:
    """An id that no other archive has."""
    return uuid4().hex


def owner_of(place: Storage) -> Owner | None:
    """The archive that a place belongs to, if it says so."""
    name = place.full_path(FILE)
    try:
        with reading(name, absent=True), place.open(FILE) as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _decoded(data, name)


def owner_in(state: Path) -> Owner | None:
    """The archive whose state directory this is, if it says so."""
    path = state / NAME
    try:
        with reading(path, absent=True):
            data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _decoded(data, str(path))


def _decoded(data: bytes, name: str) -> Owner:
    try:
        return msgspec.json.decode(data, type=Owner)
    except msgspec.DecodeError as error:
        hint = "it says which archive the directory belongs to; remove it if you know"
        raise DataError(f"{name}: damaged: {plainly(error)}", hint=hint) from None


def encoded(owner: Owner) -> bytes:
    """The content of the file."""
    return msgspec.json.encode(owner) + b"\n"


def seen_from(place: Storage, root: Storage) -> str:
    """How a place names a root: so that both can be moved, or copied, together."""
    if place.local is None or root.local is None:
        return str(root.local.resolve()) if root.local is not None else root.url
    return os.path.relpath(root.local.resolve(), place.local.resolve())


def is_root(folder: Path) -> bool:
    """Whether a directory is the root of an archive, or belongs to one beside it."""
    return any((folder / STATE / name).exists() for name in (NAME, CATALOG))


def around(folder: Path) -> Path | None:
    """The place of an archive that a directory lies within, the innermost."""
    resolved = folder.resolve()
    return next((above for above in resolved.parents if is_root(above)), None)


def archive_of(place: Path | str) -> str | None:
    """The archive in which a file or directory lies, or whose root it is; the same from wherever.

    Its root and its id: a copy is another archive, and so is one of the same path on another host.
    """
    if isinstance(place, str):  # a URL
        return place.rstrip("/")
    folder = place if place.is_dir() or not place.exists() else place.parent
    top = _root_around(folder)
    if top is None:
        return None if place.is_file() else f"{gethostname()}:{folder.resolve()}"
    owner = owner_in(top / STATE)
    if owner is None:
        return f"{gethostname()}:{top}"
    return f"{owner.id}:{os.path.normpath(top / owner.root)}"


def check(place: Storage, id_: str | None, root: Storage) -> bool:
    """Whether a place belongs to an archive, or to none yet; raises ConfigError for another's.

    An archive that has lost its id (None) may go on reading what was taken by its root.
    """
    owner = owner_of(place)
    if owner is None:
        return False
    here = str(root.local.resolve()) if root.local is not None else root.url
    if owner.id != id_ and not (id_ is None and owner.root_from(place) == here):
        raise _refused(place, owner, f"not to {root.url}")
    if root.local is not None and _is_copy(place, owner, root.local):
        raise _refused(place, owner, f"of which {root.url} is a copy")
    return True


def take_root(root: Storage, id_: str, state: Path) -> None:
    """Make the root of an archive at a URL its own; raises ConfigError if another catalog has it.

    Two catalogs of one root would each miss, and overwrite, what the other enters.
    """
    owner = owner_of(root)
    if owner is None:
        here = Owner(id_, f"{gethostname()}:{state.absolute()}")
        root.make(FILE, encoded(here))
        owner = owner_of(root) or here
    if owner.id != id_:
        hint = f"write from there (MDC_STATE); if that is gone, remove {root.full_path(FILE)}"
        raise ConfigError(f"{root.url} is written by another catalog, {owner.root}", hint=hint)


def _is_copy(place: Storage, owner: Owner, root: Path) -> bool:
    """Whether the archive that took a place is still where it was, and is not this one."""
    taken_by = Path(owner.root_from(place))
    with suppress(OSError, DataError):
        there = owner_in(taken_by / STATE)
        return there is not None and there.id == owner.id and not taken_by.samefile(root)
    return False


def _refused(place: Storage, owner: Owner, who: str) -> ConfigError:
    whose = owner.root_from(place)
    hint = f"a directory of its own; if {whose} is no more, remove {place.full_path(FILE)}"
    return ConfigError(f"{place.url} belongs to the archive {whose}, {who}", hint=hint)


def take(place: Storage, id_: str, root: Storage) -> None:
    """Make a place an archive's own; raises ConfigError where another one was first."""
    if place.local is not None and (other := _root_around(place.local)) is not None:
        said = "is the root of" if other == place.local.resolve() else "lies within"
        hint = "a directory of its own, beside the roots"
        raise ConfigError(f"{place.url} {said} another archive, {other}", hint=hint)
    with writing(place.full_path(FILE)):
        place.make(FILE, encoded(Owner(id_, seen_from(place, root))))
    check(place, id_, root)


def check_root(folder: Path) -> None:
    """Raise ConfigError where the root of an archive would be a place of another, or in one."""
    own = owner_in(folder / STATE)
    if own is not None and own.root != HERE:
        whose = os.path.normpath(folder.resolve() / own.root)
        hint = f"--root {whose}; if that is no more, remove {folder / FILE}"
        raise ConfigError(f"{folder} belongs to the archive {whose}", hint=hint)
    if not is_root(folder) and (other := around(folder)) is not None:
        hint = f"--root {other}, or a directory beside it"
        raise ConfigError(f"{folder} lies within the archive {other}", hint=hint)


def _root_around(folder: Path) -> Path | None:
    """The archive that a directory is the root of, or lies within."""
    resolved = folder.resolve()
    return resolved if is_root(resolved) else around(resolved)
