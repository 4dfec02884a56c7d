"""Numbers of others as exact decimals: from text, whole numbers with a scale, floats by digits."""

import re
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa

from mdc_core.batch import exact
from mdc_core.errors import DataError
from mdc_core.mapping.columns.converting import Array, Converter, as_text, compute, refuse_misread
from mdc_core.schema import PRECISION, SCALE

_NUMBER = re.compile(r"[ \t]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)[ \t]*", re.ASCII)
_COMMA = re.compile(r"[ \t]*([+-]?\d+(?:,\d*)?|[+-]?,\d+)[ \t]*", re.ASCII)
_WHOLE = r"^[+-]?[0-9]{1,17}$"
_LONGEST = 36  # letters that a number surely fits into its column with


class Numbers(Converter):
    """Decimals of 36 digits, 18 of them behind the point."""

    kind = pa.decimal128(PRECISION, SCALE)

    def __init__(
        self, *, comma: bool = False, scale: int | None = None, digits: int | None = None
    ) -> None:
        self._comma, self._scale, self._digits = comma, scale, digits

    def bulk(self, column: Array) -> Array:
        """All values, where none is longer or finer than most are."""
        kind = column.type
        if pa.types.is_floating(kind):
            column = _without_nan(column).cast(pa.string())  # the shortest that reads back
        elif pa.types.is_decimal(kind) and self._scale is self._digits is None:
            return column.cast(self.kind)
        text = as_text(column)
        longest = compute.max(compute.binary_length(text)).as_py()
        if longest is not None and longest > _LONGEST:
            raise DataError("longer than most")
        if self._comma:
            if compute.any(compute.match_substring(text, ".")).as_py():
                raise DataError("a point")
            text = compute.replace_substring(text, ",", ".")
        refuse_misread(text)
        if self._scale is not None:
            return self._scaled(text)
        if self._digits is not None:
            text.cast(pa.decimal128(38, self._digits))  # raises where one is finer
        return text.cast(self.kind)

    def _scaled(self, text: Array) -> Array:
        if not compute.all(compute.match_substring_regex(text, _WHOLE)).as_py():
            raise DataError("no whole numbers")
        whole = text.cast(pa.decimal128(PRECISION, 0))
        kind = pa.decimal128(PRECISION, self._scale or 0)
        there = pa.Array.from_buffers(kind, len(whole), whole.buffers(), whole.null_count)
        return there.cast(self.kind)

    def one(self, value: Any) -> Decimal | None:
        """One value; raises DataError, with the reason."""
        if isinstance(value, float) and value != value:
            return None
        text = value.decode() if isinstance(value, bytes) else str(value)
        found = (_COMMA if self._comma else _NUMBER).fullmatch(text)
        if found is None or isinstance(value, bool):
            raise DataError(f"{text[:60]!r} is not a number")
        number = Decimal(found[1].replace(",", "."))
        if self._scale is not None:
            if number != number.to_integral_value():
                raise DataError(f"{text[:60]!r} is not a whole number, as --scale says")
            with localcontext(prec=60):
                number = number.scaleb(-self._scale)
        if self._digits is not None and _places(number) > self._digits:
            raise DataError(f"{text[:60]} has more than {self._digits} digits behind the point")
        return exact(number)


class Float32Numbers(Numbers):
    """Those of floats of 32 bits, which Python knows none of."""

    def one(self, value: Any) -> Decimal | None:
        """One value, by its own shortest text."""
        text = pa.array([value], pa.float32()).cast(pa.string())[0].as_py()
        return super().one(float("nan") if text == "nan" else text)


class WholeNumbers(Converter):
    """Whole numbers of 64 bits."""

    kind = pa.int64()

    def bulk(self, column: Array) -> Array:
        """All values."""
        if pa.types.is_floating(column.type):
            column = _without_nan(column)
        return column.cast(self.kind)

    def one(self, value: Any) -> int:
        """One value; 12.0 is 12."""
        number = Numbers().one(value)
        if number is None or number != number.to_integral_value() or abs(number) >= 2**63:
            raise DataError(f"{str(value)[:60]!r} is not a whole number")
        return int(number)


def _without_nan(column: Array) -> Array:
    """NaN is how other tools write that there is no value."""
    return compute.if_else(compute.is_nan(column), pa.scalar(None, column.type), column)


def _places(number: Decimal) -> int:
    with localcontext(prec=60):
        exponent = number.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
