"""The rows of a CSV file that are no events, in the order of the file."""

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import pyarrow.csv as csv
from msgspec.structs import replace

from mdc_core.columns import CsvHead
from mdc_core.plugin import BadRow
from mdc_exporters.csv.source import CsvSource

HOLE_REASON = "zero bytes: something is missing here"
_LF = rb"\n"  # in a row that was made JSON


class RowsAside:
    """The rows of a file that are no events, in the order of the file."""

    def __init__(self, path: Path, head: CsvHead) -> None:
        self.head = head
        self.rows = 0  # that have been read before the batch in hand
        self.skipped: list[csv.InvalidRow] = []  # of another width, as far as Arrow has read
        self.source: CsvSource | None = None
        self._path = path
        self._taken = 0  # of those that were skipped
        self._waiting: list[tuple[int, BadRow]] = []

    def number(self, row: int) -> int:
        """The place in the file of a row of the batch in hand; a header is its first row."""
        number = self.rows + row + 1 + self.head.has_header
        for one in self.skipped:
            number += (one.number or number + 1) <= number
        return number

    @property
    def _after(self) -> int:
        """The place behind all rows so far."""
        return self.rows + len(self.skipped) + 1 + self.head.has_header

    def add(self, row: int, text: bytes, reason: str) -> None:
        """Set a row of the batch in hand aside."""
        self._add(self.number(row), text, reason)

    def up_to(self, last: float) -> Iterator[BadRow]:
        """Those up to a row of the file."""
        for row in self.skipped[self._taken :]:
            self._add(row.number or 0, *self._skipped(row))
        self._taken = len(self.skipped)
        self._waiting.sort(key=itemgetter(0))
        count = bisect_right(self._waiting, last, key=itemgetter(0))
        yield from [self._judged(*one) for one in self._waiting[:count]]
        del self._waiting[:count]

    def end(self) -> Iterator[BadRow]:
        """What is said behind the rows of a file that is not whole."""
        if self.source is None or self.source.damage is None:
            return
        row = f" row {self._after}" if self.source.rest else ""
        where = f"{self._path}{row}"
        yield BadRow(self.source.rest, where, self.source.damage, breaks_off=True)

    def _skipped(self, row: csv.InvalidRow) -> tuple[bytes, str]:
        """The text of a row that Arrow has skipped, and why."""
        source = self.source
        if source is not None and (loose := source.loose_row(row.text)) is not None:
            return source.text(loose), loose.reason
        text = row.text.encode(source.encoding if source else "utf-8")
        return text, f"{row.actual_columns} fields, not {row.expected_columns}"

    def _judged(self, number: int, bad: BadRow) -> BadRow:
        """What is set aside; the last row of a file whose last line does not end is cut off."""
        last = number == self._after - 1
        cut = last and self.source is not None and not self.source.ends
        return (
            replace(bad, breaks_off=True)
            if cut or b"\0" in bad.raw or bad.reason == HOLE_REASON
            else bad
        )

    def _add(self, number: int, text: bytes, reason: str) -> None:
        lines = 1 + max(text.count(b"\n"), text.count(_LF))
        reason += f" (a row of {lines} lines)" if lines > 1 else ""
        self._waiting.append((number, BadRow(text, f"{self._path} row {number}", reason)))
