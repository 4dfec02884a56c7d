"""`mdc` on PATH as a stub whose work is done by a process forked from one that is warm.

A new Python with Arrow costs 0.2 s and more; a fork costs a few milliseconds. Where the system
has no `pidfd_open`, or MDC_REAL is set, the tests run the installed `mdc`.

    MDC_CONSTANTS="MODULE:NAME=NUMBER ..."  limits that a test would need very much to reach
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
MDC = Path(sys.executable).parent / "mdc"


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
