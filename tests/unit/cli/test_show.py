"""What people read: columns, sizes, texts, results of SQL, cells of a map."""

import io
import math
from contextlib import closing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.archive.coverage.survey import (
    CLOSED,
    COMPLETE,
    EMPTY,
    MISSING,
    OUTSIDE,
    PARTIAL,
    CoverageRow,
)
from mdc_core.archive.sql.text import json_lines
from mdc_core.cli.coverage_map.cells import UNITS, axis, cells, fitting, rows_of
from mdc_core.cli.show import by_symbol, columns, facts, human, section, shown
from mdc_core.cli.sql_output import WIDEST, form_of, write
from mdc_core.errors import UsageError
from mdc_core.wire.lines.json_values import cells as texts

# --- plain texts ---


@given(st.text())
def test_a_text_cannot_play_with_the_terminal(text: str) -> None:
    said = shown(text)
    assert said.isprintable()
    assert said == text or eval(said) == text


@given(st.integers(0, 2**60))
def test_a_size_is_near_to_what_is_shown(size: int) -> None:
    number, unit = human(size).split()
    scale = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    assert abs(float(number) * scale - size) <= scale * 0.0500001
    assert float(number) <= 1024 or unit == "PiB"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (2**30, "1.0 GiB")],
)
def test_sizes(size: int, text: str) -> None:
    assert human(size) == text


def test_lines_in_columns() -> None:
    lines = [("NAME", "N", "END"), ("a", "1,000", ""), ("long name", "2", "x")]
    assert columns(lines, {1}) == [
        "NAME           N  END",
        "a          1,000",
        "long name      2  x",
    ]
    assert columns([], ()) == []
    assert section("Things", []) == []
    assert section("Things", [("a", 1), ("bcd", None)]) == ["Things", "  a    1", "  bcd  None"]
    assert facts([("size", 3), ("none", None), ("empty", ""), ("odd", "a\nb")]) == [
        "size         3",
        "odd          'a\\nb'",
    ]


def test_no_symbol_comes_before_an_empty_one() -> None:
    keys = [("B", "a"), ("", "z"), (None, "z"), ("", "a"), ("A", "b")]
    assert sorted(keys, key=lambda key: by_symbol(*key)) == [
        (None, "z"),
        ("", "a"),
        ("", "z"),
        ("A", "b"),
        ("B", "a"),
    ]


# --- results of SQL ---

COLUMNS: dict[str, tuple[Any, list[Any], list[str | None], list[Any]]] = {
    "whole": (pa.int64(), [2**63 - 1, None], ["9223372036854775807", None], [2**63 - 1, None]),
    "exact": (
        pa.decimal128(38, 18),
        [Decimal("1.500000000000000000"), Decimal("-1E-18")],
        ["1.5", "-0.000000000000000001"],
        [1.5, -1e-18],
    ),
    "float": (pa.float64(), [math.nan, -math.inf], ["NaN", "-Infinity"], [None, None]),
    "half": (pa.float64(), [0.1, math.inf], ["0.1", "Infinity"], [0.1, None]),
    "flag": (pa.bool_(), [True, False], ["true", "false"], [True, False]),
    "text": (pa.string(), ['a,"b', ""], ['a,"b', ""], ['a,"b', ""]),
    "bytes": (pa.binary(), [b"\x00\xff", None], ["AP8=", None], ["AP8=", None]),
    "day": (pa.date32(), [date(2024, 2, 29), None], ["2024-02-29", None], ["2024-02-29", None]),
    "clock": (
        pa.time64("us"),
        [time(14, 30, 0, 5), None],
        ["14:30:00.000005", None],
        ["14:30:00.000005", None],
    ),
    "moment": (
        pa.timestamp("us", "UTC"),
        [datetime(2024, 1, 2, 14, 30, 0, 5), None],
        ["2024-01-02T14:30:00.000005000Z", None],
        ["2024-01-02T14:30:00.000005000Z", None],
    ),
    "local": (
        pa.timestamp("us"),
        [datetime(2024, 1, 2, 14, 30, 0, 5), None],
        ["2024-01-02T14:30:00.000005000", None],
        ["2024-01-02T14:30:00.000005000", None],
    ),
    "duration": (
        pa.duration("ms"),
        [timedelta(seconds=1.5), None],
        ["PT1.5S", None],
        ["PT1.5S", None],
    ),
    "second": (
        pa.timestamp("s", "UTC"),
        [datetime(1969, 12, 31, 23, 59, 59), None],
        ["1969-12-31T23:59:59.000000000Z", None],
        ["1969-12-31T23:59:59.000000000Z", None],
    ),
    "list": (
        pa.list_(pa.decimal128(10, 2)),
        [[Decimal("1.50"), None], []],
        ["[1.5,null]", "[]"],
        [[1.5, None], []],
    ),
    "struct": (
        pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
        [{"a": 1, "b": ["x"]}, None],
        ['{"a":1,"b":["x"]}', None],
        [{"a": 1, "b": ["x"]}, None],
    ),
    "map": (
        pa.map_(pa.string(), pa.int64()),
        [[("k", 1), ("l", None)], None],
        ['{"k":1,"l":null}', None],
        [{"k": 1, "l": None}, None],
    ),
    "exact_map": (
        pa.map_(pa.decimal128(5, 2), pa.bool_()),
        [[(Decimal("1.50"), True)], []],
        ['{"1.5":true}', "{}"],
        [{"1.5": True}, {}],
    ),
    "span": (
        pa.month_day_nano_interval(),
        [pa.MonthDayNano([14, -3, -5_000_000]), pa.MonthDayNano([0, 0, 0])],
        ["P14M-3DT-0.005S", "PT0S"],
        ["P14M-3DT-0.005S", "PT0S"],
    ),
    "word": (
        pa.dictionary(pa.int32(), pa.string()),
        ["x", None],
        ["x", None],
        ["x", None],
    ),
}


