"""Ctrl-C and SIGTERM, which reach every command of a pipe at the same time.

A source stops and writes its `end`. Filters and sinks go on to the end of their input,
which comes because the source has stopped. The second Ctrl-C stops everything at once.
A terminal that is closed is a Ctrl-C to what runs in it; without one, SIGHUP means to reload.
What a Ctrl-C means is known when the command is loaded; until then one is held. SIGTERM ends any
command, which is left `PATIENCE` to do it by itself.
"""

import _thread
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

from mdc_core.logs import leave

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enums of `signal`, a fortieth of `mdc --help`

PATIENCE = 8  # seconds from SIGTERM to the end; a supervisor kills after ten
_TOLD_WITHIN = 1.0  # seconds; nobody may read standard error any more
_held: list[int] = []  # of the whole process, as its handlers are


class Terminated(KeyboardInterrupt):
    """SIGTERM, where a command is no stage or only looks: it ends like a Ctrl-C."""


@contextmanager
def ending_in_time(say: Callable[[str], None]) -> Iterator[None]:
    """End the process if it has not ended `PATIENCE` after SIGTERM, and say so.

    A thread waits for the signal: the main one may be in code that lets no handler run.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return
    try:
        signals, ours = os.pipe()
    except OSError:  # too many open files, of which the command itself tells
        yield
        return
    os.set_blocking(ours, False)
    signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    _thread.start_new_thread(_watch, (signals, say))
    try:
        with _handling({signal.SIGTERM: _terminate}):
            yield
    finally:
        signal.set_wakeup_fd(-1)
        with suppress(OSError):  # a plugin has closed it, which is told elsewhere
            os.close(ours)


def _watch(signals: int, say: Callable[[str], None]) -> None:
    due: float | None = None
    try:
        while select.select([signals], [], [], due and max(due - monotonic(), 0.0))[0]:
            number = os.read(signals, 1)
            if not number:
                os.close(signals)
                return
            if due is None and number[0] == signal.SIGTERM:
                due = monotonic() + PATIENCE
    except OSError:  # closed by a plugin
        return
    told = threading.Event()

    def tell() -> None:
        say(f"not done {PATIENCE} s after SIGTERM: ended where it was")
        told.set()

    _thread.start_new_thread(tell, ())
    told.wait(_TOLD_WITHIN)
    leave(128 + signal.SIGTERM)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def hold() -> None:
    """Keep a Ctrl-C until it is known what it means; the second one ends the process."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _keep)


def release() -> None:
    """Let Ctrl-C end the command, now if one was held."""
    if signal.getsignal(signal.SIGINT) is _keep:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _held:
        _held.clear()
        raise KeyboardInterrupt


def _keep(number: int, frame: FrameType | None) -> None:
    _held.append(number)
    if len(_held) > 1:
        leave(128 + number)


class SignalEvent(threading.Event):
    """An event that a handler sets: whoever looks knows at once, whoever waits soon."""

    def __init__(self) -> None:
        super().__init__()
        self._came = False

    def come(self) -> None:
        """The signal is here."""
        self._came = True
        set_in_handler(self)

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._came or super().is_set()


class Stop:
    """Whether, and by which signal, this command was asked to stop."""

    def __init__(self) -> None:
        self.event = SignalEvent()
        self.terminated = SignalEvent()  # by SIGTERM: nothing may take long any more
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    @property
    def exit_status(self) -> int:
        """128 + the number of the signal, 0 if none came."""
        return 0 if self.signal is None else 128 + self.signal

    def ask(self, number: int) -> None:
        """Ask the command to stop; asked again, it ends on the spot."""
        if self.signal is not None:
            # No clean-up: whatever blocks here must not be waited for any longer.
            leave(128 + number)
        self.signal = number
        self.event.come()
        if number == signal.SIGTERM:
            self.terminated.come()


def set_in_handler(event: threading.Event) -> None:
    """Set an event for which the main thread may wait.

    A handler runs wherever the main thread is: where that has just begun to wait, it holds the
    lock that `set` needs, so only another thread can set it.
    """
    _thread.start_new_thread(event.set, ())


def hang_up_ends() -> bool:
    """Whether SIGHUP says that the terminal is gone: there is one, and nohup was not asked for."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def stopping_source() -> Iterator[Stop]:
    """For a source: SIGINT or SIGTERM sets the `Stop`, the second one ends the process.

    After SIGTERM it has no standard input either, which a replay may wait for.
    """
    stop = Stop()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.ask(number)
        if number == signal.SIGTERM:
            _end_input()

    with _handling(_with_hang_up({signal.SIGINT: on_signal, signal.SIGTERM: on_signal})):
        for number in _held:
            stop.ask(number)
        _held.clear()
        yield stop


@contextmanager
def following_input() -> Iterator[Stop]:
    """For a filter or sink: the first SIGINT is left to the source, SIGTERM ends the input.

    After SIGTERM standard input is at its end, even for a read that is waiting; what was
    read is finished, and the `Stop` has the exit status 143.
    """
    stop = Stop()
    interrupts = _held.copy()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        if len(interrupts) > 1:
            leave(128 + number)

    def on_terminate(number: int, frame: FrameType | None) -> None:
        stop.ask(number)
        _end_input()

    with _handling(_with_hang_up({signal.SIGINT: on_interrupt, signal.SIGTERM: on_terminate})):
        _held.clear()
        yield stop


@contextmanager
def ending_at_once() -> Iterator[Stop]:
    """For what only looks: either signal ends it."""
    release()
    yield Stop()


def _end_input() -> None:
    """Put /dev/null in the place of standard input.

    A read that the signal interrupted is tried again by Python, on the same number.
    """
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _with_hang_up(handlers: "dict[signal.Signals, object]") -> "dict[signal.Signals, object]":
    """The handlers, and that of Ctrl-C for a terminal that is closed."""
    more = {signal.SIGHUP: handlers[signal.SIGINT]} if hang_up_ends() else {}
    return handlers | more


@contextmanager
def _handling(handlers: "dict[signal.Signals, object]") -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in handlers}
    for number, on_signal in handlers.items():
        signal.signal(number, on_signal)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, on_signal in before.items():
            signal.signal(number, on_signal)
