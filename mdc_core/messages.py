"""A vendor's JSON messages as Structs, and what no Struct has, which goes under `extra`."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from msgspec import inspect

_exact = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Messages:
    """Reads messages as a Struct, or as one of a union of tagged ones, and keeps what is beyond it.

    The Structs that lead to events forbid unknown fields, so that one with such a field is
    noticed at no cost for the others:

        class Tick(msgspec.Struct, tag_field="kind", tag="trade", forbid_unknown_fields=True): ...

        read = mdc.Messages(Tick | Best | Answer).read
        ...
        message, extra = self.read(text)
        yield mdc.Trade(..., extra=extra)
    """

    def __init__(self, kinds: Any) -> None:
        self._decode: Callable[[str | bytes], Any] = msgspec.json.Decoder(kinds).decode
        self._kinds = kinds

    @cached_property
    def _kind(self) -> inspect.Type:
        """Taken apart when a message has more: it takes as long as reading a thousand."""
        return inspect.type_info(self._kinds)

    def read(self, text: str | bytes) -> tuple[Any, dict[str, Any] | None]:
        """The message, and its fields that no Struct has, None if there are none.

        A field whose value has such fields in turn is given with all that it says. Raises what
        msgspec raises for text that is no such message.
        """
        try:
            return self._decode(text), None
        except msgspec.ValidationError:
            whole = _exact(text)
            known = _known(whole, self._kind)
            if not isinstance(whole, dict) or known == whole:
                raise
            return self._decode(_encode(known)), _beyond(whole, known)


def _beyond(whole: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if known.get(name, ...) != value}


def _known(value: Any, kind: inspect.Type) -> Any:
    """A value without the fields, however deep, that forbidding Structs do not have."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.UnionType(types):
            kinds = [one for one in types if _may_be(value, one)]
            return _known(value, kinds[0]) if len(kinds) == 1 else value
        case inspect.StructType() if isinstance(value, dict):
            kinds_of = {field.encode_name: field.type for field in kind.fields}
            tag = {kind.tag_field} if kind.tag_field else set()
            keeps = not kind.forbid_unknown_fields
            return {
                name: _known(item, kinds_of[name]) if name in kinds_of else item
                for name, item in value.items()
                if keeps or name in kinds_of or name in tag
            }
        case inspect.ListType(item) | inspect.VarTupleType(item) if isinstance(value, list):
            return [_known(one, item) for one in value]
        case inspect.TupleType(items) if isinstance(value, list) and len(value) == len(items):
            return [_known(one, item) for one, item in zip(value, items, strict=True)]
        case inspect.DictType(_, item) if isinstance(value, dict):
            return {name: _known(one, item) for name, one in value.items()}
    # A whole number of any length is written only as a decimal.
    return Decimal(value) if type(value) is int and abs(value) >= 2**63 else value


def _may_be(value: Any, kind: inspect.Type) -> bool:
    """Whether a member of a union can be what a value is; Structs are told apart by their tags."""
    if isinstance(kind, inspect.StructType):
        if not isinstance(value, dict):
            return False
        return kind.tag_field is None or value.get(kind.tag_field) == kind.tag
    if isinstance(kind, inspect.DictType):
        return isinstance(value, dict)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.TupleType):
        return isinstance(value, list)
    return False
