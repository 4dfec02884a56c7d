"""The first rows of a table of others: CSV and lines of JSON, of their first bytes."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from mdc_core.errors import DataError, TruncatedError
from mdc_core.mapping.plan import TableSample
from mdc_core.wire.sniff import Unbuffered
from mdc_core.wire.unpack import unpacked

HEAD = 1 << 16  # bytes that are looked at
_LINES = 200
_DELIMITERS = "\t;|,"
_VALUE = re.compile(
    r"\s*[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?\s*|\s*\d{1,4}[-./]\d\d?[-./]\d{1,4}.*"
    r"|\d{8}[ T].*|\d\d?:\d\d.*",
    re.ASCII,
)
_decode = msgspec.json.Decoder().decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def head_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked as far as it can be; raises TruncatedError for none."""
    with path.open("rb", buffering=0) as file:
        return plain_head(file, path.name)


def plain_head(file: Unbuffered, name: str) -> bytes:
    """The first bytes of an open file, unpacked; raises TruncatedError where there are none."""
    head = b""
    plain = unpacked(file, name)
    try:
        while len(head) < HEAD and (data := plain.read(HEAD)):
            head += data
    except TruncatedError:
        if not head:
            raise  # else whoever reads all of it tells where
    return head


class CsvHead(NamedTuple):
    """What the first bytes of a CSV file say of it."""

    delimiter: str
    has_header: bool
    sample: TableSample


def csv_head(
    data: bytes, delimiter: str | None = None, names: Sequence[str] = ()
) -> CsvHead | None:
    """The head of a CSV file; None where nothing looks like one.

    With names, there is no header. Raises DataError where two columns have one name.
    """
    text = data[:HEAD].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.splitlines()
    lines = lines[:-1] if len(lines) > 1 and len(data) >= HEAD else lines
    lines = [line for line in lines[:_LINES] if line.strip()]
    sign = delimiter or _delimiter_of(lines)
    if sign is None or not lines:
        return None
    rows = [row for row in csv.reader(lines, delimiter=sign, strict=False) if row]
    first = [cell.strip() for cell in rows[0]]
    has_header = not names and not any(map(_VALUE.fullmatch, first))
    if not names:
        names = rows[0] if has_header else [str(n) for n in range(1, len(first) + 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"more than one column is {twice[0]!r}")
    width = len(names)
    good = [row for row in rows[has_header:] if len(row) == width]
    cells = zip(*good, strict=True) if good else [()] * width
    columns = {
        name: pa.array([cell or None for cell in column], pa.string())
        for name, column in zip(names, cells, strict=True)
    }
    return CsvHead(sign, has_header, TableSample(columns, has_header))


def _delimiter_of(lines: Sequence[str]) -> str | None:
    """The sign that stands in each line equally often, else most often in the first."""
    for sign in _DELIMITERS:
        counts = Counter(line.count(sign) for line in lines if '"' not in line)
        most, times = counts.most_common(1)[0] if counts else (0, 0)
        if most and lines[0].count(sign) == most and times >= 0.8 * sum(counts.values()):
            return sign
    first = {sign: lines[0].count(sign) for sign in _DELIMITERS} if lines else {}
    most = max(first.values(), default=0)
    return next((sign for sign in reversed(first) if first[sign] == most), None) if most else None


def json_head(
    data: bytes, names: Sequence[str] = (), dotted: Sequence[str] = ()
) -> TableSample | None:
    """The head of lines of JSON objects, or arrays; None where the first is neither."""
    lines = data[:HEAD].split(b"\n")
    lines = lines[:-1] if len(lines) > 1 else lines
    rows = []
    for line in lines[:_LINES]:
        if not line.strip():
            continue
        try:
            rows.append(json_row(line, names))
        except DataError:
            if not rows:
                return None
    if not rows:
        return None
    there = dict.fromkeys(name for row in rows for name in row)
    return TableSample({name: json_column(rows, name) for name in [*there, *dotted]})


def json_row(line: bytes, names: Sequence[str] = ()) -> dict[str, msgspec.Raw]:
    """The members of a line, an object or an array of values; raises DataError."""
    try:
        if line.lstrip()[:1] != b"[":
            return _object(line)
        values = _array(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DataError(f"not JSON: {error}") from None
    there = names or [str(number) for number in range(1, len(values) + 1)]
    if len(there) != len(values):
        raise DataError(f"{len(values)} values, not {len(there)}")
    return dict(zip(there, values, strict=True))


def json_column(rows: Sequence[dict[str, msgspec.Raw]], name: str) -> Any:
    """A member of all rows as text, numbers with their digits; objects and lists stay JSON.

    A name with dots is that of a member within another.
    """
    cells = [_cell(_member(row, name)) for row in rows]
    return pa.array(cells, pa.string())


def _member(row: dict[str, msgspec.Raw], name: str) -> bytes | None:
    raw = row.get(name)
    if raw is not None or "." not in name:
        return None if raw is None else bytes(raw)
    first, _, rest = name.partition(".")
    if first not in row:
        return None
    try:
        return _member(_object(row[first]), rest)
    except msgspec.DecodeError:
        return None


def _cell(raw: bytes | None) -> str | None:
    if raw is None or raw == b"null":
        return None
    return str(_decode(raw)) if raw[:1] == b'"' else raw.decode()
