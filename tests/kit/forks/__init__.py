"""`mdc` on PATH as a stub whose work is done by a process forked from one that is warm.

A new Python with Arrow costs 0.2 s and more; a fork costs a few milliseconds. Where the system
has no `pidfd_open`, or MDC_REAL is set, the tests run the installed `mdc`.

    MDC_CONSTANTS="MODULE:NAME=NUMBER ..."  limits that a test would need very much to reach
"""

import marshal
import os
import selectors
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

HERE = Path(__file__).parent
MDC = Path(sys.executable).parent / "mdc"
_SHELL = frozenset("|&;<>()$`\\*?[]~{}!#\n")  # what a shell would do something with


def available() -> bool:
    """Whether this system can run the server."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and "MDC_REAL" not in os.environ


@contextmanager
def forking() -> Iterator[Path]:
    """A folder for PATH whose `mdc` is forked; the folder of the real one elsewhere."""
    if not available():
        yield MDC.parent
        return
    # Not pytest's folder: the name of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="mdc-"))
    try:
        stub = folder / "mdc"
        stub.write_text(f"#!{sys.executable} -IS\n{(HERE / 'stub.py').read_text()}")
        stub.chmod(0o755)
        (folder / "real").symlink_to(MDC)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "socket"))
            listening.listen(128)
            server = subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), str(listening.fileno()), str(folder)],
                stdin=subprocess.PIPE,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )
        yield folder
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
    finally:
        shutil.rmtree(folder)


def plain(line: str) -> list[str] | None:
    """The words of a line of shell that is one `mdc` and nothing else; None for any other."""
    if not line.startswith("mdc ") or _SHELL.intersection(line):
        return None
    return shlex.split(line)[1:]


def run(
    words: list[str], folder: Path, cwd: Path, env: dict[str, str], stdin: bytes
) -> tuple[int, bytes, bytes] | None:
    """What an `mdc` does that is forked without a shell and a stub; None where it must be new."""
    ends = [os.pipe() for _ in range(3)]
    (given, feed), (out, theirs), (err, their_err) = ends
    environ = {os.fsencode(name): os.fsencode(text) for name, text in env.items()}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(folder / "socket"))
        mask = os.umask(0)
        os.umask(mask)
        request = marshal.dumps((words, environ, str(cwd), mask, [0, 1, 2], []))
        head = len(request).to_bytes(8, "big")
        socket.send_fds(server, [head], [given, theirs, their_err])
        for fd in (given, theirs, their_err):
            os.close(fd)
        server.sendall(request)
        forked = int.from_bytes(server.recv(4), "big")
        feeder = Thread(target=_feed, args=(feed, stdin if forked else b""))
        feeder.start()
        texts = _read(out, err)
        feeder.join()
        if not forked:
            return None
        status = server.recv(4, socket.MSG_WAITALL)
        assert len(status) == 4, "the fork server is gone"
    return os.waitstatus_to_exitcode(int.from_bytes(status, "big")), *texts


def _feed(fd: int, data: bytes) -> None:
    """Write to a command, as long as it reads, and close."""
    with suppress(BrokenPipeError), open(fd, "wb", buffering=0) as pipe:
        view = memoryview(data)
        while view:
            view = view[pipe.write(view) :]


def _read(*fds: int) -> list[bytes]:
    """All that comes out of pipes, side by side."""
    found = {fd: bytearray() for fd in fds}
    with selectors.DefaultSelector() as waiting:
        for fd in fds:
            waiting.register(fd, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                data = os.read(key.fd, 1 << 16)
                found[key.fd] += data
                if not data:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    return [bytes(text) for text in found.values()]
