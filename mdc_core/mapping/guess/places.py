"""A table without a header: its columns by their places and values."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from mdc_core.mapping.guess.looks import Looks
from mdc_core.mapping.guess.words import BINANCE_AGG, BINANCE_KLINE, BINANCE_TRADE
from mdc_core.mapping.plan import TableSample


def names_by_place(sample: TableSample, looks: list[Looks]) -> list[str] | None:
    """What the columns of a table without a header may be."""
    count = len(looks)
    numbers = [look.is_number for look in looks]
    if count == 12 and looks[0].unit and looks[6].unit and all(numbers[:11]):
        return BINANCE_KLINE
    for names in BINANCE_TRADE, BINANCE_AGG:
        place = names.index("ts_event")
        if count in (len(names), len(names) - 1) and looks[place].unit and looks[place + 1].is_flag:
            return names[:count]
    rest = [f"column_{number}" for number in range(1, count + 1)]
    times = ["ts_event"]
    if count > 1 and looks[0].is_day and looks[1].is_clock:
        times = ["date", "time"]
    if not (looks[0].is_time or looks[0].unit) or not all(numbers[len(times) :][:2]):
        return None
    values = list(sample.columns.values())[len(times) :]
    found = _meaning(values, numbers[len(times) :])
    return None if found is None else [*times, *found, *rest[len(times) + len(found) :]]


def _meaning(columns: list[Any], numbers: list[bool]) -> list[str] | None:
    """Prices and sizes behind a time, by what holds of the numbers."""
    rows = list(_numbers_of(columns)) if all(numbers) else []
    if (
        len(columns) >= 4
        and rows
        and all(row[2] <= min(row[0], row[3]) and row[1] >= max(row[0], row[3]) for row in rows)
    ):
        return ["open", "high", "low", "close", *(["volume"] if len(columns) == 5 else [])]
    if (
        len(columns) >= 2
        and rows
        and all(row[0] > 0 and 0 <= row[1] / row[0] - 1 < 0.02 for row in rows)
        and any(row[1] > row[0] for row in rows)
    ):
        return ["bid_price", "ask_price"]
    return ["price", "size"] if len(columns) == 2 and rows else None


def _numbers_of(columns: list[Any]) -> Iterator[list[float]]:
    """The rows of which all values are numbers."""
    for row in zip(*(column.to_pylist() for column in columns), strict=True):
        with suppress(TypeError, ValueError):
            yield [float(cell) for cell in row]
