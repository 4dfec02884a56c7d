"""Standard output belongs to the engine: what anything else prints goes to standard error.

That is so in a process that is a command. In one that uses mdc as a library, the standard
streams are not ours: nothing is read from them or written to them unasked, nothing diverted.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import get_ident, main_thread

# The descriptor that leads to the reader while 1 leads to standard error; of the whole process,
# as descriptor 1 is.
_reader: list[int] = []
_command: list[bool] = []


def keep_places() -> None:
    """Let no file that is opened later have the number of a standard stream that is closed.

    Reading from the first, and writing to the second, fail as they did; messages have no reader.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # it gets the lowest number that is free


@contextmanager
def ours() -> Iterator[None]:
    """Say that this process is a command, and its standard streams are there for it."""
    _command.append(True)
    try:
        yield
    finally:
        _command.pop()


def is_ours() -> bool:
    """Whether this process is a command."""
    return bool(_command)


def descriptor() -> int:
    """The descriptor of the engine's standard output."""
    return _reader[-1] if _reader else 1


@contextmanager
def reserved() -> Iterator[None]:
    """Let descriptor 1 and `sys.stdout` lead to standard error, and `descriptor()` out.

    Not in a thread beside the main one, which may be answering.
    """
    try:
        own = os.dup(1) if is_ours() and not _reader and _is_main() else -1
    except OSError:
        own = -1  # closed: nobody reads
    if own < 0:
        yield
        return
    text = sys.stdout
    _flush()
    _divert()
    sys.stdout = sys.stderr
    _reader.append(own)
    try:
        yield
    finally:
        _flush()
        sys.stdout = text
        _reader.pop()
        with suppress(OSError):  # a plugin has closed it, which is told elsewhere
            os.dup2(own, 1)
            os.close(own)


def _is_main() -> bool:
    return get_ident() == main_thread().ident


def write_line(text: str) -> None:
    """Write a line of an answer to the engine's standard output, at once."""
    data = f"{text}\n".encode()
    while data:
        data = data[os.write(descriptor(), data) :]


def _flush() -> None:
    """Write out what Python holds back, where there is a standard output at all."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _divert() -> None:
    try:
        os.dup2(2, 1)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
