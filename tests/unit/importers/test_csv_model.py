"""CSV: what Python's own module writes is read, and what is written Python's own module reads."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.contracts import BadRow, ImportRequest
from mdc_core.errors import DataError, UsageError
from mdc_core.events import Event, Trade
from mdc_core.testing.suites.format_suite import RowsPart
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_exporters.csv.exporter import Csv as Export
from mdc_exporters.csv.importer import Csv as Import
from tests.kit.many import many
from tests.unit.wire.lines.vocabulary import events

KINDS = ("trade", "quote", "bar", "book", "delta", "imbalance", "status", "dividend", "gap")


def read(path: Path, **options: Any) -> tuple[bytes, list[BadRow]]:
    """The lines of a file's events, and what is set aside."""
    lines, bad = b"", []
    for item in Import(ImportRequest(path), Import.Options(**options)).batches():
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            lines += encode_batch(item)
    return lines, bad


def written(rows: list[Event], size: int = 10_000) -> bytes:
    file = io.BytesIO()
    Export(Export.Options()).write(RowsPart(rows, size), file)
    return file.getvalue()


@settings(max_examples=many(37))
@given(st.lists(events(*KINDS), min_size=1, max_size=5), st.integers(1, 4))
def test_events_of_any_type_and_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Event], size: int
) -> None:
    data = written(rows, size)
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes(data)
    assert read(path) == (encode_batch(from_rows(rows)), [])
    table = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert len(table) == len(rows) + 1
    assert {len(line) for line in table} == {len(table[0])}
    assert table[0][0] == "type"
    kinds = [line[0] for line in table[1:]]
    assert kinds == [msgspec.json.decode(msgspec.json.encode(row))["type"] for row in rows]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
prices = st.decimals(-(10**6), 10**6, places=4).map(str) | st.sampled_from(
    ["", "1e5", "1E-3", "0.1000", "x", "1,5", "nan", " 1", "1" * 19, "1e-19"]
)
cells = st.tuples(
    texts,
    st.sampled_from(
        ["2024-01-02T14:30:00Z", "2024-01-02 14:30:00.5", "2024-01-02", "noon", "", "1704205800"]
    ),
    prices,
    texts,
)


@settings(max_examples=many(37))
@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_python_writes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], quoting: Any
) -> None:
    """Columns of other names; those that are no fields go to `extra`, as text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting)
    writer.writerows([("ticker", "time", "px", "note", "size"), *((*row, "1") for row in rows)])
    path = tmp_path_factory.mktemp("csv") / "ticks.csv"
    path.write_bytes(text.getvalue().encode())
    mapping = ("ticker=symbol", "time=ts_event", "px=price")
    good = [row for row in rows if row[0] and is_time(row[1]) and is_price(row[2])]
    try:
        lines, bad = read(path, map=mapping, type="trade")
    except UsageError as error:
        assert not good and "none of the first rows is an event" in str(error)
        return
    found = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines.splitlines()]
    assert len(found) == len(good)
    assert len(bad) == len(rows) - len(good)
    for event, (symbol, time, price, note) in zip(found, good, strict=True):
        absent = quoting == csv.QUOTE_MINIMAL
        assert (event["type"], event["symbol"]) == ("trade", symbol)
        assert event["ts_event"].startswith(time[:10])
        assert Decimal(str(event["price"])) == Decimal(price)
        assert (event.get("extra") or {}).get("note") == (None if absent and not note else note)


def is_time(text: str) -> bool:
    return text.startswith("2024")


def is_price(text: str) -> bool:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return False
    return value.is_finite() and abs(value) < 10**18 and value == value.quantize(Decimal("1E-9"))


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("a,b\n1,2\n", {"type": "trade", "map": ("c=price",)}, "no column 'c' (there are: a, b)"),
        (
            "price,px\n1,2\n",
            {"type": "trade", "map": ("px=price",)},
            "more than one column is 'price'",
        ),
        ("\xff,price\n1,2\n", {"type": "trade"}, "its header is not UTF-8"),
    ],
)
def test_a_file_whose_columns_are_not_known(
    text: str, options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as raised:
        read(path, **options)
    assert str(raised.value) == f"{path}: {reason}" or reason in str(raised.value)
    lines, (bad,) = read(tmp_path, **options)  # one of a folder is set aside
    assert (lines, bad.raw, bad.where) == (b"", b"", str(path))
    assert reason in bad.reason


def test_options_that_name_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("type\ntrade\n")
    with pytest.raises(UsageError, match=r"no such field to map to: 'pric'; did you mean price?"):
        read(tmp_path / "x.csv", map=("a=pric",))
    with pytest.raises(UsageError, match=r"no such event type: 'trad'; did you mean trade?"):
        read(tmp_path / "x.csv", type="trad")
    with pytest.raises(DataError, match="no such file or directory"):
        read(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.csv file in it"):
        read(tmp_path / "empty")


def test_where_a_bad_row_stands(tmp_path: Path) -> None:
    """Rows of another width before it do not move its number, nor does a quoted line's end."""
    path = tmp_path / "x.csv"
    rows = ["A,1", '"B\nB",2', "C", "D,x", "E,3", "F,3,4", "G,y", "H,"]
    head = "type,ts_event,size,symbol,price\n"
    path.write_text(head + "".join(f"trade,2024-01-02,1,{row}\n" for row in rows))
    lines, bad = read(path)
    symbols = [msgspec.json.decode(line)["symbol"] for line in lines.splitlines()]
    assert symbols == ["A", "B\nB", "E"]
    assert [(int(one.where.rpartition(" ")[2]), one.reason) for one in bad] == [
        (4, "4 fields, not 5"),
        (5, "price: 'x' is not a number"),
        (7, "6 fields, not 5"),
        (8, "price: 'y' is not a number"),
        (9, "price is missing"),
    ]


def test_rows_without_a_type_get_that_of_the_option(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("type,symbol,ts_event\nquote,A,2024-01-02\n,B,2024-01-02\n")
    lines, bad = read(path, type="delta", set=("action=modify",))
    kinds = [msgspec.json.decode(line)["type"] for line in lines.splitlines()]
    assert (kinds, bad) == (["quote", "delta"], [])
    lines, bad = read(path)
    assert [msgspec.json.decode(line)["symbol"] for line in lines.splitlines()] == ["A"]
    assert [one.where.rpartition(" ")[2] for one in bad] == ["3"]


def test_what_is_asked_for_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows: list[Event] = [
        Trade(symbol=symbol, ts_event=f"2024-01-0{day}T00:00:00.000000000Z", price=Decimal(day))
        for symbol in "AB"
        for day in (1, 2, 3)
    ]
    rows.append(Trade(symbol="A", price=Decimal(9)))
    path.write_bytes(written(rows))
    day = 86_400 * 10**9
    start = 1_704_067_200 * 10**9 + day  # the second of January
    for wanted, days in (
        (ImportRequest(path, ("A",)), [1, 2, 3, 9]),
        (ImportRequest(path, ("A",), start), [2, 3]),
        (ImportRequest(path, ("A",), None, start), [1]),
        (ImportRequest(path, ("A", "B"), start, start + 1), [2, 2]),
        (ImportRequest(path, ("C",)), []),
    ):
        batches = [
            item
            for item in Import(wanted, Import.Options()).batches()
            if isinstance(item, pa.RecordBatch)
        ]
        prices = [price for batch in batches for price in batch.column("price").to_pylist()]
        assert prices == days
