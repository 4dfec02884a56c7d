"""Events as a table for people: in blocks, so that it flows, with columns that stay in place."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.events import Begin
from mdc_core.grid import Screen, padded, shortened, showable, wide, zone_line
from mdc_core.moments import in_zone
from mdc_core.pipelines.output.columns import PlainWriter
from mdc_core.schema import columns, kind_of
from mdc_core.wire.lines.text import cell_text
from mdc_core.wire.writer import PackedOutput

BLOCK = 1_000  # rows that are laid out together
WIDEST = 40  # cells of a text
_FIRST = ("ts_event", "symbol", "type")
_LAST = (
    "aggressor_side",
    "trade_id",
    "conditions",
    "tape",
    "venue",
    "seq",
    "provider",
    "channel",
    "ts_recv",
    "extra",
)
_NUMBERS = ("number", "whole", "float")
_FULL = len("2024-01-02T14:30:00")  # a time to its second
_EXACT = len("2024-01-02T14:30:00.000279014")
_GAP = "  "


class TableWriter(PlainWriter):
    """A table: its header is written again only where a column must be wider, or is new."""

    def __init__(
        self, file: PackedOutput, fields: Sequence[str], screen: Screen, zone: tzinfo | None = None
    ) -> None:
        self._file, self._fields, self._screen = file, fields, screen
        self._zone, self._zone_is_told = zone, zone is None
        middle = [name for name in columns() if name not in (*_FIRST, *_LAST)]
        self._names = list(fields or (*_FIRST, *middle, *_LAST))
        self._widths: dict[str, int] = {}
        self._day: str | None = None  # that stands above the rows
        self._left_out: dict[str, None] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Write rows, block by block."""
        for start in range(0, batch.num_rows, BLOCK):
            self._write(batch.slice(start, BLOCK))

    def close(self, origin: Begin | None = None) -> None:
        """Name the columns that found no room."""
        if self._left_out:
            text = f"not shown (--fields): {', '.join(self._left_out)}"
            self._say([shortened(text, self._screen.width, self._screen.ellipsis)])
        self._file.close()

    def _write(self, block: pa.RecordBatch) -> None:
        cells = {name: self._cells(block, name) for name in self._names}
        if not self._fields:
            cells = {name: column for name, column in cells.items() if any(column)}
        lines = self._zone_lines(cells)
        if (day := self._common_day(cells)) != self._day:
            self._day = day
            lines += [day] if day else []
            self._widths.clear()
        for name in cells:
            if _kind(name) == "time":
                cells[name] = self._times(cells[name])
        widths = {
            name: max(wide(name), self._widths.get(name, 0), *map(wide, column))
            for name, column in cells.items()
        }
        if any(width > self._widths.get(name, 0) for name, width in widths.items()):
            self._widths = self._fitting({**self._widths, **widths})
            lines.append(self._line([(name, name) for name in self._widths]))
        empty = [""] * block.num_rows
        shown = {name: cells.get(name, empty) for name in self._widths}
        for row in zip(*shown.values(), strict=True):
            lines.append(self._line(list(zip(shown, row, strict=True))))
        self._say(lines)

    def _cells(self, block: pa.RecordBatch, name: str) -> list[str]:
        place = block.schema.get_field_index(name)
        if place < 0:
            return [""] * block.num_rows
        texts: Any = cell_text(block.column(place), _kind(name))
        found = pc.fill_null(texts, "").to_pylist()
        if _kind(name) == "time":
            return [in_zone(text, self._zone) for text in found]
        if _kind(name) in _NUMBERS:
            return [str(text) for text in found]
        cut = min(WIDEST, self._screen.width)
        screen = self._screen
        return [shortened(showable(text, screen), cut, screen.ellipsis) for text in found]

    def _zone_lines(self, cells: dict[str, list[str]]) -> list[str]:
        """What says once of which zone the times are, before the first of them."""
        if self._zone_is_told or not any(_kind(n) == "time" and any(c) for n, c in cells.items()):
            return []
        self._zone_is_told = True
        return [zone_line(self._zone)] if self._zone else []

    def _common_day(self, cells: dict[str, list[str]]) -> str | None:
        """The day of all times of a block, where there are any, and but one."""
        times = [t for name, column in cells.items() if _kind(name) == "time" for t in column if t]
        days = {text[:10] for text in times}
        return days.pop() if len(days) == 1 else None

    def _times(self, column: list[str]) -> list[str]:
        """Times without the day that stands above, and without the zeros that all end in."""
        start = 11 if self._day else 0
        digits = max((len(text[_FULL:_EXACT].rstrip("0")) for text in column), default=0)
        end = _FULL + (digits if digits > 1 else 0)
        return [text[start:end].replace("T", " ") for text in column]

    def _fitting(self, widths: dict[str, int]) -> dict[str, int]:
        """The columns that the screen has room for, from the first on."""
        ordered = {name: widths[name] for name in self._names if name in widths}
        room, found = self._screen.width, dict[str, int]()
        for name, width in ordered.items():
            room -= width + (len(_GAP) if found else 0)
            if room < 0 and found:
                self._left_out.update(dict.fromkeys(name for name in ordered if name not in found))
                break
            found[name] = width
        return found

    def _line(self, row: list[tuple[str, str]]) -> str:
        texts = [
            padded(text, self._widths[name], right=_kind(name) in _NUMBERS) for name, text in row
        ]
        return shortened(_GAP.join(texts).rstrip(), self._screen.width, self._screen.ellipsis)

    def _say(self, lines: list[str]) -> None:
        self._file.write("".join(f"{line}\n" for line in lines).encode("utf-8"))


def _kind(name: str) -> str:
    return "text" if name in ("type", "v") else kind_of(name)
