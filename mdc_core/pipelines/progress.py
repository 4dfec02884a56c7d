"""A progress bar for whoever watches: on a terminal, by the last command of a pipe.

It stands in the line of the cursor and begins with clearing it; so does every message, of this
command and of the others of the pipe, and the bar is drawn again below.
"""

import os
import stat
import sys
from time import monotonic

from mdc_core.grid import screen_of, shortened
from mdc_core.logs import CLEAR, NOTE, clears
from mdc_core.session import Session
from mdc_core.wire import stdout

EVERY = 0.2  # seconds between two pictures
_CELLS = 20  # of the bar itself, where its end is known


class Progress:
    """Counts events on the terminal, or does nothing where nobody watches."""

    def __init__(
        self,
        session: Session,
        stage: str,
        *,
        total: int | None = None,
        writes: bool = True,
        watched: bool = True,
    ) -> None:
        self._watched = watched and _watched(session, writes)
        self._name, self._total = f"mdc {stage}", total
        self._count = 0
        self._start, self._drawn = monotonic(), 0.0
        self._shown = False

    def add(self, events: int) -> None:
        """So many more."""
        self._count += events
        if self._watched and self._count and monotonic() - self._drawn >= EVERY:
            self._drawn = monotonic()
            width = screen_of(2).width - 1
            self._shown = True
            self._write(CLEAR + shortened(self._text(), width, "~"))

    def close(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._shown = False
            self._write(CLEAR)
        self._watched = False

    def _text(self) -> str:
        took = max(self._drawn - self._start, 1e-3)
        rate = self._count / took
        said = f"{_short(self._count)} events"
        said += f", {_short(rate)}/s, {_clock(took)}" if took >= EVERY else ""
        if not self._total:
            return f"{self._name}: {said}"
        done = min(self._count / self._total, 1)
        bar = "#" * int(done * _CELLS)
        left = _clock((self._total - self._count) / rate) if rate else "?"
        return f"{self._name}: {done:4.0%} [{bar:-<{_CELLS}}] {left} left, {said}"

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal is gone, and nobody watches
            self._watched = self._shown = False


def _short(number: float) -> str:
    """A number in four characters or so: 950, 35.1k, 2.50M."""
    for unit in ("", "k", "M", "G"):
        if number < 1000:
            return f"{number:.0f}" if not unit else f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.0f}T"


def _clock(seconds: float) -> str:
    """A length of time: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _watched(session: Session, writes: bool) -> bool:
    """Whether a bar is of use: a terminal, not filled with events, and no later command's."""
    log = session.log
    if not stdout.is_ours() or log.threshold > NOTE or log.style != "text":
        return False
    if not clears(sys.stderr):
        return False
    if stat.S_ISFIFO(os.fstat(stdout.descriptor()).st_mode):
        return False  # the command behind us in the pipe has a bar of its own
    return not (writes and os.isatty(stdout.descriptor()))
