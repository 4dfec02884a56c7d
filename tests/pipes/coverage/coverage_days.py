"""Archives of known days, and the states that `coverage` tells of them."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.conftest import Done, Shell

NEW_YORK = ZoneInfo("America/New_York")
CODE = {
    "missing": "x",
    "partial": "+",
    "complete": "#",
    "empty": "0",
    "closed": ".",
    "outside": "*",
}
XNYS = "--calendar XNYS"
WHOLE = "####..#"  # of the days of `whole_week`


class Archive:
    """An archive whose files are written by hand, a JSONL file for each symbol and type."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def events(self, symbol: str | None, type_name: str, *rows: dict[str, Any]) -> None:
        """A file of events, filed by their times as `store` files them."""
        folder = self.root / (symbol or "_").replace("/", "%2F") / type_name
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            event = {"type": type_name, **({"symbol": symbol} if symbol else {}), **row}
            day = row["ts_event"][:10]
            with (folder / f"{day}.run.jsonl").open("a") as file:
                file.write(json.dumps(event) + "\n")

    def at(self, symbol: str, type_name: str, *times: str) -> None:
        """Events at times of UTC."""
        prices = {"price": 1, "size": 1, "bid_price": 1, "ask_price": 2}
        names = {"trade": ("price", "size"), "quote": ("bid_price", "ask_price")}
        values = {name: prices[name] for name in names.get(type_name, ())}
        self.events(symbol, type_name, *({"ts_event": at, **values} for at in times))

    def bars(self, symbol: str, interval: str, *times: str) -> None:
        """Bars that begin at times of UTC."""
        values = dict.fromkeys(("open", "high", "low", "close"), 1)
        rows = [{"ts_event": at, "interval": interval, **values} for at in times]
        self.events(symbol, "bar", *rows)

    def day(
        self,
        symbol: str,
        day: str,
        first: str = "09:30",
        last: str = "15:59",
        type_name: str = "trade",
    ) -> None:
        """Two events, at these times of New York."""
        self.at(symbol, type_name, new_york(day, first), new_york(day, last))

    def gap(self, symbol: str | None, start: str, end: str | None, **more: Any) -> None:
        """A gap event."""
        said = {"reason": "disconnect", **more}
        ends = {"end": end} if end else {}
        self.events(symbol, "gap", {"ts_event": start, "start": start, **ends, **said})

    def empty(self, symbol: str, start: str, end: str, **more: Any) -> None:
        """A gap event that says that there is nothing."""
        self.gap(symbol, start, end, **{"reason": "empty", "count": 0, **more})


def new_york(day: str, clock: str) -> str:
    """A time of New York in UTC."""
    moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=NEW_YORK)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days(first: str, last: str) -> list[str]:
    """The dates between two."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [str(start + timedelta(n)) for n in range((end - start).days + 1)]


def weekdays(first: str, last: str, *holidays: str) -> list[str]:
    """The same without weekends and holidays."""
    every = days(first, last)
    return [d for d in every if date.fromisoformat(d).weekday() < 5 and d not in holidays]


def told(done: Done) -> dict[tuple[str | None, str], str]:
    """A character for each day, by symbol and type."""
    assert done.status in (0, 1), done.err
    lines = json.loads(done.out)["coverage"]
    for line in lines:
        assert line["counts"] == {s: Counter(d["state"] for d in line["days"])[s] for s in CODE}
    return {
        (line["symbol"], line["type"]): "".join(CODE[day["state"]] for day in line["days"])
        for line in lines
    }


def trades(shell: Shell, options: str, symbol: str = "AAPL") -> str:
    """The days of the trades of a symbol."""
    return told(shell(f"mdc coverage --json {options}"))[symbol, "trade"]


def whole_week(data: Archive) -> Archive:
    """Whole days of two symbols and types, from 2024-01-02 to 2024-01-08."""
    for day in weekdays("2024-01-02", "2024-01-08"):
        for symbol in ("AAPL", "SPY"):
            data.day(symbol, day)
            data.day(symbol, day, type_name="quote")
    return data
