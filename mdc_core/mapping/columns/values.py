"""Values of others that are neither numbers nor times: sides, flags, lists, levels, objects."""

from collections.abc import Callable
from contextlib import suppress
from datetime import tzinfo
from typing import Any

import msgspec
import pyarrow as pa

from mdc_core.batch import column_of
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Level
from mdc_core.mapping.columns.converting import Array, Converter, EachOnce, as_text
from mdc_core.mapping.columns.numbers import Float32Numbers, Numbers, WholeNumbers
from mdc_core.mapping.columns.stamps import Stamps
from mdc_core.mapping.options import FLAGS, PRICES, MappingOptions
from mdc_core.schema import allowed_values, arrow_types, kind_of

_TRUE, _FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")
_SIDES = {"b": "buy", "bid": "buy", "buyer": "buy", "s": "sell", "a": "sell", "ask": "sell"}
_SIDES |= {"seller": "sell", "offer": "sell", "n": "none", "unknown": "none"}
_SIDES_OF_BOOK = {"b": "bid", "buy": "bid", "a": "ask", "s": "ask", "sell": "ask", "offer": "ask"}
_WORDS = {"aggressor_side": _SIDES, "side": _SIDES_OF_BOOK}
_texts = msgspec.json.Decoder(list[str]).decode
_levels = msgspec.json.Decoder(list[Level]).decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def converter_of(
    field: str,
    there: pa.DataType,
    options: MappingOptions,
    zone: tzinfo | None = None,
    *,
    ours: bool = False,
) -> Converter:
    """What makes a field of a column of some type; in a table of ours words are as they are."""
    if field in FLAGS:
        return EachOnce(pa.string(), _taker(FLAGS[field]))
    kind = "text" if field == "type" else kind_of(field)
    if kind == "number":
        digits = options.digits_of.get(field)
        make = Float32Numbers if there in (pa.float32(), pa.float16()) else Numbers
        scale = options.scale if field in PRICES else None
        count = None if digits is None else int(digits)
        return make(comma=options.decimal_comma, scale=scale, digits=count)
    if kind == "time":
        return Stamps(options.time_unit, options.time_format, zone)
    if kind == "whole":
        return WholeNumbers()
    if kind == "text":
        words = frozenset() if ours else _allowed(field)
        return EachOnce(pa.string(), _worded(field, words)) if words else Texts()
    if kind == "float":
        return Floats()
    if kind == "flag":
        return EachOnce(pa.bool_(), _flag)
    if kind == "date":
        return Dates(options)
    return Nested(kind)


def _allowed(field: str) -> frozenset[str]:
    kinds = (cls for cls in EVENT_TYPES.values() if field in cls.__struct_fields__)
    return frozenset(value for cls in kinds for value in allowed_values(cls, field))


class Texts(Converter):
    """Words as they are."""

    kind = pa.string()

    def bulk(self, column: Array) -> Array:
        """All of them."""
        return as_text(column)

    def one(self, value: Any) -> str:
        """One word."""
        return str(value)


class Floats(Converter):
    """Statistics, which are no prices."""

    kind = pa.float64()

    def bulk(self, column: Array) -> Array:
        """All of them."""
        return column.cast(self.kind)

    def one(self, value: Any) -> float:
        """One number."""
        try:
            return float(value)
        except ValueError:
            raise DataError(f"{str(value)[:60]!r} is not a number") from None


class Dates(Converter):
    """Days."""

    kind = pa.date32()

    def __init__(self, options: MappingOptions) -> None:
        self._stamps = Stamps(options.time_unit, options.time_format)

    def bulk(self, column: Array) -> Array:
        """All days, of whatever time of them."""
        if pa.types.is_string(column.type):
            with suppress(pa.ArrowInvalid):
                return column.cast(self.kind)
        return self._stamps.bulk(column).cast(pa.timestamp("ns")).cast(self.kind, safe=False)

    def one(self, value: Any) -> Any:
        """One day."""
        try:
            return self.bulk(pa.array([value]))[0].as_py()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DataError):
            raise DataError(f"{str(value)[:60]!r} is not a day") from None


class Nested(Converter):
    """Lists of texts, levels of a book, objects: of JSON, or columns of such a type."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.kind = arrow_types()[kind]

    def bulk(self, column: Array) -> Array:
        """All values, one by one where they are text."""
        if pa.types.is_nested(column.type) and self._kind != "json":
            return column.cast(self.kind)
        values = [None if v is None else self.one(v) for v in as_text(column).to_pylist()]
        return pa.array(values, self.kind)

    def one(self, value: Any) -> Any:
        """One value of text."""
        try:
            if self._kind == "list":
                return _list(str(value))
            if self._kind == "levels":
                return column_of("levels", [_levels(value)])[0].as_py()
            _object(value)
            return msgspec.json.format(str(value), indent=-1)
        except (msgspec.DecodeError, msgspec.ValidationError, TypeError) as error:
            raise DataError(f"{str(value)[:60]!r}: {error}") from None


def _list(text: str) -> list[str]:
    if text.startswith("["):
        return _texts(text)
    return [word.strip() for word in text.split(",")]


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise DataError(f"neither true nor false: {str(value)[:60]!r}")
    return word in _TRUE


def _taker(side: str) -> Callable[[Any], str]:
    other = "buy" if side == "sell" else "sell"
    return lambda value: side if _flag(value) else other


def _worded(field: str, allowed: frozenset[str]) -> Callable[[Any], str]:
    """Values of a field that has few of them, in the words of mdc; others stay as they are."""
    words = _WORDS.get(field, {})

    def word_of(value: Any) -> str:
        word = str(value).strip().lower()
        known = words.get(word, word)
        return known if known in allowed else str(value)

    return word_of
