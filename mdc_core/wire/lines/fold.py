"""Fields that a type does not have, moved under `extra` in the text of many lines at once.

What comes out is only read as columns: the text of the events stays as it came.
"""

from functools import cache, lru_cache

import msgspec

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import columns, field_names
from mdc_core.versions import changes

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NULL = b"null"


def fold(block: bytes) -> bytes:
    """The lines with such fields under `extra`; those that take more care stay as they are."""
    lines = block.split(b"\n")
    for number, line in enumerate(lines):
        folded = _folded(line) if line else None
        if folded is not None:
            lines[number] = folded
    return b"\n".join(lines)


_TYPES = {f'"{name}"'.encode(): name for name in EVENT_TYPES}


@cache
def _known(name: str) -> frozenset[str]:
    """The fields of a type, named as JSON does."""
    return frozenset(["type", "v", *field_names(name)])


@lru_cache(256)  # of what lines say
def _is_current(name: str, version: bytes) -> bool:
    """Whether lines of this version are read as they are."""
    if version[:1] != b'"':
        return False
    return not changes(name, version[1:-1].decode())


def _folded(line: bytes) -> bytes | None:
    """A line with its strange fields under `extra`; None where it has none, or is odd."""
    try:
        fields = _fields_of(line)
        name = _TYPES.get(bytes(fields.get("type", b"")))
        if name is None or (known := _known(name)).issuperset(fields):
            return None
        if "v" in fields and not _is_current(name, bytes(fields["v"])):
            return None
        return _moved(line, fields, known)
    except (ValueError, msgspec.MsgspecError, RecursionError, DataError):
        return None


def _moved(line: bytes, fields: dict[str, msgspec.Raw], known: frozenset[str]) -> bytes | None:
    texts = {name: bytes(text) for name, text in fields.items()}
    size = sum(len(name.encode()) + len(text) + 4 for name, text in texts.items()) + 1
    if size != len(line):
        return None  # spaces, escapes, or the same name twice
    strange = sorted(set(texts).difference(known))
    extra = texts.pop("extra", _NULL)
    more = [
        b'"' + name.encode() + b'":' + text
        for name in strange
        if (text := texts.pop(name)) != _NULL or name not in columns()
    ]
    if extra not in (_NULL, b"{}"):
        if set(_fields_of(extra)).intersection(strange):
            return None
        more.insert(0, extra[1:-1])
    members = [b'"' + name.encode() + b'":' + text for name, text in texts.items()]
    if more:
        members.append(b'"extra":{' + b",".join(more) + b"}")
    return b"{" + b",".join(members) + b"}"
