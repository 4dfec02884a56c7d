"""A terminal of some size: what a line of shell leaves on its screen."""

import os
import pty
import re
import subprocess
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

_PIECES = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n\b])|([^\x1b\r\n\b]+)")


class Screen:
    """What is on a screen so many cells wide: carriage return, line feed, erasing, wrapping."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows: list[str] = [""]
        self.wrapped: set[int] = set()  # rows that go on in the next one
        self._at = 0

    def feed(self, text: str) -> "Screen":
        """Show what a program writes."""
        for code, letter, control, plain in _PIECES.findall(text):
            if letter == "K":
                row = self.rows[-1]
                self.rows[-1] = row[: self._at] if code in ("", "0") else ""
            elif letter:
                raise AssertionError(f"the screen does not know \\x1b[{code}{letter}")
            elif control == "\r":
                self._at = 0
            elif control == "\b":
                self._at = max(self._at - 1, 0)
            elif control == "\n":
                self.rows.append("")
                self._at = 0
            else:
                self._show(plain)
        return self

    def _show(self, text: str) -> None:
        for char in text:
            if self._at >= self.width:
                self.wrapped.add(len(self.rows) - 1)
                self.rows.append("")
                self._at = 0
            row = self.rows[-1].ljust(self._at)
            self.rows[-1] = row[: self._at] + char + row[self._at + 1 :]
            self._at += 1

    @property
    def lines(self) -> list[str]:
        """The rows without spaces at their ends, and without empty ones at the end."""
        rows = [row.rstrip() for row in self.rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows


def written(
    line: str,
    cwd: Path,
    env: Mapping[str, str],
    *,
    width: int = 80,
    out: bool = True,
    during: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
) -> tuple[int, str]:
    """The status of a line of shell, and what it writes to a terminal: `out` with its output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, width))
    plain = {key: value for key, value in env.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=cwd,
        env={"TERM": "xterm", **plain},
        stdin=subprocess.DEVNULL,
        stdout=theirs if out else subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    during(process)
    said = b""
    while True:
        try:
            more = os.read(ours, 65_536)
        except OSError:  # the terminal is gone with its last process
            break
        if not more:
            break
        said += more
    os.close(ours)
    return process.wait(), said.decode()


def shown(line: str, cwd: Path, env: Mapping[str, str], *, width: int = 80) -> Screen:
    """The screen after a line of shell."""
    _, text = written(line, cwd, env, width=width)
    return Screen(width).feed(text)
