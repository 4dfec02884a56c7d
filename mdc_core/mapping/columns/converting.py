"""A column of others as one of ours: all at once, and one by one only what resists.

What resists as a whole is halved until the values that are to blame stand alone; these are read
with care, or are told with the reason.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute

from mdc_core.errors import DataError

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
# The stubs of its functions know arrays or scalars, not the mixtures of both that they take.
compute: Any = pyarrow.compute
Reasons = dict[int, str]  # by row
_FEW = 8
_MISREAD = (
    r"^[ \t]*[+-]?[0-9]{2,}(\.[0-9]*)?[eE]\+?[0-9]"
    r"|[eE][+-]?0*([2-9][0-9]|[1-9][0-9]{2})|[0-9]{20}"
)


class Converter:
    """Values of one kind; a subclass says how many of them are read, and how one is."""

    kind: pa.DataType

    def bulk(self, column: Array) -> Array:
        """All values; raises ArrowInvalid or DataError where one of them takes more care."""
        raise NotImplementedError

    def one(self, value: Any) -> Any:
        """One value for a column of the kind; raises DataError for what is none."""
        raise NotImplementedError

    def read(self, column: Array) -> tuple[Array, Reasons]:
        """The column, with null and a reason where a value cannot be read."""
        reasons: Reasons = {}
        if column.null_count == len(column):
            return nulls(len(column), self.kind), reasons
        pieces = list[Array]()
        self._halved(column, 0, pieces, reasons)
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces), reasons

    def _halved(self, column: Array, at: int, pieces: list[Array], reasons: Reasons) -> None:
        try:
            pieces.append(self.bulk(column))
            return
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DataError):
            pass
        half = len(column) // 2
        if half >= _FEW:
            self._halved(column.slice(0, half), at, pieces, reasons)
            self._halved(column.slice(half), at + half, pieces, reasons)
            return
        values: list[Any] = []
        for row, value in enumerate(column.to_pylist(), at):
            try:
                values.append(None if value is None else self.one(value))
            except DataError as error:
                values.append(None)
                reasons[row] = str(error)
        pieces.append(pa.array(values, self.kind))


class EachOnce(Converter):
    """Values of which each distinct one is read once."""

    def __init__(self, kind: pa.DataType, one: Callable[[Any], Any]) -> None:
        self.kind, self._one = kind, one

    def one(self, value: Any) -> Any:
        """The value."""
        return self._one(value)

    def bulk(self, column: Array) -> Array:
        """The values by their dictionary."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        values = [None if v is None else self._one(v) for v in encoded.dictionary.to_pylist()]
        return pa.array(values, self.kind).take(encoded.indices)


def as_text(column: Array) -> Array:
    """A column of text; other simple values as they are written. Raises DataError for others."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if kind == pa.string():
        return column
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{kind} is no text: {error}".partition("\n")[0]) from None


def refuse_misread(text: Array) -> None:
    """Raise ArrowInvalid where pyarrow would read another decimal than a text says.

    It takes 1e-57 for 0 and 1e21 for less than it is, and ends the process by 1e-9999999.
    """
    if compute.any(compute.match_substring_regex(text, _MISREAD)).as_py():
        raise pa.ArrowInvalid("a number of many digits")


def nulls(rows: int, kind: pa.DataType) -> Array:
    """A column without a value."""
    made: Array = pa.nulls(rows, kind)  # type: ignore[call-overload]
    return made