def batch_of(*names: str) -> pa.RecordBatch:
    arrays = [pa.array(COLUMNS[name][1], COLUMNS[name][0]) for name in names]
    return pa.RecordBatch.from_arrays(arrays, list(names))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_as_text_and_as_json(name: str) -> None:
    batch = batch_of(name)
    assert texts(batch.column(0)) == COLUMNS[name][2]
    lines = json_lines(batch, [name]).splitlines()
    assert [msgspec.json.decode(line)[name] for line in lines] == COLUMNS[name][3]
    # A slice is its own rows.
    assert texts(batch.slice(1).column(0)) == COLUMNS[name][2][1:]


def output(*batches: pa.RecordBatch, form: str, rows: int = 100) -> bytes:
    """What a result is written as."""
    made = (batch for batch in batches)
    out = io.BytesIO()
    result: Any = SimpleNamespace(schema=batches[0].schema, batches=made)
    with closing(out):
        write(result, form, out, rows)
        return out.getvalue()


def test_a_table_has_aligned_columns_and_ends() -> None:
    batch = batch_of("whole", "text", "day")
    assert output(batch, form="table").decode().splitlines() == [
        "              whole  text  day",
        '9223372036854775807  a,"b  2024-02-29',
        "                  -        -",
    ]
    more = output(batch, batch, form="table", rows=3).decode().splitlines()
    assert len(more) == 5
    assert more[-1] == "... more than 3 rows: --limit shows more, --format csv all"
    assert len(output(batch, batch, form="table", rows=4).decode().splitlines()) == 5
    wide = pa.RecordBatch.from_pydict({"x": ["y" * 50, "a\nb"]})
    cut = output(wide, form="table").decode().splitlines()
    assert cut[1] == "y" * (WIDEST - 1) + "…"
    assert cut[2] == "'a\\nb'"


def test_csv_and_columns_with_the_same_names() -> None:
    batch = batch_of("text", "exact")
    assert output(batch, form="csv") == b'text,exact\r\n"a,""b",1.5\r\n,-0.000000000000000001\r\n'
    twice = pa.RecordBatch.from_arrays(
        [pa.array([1]), pa.array([2]), pa.array([3])], ["a", "a", "a_1"]
    )
    assert output(twice, form="jsonl") == b'{"a":1,"a_1":2,"a_1_1":3}\n'
    for form, read in (
        ("parquet", lambda data: pa.parquet.read_table(pa.BufferReader(data))),
        ("arrow", lambda data: pa.ipc.open_stream(data).read_all()),
    ):
        import pyarrow.parquet

        table = read(output(batch_of("moment", "exact"), form=form))
        assert table.schema.field("moment").type == pa.timestamp("us", "UTC")
        assert table.column("exact").to_pylist() == COLUMNS["exact"][1]
    assert pyarrow.parquet


def test_whole_events_are_written_as_events() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"type": ["trade"], "symbol": ["A"], "ts_event": [None], "price": [Decimal("1.50")]},
        pa.schema(
            [
                ("type", pa.string()),
                ("symbol", pa.string()),
                ("ts_event", pa.timestamp("ns", "UTC")),
                ("price", pa.decimal128(18, 9)),
            ]
        ),
    )
    line = b'{"type":"trade","v":"1.0.0","symbol":"A","price":1.5}\n'
    assert output(batch, form="jsonl") == line
    # A column that is no field of the type: then these are rows, with all of their columns.
    more = batch.append_column("n", pa.array([7]))
    assert output(more, form="jsonl") == (
        b'{"type":"trade","symbol":"A","ts_event":null,"price":1.5,"n":7}\n'
    )
    other = batch.set_column(0, "type", pa.array(["sale"]))
    assert output(other, form="jsonl").startswith(b'{"type":"sale","symbol":"A"')


