"""Decimal columns as Python integers of one unit, and back."""

from typing import Any

import numpy as np
import pyarrow as pa

from mdc_core.batch import decimal_words, number, valid
from mdc_core.errors import DataError
from mdc_core.schema import SCALE as WIDE
from mdc_core.schema import arrow_types

__all__ = ["NARROW", "WIDE", "BeyondUnit", "decimals_of", "whole"]

NARROW = 9  # decimals of a unit as long as all values fit into 64 bits of it


class BeyondUnit(Exception):  # noqa: N818 - it asks for another unit, and is no error
    """A value that is finer than the unit, or does not fit into 64 bits of it."""


def whole(column: Any, places: int) -> "np.ndarray[Any, Any]":
    """A decimal column in units of 10**-places, 0 where null; raises BeyondUnit."""
    if places == WIDE:
        high, low, known = decimal_words(column)
        pairs = zip(high.tolist(), low.tolist(), known.tolist(), strict=True)
        values = [(top << 64) + bottom if there else 0 for top, bottom, there in pairs]
        wide = np.empty(len(values), object)
        wide[:] = values
        return wide
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64)
    if column.type != arrow_types()["number"]:
        column = column.cast(arrow_types()["number"])
    units, fits = number(pa.RecordBatch.from_arrays([column], ["n"]), "n", places)
    if not fits.all() and bool((fits != valid(column)).any()):
        raise BeyondUnit
    return units


def decimals_of(values: list[int], places: int) -> "pa.Array[Any]":
    """Units of 10**-places as a decimal column; raises DataError where one does not fit."""
    if places != WIDE:
        return _from_words(*_times(np.array(values, np.int64), 10 ** (WIDE - places)))
    if any(abs(value) >= 10**36 for value in values):
        raise DataError("a size of a level has more digits than a decimal can hold")
    data = b"".join(value.to_bytes(16, "little", signed=True) for value in values)
    return _decimals(len(values), data)


def _times(values: Any, by: int) -> tuple[Any, Any]:
    """64-bit numbers times less than 2**31, in two words: high and low."""
    negative = values < 0
    size = np.where(negative, -values, values).view(np.uint64)
    half, mask, factor = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(by)
    upper, lower = (size >> half) * factor, (size & mask) * factor
    low = (upper << half) + lower
    high = (upper >> half) + (low < lower)
    low = np.where(negative, ~low + np.uint64(1), low)
    high = np.where(negative, ~high + (low == 0), high)
    return high, low


def _from_words(high: Any, low: Any) -> "pa.Array[Any]":
    words = np.empty((len(low), 2), np.uint64)
    words[:, 0], words[:, 1] = low, high
    return _decimals(len(words), words)


def _decimals(length: int, data: Any) -> "pa.Array[Any]":
    return pa.Array.from_buffers(arrow_types()["number"], length, [None, pa.py_buffer(data)])
