"""What plugins of third parties must leave alone in the process that they run in.

They can change anything here, and nobody hinders them. Between two batches, and where something
fails that nobody can explain, this looks whether they have; what can be put back is put back, so
that it can be told.
"""

import os
import sys
from typing import NamedTuple

from mdc_core.errors import PluginError
from mdc_core.wire import stdout

_FINISH_WITHIN = 1.0  # seconds, for a thread that a plugin has left behind


class _Process(NamedTuple):
    """How the process was before the first of them came."""

    directory: str
    path: list[str]
    depth: int
    open: list[int]  # standard streams


_before: list[_Process] = []
_names: list[str] = []


def came(name: str) -> None:
    """Note that a third party's plugin is about to be imported."""
    if name in _names:
        return
    if not _before:
        _before.append(_now())
    _names.append(name)


def _now() -> _Process:
    streams = [number for number in (0, 1, 2) if _is_open(number)]
    return _Process(_directory(), [*sys.path], sys.getrecursionlimit(), streams)


def any_came() -> bool:
    """Whether a third party's plugin was imported."""
    return bool(_names)


def again() -> None:
    """Note how the process is now: whoever uses mdc from Python may change it between two runs."""
    if _before:
        _before[0] = _now()


def damage() -> PluginError | None:
    """The error of a plugin that has changed what is everybody's; None as long as none has."""
    if not _before or not (changed := _changed(_before[0])):
        return None
    return PluginError(
        f"{' or '.join(_names)} has {changed}",
        hint="docs/plugins.md says what a plugin must leave alone",
    )


def check() -> None:
    """Raise the error of a plugin that has changed what is everybody's."""
    if _before and (error := damage()) is not None:
        raise error


def threads_left() -> list[str]:
    """The names of threads that would keep the process from ending, and are a plugin's."""
    if not _before:
        return []
    import threading

    ours = threading.current_thread()
    left = [t for t in threading.enumerate() if t is not ours and not t.daemon]
    for thread in left:
        thread.join(_FINISH_WITHIN)
    return [thread.name for thread in left if thread.is_alive()]


def _changed(before: _Process) -> str:
    """What was changed; it is put back as far as that goes."""
    found = []
    if _directory() != before.directory:
        found.append(f"changed the working directory to {_directory()}")
        os.chdir(before.directory)
    if not sys.path:
        found.append("emptied sys.path")
        sys.path = [*before.path]
    if sys.excepthook is None:
        found.append("removed sys.excepthook")
        sys.excepthook = sys.__excepthook__
    if sys.getrecursionlimit() < before.depth:
        found.append(f"set the recursion limit to {sys.getrecursionlimit()}")
        sys.setrecursionlimit(before.depth)
    if closed := [n for n in {*before.open, stdout.descriptor()} if not _is_open(n)]:
        found.append(f"closed descriptors that are not its own: {', '.join(map(str, closed))}")
        stdout.keep_places()
    return " and ".join(found)


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - nobody needs pathlib for --help
    except OSError:  # it was removed
        return ""


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
