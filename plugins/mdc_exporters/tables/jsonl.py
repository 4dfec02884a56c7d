"""Lines of JSON of others: an object or an array of values a line.

Numbers keep the digits that stand in the file. `--map data.p=price` reads a member within another.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from mdc_core.columns import (
    MappingOptions,
    NamedColumns,
    Settled,
    TableImporter,
    TableSample,
    head_of,
    json_column,
    json_head,
    json_row,
    plain_file,
)
from mdc_core.plugin import BadRow, DataError

_ROWS = 8_192  # made columns of at once

EXAMPLES = (
    "mdc import --profile jsonl trades.jsonl --guess",
    "mdc import --profile jsonl trades.jsonl --type trade --map data.T=ts_event,data.p=price"
    " --time-unit ms | mdc store",
)


class JsonLinesOptions(NamedColumns, frozen=True, kw_only=True):
    """What the members are."""


class JsonLines(TableImporter):
    """A file of lines of JSON, or a folder of them; other members go to `extra`."""

    Options = JsonLinesOptions
    profile = "jsonl"
    suffixes = tuple(
        f".{kind}{packed}"
        for kind in ("jsonl", "ndjson", "json")
        for packed in ("", ".gz", ".zst", ".lz4")
    )

    def sample(self, path: Path, options: Any) -> TableSample:
        """The first rows of a file."""
        head = head_of(path)
        if not head:
            raise DataError("it is empty")
        if head.lstrip()[:2] in (b"[[", b"[{"):
            hint = f"jq -c '.[]' {path} | mdc import --profile jsonl -"
            raise DataError("it is one JSON array, not a line for each row", hint=hint)
        found = json_head(head, options.columns, _dotted(options))
        if found is None:
            raise DataError("its first line is no JSON object or array")
        return found

    def rows(self, path: Path, settled: Settled) -> Iterator[pa.RecordBatch | BadRow]:
        """The events of a file, and the lines that are none."""
        with plain_file(path) as (plain, damage), plain.open("rb") as file:
            number = 0
            while lines := list(islice(file, _ROWS)):
                yield from self._of_lines(path, settled, lines, number)
                number += len(lines)
            if damage is not None:
                yield BadRow(b"", f"{path} line {number + 1}", damage, breaks_off=True)

    def _of_lines(
        self, path: Path, settled: Settled, lines: Sequence[bytes], before: int
    ) -> Iterator[pa.RecordBatch | BadRow]:
        rows, numbers, bad = list[dict[str, msgspec.Raw]](), list[int](), list[tuple[int, str]]()
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                rows.append(json_row(line, settled.options.columns))
                numbers.append(number)
            except DataError as error:
                bad.append((number, str(error)))
        events, reasons = self._events(settled, rows) if rows else (None, {})
        bad += [(numbers[row], reason) for row, reason in reasons.items()]
        for number, reason in sorted(bad):
            cut = number == len(lines) - 1 and not lines[number].endswith(b"\n")
            where = f"{path} line {before + number + 1}"
            yield BadRow(lines[number].rstrip(b"\n"), where, reason, breaks_off=cut)
        if events is not None and events.num_rows:
            yield events

    def _events(
        self, settled: Settled, rows: Sequence[dict[str, msgspec.Raw]]
    ) -> tuple[Any, dict[int, str]]:
        fields = {name for names in settled.plan.fields.values() for name in names}
        known = dict[int, str]()
        columns = dict[str, Any]()
        for name in fields:
            columns[name] = json_column(rows, name)
        if "v" not in fields and any("v" in row for row in rows) and "type" in settled.plan.fields:
            columns["v"] = json_column(rows, "v")
        left = {*fields, *settled.options.drop_column, *(("v",) if "v" in columns else ())}
        rest = None
        if not settled.options.only_mapped:
            rest = pa.array([_rest(row, left) for row in rows], pa.string())
        return self.events(settled, columns, known, rest)


def _dotted(options: MappingOptions) -> list[str]:
    names = (part for name in options.fields for part in name.split("+"))
    return [name for name in names if "." in name]


def _rest(row: dict[str, msgspec.Raw], left: set[str]) -> str | None:
    """The members that are no fields, as they stand in the file."""
    there = {name: raw for name, raw in row.items() if name not in left and bytes(raw) != b"null"}
    return msgspec.json.encode(there).decode() if there else None
