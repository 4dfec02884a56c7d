"""Decimals at rest: decimal(18, 9) where every value of a column fits exactly."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, UInt64s, valid
from mdc_core.errors import DataError
from mdc_core.schema import SCALE, arrow_types

AT_REST = pa.decimal128(18, 9)
_STEP = 10 ** (SCALE - AT_REST.scale)  # 10**9 == 2**9 * 5**9
_TWOS = 9
_ODD_INVERSE = np.uint64(pow(5**9, -1, 2**64))
_LIMIT = 10**AT_REST.precision


class WideError(DataError):
    """Values that do not fit decimal(18, 9), in a part that is to have nothing wider."""


def narrowed(table: pa.Table, keep: Collection[str] = (), *, strict: bool = False) -> pa.Table:
    """The table with each decimal column narrowed where all of its values fit.

    With `strict`, raises WideError where one does not.
    """
    for index, field in enumerate(table.schema):
        if field.name in keep:
            continue
        if pa.types.is_decimal(field.type) and field.type.scale == SCALE:
            column = table.column(index).combine_chunks()
            small = narrow(column)
            if small is not None:
                table = table.set_column(index, field.with_type(AT_REST), small)
        elif _has_levels(field.type):
            table = _narrow_levels(table, index, field)
        else:
            continue
        if strict and not is_narrow(table.schema.field(index).type):
            raise WideError(f"{field.name}: a value does not fit {AT_REST}")
    return table


def is_narrow(kind: pa.DataType) -> bool:
    """Whether a column's decimals are narrowed, its own or those of its levels."""
    return AT_REST in _leaves(kind)


def is_full(kind: pa.DataType) -> bool:
    """Whether a column has decimals that are not narrowed."""
    return arrow_types()["number"] in _leaves(kind)


def _leaves(kind: Any) -> list[pa.DataType]:
    return [part.type for part in kind.value_type] if _has_levels(kind) else [kind]


def narrow(column: "pa.Array[Any]") -> "pa.Array[Any] | None":
    """A decimal(36, 18) column as decimal(18, 9), or None where a value does not fit.

    Exact division of 128-bit integers by 10**9 without a division: shift out the twos,
    multiply by the inverse of 5**9 modulo 2**64, and see that multiplying back gives the
    same 128 bits.
    """
    length = len(column)
    if column.null_count == length:
        return pa.nulls(length, AT_REST)
    data: Any = column.buffers()[1]
    words = np.frombuffer(data, np.uint64, 2 * length, 16 * column.offset)
    low, high = words[0::2], words[1::2]
    if column.null_count:
        known = valid(column)
        low, high = np.where(known, low, 0), np.where(known, high, 0)
    shifted = (low >> np.uint64(_TWOS)) | (high << np.uint64(64 - _TWOS))
    quotient = (shifted * _ODD_INVERSE).view(np.int64)
    if not _multiplies_back(quotient, low, high):
        return None
    out = np.empty(2 * length, np.int64)
    out[0::2] = quotient
    out[1::2] = quotient >> 63
    validity = column.buffers()[0] if column.null_count else None
    if column.offset and validity is not None:
        validity = pa.array(known, pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(AT_REST, length, [validity, pa.py_buffer(out.data)])


def _multiplies_back(quotient: Int64s, low: UInt64s, high: UInt64s) -> bool:
    """Whether quotient * 10**9 is the 128-bit number (high, low), and not too large."""
    if quotient.max() >= _LIMIT or quotient.min() <= -_LIMIT:
        return False
    size = np.abs(quotient).view(np.uint64)
    # 64 x 30 bits in two halves of 32 bits: |quotient| < 2**60, so nothing overflows.
    below = (size & np.uint64(0xFFFFFFFF)) * np.uint64(_STEP)
    above = (size >> np.uint64(32)) * np.uint64(_STEP) + (below >> np.uint64(32))
    product_low = (above << np.uint64(32)) | (below & np.uint64(0xFFFFFFFF))
    product_high = above >> np.uint64(32)
    negative = quotient < 0
    if negative.any():
        flipped = ~product_low + np.uint64(1)
        product_high = np.where(negative, ~product_high + (flipped == 0), product_high)
        product_low = np.where(negative, flipped, product_low)
    return bool((product_low == low).all() and (product_high == high).all())


def _has_levels(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)


def _narrow_levels(table: pa.Table, index: int, field: "pa.Field[Any]") -> pa.Table:
    """The table with the prices and sizes inside the levels of a book narrowed likewise."""
    column: Any = table.column(index).combine_chunks()
    price, size, count = column.values.flatten()
    small_price, small_size = narrow(price), narrow(size)
    if small_price is None or small_size is None:
        return table
    levels = pa.StructArray.from_arrays(
        [small_price, small_size, count], ["price", "size", "count"]
    )
    mask = column.is_null() if column.null_count else None
    lists = pa.ListArray.from_arrays(column.offsets, levels, mask=mask)
    return table.set_column(index, pa.field(field.name, lists.type), lists)
