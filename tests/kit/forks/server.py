"""A process that has imported mdc, and forks for each command that a stub hands over.

    python server.py LISTENING_FD STUB_FOLDER

It ends when its standard input does, that is with whoever started it.
"""

import atexit
import ctypes
import gc
import importlib
import io
import marshal
import os
import pkgutil
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import typing
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

# Before numpy and Arrow are imported, as mdc's own start sets them.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PACKAGES = (
    "mdc_core",
    "mdc_providers",
    "mdc_validators",
    "mdc_sinks",
    "mdc_exporters",
    "mdc_filters",
)
HEAVY = (
    "duckdb",
    "encodings.idna",
    "exchange_calendars",
    "lz4.frame",
    "multiprocessing.pool",
    "websockets.sync.client",
    "websockets.sync.server",
)
LARGE = 1 << 21  # bytes: a large page
MADV_COLLAPSE = 25
LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE")
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class Request(NamedTuple):
    """What a stub hands over."""

    args: list[str]
    environ: dict[bytes, bytes]
    folder: str
    umask: int
    fds: list[int]
    ignored: list[int]

    @property
    def forkable(self) -> bool:
        """Whether a process that is running already can do it as a new one would."""
        mine = os.environb
        python = {name for name in self.environ if name.startswith(b"PYTHON")}
        return (
            python <= {b"PYTHONPATH"}
            and all(self.environ.get(name.encode()) == mine.get(name.encode()) for name in LOCALE)
            and not any(map(self._hides_ours, self.packages))
        )

    @property
    def packages(self) -> list[Path]:
        """The folders of PYTHONPATH."""
        path = os.fsdecode(self.environ.get(b"PYTHONPATH", b""))
        return [Path(self.folder, folder) for folder in path.split(os.pathsep) if path]

    def _hides_ours(self, folder: Path) -> bool:
        """Whether a module there would have been imported in place of one that is here."""
        names = {path.name.partition(".")[0] for path in folder.glob("*")}
        return not names.isdisjoint({*sys.modules, "sitecustomize"})


def preload() -> None:
    """Import everything that a command may import."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if "exchange_calendars" in sys.modules:  # it keeps the ones that it has made
        sys.modules["exchange_calendars"].get_calendar("XNYS")
    # A module of C has them called at exit: each child would write to, and so copy, all of these.
    typing._cleanups.clear()  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()
    gather()


def gather() -> None:
    """Bring memory into large pages, where the system can: a fork copies the table of pages."""
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, kind, _, _, _, *name = line.split()
        first, last = (int(end, 16) for end in span.split("-"))
        first = -(-first // LARGE) * LARGE
        room = last // LARGE * LARGE - first
        if kind == "rw-p" and name in ([], ["[heap]"]) and room > 0:
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(room), MADV_COLLAPSE)


def serve(listening: socket.socket) -> socket.socket | None:
    """Fork for each connection; in a child, its connection."""
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(0, select.POLLIN)
    lines: dict[int, tuple[socket.socket, int, int]] = {}
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                for _, child, _ in lines.values():
                    os.kill(child, signal.SIGKILL)
                return None
            if fd == listening.fileno():
                line, _ = listening.accept()
                child = os.fork()
                if not child:
                    close(listening, lines)
                    return line
                watch = os.pidfd_open(child)
                lines[watch] = lines[line.fileno()] = (line, child, watch)
                poll.register(watch, select.POLLIN)
                poll.register(line, select.POLLRDHUP)
            elif fd in lines:
                line, child, watch = lines[fd]
                if fd == watch:
                    _, status = os.waitpid(child, 0)
                    tell(line, status)
                    for end in (line.fileno(), watch):
                        poll.unregister(end)
                        del lines[end]
                    line.close()
                    os.close(watch)
                else:  # the stub is gone
                    os.kill(child, signal.SIGKILL)
                    poll.modify(fd, 0)


def close(listening: socket.socket, lines: dict[int, tuple[socket.socket, int, int]]) -> None:
    """Let go of what is the server's alone."""
    listening.close()
    for fd, (line, _, watch) in lines.items():
        if fd == watch:
            os.close(watch)
            line.close()


def tell(line: socket.socket, number: int) -> None:
    """Send a stub a number, if it is still there."""
    try:
        line.sendall(number.to_bytes(4, "big"))
    except OSError:
        return


def take(line: socket.socket) -> tuple[Request, list[int], int]:
    """The request, the open files that came with it, and the stub's process."""
    head, fds, _, _ = socket.recv_fds(line, 8, 250)
    room = int.from_bytes(head, "big")
    body = b""
    while len(body) < room:
        more = line.recv(room - len(body))
        if not more:
            os._exit(1)
        body += more
    size = struct.calcsize("3i")
    stub, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Request(*marshal.loads(body)), fds, stub


def become(request: Request, fds: list[int], stub: int) -> None:
    """Make this process what the stub was started as."""
    os.chdir(request.folder)
    os.umask(request.umask)
    os.environb.clear()
    os.environb.update(request.environ)
    time.tzset()
    high = [os.dup2(fd, 700 + at) for at, fd in enumerate(fds)]
    for fd in fds:
        os.close(fd)
    for fd in (0, 1, 2):
        os.close(fd)
    for fd, number in zip(high, request.fds, strict=True):
        os.dup2(fd, number, inheritable=True)
        os.close(fd)
    sys.stdin = sys.__stdin__ = opened(0, "r", sys.stdin)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = opened(1, "w", sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = opened(2, "w", sys.stderr)  # type: ignore[misc]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in request.ignored:
        signal.signal(number, signal.SIG_IGN)
    for limit in LIMITS:
        resource.setrlimit(limit, resource.prlimit(stub, limit))
    sys.path[1:1] = map(str, request.packages)
    for constant in os.environ.get("MDC_CONSTANTS", "").split():
        place, _, number = constant.partition("=")
        module, _, name = place.partition(":")
        assert name in vars(sys.modules[module]), constant
        setattr(sys.modules[module], name, int(number))


def opened(fd: int, mode: str, like: TextIO) -> TextIO:
    """A standard stream, made as Python makes them; None where nothing is open."""
    try:
        os.fstat(fd)
    except OSError:
        return None  # type: ignore[return-value]
    raw = io.FileIO(fd, mode, closefd=False)
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    made = io.TextIOWrapper(
        buffered,
        like.encoding,
        like.errors,
        line_buffering=fd == 2 or raw.isatty(),
    )
    made.mode = mode
    return made


def main(listening: int, folder: Path) -> int:
    """Serve; in a child, be mdc."""
    preload()
    line = serve(socket.socket(fileno=listening))
    if line is None:
        return 0
    # Out of the way of the numbers that the stub's files have.
    low = line.detach()
    line = socket.socket(fileno=os.dup2(low, 690, inheritable=False))
    os.close(low)
    request, fds, stub = take(line)
    if not request.forkable:
        tell(line, 0)
        os._exit(0)
    become(request, fds, stub)
    tell(line, os.getpid())
    line.close()
    sys.argv = [str((folder / "real").readlink()), *request.args]
    from mdc_core.cli.main import main as mdc

    fault = os.environ.get("MDC_FAIL")
    if fault:
        from fail_points import install  # beside this file

        install(fault)
    return mdc()


def leave(status: int) -> NoReturn:
    """End as Python does, but without taking down hundreds of modules that were never used."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main(int(sys.argv[1]), Path(sys.argv[2])))
