"""Lines to columns: whole blocks at once, and line by line only where a block resists.

A block that pyarrow reads into the columns of the types seen so far, with one row a line,
is done. One that it cannot read is halved until the lines that are to blame stand alone;
those are read with care, one at a time, and set aside with a reason if they are bad.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from mdc_core.batch import from_rows, unify
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES, Event, type_of
from mdc_core.schema import arrow_schema
from mdc_core.wire.limits import LONG_BLOCK, MAX_VALUES
from mdc_core.wire.lines.checks import belongs, holds, versions_known
from mdc_core.wire.lines.fold import fold
from mdc_core.wire.lines.line import check_values, parse_line
from mdc_core.wire.lines.objects import values_of_objects, with_strings
from mdc_core.wire.lines.too_fine import has_too_fine

Array = Any  # of pyarrow: the stubs give each kind of array methods of its own
_read_json: Callable[..., pa.Table] = pj.read_json  # the stubs do without its buffers

# What a line says of its schema: its type and its version.
Versions = frozenset[tuple[str, str]]
# (batch, the text of its lines, how many there are of each type, the versions that the lines
# had; None: those that stand in the text)
Piece = tuple[pa.RecordBatch, bytes, dict[str, int], Versions | None]
# Called with the number of the line within the block (0 is the first), its text, the reason.
SetAside = Callable[[int, bytes, str], None]

FEW_LINES = 64
_END_IS_SHORTER = 4_096
_LF = 10


class LinesParser:
    """Blocks of lines to batches; remembers which event types and which columns occur."""

    def __init__(self, set_aside: SetAside) -> None:
        self._set_aside = set_aside
        self._types = frozenset(["trade", "quote"])
        self._occurring: frozenset[str] | None = None  # None: any of the types' columns
        self._options: dict[frozenset[str] | None, pj.ParseOptions] = {}
        self._inline_json = False
        self._strange = False  # the block before had fields that its types do not have
        self.lines = 0  # of the block that is being parsed, so far

    def parse(self, block: bytes) -> list[Piece]:
        """The events in a block of whole lines, each ending in LF, in order.

        A `begin` or `end` event at an edge, where they are, is read by itself: the many
        lines between them have other columns.
        """
        self.lines = 0
        head, tail = 0, len(block)
        if block.startswith(b'{"type":"begin"'):
            head = block.index(b"\n") + 1
        if b'{"type":"end"' in block[-_END_IS_SHORTER:]:
            last = block.rfind(b"\n", 0, len(block) - 1) + 1
            if block.startswith(b'{"type":"end"', last):
                tail = last
        if head == 0 and tail == len(block):
            return self._parse(block)
        pieces = self._parse(block[:head]) if head else []
        if head < tail:
            pieces += self._parse(block[head:tail])
        return pieces + (self._parse(block[tail:]) if tail < len(block) else [])

    def _parse(self, block: bytes) -> list[Piece]:
        piece = None if self._strange else self._tried(block)
        if piece is not None:
            return [piece]
        text = fold(block)
        self._strange = text != block
        return _brought_together(self._halved(block, text))

    def as_columns(self, block: bytes) -> Piece | None:
        """A block of whole lines as one piece, or None where they take more care."""
        return self._tried(block) or self._tried(fold(block))

    def _tried(self, block: bytes) -> Piece | None:
        """A block as one piece, if it can be read at once."""
        if len(block) > LONG_BLOCK:
            return None
        try:
            piece = self._columns(block)
        except (pa.ArrowInvalid, DataError):
            return None
        self.lines += 0 if piece is None else piece[0].num_rows
        return piece

    def _halved(self, block: bytes, text: bytes) -> list[Piece]:
        """The events of a block; `text` has its lines with strange fields under `extra`."""
        piece = self._tried(text)
        if piece is not None:
            return [piece]
        lines, texts = block.split(b"\n"), text.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        if len(lines) <= FEW_LINES:
            return self._line_by_line(lines)
        half = len(lines) // 2
        first = _joined(lines[:half]), _joined(texts[:half])
        second = _joined(lines[half:]), _joined(texts[half : len(lines)])
        return self._halved(*first) + self._halved(*second)

    def _columns(self, block: bytes) -> Piece | None:
        newlines = np.count_nonzero(np.frombuffer(block, np.uint8) == _LF)
        if block[:1] != b"{" or block[-2:] != b"}\n":
            return None
        if has_too_fine(block):
            return None
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                return None
        text, objects = with_strings(block) if self._inline_json else (block, 0)
        try:
            batch = self._read(text)
        except pa.ArrowInvalid as error:
            if self._inline_json or "from string to object" not in str(error):
                raise
            self._inline_json = True
            text, objects = with_strings(block)
            batch = self._read(text)
        if batch.num_rows != newlines or values_of_objects(batch) != objects:
            return None  # more values than objects: a string where an object belongs
        typed = self._typed(batch)
        return None if typed is None else (typed[0], block, typed[1], None)

    def _read(self, text: bytes) -> pa.RecordBatch:
        """The block with the columns that occurred so far; with all, if there are more."""
        if self._occurring is not None:
            try:
                return self._read_columns(text, self._occurring)
            except pa.ArrowInvalid as error:
                if "unexpected field" not in str(error):
                    raise
        batch = self._read_columns(text, None)
        found = {
            name
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if column.null_count < batch.num_rows
        }
        self._occurring = frozenset(found | {"type", "symbol"}).union(self._occurring or ())
        return batch

    def _read_columns(self, text: bytes, names: frozenset[str] | None) -> pa.RecordBatch:
        options = self._options.get(names)
        if options is None:
            fields = list(arrow_schema(self._types))
            fields.insert(1, pa.field("v", pa.string()))
            dates = pa.date32()
            wire = [f.with_type(pa.string()) if f.type == dates else f for f in fields]
            wanted = pa.schema([f for f in wire if names is None or f.name in names])
            options = self._options[names] = pj.ParseOptions(
                explicit_schema=wanted, unexpected_field_behavior="error"
            )
        table = _read_json(
            pa.BufferReader(text),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=options,
        )
        batches = table.to_batches()
        return batches[0] if len(batches) == 1 else table.combine_chunks().to_batches()[0]

    def _typed(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]] | None:
        """The batch in its schema, once every value is known to be of its type; its counts."""
        kinds = batch.column(0)
        masks = {name: pc.equal(kinds, _scalar(name)) for name in self._types}
        counts = {name: mask.true_count for name, mask in masks.items() if mask.true_count}
        if sum(counts.values()) != batch.num_rows:
            found = kinds.unique().to_pylist()
            if not all(name in EVENT_TYPES for name in found):
                return None
            self.expect({str(name) for name in found})
            return self._typed(batch)
        present = set(counts)
        given = dict(zip(batch.schema.names, batch.columns, strict=True))
        versions = given.get("v")
        if versions is not None and not versions_known(versions, present):
            return None
        schema = arrow_schema(self._types)
        arrays = [kinds]
        for field in list(schema)[1:]:
            column = given.get(field.name)
            if column is None or column.null_count == batch.num_rows:
                arrays.append(pa.nulls(batch.num_rows, field.type))
                continue
            if not (belongs(column, field.name, present, masks) and holds(column, field.name)):
                return None
            arrays.append(column if column.type == field.type else column.cast(field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema), counts

    def expect(self, types: set[str]) -> None:
        """Make room for the columns of these event types."""
        if not types.issubset(self._types):
            self._types = self._types.union(types)
            self._occurring = None
            self._options.clear()

    def _line_by_line(self, lines: list[bytes]) -> list[Piece]:
        rows: list[Event] = []
        kept: list[bytes] = []
        versions: set[tuple[str, str]] = set()
        migrated = False
        for number, line in enumerate(lines, self.lines):
            text = line.strip(b" \t\r")
            if not text:
                continue
            try:
                if len(text) > LONG_BLOCK:
                    _check_values_of(text)
                row, text, version, is_older = parse_line(text)
                check_values(row)
            except DataError as error:
                self._set_aside(number, line, str(error))
                continue
            rows.append(row)
            kept.append(text)
            migrated = migrated or is_older
            if version is not None:
                versions.add((type_of(row), version))
        self.lines += len(lines)
        if not rows:
            return []
        counts = Counter(map(type_of, rows))
        self.expect({name for name in counts if name not in ("begin", "end")})
        named = frozenset(versions) if migrated else None
        return [(from_rows(rows), _joined(kept), counts, named)]


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _check_values_of(line: bytes) -> None:
    if sum(line.count(mark) for mark in b",[{") > MAX_VALUES:
        raise DataError(f"more than {MAX_VALUES:,} values")


def _brought_together(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a block as one, but for those whose lines were migrated."""
    if len(pieces) < 2 or any(versions is not None for _, _, _, versions in pieces):
        return pieces
    counts = sum((Counter(counts) for _, _, counts, _ in pieces), Counter())
    text = b"".join(text for _, text, _, _ in pieces)
    return [(unify([batch for batch, _, _, _ in pieces]), text, counts, None)]


@cache
def _scalar(text: str) -> pa.StringScalar:
    return pa.scalar(text)
