"""Lean data folders of our own making: a few lines of text put where Lean would put them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from mdc_core.contracts import BadRow, ImportRequest
from mdc_core.times import from_ns, to_ns
from mdc_exporters.lean.importer import Lean

IBM_TRADES = "equity/usa/tick/ibm/20131007_trade.zip"
IBM_QUOTES = "equity/usa/tick/ibm/20131007_quote.zip"


class LeanFolder:
    """A Lean data folder under construction."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def zip(self, name: str, *lines: str, entry: str = "rows.csv") -> Path:
        """A zip at a place below the root, of one file with these lines."""
        return self.zip_of(name, {entry: "".join(f"{line}\n" for line in lines)})

    def zip_of(self, name: str, files: dict[str, str | bytes]) -> Path:
        """A zip at a place below the root, of files whose text is given whole."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for entry, text in files.items():
                archive.writestr(entry, text)
        return path

    def market_hours(self, **zones: str) -> None:
        """The market-hours database: `equity_usa="America/New_York"`, for all symbols."""
        entries = {
            f"{key.replace('_', '-')}-[*]": {"dataTimeZone": zone, "exchangeTimeZone": zone}
            for key, zone in zones.items()
        }
        path = self.root / "market-hours" / "market-hours-database.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"entries": entries}))


def rows_in(path: Path, *symbols: str, **wanted: Any) -> list[dict[str, Any]]:
    """The events below a path as dicts without nulls, times as text; nothing is bad."""
    rows, bad = read(path, *symbols, **wanted)
    assert bad == []
    return rows


def read(
    path: Path, *symbols: str, **wanted: Any
) -> tuple[list[dict[str, Any]], list[tuple[str, str, bytes]]]:
    """The events below a path, and what is set aside: where, why, and its text."""
    start, end = (wanted.pop(name, None) for name in ("start", "end"))
    request = ImportRequest(
        path,
        symbols,
        None if start is None else to_ns(start),
        None if end is None else to_ns(end),
    )
    rows, bad = [], []
    for item in Lean(request, Lean.Options(**wanted)).batches():
        if isinstance(item, BadRow):
            bad.append((item.where, item.reason, item.raw))
        else:
            rows += _plain(item)
    return rows, bad


def _plain(batch: Any) -> Iterator[dict[str, Any]]:
    times = {
        name: batch[name].cast("int64").to_pylist()
        for name in ("ts_event", "ts_close")
        if name in batch.schema.names
    }
    rest = batch.drop_columns(list(times)).to_pylist()
    for i, row in enumerate(rest):
        row |= {name: from_ns(v[i]) for name, v in times.items() if v[i] is not None}
        yield {name: value for name, value in row.items() if value is not None}
