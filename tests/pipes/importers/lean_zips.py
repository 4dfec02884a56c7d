"""Lean's zips read by their documentation alone, to hold against what mdc makes of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile
from zoneinfo import ZoneInfo

# `dataTimeZone` of the market-hours database; forex of fxcm is five hours behind all year.
ZONES = {
    "equity/usa": "America/New_York",
    "equity/india": "Asia/Kolkata",
    "index/usa": "America/Chicago",
    "forex/fxcm": "Etc/GMT+5",
}
# As ISO 10383 has them; both letters of Nasdaq are one market.
MICS = {
    "A": "XASE",
    "B": "XBOS",
    "C": "XCIS",
    "D": "FINR",
    "I": "XISE",
    "J": "EDGA",
    "K": "EDGX",
    "M": "XCHI",
    "N": "XNYS",
    "P": "ARCX",
    "Q": "XNAS",
    "T": "XNAS",
    "W": "CBSX",
    "X": "XPSX",
    "Y": "BATY",
    "Z": "BATS",
}
INTERVALS = {"second": "1s", "minute": "1m", "hour": "1h", "daily": "1d"}
LENGTHS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}

Values = dict[str, object]


class LeanZip(NamedTuple):
    """One zip of a Lean data folder."""

    path: Path
    parts: tuple[str, ...]  # below the folder: equity, usa, tick, ibm, 20131007_trade.zip

    @classmethod
    def at(cls, root: Path, name: str) -> "LeanZip":
        """The zip of this name below a data folder."""
        return cls(root / name, Path(name).parts)

    @property
    def place(self) -> str:
        """Security type and market."""
        return "/".join(self.parts[:2])

    @property
    def kind(self) -> str:
        """What mdc makes of a row: trade, quote or bar."""
        if self.parts[2] != "tick":
            return "bar"
        return "quote" if self.path.stem.endswith("_quote") else "trade"

    @property
    def symbol(self) -> str:
        """The instrument in capitals."""
        return (self.path.stem.partition("_")[0] if self.day is None else self.parts[3]).upper()

    @property
    def day(self) -> str | None:
        """The day of a file of one day."""
        return None if self.parts[2] in ("hour", "daily") else self.path.stem[:8]

    @property
    def zone(self) -> ZoneInfo:
        """The clock of the times in it."""
        return ZoneInfo(ZONES.get(self.place, "UTC"))

    def lines(self) -> list[str]:
        """Its lines, a row each."""
        with ZipFile(self.path) as archive:
            (name,) = archive.namelist()
            return archive.read(name).decode("ascii").splitlines()

    def events(self) -> Iterator[Values]:
        """What each row says, times as the wire writes them."""
        return map(self.event, self.lines())

    def event(self, line: str) -> Values:
        """What a row says, times as the wire writes them."""
        row = line.split(",")
        start = self._start(row[0])
        event: Values = {"type": self.kind, "symbol": self.symbol, "ts_event": wire_time(start)}
        if self.parts[0] not in ("equity", "index"):
            event["venue"] = self.parts[1]
        if self.kind == "bar":
            return {**event, **self._bar(row, start)}
        if self.place.startswith("forex"):
            return {**event, "bid_price": Decimal(row[1]), "ask_price": Decimal(row[2])}
        venue, condition, suspicious = MICS[row[-3]], row[-2], row[-1]
        if condition.strip("0"):
            event["conditions"] = [condition]
        if suspicious == "1":
            event["extra"] = {"suspicious": 1}
        if self.kind == "trade":
            return {**event, "price": dollars(row[1]), "size": Decimal(row[2]), "venue": venue}
        for side, price, size in (("bid", *row[1:3]), ("ask", *row[3:5])):
            if (price, size) != ("0", "0"):  # a row tells of one side, the other is unchanged
                event |= {
                    f"{side}_price": dollars(price),
                    f"{side}_size": Decimal(size),
                    f"{side}_venue": venue,
                }
        return event

    def span(self) -> tuple[datetime, datetime]:
        """The day of a file of one day, in UTC; all time of another."""
        if self.day is None:
            return datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
        midnight = datetime.strptime(self.day, "%Y%m%d")
        days = (midnight, midnight + timedelta(days=1))
        start, end = (day.replace(tzinfo=self.zone).astimezone(UTC) for day in days)
        return start, end

    def _start(self, field: str) -> datetime:
        """The wall clock of the data zone, in UTC."""
        if self.day is None:
            local = datetime.strptime(field, "%Y%m%d %H:%M")
        else:
            local = datetime.strptime(self.day, "%Y%m%d") + timedelta(milliseconds=int(field))
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def _bar(self, row: list[str], start: datetime) -> Values:
        number = dollars if self.parts[0] == "equity" else Decimal
        prices = zip(("open", "high", "low", "close"), map(number, row[1:5]), strict=True)
        if self.parts[2] == "daily":
            # A day ends on the wall clock, whatever its length.
            wall = start.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=1)
            end = wall.replace(tzinfo=self.zone).astimezone(UTC)
        else:
            end = start + LENGTHS[self.parts[2]]
        return {
            **dict(prices),
            "volume": Decimal(row[5]),
            "interval": INTERVALS[self.parts[2]],
            "ts_close": wire_time(end),
        }


def dollars(text: str) -> Decimal:
    """A price in ten-thousandths."""
    return Decimal(text) / 10_000


def wire_time(moment: datetime) -> str:
    """RFC 3339 with nine digits."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


def readable(root: Path) -> list[LeanZip]:
    """The tick and trade-bar files of stocks, crypto, currencies and indices."""
    files = [LeanZip(path, path.relative_to(root).parts) for path in sorted(root.rglob("*.zip"))]
    types = ("equity", "crypto", "cryptofuture", "forex", "index")
    return [
        file
        for file in files
        if file.parts[0] in types and (file.parts[2] == "tick" or not is_quotes(file))
    ]


def is_quotes(file: LeanZip) -> bool:
    """Whether it holds quotes: by its name, or because currencies have nothing else."""
    return file.path.stem.endswith("_quote") or file.parts[0] == "forex"
