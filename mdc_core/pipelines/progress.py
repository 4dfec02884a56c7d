"""A progress bar on a terminal, drawn by the last command of a pipe.

It is drawn in the line of the cursor after clearing that line. Every message, of this command and
of the others in the pipe, clears the line first as well; the bar is drawn again below it.
"""

import _thread
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Self

from mdc_core import logs
from mdc_core.grid import screen_of, shortened
from mdc_core.logs import CLEAR, NOTE, clears
from mdc_core.session import Session
from mdc_core.wire import stdout

AFTER = 0.5  # seconds before the first picture: what is done by then needs no bar
EVERY = 0.2  # seconds between two pictures, at least
_IDLE = 0.5  # seconds after which the clock goes on although nothing was counted
_CELLS = 20  # of the bar itself, where the end is known
_ECHO = 3  # cells for the terminal's own ^C: it must not break the line
_DESCRIPTORS = "/dev/fd"


class Progress:
    """Counts events, or bytes, on the terminal, or does nothing where there is none.

    Its end is known by a total, by the sizes of the files that are read, or by a `share`.
    """

    def __init__(
        self,
        session: Session,
        stage: str,
        *,
        total: int | None = None,
        unit: str = "events",
        share: Callable[[], float | None] | None = None,
        writes: bool = True,
        watched: bool = True,
    ) -> None:
        self._watched = watched and _watched(session, writes)
        self._name, self._unit, self._share = f"mdc {stage}", unit, share
        self._total, self._count = total or 0, 0
        self._files = _FilePositions()
        self._start = self._drawn = monotonic()
        self._shown = False
        self._drawing = _thread.allocate_lock()
        self._open = _thread.allocate_lock()
        if self._watched:
            self._open.acquire()
            logs.leaving.append(self._wipe)
            # What the main thread does may take minutes without a word.
            _thread.start_new_thread(self._keep_drawing, ())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, done: int) -> None:
        """Count what was done."""
        self._count += done
        if self._watched and monotonic() - self._drawn >= EVERY:
            self._draw()

    def expect(self, more: int) -> None:
        """Add to the total."""
        self._total += more

    def reads(self, paths: Iterable[Path]) -> None:
        """Measure the progress by these files; without effect where one of them has no size."""
        if self._watched:
            self._files.expect(paths)

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """One of the files is read here, from its beginning to its end."""
        self.begin([path])
        yield
        self.end([path])

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar away while something else is written to the terminal."""
        if not self._watched:
            yield
            return
        with self._drawing:
            self._wipe()
            yield
            sys.stdout.flush()

    def begin(self, paths: Iterable[Path]) -> None:
        """These of the files are read from now on, in whatever order."""
        for path in paths if self._watched else ():
            self._files.begin(path)

    def end(self, paths: Iterable[Path]) -> None:
        """These of the files have been read."""
        for path in paths if self._watched else ():
            self._files.end(path)

    def close(self) -> None:
        """Take the bar away for good."""
        if self._watched:
            self._watched = False
            self._open.release()
            logs.leaving.remove(self._wipe)
            with self._drawing:
                self._wipe()

    def _keep_drawing(self) -> None:
        while not self._open.acquire(timeout=_IDLE):
            self._draw()

    def _draw(self) -> None:
        with self._drawing:
            now = monotonic()
            if self._watched and now - self._start >= AFTER:
                self._drawn, self._shown = now, True
                width = max(screen_of(2).width - _ECHO, 1)
                self._write(CLEAR + shortened(self._text(width), width, "~"))

    def _text(self, width: int) -> str:
        """What fits of it, the least important left out."""
        took = max(self._drawn - self._start, 1e-3)
        rate = self._count / took
        count, speed = f"{_short(self._count)} {self._unit}", f"{_short(rate)}/s"
        counted = [count, speed] if self._count else []
        share = self._done()
        if share is None:
            pieces = [*counted, _clock(took)]
            choices = [pieces, pieces[:-1] or pieces, counted[:1] or pieces]
            texts = [f"{self._name}: {', '.join(some)}" for some in choices]
        else:
            left = f"{_clock(took / share - took)} left" if share >= 0.001 else "? left"
            bar = f"[{'#' * int(share * _CELLS):-<{_CELLS}}] "
            short = f"[{'#' * int(share * _CELLS / 2):-<{_CELLS // 2}}] "
            head = f"{self._name}: {share:4.0%} "
            texts = [f"{head}{bar}{', '.join([left, *counted, _clock(took)])}"]
            texts += [f"{head}{bar}{', '.join([left, *counted])}"]
            texts += [f"{head}{bar}{', '.join([left, *counted[:1]])}"]
            texts += [f"{head}{short}{left}", f"{head}{left}"]
        return next((text for text in texts if len(text) <= width), texts[-1])

    def _done(self) -> float | None:
        """How much of it is done, from 0 to 1; None where the end is not known."""
        if self._share is not None:
            share = self._share()
        elif self._total and not self._files:
            share = self._count / self._total
        else:
            share = None if self._total else self._files.share()
        return None if share is None else min(max(share, 0.0), 1.0)

    def _wipe(self) -> None:
        if self._shown:
            self._shown = False
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        # One write each, past Python's buffer, which the main thread may be writing to.
        with suppress(OSError):  # the terminal is gone
            os.write(2, text.encode(errors="replace"))


class _FilePositions:
    """Some files and how far each has been read, as the system knows it."""

    def __init__(self) -> None:
        self._sizes: dict[Path, int] = {}
        self._at: dict[Path, int] = {}
        self._open: set[Path] = set()
        self._endless = False  # one is a pipe

    def __bool__(self) -> bool:
        return bool(self._sizes)

    def expect(self, paths: Iterable[Path]) -> None:
        """Take these files into account as well."""
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                self._endless = True
            else:
                self._endless |= not stat.S_ISREG(status.st_mode)
                self._sizes[path] = status.st_size

    def begin(self, path: Path) -> None:
        """Look for this file among those that are open."""
        self._open.add(path)

    def end(self, path: Path) -> None:
        """Count all of this file as read."""
        self._open.discard(path)
        self._at[path] = self._sizes.get(path, 0)

    def share(self) -> float | None:
        """How much of them was read; None where that cannot be known."""
        size = sum(self._sizes.values())
        if self._endless or not size:
            return None
        self._look()
        return sum(self._at.values()) / size

    def _look(self) -> None:
        with suppress(OSError):
            known = {_identity(path.stat()): path for path in {*self._open} & {*self._sizes}}
            for name in os.listdir(_DESCRIPTORS) if known else ():  # noqa: PTH208 - strings suffice
                with suppress(OSError):  # closed meanwhile
                    path = known.get(_identity(os.fstat(int(name))))
                    if path is not None:
                        at = os.lseek(int(name), 0, os.SEEK_CUR)
                        self._at[path] = max(self._at.get(path, 0), min(at, self._sizes[path]))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


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
