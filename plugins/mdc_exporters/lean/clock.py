"""The clocks of Lean's data: the zone of a market's files."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from mdc_core.columns import WallClock
from mdc_core.plugin import DataError
from mdc_exporters.lean.files import DataFile

SECOND = 1_000_000_000
DAY = 86_400 * SECOND

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


class Clocks:
    """The clock of each security type, market and symbol of the folders read."""

    def __init__(self) -> None:
        self._databases: dict[Path, dict[str, str]] = {}
        self._clocks: dict[str, WallClock] = {}

    def find(self, file: DataFile) -> WallClock:
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
            self._clocks[name] = WallClock(_zone(name))
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
