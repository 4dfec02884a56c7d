"""Events that are not what their type says.

Required fields that are absent, fields that belong to other types, values that are none
of those allowed, sizes below zero, and bars whose high and low do not enclose their open
and close. The one check that also looks at events about the data itself.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.columns import allowed_values, decimals, field_names, kind_of, valid
from mdc_core.plugin import EVENT_TYPES, Check, Finding, Options, plain

Bools = npt.NDArray[np.bool_]
ENCLOSED = (
    ("low", "high"),
    ("low", "open"),
    ("low", "close"),
    ("open", "high"),
    ("close", "high"),
)


class _Rules(NamedTuple):
    required: frozenset[str]
    own: frozenset[str]
    allowed: dict[str, tuple[str, ...]]
    sizes: frozenset[str]


class Schema(Check):
    """Events that are not what their type says."""

    scope = "all"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._rules: dict[str, _Rules] = {}  # of the types seen so far

    def __call__(self, batch: pa.RecordBatch) -> Iterable[Finding]:
        codes, types = self.groups.codes(batch, "type")
        filled = _filled(batch)
        for code, name in enumerate(types):
            rows = codes == code
            if name is None or name not in EVENT_TYPES:
                wrong = "no type" if name is None else f"unknown type {name!r}"
                yield from _findings(rows, wrong)
                continue
            if name not in self._rules:
                self._rules[name] = _rules_of(name)
            rules = self._rules[name]
            for column in rules.required:
                absent = rows & ~filled[column] if column in filled else rows
                yield from _findings(absent, f"{name} without {column}")
            for column, known in filled.items():
                if column not in rules.own:
                    yield from _findings(rows & known, f"{column} is no field of a {name}")
                elif column in rules.allowed:
                    yield from self._values(batch, rows, column, rules.allowed[column])
                elif column in rules.sizes:
                    yield from _negative(batch, rows & known, column)
            if name == "bar":
                yield from _bars(batch, rows)

    def _values(
        self, batch: pa.RecordBatch, rows: Bools, column: str, allowed: tuple[str, ...]
    ) -> Iterator[Finding]:
        codes, words = self.groups.codes(batch, column)
        for code, word in enumerate(words):
            if word is not None and word not in allowed:
                wrong = f"{column} is {word!r}, none of {', '.join(allowed)}"
                yield from _findings(rows & (codes == code), wrong)


def _rules_of(name: str) -> _Rules:
    cls, own = EVENT_TYPES[name], field_names(name)
    texts = [column for column in own if kind_of(column) == "text"]
    values = {column: allowed_values(cls, column) for column in texts}
    return _Rules(
        required=frozenset(cls.required),
        own=frozenset(own),
        allowed={column: allowed for column, allowed in values.items() if allowed},
        sizes=frozenset(
            column
            for column in own
            if kind_of(column) == "number" and column.endswith(("size", "volume"))
        ),
    )


def _filled(batch: pa.RecordBatch) -> dict[str, Bools]:
    """Where each column has a value, for the columns that have any."""
    length = batch.num_rows
    everywhere = np.ones(length, np.bool_)
    found: dict[str, Bools] = {}
    for name, column in zip(batch.schema.names[1:], batch.columns[1:], strict=True):
        if column.null_count < length:
            found[name] = valid(column) if column.null_count else everywhere
    return found


def _findings(rows: Bools, message: str) -> Iterator[Finding]:
    if rows.any():
        for row in np.flatnonzero(rows).tolist():
            yield Finding(row, message, "error")


def _negative(batch: pa.RecordBatch, rows: Bools, column: str) -> Iterator[Finding]:
    high, low, _ = decimals(batch, column)
    below = rows & (high < 0)
    if below.any():
        for row in np.flatnonzero(below).tolist():
            value = plain((int(high[row]) << 64) + int(low[row]))
            yield Finding(row, f"{column} {value} is negative", "error")


def _bars(batch: pa.RecordBatch, rows: Bools) -> Iterator[Finding]:
    for lower, upper in ENCLOSED:
        (high, low, known), (high2, low2, known2) = (
            decimals(batch, lower),
            decimals(batch, upper),
        )
        over = (high > high2) | ((high == high2) & (low > low2))
        for row in np.flatnonzero(rows & over & known & known2).tolist():
            first = plain((int(high[row]) << 64) + int(low[row]))
            second = plain((int(high2[row]) << 64) + int(low2[row]))
            yield Finding(row, f"bar with {lower} {first} above {upper} {second}", "error")
