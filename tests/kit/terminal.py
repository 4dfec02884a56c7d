"""A terminal in which a line of shell runs, with keys that can be pressed meanwhile."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kit.deadline import DEADLINE

CTRL_C = b"\x03"


class Terminal:
    """Runs a line of bash in a session of its own; `text` is what it has written so far."""

    def __init__(self, line: str, cwd: Path, env: Mapping[str, str], *, width: int = 80) -> None:
        self.text = ""
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, width))
        plain = {key: value for key, value in env.items() if key not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            ["bash", "-c", line],
            cwd=cwd,
            env={"TERM": "xterm", **plain},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def until(self, pattern: str, *, count: int = 1) -> None:
        """Wait until that was written so many times."""
        while len(re.findall(pattern, self.text)) < count:
            ready, _, _ = select.select([self._ours], [], [], DEADLINE)
            assert ready and self._read(), f"{pattern!r} did not come: {self.text!r}"

    def press(self, keys: bytes) -> None:
        """Press keys: Ctrl-C reaches every process of the line."""
        os.write(self._ours, keys)

    def end(self) -> int:
        """Wait for the end of it; its status."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        try:
            more = os.read(self._ours, 65_536)
        except OSError:  # gone with its last process
            return False
        self.text += more.decode(errors="replace")
        return bool(more)
