"""Expected output beside a test, compared by value and written anew on request."""

import difflib
import functools
import operator
import os
import warnings
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from mdc_core.contracts import Finding
from mdc_core.errors import MdcError
from mdc_core.events import EVENT_TYPES, Event

_encode = msgspec.json.Encoder(decimal_format="number").encode


class GoldenChanged(UserWarning):
    """An expected output was written anew, and is another one."""


def tell_changes(path: Path, found: Sequence[str]) -> None:
    """Show what differs in an expected output that was written anew."""
    if found:
        text = "\n".join([f"{path} was written anew:", *found])
        warnings.warn(text, GoldenChanged, stacklevel=2)


class Failure(msgspec.Struct, tag_field="type", tag="error"):
    """An error where output was expected; it is part of what a plugin says."""

    error: str
    message: str


def failure(error: MdcError) -> Failure:
    """What the golden file keeps of an error."""
    return Failure(type(error).__name__, str(error))


@functools.cache
def _row_decoder() -> msgspec.json.Decoder[Any]:
    kinds = functools.reduce(operator.or_, EVENT_TYPES.values()) | Failure
    return msgspec.json.Decoder(kinds, float_hook=Decimal)


def line_of(item: Event | Failure | Finding) -> bytes:
    """An item as a line of JSON, without the line's end."""
    return _encode(item)


def row_of(line: bytes) -> Event | Failure:
    """The event of a line, with exact decimals."""
    return _row_decoder().decode(line)  # type: ignore[no-any-return]


def finding_of(line: bytes) -> Finding:
    """The finding of a line."""
    fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    of = fields.pop("of", msgspec.Raw(b"null"))
    finding = msgspec.json.decode(_encode(fields), type=Finding)
    event = None if bytes(of) == b"null" else row_of(bytes(of))
    return msgspec.structs.replace(finding, of=event)


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file that are not blank."""
    return [line for line in path.read_bytes().splitlines() if line.strip()]


def rows_of(path: Path) -> list[Event]:
    """The events in a file."""
    rows = [row_of(line) for line in lines_of(path)]
    return [row for row in rows if isinstance(row, Event)]


def check_golden(path: Path, found: Sequence[Any], read: Any = row_of) -> None:
    """Compare with the expected output, item by item; MDC_UPDATE_GOLDEN=1 writes it."""
    if os.environ.get("MDC_UPDATE_GOLDEN"):
        lines = [line_of(item) for item in found]
        before = lines_of(path) if path.exists() else []
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        was, now = ([line.decode() for line in some] for some in (before, lines))
        tell_changes(path, list(difflib.unified_diff(was, now, n=0, lineterm=""))[2:])
    assert path.exists(), f"no expected output at {path}: set MDC_UPDATE_GOLDEN=1 to write it"
    expected = [read(line) for line in lines_of(path)]
    for number, (is_, should_be) in enumerate(zip(found, expected, strict=False), 1):
        assert is_ == should_be, f"{path.name}, line {number}"
    assert len(found) == len(expected), path.name
