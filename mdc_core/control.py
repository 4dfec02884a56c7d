"""Telling a command that runs what to do: a Unix socket of each, which only its user may use.

A request is one line of JSON with `do`, and so is the answer; an answer with `error` is a refusal.
Sockets are in $XDG_RUNTIME_DIR/mdc, or below the directory for temporary files, and are named
after their processes. What a command of the same user can be told, another's cannot: the
directory is 0700, and one that is somebody else's is not used.
"""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic
from types import MappingProxyType, TracebackType
from typing import Any

from mdc_core.errors import MdcError, NothingFoundError, RefusedError, UnavailableError, UsageError

Act = Callable[[Mapping[str, Any]], dict[str, Any]]  # raises MdcError for what is refused

_NUMBERS = count(1)  # of the sockets of this process
LARGEST = 1 << 20  # bytes of a request, or an answer
_KINDS: Mapping[str, type[MdcError]] = MappingProxyType(
    {str(kind.exit_status): kind for kind in (UnavailableError, RefusedError)}
)
WITHIN = 10.0  # seconds in which the other side has to have said its line
_ASKING = 2.0  # seconds in which a request has to have come: whoever is slower holds up others


def folder(environ: Mapping[str, str]) -> Path:
    """Where the sockets of this user are."""
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime, "mdc")
    return Path(environ.get("TMPDIR") or "/tmp", f"mdc-{os.getuid()}")


class ControlSocket:
    """Answers requests in a thread of its own, as long as it is entered."""

    def __init__(self, place: Path, act: Act) -> None:
        self.path = place / f"{os.getpid()}-{next(_NUMBERS)}.sock"
        self._act = act
        self._socket = socket.socket(socket.AF_UNIX)
        self._over = False

    def __enter__(self) -> "ControlSocket":
        """Begin to listen; raises OSError where that cannot be."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_strangers(self.path.parent)
            self.path.unlink(missing_ok=True)  # of a process that had this number before
            self._socket.bind(str(self.path))
            self.path.chmod(0o600)
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        threading.Thread(target=self._serve, name="mdc-control", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while not self._over:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.sendall(_line(self._answer(_line_of(client, _ASKING))))

    def _answer(self, text: bytes) -> dict[str, Any]:
        try:
            request = json.loads(text)
            if not isinstance(request, dict):
                raise TypeError
        except (ValueError, TypeError, RecursionError):
            return {"error": "a request is one JSON object in a line"}
        try:
            return self._act(request)
        except MdcError as error:
            return {"error": str(error), "hint": error.hint, "status": error.exit_status}


def running(place: Path) -> dict[Path, dict[str, Any]]:
    """What each command that runs says of itself, by its socket; those of dead ones are taken away.

    One that does not answer in time says nothing but its `pid`. Raises UnavailableError for a
    directory that is not this user's alone.
    """
    found: dict[Path, dict[str, Any]] = {}
    if not place.exists():
        return found
    try:
        _refuse_strangers(place)
        paths = sorted(place.glob("*.sock"))
    except OSError as error:
        raise UnavailableError(str(error)) from error
    for path in paths:
        try:
            found[path] = ask(path, {"do": "status"})
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # it has just ended
        except UnavailableError:
            process = path.name.partition("-")[0]
            pid = int(process) if process.isdecimal() else None
            found[path] = {"pid": pid, "state": "no answer"}
    return found


def ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a command answers, and what it refuses with.

    Raises ConnectionRefusedError and FileNotFoundError where it is not there, UnavailableError
    where it does not answer.
    """
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(WITHIN)
            client.connect(str(path))
            client.sendall(_line(request))
            answer = json.loads(_line_of(client, WITHIN))
    except (ConnectionRefusedError, FileNotFoundError):
        raise
    except TimeoutError:
        late = f"the feed has not answered within {WITHIN:g} s"
        raise UnavailableError(f"{late}; it may still do what it was asked") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnavailableError(f"the feed does not answer: {error}") from error
    if not isinstance(answer, dict):
        raise UnavailableError("the feed answers what is no answer")
    if "error" in answer:
        raise _KINDS.get(str(answer.get("status")), UsageError)(
            str(answer["error"]), hint=answer.get("hint")
        )
    return answer


def find(place: Path, wanted: str | None) -> Path:
    """The one command that is meant, by its provider, process or run.

    Raises NothingFoundError where there is none, UsageError where there are several.
    """
    rows = running(place)
    if wanted is not None:
        rows = {path: row for path, row in rows.items() if wanted in _names(row)}
    names = ", ".join(f"{row.get('provider', '?')} ({row.get('pid')})" for row in rows.values())
    if not rows:
        which = f" named {wanted!r}" if wanted is not None else ""
        raise NothingFoundError(f"no feed{which} is running here", hint="mdc ctl status")
    if len(rows) > 1:
        raise UsageError(f"several feeds are running: {names}", hint="name one with --feed PROCESS")
    return next(iter(rows))


def _names(row: Mapping[str, Any]) -> set[str]:
    return {str(row.get(key)) for key in ("pid", "provider", "run_id")}


def _line(words: Mapping[str, Any]) -> bytes:
    return json.dumps(words).encode() + b"\n"


def _line_of(peer: socket.socket, within: float) -> bytes:
    """The line that the other side says, without its end; what there is where it says no more."""
    text, deadline = b"", monotonic() + within
    while b"\n" not in text and len(text) < LARGEST:
        peer.settimeout(max(deadline - monotonic(), 0.001))
        more = peer.recv(1 << 16)
        if not more:
            break
        text += more
    return text.partition(b"\n")[0]


def _refuse_strangers(place: Path) -> None:
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{place} is not a directory of this user alone")
