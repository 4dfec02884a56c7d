"""Whether columns that were read from lines hold what the events of their types may hold."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from mdc_core.schema import PRECISION, columns, kind_of
from mdc_core.versions import changes

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own

_HIGH_WORD_LIMIT = 10**PRECISION >> 64


def versions_known(column: Array, present: set[str]) -> bool:
    """Whether no line has a version that has to be migrated; raises DataError for others."""
    if column.null_count == len(column):
        return True
    found = column.unique().drop_null().to_pylist()
    return not any(changes(name, version) for name in present for version in found)


def belongs(column: Array, name: str, present: set[str], masks: dict[str, Array]) -> bool:
    """Whether a column has values only in rows of types that have it."""
    owners = columns()[name].types
    strangers = present.difference(owners)
    if not strangers:
        return True
    if not column.null_count:
        return False
    bits = _bits(column.buffers()[0], column)
    return not any(np.any(bits & _bits(masks[t].buffers()[1], masks[t])) for t in strangers)


def _bits(buffer: Any, array: Array) -> npt.NDArray[np.uint8]:
    """The bits of a bitmap, those beyond the array cleared."""
    length = (len(array) + 7) // 8
    bits: npt.NDArray[np.uint8] = np.frombuffer(buffer, np.uint8, length).copy()
    if len(array) % 8:
        bits[-1] &= (1 << len(array) % 8) - 1
    return bits


def holds(column: Array, name: str) -> bool:
    """Whether the values are such as the column may hold."""
    match kind_of(name):
        case "number":
            return _fits(column)
        case "float":
            return bool(pc.all(pc.is_finite(column)).as_py())
        case "list":
            return bool(column.flatten().null_count == 0)
        case "levels":
            levels = column.flatten()
            price, size, _ = levels.flatten()
            fits = _fits(price) and _fits(size)
            nulls = levels.null_count + price.null_count + size.null_count
            return bool(nulls == 0) and fits
        case _:
            return True


def _fits(column: Array) -> bool:
    """Whether decimals have at most 36 digits, which pyarrow does not check when reading."""
    if not len(column):
        return True
    words = np.frombuffer(column.buffers()[1], np.int64)
    high = words[2 * column.offset + 1 : 2 * (column.offset + len(column)) : 2]
    return bool(high.max() < _HIGH_WORD_LIMIT and high.min() >= -_HIGH_WORD_LIMIT)
