"""A vendor's JSON messages as Structs, and what no Struct has, which goes under `extra`."""

from collections.abc import Callable, Collection, Mapping, Set
from decimal import Decimal, DecimalException
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Raw, inspect

_MOST = 100  # unknown names that are remembered, and kinds of messages with such
_NOTHING: set[str] = set()


class Messages:
    """Reads messages as a Struct, or as one of a union of tagged ones, and keeps what is beyond it.

    A message is a JSON object. The Structs that lead to events forbid unknown fields, so that
    one with such a field is noticed at no cost for the others:

        class Tick(msgspec.Struct, tag_field="kind", tag="trade", forbid_unknown_fields=True): ...

        messages = mdc.Messages(Tick | Best | Answer)
        ...
        message, extra = self.messages.read(text)
        yield mdc.Trade(..., extra=extra)
    """

    def __init__(self, kinds: Any) -> None:
        self._decode: Callable[[str | bytes], Any] = msgspec.json.Decoder(kinds).decode
        self._kinds = kinds
        self._beyond: dict[bytes | None, set[str]] = {}  # unknown names that came, by the tag

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
            fields = _fields(text)
            if (found := self._as_before(fields)) is not None:
                return found
            whole = {name: _exact(raw) for name, raw in fields.items()}
            known: dict[str, Any] = _known(whole, self._kind)
            extra = {name: value for name, value in whole.items() if known.get(name, ...) != value}
            if not extra:
                raise
            # What has nothing unknown in it stays as it was written.
            plain = {n: known[n] if n in extra else fields[n] for n in known}
            message = self._decode(_encode(plain))
            self._remember(self._tag(fields), whole.keys() - known.keys())
            return message, extra

    def _remember(self, tag: bytes | None, names: Set[str]) -> None:
        """These came with this tag; not any number of them, for names may be values."""
        if len(self._beyond) < _MOST and len(self._beyond.get(tag, ())) + len(names) <= _MOST:
            self._beyond.setdefault(tag, set()).update(names)

    def _as_before(self, fields: dict[str, Raw]) -> tuple[Any, dict[str, Any]] | None:
        """A message that has no more than names that came before: it need not be taken apart."""
        beyond = self._beyond.get(self._tag(fields), _NOTHING) & fields.keys()
        if not beyond:
            return None
        plain = {name: raw for name, raw in fields.items() if name not in beyond}
        try:
            message = self._decode(_encode(plain))
        except msgspec.ValidationError:
            return None
        return message, {name: _exact(raw) for name, raw in fields.items() if name in beyond}

    def _tag(self, fields: dict[str, Raw]) -> bytes | None:
        """What tells one of several Structs; unknown to one may be known to another."""
        raw = fields.get(self._tag_field) if self._tag_field else None
        return None if raw is None else bytes(raw)

    @cached_property
    def _tag_field(self) -> str | None:
        kinds = self._kind.types if isinstance(self._kind, inspect.UnionType) else (self._kind,)
        tags = {kind.tag_field for kind in kinds if isinstance(kind, inspect.StructType)}
        return next(iter(tags)) if tags else None


Rest = Callable[[Any], dict[str, Any] | None]


def rest_of(kind: type[msgspec.Struct], *taken: str, empty: Collection[Any] = ()) -> Rest:
    """What gives the fields of messages of a Struct that are not `taken`, for `extra`.

    They come by the vendor's names, without those that are absent or one of `empty`; None if
    there are none. `rest = rest_of(Tick, "symbol", "price")`, then `Trade(..., extra=rest(tick))`.
    """
    pairs = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    left = [(ours, theirs) for ours, theirs in pairs if ours not in taken]

    def some(message: msgspec.Struct) -> dict[str, Any] | None:
        values = ((theirs, getattr(message, ours)) for ours, theirs in left)
        return {name: one for name, one in values if one is not None and one not in empty} or None

    # Written out as by hand, for it is done for each event: a loop takes five times as long.
    has = "" if empty else " is not None"
    tests = [f"(v{n} := m.{ours}){has}" for n, (ours, _) in enumerate(left)]
    fields = [f"{theirs!r}: v{n}" for n, (_, theirs) in enumerate(left)]
    text = f"lambda m: {{{', '.join(fields)}}} if {' and '.join(tests)} else some(m)"
    rest: Rest = eval(text, {"some": some})
    return rest


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except DecimalException:
        raise ValueError(f"{text[:40]} is a number that nobody can hold") from None


_exact = msgspec.json.Decoder(float_hook=_number).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def _known(value: Any, kind: inspect.Type) -> Any:
    """A value without what forbidding Structs do not have, however deep."""
    match kind:
        case inspect.Metadata():
            return _known(value, kind.type)
        case inspect.UnionType(types):
            kinds = [one for one in map(_bare, types) if _may_be(value, one)]
            if len(kinds) > 1:
                kinds = [one for one in kinds if _has_tag(value, one)]
            return _known(value, kinds[0]) if len(kinds) == 1 else value
        case inspect.StructType(array_like=True) | inspect.NamedTupleType():
            if isinstance(value, list):
                return _known_places(value, kind)
        case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType():
            if isinstance(value, dict):
                return _known_fields(value, kind)
        case inspect.CollectionType(item) if isinstance(value, list):
            return [_known(one, item) for one in value]
        case inspect.TupleType(items) if isinstance(value, list) and len(value) == len(items):
            return [_known(one, item) for one, item in zip(value, items, strict=True)]
        case inspect.DictType(_, item) if isinstance(value, dict):
            return {name: _known(one, item) for name, one in value.items()}
    # A whole number of any length is written only as a decimal.
    return Decimal(value) if type(value) is int and abs(value) >= 2**63 else value


def _known_fields(
    value: Mapping[str, Any],
    kind: inspect.StructType | inspect.DataclassType | inspect.TypedDictType,
) -> dict[str, Any]:
    kinds = {field.encode_name: field.type for field in kind.fields}
    tag = kind.tag_field if isinstance(kind, inspect.StructType) else None
    return {
        name: _known(item, kinds[name]) if name in kinds else item
        for name, item in value.items()
        if name in kinds or name == tag or not _forbids(kind)
    }


def _known_places(value: list[Any], kind: inspect.StructType | inspect.NamedTupleType) -> list[Any]:
    tags = 1 if isinstance(kind, inspect.StructType) and kind.tag_field else 0
    end = tags + len(kind.fields)
    pairs = zip(value[tags:end], kind.fields, strict=False)
    beyond = [] if _forbids(kind) else value[end:]
    return [*value[:tags], *(_known(one, field.type) for one, field in pairs), *beyond]


def _forbids(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StructType) and kind.forbid_unknown_fields


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _may_be(value: Any, kind: inspect.Type) -> bool:
    """Whether a member of a union has the form of a value: one of a union at the most does."""
    if isinstance(kind, inspect.StructType) and not kind.array_like:
        return isinstance(value, dict)
    if isinstance(kind, inspect.DictType | inspect.DataclassType | inspect.TypedDictType):
        return isinstance(value, dict)
    arrays = inspect.StructType | inspect.CollectionType | inspect.TupleType
    return isinstance(kind, arrays | inspect.NamedTupleType) and isinstance(value, list)


def _has_tag(value: Any, kind: inspect.Type) -> bool:
    """Whether a value says that it is this one of several Structs."""
    if not isinstance(kind, inspect.StructType):
        return False
    said = value[:1] == [kind.tag] if kind.array_like else value.get(kind.tag_field) == kind.tag
    return bool(said)