def test_the_format_comes_from_the_name(tmp_path: Any) -> None:
    for suffix, form in {".csv": "csv", ".ndjson": "jsonl", ".arrows": "arrow"}.items():
        assert form_of(None, tmp_path / f"x{suffix}") == form
        assert form_of("table", tmp_path / f"x{suffix}") == "table"
    with pytest.raises(UsageError, match="cannot tell the format of") as raised:
        form_of(None, tmp_path / "x.xlsx")
    assert ".parquet" in (raised.value.hint or "")


# --- the cells of a map ---

STATES = st.sampled_from([MISSING, PARTIAL, COMPLETE, EMPTY, CLOSED, OUTSIDE])


@st.composite
def a_line(draw: st.DrawFn) -> tuple[int, CoverageRow]:
    """Some days in a row."""
    first = draw(st.integers(19_000, 20_000))
    found = draw(st.lists(STATES, min_size=1, max_size=80))
    rows = [draw(st.integers(1, 9)) if s in (COMPLETE, PARTIAL, OUTSIDE) else 0 for s in found]
    share = {COMPLETE: 1, EMPTY: 1, PARTIAL: draw(st.floats(0.001, 0.999))}
    none = np.zeros(len(found), np.int64)
    line = CoverageRow(
        "A",
        "trade",
        np.array(found, np.uint8),
        np.array(rows),
        np.array([s not in (CLOSED, OUTSIDE) for s in found], np.bool_),
        np.array([share.get(s, 0) for s in found], np.float64),
        none + 1,
        none,
    )
    return first, line


@given(a_line(), st.sampled_from(UNITS))
def test_a_cell_is_what_its_open_days_are(made: tuple[int, CoverageRow], unit: str) -> None:
    first, line = made
    over = axis(first, len(line.states), unit)
    found = cells(line, over)
    assert rows_of(line, over) == [
        int(line.rows[a - first : b - first].sum())
        for a, b in zip(over.edges, over.edges[1:], strict=False)
    ]
    for number, (state, grade) in enumerate(found.graded()):
        start, stop = over.edges[number] - first, over.edges[number + 1] - first
        states, opens = line.states[start:stop].tolist(), line.open[start:stop]
        of_open = {s for s, o in zip(states, opens, strict=True) if o}
        if not opens.any():
            assert state == (OUTSIDE if OUTSIDE in states else CLOSED)
        elif of_open <= {COMPLETE, EMPTY}:
            assert state == (COMPLETE if COMPLETE in states else EMPTY)
        elif of_open == {MISSING}:
            assert state == MISSING
        else:
            share = line.shares[start:stop][opens].mean()
            assert state == PARTIAL and found.shares[number] == pytest.approx(share)
            assert grade == min(int(found.shares[number] * 3), 2)


@given(st.integers(15_000, 25_000), st.integers(0, 900), st.sampled_from(UNITS))
def test_the_cells_of_a_map_are_all_of_its_days(first: int, count: int, unit: str) -> None:
    over = axis(first, count, unit)
    assert (over.edges[0], over.edges[-1]) == (first, first + count)
    assert over.edges == sorted(set(over.edges))
    years, months = over.labels()
    assert len(years) <= len(over) and all(0 <= cell < max(len(over), 1) for cell, _ in months)
    assert bool(months) == (unit in ("day", "week") and count > 0)


@given(st.integers(15_000, 25_000), st.integers(1, 3_000), st.integers(1, 400))
def test_the_finest_cells_that_fit(first: int, count: int, most: int) -> None:
    over = fitting(first, count, None, most)
    finer = UNITS[: UNITS.index(over.unit)]
    assert all(len(axis(first, count, unit)) > most for unit in finer)
    assert len(over) <= most or over.unit == "year"
    assert fitting(first, count, "month", most).unit == "month"


def test_what_a_cell_is_called() -> None:
    days = axis(19_724, 40, "day")  # from 2024-01-02 on
    assert days.span(0) == "Tue 2024-01-02"
    weeks = axis(19_724, 40, "week")
    assert [weeks.span(n) for n in (0, 1)] == [
        "2024-01-02 to 2024-01-07",
        "2024-01-08 to 2024-01-14",
    ]
    assert days.labels() == ([(0, "2024")], [(0, "Jan"), (30, "Feb")])
    assert axis(19_700, 40, "day").labels()[0] == [(0, "2023"), (23, "2024")]
    assert [axis(19_724, 400, unit).span(1) for unit in ("month", "quarter", "year")] == [
        "2024-02-01 to 2024-02-29",
        "2024-04-01 to 2024-06-30",
        "2025-01-01 to 2025-02-04",
    ]
