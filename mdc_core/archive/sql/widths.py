"""The least decimals that hold what is read, so that products of columns have room.

DuckDB gives a product the scales of both factors, and 38 digits. With all columns DECIMAL(36, 18)
two are left before the point; with the scales that the values need, there are as many as can be.
Of factors that both have 18 digits or fewer it makes a product of 18, so the least here is 19.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.schema import SCALE

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
Path = tuple[str, ...]  # a column, and below it the field of a struct
_FEWEST_DIGITS, _MOST_DIGITS = 19, 38


class _Least:
    """The least decimal that holds the numbers of one column, or of one field below it."""

    def __init__(self) -> None:
        self._digits = 0  # before the point
        self._scale = 0

    def see(self, numbers: Array) -> None:
        """Take some more numbers into account."""
        if numbers.null_count == len(numbers):
            return
        largest = int(max(abs(pc.min(numbers).as_py()), abs(pc.max(numbers).as_py())))
        self._digits = max(self._digits, len(str(largest)) if largest else 0)
        while self._scale < SCALE and not _is_exact(numbers, self._scale):
            self._scale += 1

    @property
    def type(self) -> pa.DataType:
        """The type of all numbers that were seen."""
        return pa.decimal128(max(self._digits + self._scale, _FEWEST_DIGITS), self._scale)


def least(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> dict[str, pa.DataType]:
    """The type of each column with the least decimals that hold all values of the batches."""
    seen: dict[Path, _Least] = defaultdict(_Least)
    for batch in batches:
        for field, column in zip(schema, batch.columns, strict=True):
            for path, numbers in _numbers(column, (field.name,)):
                seen[path].see(numbers)
    return {field.name: _fitted(field.type, (field.name,), seen) for field in schema}


def numbers_of(kind: Any, name: str) -> Iterator[str]:
    """The decimals of a column as expressions of SQL, of a list those of the first item."""
    if pa.types.is_list(kind):
        yield from numbers_of(kind.value_type, f"{name}[1]")
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from numbers_of(field.type, f"{name}.{field.name}")
    elif pa.types.is_decimal(kind):
        yield name


def _is_exact(numbers: Array, scale: int) -> bool:
    try:
        numbers.cast(pa.decimal128(_MOST_DIGITS, scale))
    except pa.ArrowInvalid:
        return False
    return True


def _numbers(column: Array, path: Path) -> Iterator[tuple[Path, Array]]:
    """The decimals of a column, and of what is below it."""
    if pa.types.is_list(column.type):
        yield from _numbers(column.flatten(), path)
    elif pa.types.is_struct(column.type):
        for field, below in zip(column.type, column.flatten(), strict=True):
            yield from _numbers(below, (*path, field.name))
    elif pa.types.is_decimal(column.type):
        yield path, column


def _fitted(kind: Any, path: Path, seen: Mapping[Path, _Least]) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_fitted(kind.value_type, path, seen))
    if pa.types.is_struct(kind):
        fields = [f.with_type(_fitted(f.type, (*path, f.name), seen)) for f in kind]
        return pa.struct(fields)
    return seen[path].type if pa.types.is_decimal(kind) else kind
