"""What the rows of a batch say, as a hash of each row."""

from collections.abc import Container
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from mdc_core.columns import Groups, valid
from mdc_validators.recent import ODD, ODD2, UInt64s, text_hashes

_EIGHT_BYTES = (pa.types.is_timestamp, pa.types.is_integer, pa.types.is_floating)


def content_hashes(
    batch: pa.RecordBatch, without: Container[str], groups: Groups | None = None
) -> UInt64s:
    """64 bits for each row: the same for rows of the same values, but for columns left out.

    A column that is not there is one of nulls. `groups` may know the words of the batch.
    """
    groups = groups or Groups()
    total = np.zeros(batch.num_rows, np.uint64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in without or column.null_count == len(column):
            continue
        odd, start = _numbers_of(name)
        if pa.types.is_string(column.type):
            hashes = _of_texts(*groups.codes(batch, name)) * odd
        else:
            hashes = _hashes(column) * odd
        hashes += start
        total += _where_present(hashes, column)
    return total


def _hashes(column: "pa.Array[Any]") -> UInt64s:
    """A hash of each value; that of a null is anything."""
    of = column.type
    if pa.types.is_string(of):
        coded = column.dictionary_encode(null_encoding="encode")
        return _of_texts(coded.indices.to_numpy(), coded.dictionary.to_pylist())
    data: Any = column.buffers()[1] if of.num_fields == 0 else None
    if pa.types.is_decimal128(of):
        words: UInt64s = np.frombuffer(data, np.uint64)
        pairs = words[2 * column.offset :][: 2 * len(column)].reshape(-1, 2)
        high = pairs[:, 1] * ODD2
        high += pairs[:, 0]
        return high
    if any(test(of) for test in _EIGHT_BYTES) and of.bit_width == 64:
        values: UInt64s = np.frombuffer(data, np.uint64)
        return values[column.offset :][: len(column)]
    if pa.types.is_struct(of):
        total = np.zeros(len(column), np.uint64)
        for number, field in enumerate(column.flatten()):  # type: ignore[attr-defined]
            total += _where_present(_mixed(_hashes(field) + np.uint64(number)), field)
        return total
    if pa.types.is_list(of):
        return _of_lists(column)
    from hashlib import blake2b

    texts = [blake2b(repr(value).encode(), digest_size=8).digest() for value in column.to_pylist()]
    return np.frombuffer(b"".join(texts), np.uint64)


def _of_lists(column: Any) -> UInt64s:
    """Hashes of lists: of their values with their places, and of how many there are."""
    offsets: Any = column.buffers()[1]
    ends = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1]
    values = column.values.slice(ends[0], ends[-1] - ends[0])
    lengths = np.diff(ends)
    places = np.arange(len(values)) - np.repeat(ends[:-1] - ends[0], lengths)
    sums = np.zeros(len(values) + 1, np.uint64)
    if len(values):
        hashes = _where_present(_mixed(_hashes(values) + places.astype(np.uint64)), values)
        np.cumsum(hashes, out=sums[1:])
    at = ends - ends[0]
    total: UInt64s = sums[at[1:]] - sums[at[:-1]] + lengths.astype(np.uint64)
    return total


def _of_texts(places: Any, words: list[str | None]) -> UInt64s:
    """Hashes of texts, most of which are said often."""
    hashes: UInt64s = _of_words(tuple(words))[places]
    return hashes


@lru_cache(16)
def _of_words(words: tuple[str | None, ...]) -> UInt64s:
    return text_hashes(pa.array(words, pa.string()))[0]


def _where_present(hashes: UInt64s, column: "pa.Array[Any]") -> UInt64s:
    """The hashes of the values, 0 for a null."""
    return hashes * valid(column) if column.null_count else hashes


def _mixed(values: UInt64s) -> UInt64s:
    mixed = values * ODD
    mixed ^= mixed >> np.uint64(29)
    return mixed * ODD2


@cache
def _numbers_of(name: str) -> tuple[np.uint64, np.uint64]:
    """Two numbers for a column, the first of them odd."""
    hashes, _ = text_hashes(pa.array([name, f"{name}+"]))
    return hashes[0] | np.uint64(1), hashes[1]
