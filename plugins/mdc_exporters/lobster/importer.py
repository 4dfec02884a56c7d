"""LOBSTER: order books of Nasdaq, order by order, as academic samples have them.

A message file (`AAPL_2012-06-21_34200000_57600000_message_10.csv`) gives a `delta` for each change
of an order, a `trade` for each execution, a `status` for a halt. With its book file beside it
(`..._orderbook_10.csv`) the first book is a snapshot, and levels that come into the best ten from
below, or fall out of them, are changes as well. `seq` counts the rows. Times are those of
New York; symbol and day are those in the name of the file, or `--ticker` and `--day`.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from mdc_core.plugin import (
    BadRow,
    DataError,
    Event,
    Importer,
    Options,
    UsageError,
    files_below,
    from_rows,
)
from mdc_exporters.lobster.reading import LobsterFile, Reading

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = (
    "mdc import --profile lobster AAPL_2012-06-21_34200000_57600000_message_10.csv "
    "| mdc book --levels 1",
)
NEW_YORK = "America/New_York"
AT_ONCE = 8192  # events of a batch
_NAME = re.compile(r"(?P<ticker>.+?)_(?P<day>\d{4}-\d\d-\d\d)_\d+_\d+_message_\d+\.csv", re.DOTALL)


class LobsterOptions(Options, frozen=True, kw_only=True):
    """What the name of a file does not say."""

    ticker: Annotated[str | None, Meta(description="the symbol", min_length=1)] = None
    day: Annotated[
        str | None, Meta(description="the day, as 2012-06-21", pattern=r"^\d{4}-\d\d-\d\d$")
    ] = None
    orderbook: Annotated[
        Path | None,
        Meta(description="the book file, of one message file  [default: the one beside it]"),
    ] = None


class Lobster(Importer):
    """LOBSTER's message and book files."""

    Options = LobsterOptions
    options: LobsterOptions

    def files(self) -> list[Path]:
        """The message files that were asked for, and their book files."""
        return [path for file in self._found() for path in (file.path, file.books) if path]

    def batches(self) -> "Iterator[pa.RecordBatch | BadRow]":
        """The events of the files, one file behind the other."""
        for file in self._found():
            rows: list[Event] = []
            for item in Reading(file).rows():
                if isinstance(item, BadRow):
                    yield item
                elif self._in_range(item.moment):
                    rows += item.events
                if len(rows) >= AT_ONCE:
                    yield from_rows(rows)
                    rows = []
            if rows:
                yield from_rows(rows)

    def _found(self) -> list[LobsterFile]:
        """The message files at the path, in order of their names."""
        path, options = self.wanted.path, self.options
        if path.is_dir():
            paths = sorted(file for file in files_below(path) if _NAME.fullmatch(file.name))
        else:
            paths = [path] if path.is_file() else []
        if not paths:
            raise DataError(f"{path}: no message file of LOBSTER's")
        if options.orderbook is not None and len(paths) > 1:
            raise UsageError("--orderbook is for one message file")
        files = [self._file(file) for file in paths]
        words = self.wanted.symbols
        return [f for f in files if not words or any(fnmatchcase(f.symbol, word) for word in words)]

    def _file(self, path: Path) -> LobsterFile:
        shown = Path(self.wanted.name or path).name
        named = _NAME.fullmatch(shown)
        told = named.groupdict() if named else {}
        symbol, day = self.options.ticker or told.get("ticker"), self.options.day or told.get("day")
        if symbol is None or day is None:
            hint = "say it with --ticker AAPL --day 2012-06-21"
            raise UsageError(f"{shown}: its name says no symbol and no day", hint=hint)
        books = self.options.orderbook
        if books is None:
            beside = path.with_name(path.name.replace("_message_", "_orderbook_"))
            books = beside if named and beside.is_file() and beside != path else None
        elif not books.is_file():
            raise DataError(f"{books}: no such file")
        return LobsterFile(path, symbol, _midnight(day, self.wanted.zone), books)

    def _in_range(self, moment: int) -> bool:
        start, end = self.wanted.start, self.wanted.end
        return (start is None or moment >= start) and (end is None or moment < end)


def _midnight(day: str, zone: tzinfo | None) -> int:
    """Midnight of a day in nanoseconds since 1970, by the clock of the opening."""
    try:
        opening = datetime.combine(date.fromisoformat(day), time(9, 30))
    except ValueError:
        raise UsageError(f"--day: {day} is no day") from None
    seconds = opening.replace(tzinfo=zone or ZoneInfo(NEW_YORK)).timestamp()
    return (int(seconds) - 34_200) * 10**9
