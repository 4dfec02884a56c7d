"""A message file and its book file, read side by side."""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from mdc_core.plugin import BadRow, DataError, Event
from mdc_exporters.lobster.messages import Message, Orders, is_message, message_of
from mdc_exporters.lobster.window import Window, is_window, window_of


class LobsterFile(NamedTuple):
    """A message file, and the book file that belongs to it."""

    path: Path
    symbol: str
    midnight: int
    books: Path | None


class Timed(NamedTuple):
    """The events of a row, and when it was."""

    moment: int
    events: list[Event]


class Reading:
    """The rows of one message file as events.

    The first book that there is becomes a snapshot of what was before its message, and so does
    the one behind a row that could not be read. Where both files have as many rows, what is no row
    is no line either; where not, but as many lines, each belongs to its like.
    """

    def __init__(self, file: LobsterFile) -> None:
        self._file = file
        self._orders = Orders(file.symbol)
        self._bad: list[BadRow] = []
        self._before: Window | None = None  # the book behind the row before, where it is known

    def rows(self) -> Iterator[Timed | BadRow]:
        """The events of each row, and what is no row, in the order of the file."""
        path, books, midnight = self._file.path, self._file.books, self._file.midnight
        keep = books is not None and _side_by_side(path, books)
        messages = self._read(path, lambda line: message_of(line, midnight), keep)
        windows = self._read(books, window_of, keep) if books else iter(())
        number = 0
        for message, window in zip_longest(messages, windows):
            if isinstance(message, Message):
                number += 1
                yield Timed(message.moment, self._events(message, window, number))
            else:
                self._before = None
            yield from self._taken()
        yield from self._taken()

    def _events(self, message: Message, window: Window | None, number: int) -> list[Event]:
        """What a row says, and what came into the window or fell out of it by that."""
        found = list(self._orders.events(message, number))
        if window is not None and not window.holds(message):
            self._aside(self._file.books, number, b"", "not the book behind this message")
            window = None
        if window is not None:
            head = self._orders.head(message, number)
            if self._before is None:
                found.insert(0, window.book_before(message, {**head, "seq": number - 1}))
            else:
                found += window.moved(self._before, message, head)
        self._before = window
        return found

    def _read(self, path: Path | None, row_of: Callable[[bytes], Any], keep: bool) -> Iterator[Any]:
        """The rows of a file; in the place of a line that is none, None or nothing."""
        assert path is not None
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    try:
                        yield row_of(line)
                    except DataError as error:
                        self._aside(path, number, line, str(error))
                        if keep:
                            yield None
        except OSError as error:
            self._bad.append(BadRow(b"", str(path), str(error.strerror), breaks_off=True))

    def _aside(self, path: Path | None, number: int, line: bytes, reason: str) -> None:
        self._bad.append(BadRow(line, f"{path}:{number}", reason))

    def _taken(self) -> list[BadRow]:
        taken, self._bad = self._bad, []
        return taken


def _counts(path: Path, looks: Callable[[bytes], bool]) -> tuple[int, int]:
    """How many lines a file has, and how many of them look like rows."""
    try:
        with path.open("rb") as file:
            looking = [looks(line) for line in file]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return len(looking), sum(looking)


def _side_by_side(messages: Path, books: Path) -> bool:
    """Whether each line belongs to its like, those that are no rows as well."""
    lines, rows = _counts(messages, is_message)
    other_lines, other_rows = _counts(books, is_window)
    return rows != other_rows and lines == other_lines
