"""Arrow schemas, JSON Schemas and the data dictionary, derived from the vocabulary.

Prices, sizes and volumes are decimal128(36, 18), times timestamp[ns, UTC], dates date32,
JSON objects (`extra`, `counts`, ...) their JSON text.
"""

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from mdc_core.events import EVENT_TYPES, Event, Level

if TYPE_CHECKING:
    import pyarrow as pa

PRECISION, SCALE = 36, 18
# Schema metadata of a batch that was read: the types and versions that its lines named.
NAMED_KEY = b"mdc.named"
VERSIONS_KEY = b"mdc.versions"


class Column(msgspec.Struct, frozen=True):
    """One column: its kind decides its Arrow type and its text on the wire."""

    name: str
    kind: str  # text number whole float flag time date list levels json
    types: tuple[str, ...]


@cache
def columns() -> dict[str, Column]:
    """Every column of every event type, in canonical order."""
    found: dict[str, Column] = {}
    for type_name, cls in EVENT_TYPES.items():
        for name, kind, _ in fields_of(cls):
            known = found.get(name, Column(name, kind, ()))
            if known.kind != kind:
                raise TypeError(f"{type_name}.{name} is {kind}, elsewhere {known.kind}")
            found[name] = Column(name, kind, (*known.types, type_name))
    return found


@cache
def fields_of(cls: type[Event]) -> tuple[tuple[str, str, str], ...]:
    """Name, kind and description of an event type's fields, in canonical order."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return tuple((f.name, *_kind_and_text(f.type)) for f in info.fields if f.name != "v")


def _kind_and_text(kind: inspect.Type) -> tuple[str, str]:
    description, form = "", None
    while isinstance(kind, inspect.Metadata):
        extra = kind.extra_json_schema or {}
        description = extra.get("description", description)
        form = extra.get("format", form)
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        (kind,) = (t for t in kind.types if not isinstance(t, inspect.NoneType))
    name = {
        inspect.DecimalType: "number",
        inspect.IntType: "whole",
        inspect.FloatType: "float",
        inspect.BoolType: "flag",
        inspect.DictType: "json",
    }.get(type(kind))
    if name is None and isinstance(kind, inspect.ListType):
        name = "list" if isinstance(kind.item_type, inspect.StrType) else "levels"
    if name is None:
        name = {"date-time": "time", "date": "date", None: "text"}[form]
    return name, description


def kind_of(column: str) -> str:
    """The kind of a column, which decides its Arrow type and its text on the wire."""
    return columns()[column].kind


@cache
def field_names(type_name: str) -> tuple[str, ...]:
    """The columns that apply to an event type, `type` left out, in canonical order."""
    return tuple(name for name, _, _ in fields_of(EVENT_TYPES[type_name]))


@cache
def version_of(type_name: str) -> str:
    """The semantic version of an event type's schema."""
    return EVENT_TYPES[type_name]().v


@cache
def arrow_types() -> dict[str, "pa.DataType"]:
    """The Arrow type of each kind of column."""
    import pyarrow as pa

    _spare_pandas()
    decimal = pa.decimal128(PRECISION, SCALE)
    level = pa.struct([("price", decimal), ("size", decimal), ("count", pa.int64())])
    return {
        "text": pa.string(),
        "number": decimal,
        "whole": pa.int64(),
        "float": pa.float64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("ns", "UTC"),
        "date": pa.date32(),
        "list": pa.list_(pa.string()),
        "levels": pa.list_(level),
        "json": pa.string(),
    }


class _Hidden:
    """Hides pandas from whoever looks for it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _spare_pandas() -> None:
    """Let pyarrow make its first array without pandas, which takes it 0.2 s to import.

    It looks for pandas once, to know whether what it is given came from there. Who asks for
    `to_pandas` still gets it.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(hidden)


@cache
def arrow_schema(type_names: frozenset[str]) -> "pa.Schema":
    """One table for these event types: `type`, then the columns that can occur."""
    import pyarrow as pa

    kinds = arrow_types()
    chosen = [c for c in columns().values() if type_names.intersection(c.types)]
    fields: list[pa.Field[Any]] = [pa.field("type", pa.string())]
    fields += [pa.field(c.name, kinds[c.kind]) for c in chosen]
    versions = {name: version_of(name) for name in EVENT_TYPES if name in type_names}
    return pa.schema(fields, metadata={VERSIONS_KEY: json.dumps(versions)})


@cache
def types_with(column_names: frozenset[str]) -> frozenset[str]:
    """The event types that have at least one of these columns as their own."""
    return frozenset(t for n in column_names if n in columns() for t in columns()[n].types)


def json_schema(type_name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one event type's line."""
    cls = EVENT_TYPES[type_name]
    (schema,), components = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
    body = components.pop(schema["$ref"].rsplit("/", 1)[1])
    for name, prop in body["properties"].items():
        _mend(prop, name)
    body["properties"]["v"] = {"type": "string", "description": "schema version"}
    body["required"] = ["type", *cls.required]
    body["additionalProperties"] = False
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:mdc:{type_name}:{version_of(type_name)}",
    }
    if Level.__name__ in components:
        for name, prop in components[Level.__name__]["properties"].items():
            _mend(prop, name)
        body["$defs"] = components
    return {**head, **body}


def _mend(prop: dict[str, Any], name: str) -> None:
    """Say what the wire says: a decimal is a JSON number, or a string that holds one."""
    prop.pop("default", None)
    choices = prop.get("anyOf", [prop])
    if any(c.get("format") == "decimal" for c in choices):
        nullable = any(c.get("type") == "null" for c in choices)
        for key in ("anyOf", "type", "format"):
            prop.pop(key, None)
        prop["type"] = ["number", "string", *(["null"] if nullable else [])]
        prop["pattern"] = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def data_dictionary() -> str:
    """Every event type and field as a Markdown document."""
    out = ["# Data dictionary", ""]
    out += ["One event is one row; `type` decides which fields apply.", ""]
    for type_name, cls in EVENT_TYPES.items():
        out += [f"## {type_name} ({version_of(type_name)})", "", f"{cls.__doc__}", ""]
        out += ["| field | type | required | meaning |", "| --- | --- | --- | --- |"]
        for name, kind, text in fields_of(cls):
            needed = "yes" if name in cls.required else ""
            text += _choices(cls, name)
            out.append(f"| `{name}` | {_KIND_WORDS[kind]} | {needed} | {text} |")
        out.append("")
    return "\n".join(out)


_KIND_WORDS = {
    "text": "string",
    "number": f"decimal({PRECISION}, {SCALE})",
    "whole": "int64",
    "float": "float64",
    "flag": "boolean",
    "time": "timestamp[ns, UTC]",
    "date": "date",
    "list": "list of strings",
    "levels": "list of {price, size, count}",
    "json": "JSON object",
}


@cache
def allowed_values(cls: type[Event], name: str) -> tuple[str, ...]:
    """The values a field may take, empty where any will do."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    kind = next(f.type for f in info.fields if f.name == name)
    if isinstance(kind, inspect.Metadata) and kind.extra_json_schema:
        return tuple(v for v in kind.extra_json_schema.get("enum", ()) if v is not None)
    return ()


def _choices(cls: type[Event], name: str) -> str:
    values = allowed_values(cls, name)
    return f": {', '.join(values)}" if values else ""
