"""What a run says of itself: where its events come from, and what was asked for.

It is kept once, in the catalog, and in a file beside it for a catalog that is lost; parts name
it by its hash. Where events come from several runs, an origin is a list of the names of others.
"""

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from mdc_core.archive.storage import STATE, sync_all
from mdc_core.disk import reading

FOLDER = "origins"
KEY = b"mdc.origin_key"  # in the metadata of a part
WHOLE = b"mdc.origin"  # all of it: parts of older versions, and files that lie elsewhere
LARGE = 1_500  # bytes; a file that carries it has it twice, and once in base64
FIRST = "first_event"  # in an origin: the hash of an event, of inputs that have no run of their own
LISTED = b'{"origins":["'  # how a list begins
NOTHING = b"{}"  # what is kept of events that do not say where they come from
_NAME = re.compile("[0-9a-f]{24}", re.ASCII)
Look = Callable[[str], bytes | None]


@lru_cache(maxsize=8)
def origin_key(origin: bytes) -> str:
    """The name under which an origin is kept."""
    from hashlib import sha256

    return sha256(origin).hexdigest()[:24]


def file_of(state: Path, key: str) -> Path:
    """Where an origin is kept beside the catalog."""
    return state / FOLDER / f"{key}.json"


def keep(state: Path, origin: bytes) -> str:
    """Write an origin durably if it is not there yet; returns its name."""
    key = origin_key(origin)
    if origin != NOTHING and kept(state, key) is None:
        file = file_of(state, key)
        file.parent.mkdir(exist_ok=True)
        new = file.with_name(f".{key}.{os.getpid()}")
        new.write_bytes(origin)
        sync_all([new])
        new.rename(file)
        sync_all([file.parent, state])
    return key


def kept(state: Path, key: str) -> bytes | None:
    """An origin by its name; None if it is not there, or not as it was written."""
    if key == origin_key(NOTHING):
        return NOTHING
    if not _NAME.fullmatch(key):
        return None
    file = file_of(state, key)
    with suppress(FileNotFoundError, NotADirectoryError), reading(file, absent=True):
        origin = file.read_bytes()
        if origin_key(origin) == key:
            return origin
    return None


def kept_above(path: Path, key: str) -> bytes | None:
    """An origin by its name, of the archive whose root is above a file."""
    found = (kept(folder / STATE, key) for folder in path.absolute().parents)
    return next((origin for origin in found if origin is not None), None)


def forget(state: Path, used: Container[str]) -> None:
    """Remove the files of all others, and what a kill left half-written."""
    for file in (state / FOLDER).glob("*"):
        if file.suffix != ".json" or file.stem not in used:
            file.unlink(missing_ok=True)


def gathered(keys: Iterable[str], look: Look) -> dict[str, bytes]:
    """What can be found under some names, and under those that it names."""
    found: dict[str, bytes] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        origin = None if key in found else look(key)
        if origin is not None:
            found[key] = origin
            waiting += members(origin)
    return found


def is_list(origin: bytes) -> bool:
    """Whether an origin is a list of the names of others."""
    return origin.startswith(LISTED)


def sources_of(origin: bytes) -> list[str]:
    """By what it is known that the same comes again; of a list, the names that are in it.

    That is the run, and for what is read from files or archives, each time as a run of its own,
    these.
    """
    if is_list(origin):
        return sorted(set(members(origin)))
    return sorted({source for begin in begins_in(origin) for source in _sources(begin)})


def _sources(begin: dict[str, Any]) -> Iterator[str]:
    """Each stage on the way has the id of the run, and names its archives or files."""
    yield from map(str, filter(None, [begin.get("run_id"), begin.get(FIRST)]))
    stage: Any = begin
    while isinstance(stage, dict):
        request = stage.get("request")
        request = request if isinstance(request, dict) else {}
        yield from map(str, request.get("archives") or ())
        files = request.get("files")
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict) and file.get("sha256"):
                yield str(file["sha256"])
        stage = stage.get("origin")


def members(origin: bytes) -> list[str]:
    """The names that an origin is a list of."""
    if not is_list(origin):
        return []
    return names_in(msgspec.json.decode(origin))


def names_in(said: Any) -> list[str]:
    """The names that a decoded origin is a list of."""
    listed = said.get("origins") if isinstance(said, dict) else None
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def begins(key: str, look: Look) -> list[dict[str, Any]]:
    """The begin events of the runs that an origin tells of."""
    origin = look(key)
    if origin is None:
        return []
    names = members(origin)
    return [one for name in names for one in begins(name, look)] or begins_in(origin)


def runs(key: str, look: Look) -> list[dict[str, Any]]:
    """The same, without those of which nothing but the first event is known."""
    return [one for one in begins(key, look) if one.keys() != {FIRST}]


def begins_in(origin: bytes) -> list[dict[str, Any]]:
    """The begin events in an origin that has all of them in itself."""
    said = msgspec.json.decode(origin)
    whole = said.get("origins", [said]) if isinstance(said, dict) else []
    return [one for one in whole if one and isinstance(one, dict)]


def joined(keys: Iterable[str], look: Look) -> tuple[str, list[bytes]]:
    """The name of what several parts come from, and what is to be kept for it."""
    distinct = list(dict.fromkeys(keys))
    if len(distinct) == 1:
        return distinct[0], []
    runs = {msgspec.json.encode(one): None for key in distinct for one in begins(key, look)}
    if len(runs) < 2:
        one = next(iter(runs), NOTHING)
        return origin_key(one), [one]
    whole = msgspec.json.encode({"origins": [origin_key(one) for one in runs]})
    return origin_key(whole), [*runs, whole]
