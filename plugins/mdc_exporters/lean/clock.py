"""The clocks of Lean's data: the zone of a market's files, and its wall clock in UTC."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
import numpy.typing as npt

from mdc_core.plugin import DataError
from mdc_exporters.lean.files import DataFile

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_EPOCH = date(1970, 1, 1)

# For a folder without a market-hours database: `dataTimeZone` of Lean's own one
# (QuantConnect/Lean, Data/market-hours, commit 24863901deff).
_BUILT_IN = {
    ("equity", "usa"): "America/New_York",
    ("equity", "india"): "Asia/Kolkata",
    ("forex", "fxcm"): "UTC-05",
    ("forex", "oanda"): "UTC",
    ("forex", "interactivebrokers"): "UTC",
    ("cfd", "fxcm"): "UTC-05",
    ("cfd", "oanda"): "UTC",
    ("cfd", "interactivebrokers"): "UTC",
    ("index", "usa"): "America/Chicago",
    ("index", "india"): "Asia/Kolkata",
    ("option", "usa"): "America/New_York",
    ("indexoption", "usa"): "America/New_York",
    ("crypto", ""): "UTC",  # of any market
    ("cryptofuture", ""): "UTC",
}


class _Hours(msgspec.Struct):
    zone: str = msgspec.field(name="dataTimeZone")


class _Database(msgspec.Struct):
    entries: dict[str, _Hours]


class _Day(NamedTuple):
    """A day's offsets at its beginning and its end, and the wall clock of the change.

    Where the clock shows a time twice, or skips it, `fold` says which of two offsets is meant:
    that of before the change, or that of after it.
    """

    before: int
    after: int
    change: int
    fold_before: int
    fold_after: int
    fold_change: int

    @property
    def changes(self) -> bool:
        """Whether a change is in it, or near enough for a time to be shown twice or skipped."""
        return len({self.before, self.after, self.fold_before, self.fold_after}) > 1


class Clock:
    """A wall clock."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._days: dict[int, _Day] = {}

    def __str__(self) -> str:
        return str(self._zone)

    def utc(self, wall: Int64s, again: Bools | None = None) -> Int64s:
        """UTC nanoseconds of wall-clock nanoseconds since 1970.

        A time that occurs twice is the first unless `again`, a skipped one is shifted on.
        """
        first, second = self._offsets(wall)
        utc: Int64s = wall - (first if again is None else np.where(again, second, first))
        return utc

    def odd(self, wall: Int64s) -> tuple[Bools, Bools] | None:
        """Which times the clock shows twice, and which it skips; None if it is not changed."""
        if not any(self._day(int(day)).changes for day in np.unique(wall // DAY)):
            return None
        first, second = self._offsets(wall)
        return first > second, first < second

    def _offsets(self, wall: Int64s) -> tuple[Int64s, Int64s]:
        days = wall // DAY
        starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
        table = np.array([self._day(int(day)) for day in days[starts]], np.int64)
        lengths = np.diff(starts, append=len(days))
        columns = np.repeat(table.reshape(-1, 6), lengths, axis=0).T
        before, after, change, fold_before, fold_after, fold_change = columns
        first: Int64s = np.where(wall < change, before, after)
        second: Int64s = np.where(wall < fold_change, fold_before, fold_after)
        return first, second

    @staticmethod
    def wall(day: date) -> int:
        """Wall-clock nanoseconds since 1970 of a day's midnight."""
        return (day - _EPOCH).days * DAY

    def start_of(self, day: date) -> int:
        """UTC nanoseconds that nothing of a day is before."""
        found = self._day((day - _EPOCH).days)
        return self.wall(day) - max(found.before, found.fold_before)

    def end_of(self, day: date) -> int:
        """UTC nanoseconds before which everything of a day is."""
        found = self._day((day - _EPOCH).days)
        return self.wall(day) + DAY - min(found.after, found.fold_after)

    def _day(self, number: int) -> _Day:
        if number not in self._days:
            self._days[number] = _Day(*self._change(number, 0), *self._change(number, 1))
        return self._days[number]

    def _change(self, number: int, fold: int) -> tuple[int, int, int]:
        """A day's offset at its beginning, at its end, and the wall clock of the change."""
        first, last = number * DAY, (number + 1) * DAY
        before, after = self._offset(first, fold), self._offset(last, fold)
        while before != after and last - first > SECOND:
            middle = (first + last) // (2 * SECOND) * SECOND
            if self._offset(middle, fold) == before:
                first = middle
            else:
                last = middle
        return before, after, last

    def _offset(self, wall: int, fold: int) -> int:
        moment = datetime(1970, 1, 1) + timedelta(seconds=wall // SECOND)
        offset = moment.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta()
        return (offset.days * 86_400 + offset.seconds) * SECOND


class Clocks:
    """The clock of each security type, market and symbol of the folders read."""

    def __init__(self) -> None:
        self._databases: dict[Path, dict[str, str]] = {}
        self._clocks: dict[str, Clock] = {}

    def find(self, file: DataFile) -> Clock:
        """The clock of a file, by its folder's market-hours database or Lean's own."""
        if file.root not in self._databases:
            self._databases[file.root] = _read_database(file.root)
        zones = self._databases[file.root]
        key = f"{file.security_type}-{file.market}-"
        name = zones.get(key + file.symbol.lower()) or zones.get(key + "[*]")
        name = name or _BUILT_IN.get((file.security_type, file.market))
        name = name or _BUILT_IN.get((file.security_type, ""))
        if name is None and file.refusals:
            name = "UTC"  # it is not read; its day may be a little off
        if name is None:
            raise DataError(
                f"{file.path}: time zone of {file.security_type}/{file.market} not known; "
                "put market-hours/market-hours-database.json into the data folder"
            )
        if name not in self._clocks:
            self._clocks[name] = Clock(_zone(name))
        return self._clocks[name]


def _read_database(root: Path) -> dict[str, str]:
    path = root / "market-hours" / "market-hours-database.json"
    if not path.is_file():
        return {}
    try:
        database = msgspec.json.decode(path.read_bytes(), type=_Database)
    except (msgspec.DecodeError, OSError) as error:
        raise DataError(f"{path}: {error}") from None
    return {key.lower(): hours.zone for key, hours in database.entries.items()}


def _zone(name: str) -> tzinfo:
    match = re.fullmatch(r"UTC([+-]\d\d)(?::(\d\d))?", name, re.ASCII)
    if match is None:
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise DataError(
                f"no such time zone: {name!r} (in market-hours-database.json)"
            ) from None
    hours, minutes = int(match[1]), int(match[2] or 0)
    return timezone(timedelta(hours=hours, minutes=-minutes if match[1][0] == "-" else minutes))
