"""The files of a Lean data folder: found by their place in it, named by what they hold.

SECTYPE/MARKET/{tick,second,minute}/SYMBOL/DATE_KIND.zip      one day, in the data zone
SECTYPE/MARKET/{hour,daily}/SYMBOL[_KIND].zip                 all days
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from msgspec import Struct

from mdc_core.plugin import DataError, files_below

RESOLUTIONS = ("tick", "second", "minute", "hour", "daily")
SECURITY_TYPES = (
    "equity",
    "crypto",
    "cryptofuture",
    "forex",
    "cfd",
    "index",
    "future",
    "option",
    "indexoption",
    "futureoption",
)

# What has no event of ours yet, by the word that leaves it out.
REFUSED_TYPES = {
    "future": "future",
    "option": "option",
    "indexoption": "index-option",
    "futureoption": "future-option",
}
SKIPPABLE = (*REFUSED_TYPES.values(), "open-interest", "quote-bar", "other")

# Security types and kinds that have events; quotes only as ticks.
_READABLE = {
    "trade": ("equity", "crypto", "cryptofuture", "index"),
    "quote": ("equity", "crypto", "cryptofuture", "forex", "cfd"),
}
_UNNAMED_KIND = {"equity": "trade", "index": "trade", "forex": "quote", "cfd": "quote"}
_NOT_EVENTS = ("map_files", "factor_files", "market-hours", "symbol-properties")

_YEARS = range(1678, 2262)  # that nanoseconds since 1970 can tell

_DAY_FILE = re.compile(r"(\d{8})_(trade|quote|openinterest)(?:_american|_european)?", re.ASCII)
_YEAR_FILE = re.compile(r"(.+)_\d{4}_(trade|quote|openinterest)_(?:american|european)", re.ASCII)
_WHOLE_FILE = re.compile(r"(.+?)(?:_(trade|quote|openinterest))?")


class DataFile(Struct, frozen=True):
    """A zip of a Lean data folder; what its place does not tell is empty."""

    path: Path
    root: Path
    security_type: str = ""
    market: str = ""
    resolution: str = ""
    symbol: str = ""
    kind: str = ""  # trade, quote, openinterest
    day: date | None = None

    @property
    def refusals(self) -> tuple[str, ...]:
        """The words for what mdc has no event for; empty for a file that can be read."""
        words = []
        if self.security_type in REFUSED_TYPES:
            words.append(REFUSED_TYPES[self.security_type])
        if self.kind == "openinterest":
            words.append("open-interest")
        elif self.kind == "quote" and self.resolution != "tick":
            words.append("quote-bar")
        if words or self.security_type in _READABLE.get(self.kind, ()):
            return tuple(words)
        return ("other",)

    @property
    def channel(self) -> str:
        """Where its rows come from, as events say it."""
        return f"lean:{self.security_type}/{self.market}/{self.resolution}/{self.kind}"


def find_files(path: Path) -> list[DataFile]:
    """The zips of a data folder, of a folder inside of one, or a single one, in order."""
    # A link may lead out of the layout, so links are followed only where `..` needs it.
    path = path.resolve() if ".." in path.parts else path.absolute()
    if not path.exists():
        raise DataError(f"no such file or directory: {path}")
    if path.is_file():
        return [_describe(path)]
    found = [_describe(zip_path) for zip_path in sorted(_zips(path))]
    if not found:
        raise DataError(f"{path}: no Lean data file in it (SECTYPE/MARKET/RESOLUTION/...zip)")
    return found


def _zips(folder: Path) -> Iterator[Path]:
    for path in files_below(folder):
        if path.suffix != ".zip":
            continue
        foreign = path.name.startswith("._") or "__MACOSX" in path.parts
        if path.parent.name not in _NOT_EVENTS and not foreign and path.is_file():
            yield path


def _describe(path: Path) -> DataFile:
    """What a path says, read from its end: the root's own name may be any word."""
    parts = [part.lower() for part in path.parts]
    for depth in (4, 5, 6):
        if len(parts) <= depth or parts[-depth] not in SECURITY_TYPES:
            continue
        security_type, market, resolution = parts[-depth : 3 - depth]
        if resolution not in RESOLUTIONS:
            continue
        symbol, kind, day = _named(security_type, parts[3 - depth :])
        if (day is None) != (resolution in ("hour", "daily")):
            kind = ""  # a file of one day where all days belong, or the other way round
        root = path.parents[depth - 1]
        return DataFile(path, root, security_type, market, resolution, symbol, kind, day)
    return DataFile(path, path.parent)


def _named(security_type: str, parts: list[str]) -> tuple[str, str, date | None]:
    """Symbol, kind and day of what comes after the resolution: folders, file name."""
    *folders, name = parts
    name = re.sub(r"(\.zip)+$", "", name)
    if match := _DAY_FILE.fullmatch(name) if folders else None:
        day = _day(match[1])
        return folders[0].upper(), match[2] if day else "", day
    year_file = _YEAR_FILE.fullmatch(name) if security_type in REFUSED_TYPES else None
    if match := year_file or (None if folders else _WHOLE_FILE.fullmatch(name)):
        return match[1].upper(), match[2] or _UNNAMED_KIND.get(security_type, ""), None
    return folders[0].upper() if folders else "", "", None


def _day(digits: str) -> date | None:
    try:
        day = datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None
    return day if day.year in _YEARS else None
