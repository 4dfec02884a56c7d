"""Events of earlier schema versions are read as current ones, from every encoding."""

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import arrow_schema, field_names, version_of
from mdc_core.versions import (
    Change,
    Default,
    Rename,
    SplitField,
    Version,
    chain,
    changes,
    history,
)
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.lines.line import parse_line
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.tables.arrow import Incoming
from tests.kit.many import many
from tests.unit.wire.older import SAMPLES, WRITERS, Row, chosen, jsonl, table

OLD = sorted({(name, version) for name, version, _, _ in SAMPLES})
NOW = '{"type":"trade","v":"1.0.0","symbol":"A","price":1.5}\n'


class Read:
    """What reading a file gave."""

    def __init__(self, path: Path) -> None:
        aside = path.with_name("aside.jsonl")
        with path.open("rb", buffering=0) as file, closing(Quarantine(aside)) as quarantine:
            self.reader = Reader(file, path.name, quarantine, path)
            self.chunks: list[Chunk] = list(self.reader)
        self.text = b"".join(encode_batch(chunk.batch) for chunk in self.chunks).decode()
        lines = aside.read_text().splitlines() if aside.exists() else []
        self.reasons = [json.loads(line)["reason"] for line in lines]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(("type_name", "version"), OLD)
def test_an_old_file_is_read_as_current_events(
    type_name: str, version: str, name: str, tmp_path: Path
) -> None:
    rows, expected = chosen(type_name, version)
    WRITERS[name](tmp_path / name, rows, {type_name: version})
    got = Read(tmp_path / name)
    assert got.text == expected
    assert (got.reader.rejected, got.reader.damage) == (0, None)
    for chunk in got.chunks:  # what a command would write, or keep in a file
        said = json.loads((chunk.batch.schema.metadata or {})[b"mdc.versions"])
        assert said == {type_name: version_of(type_name)}


@pytest.mark.parametrize("name", ["x.arrows", "x.arrow", "x.parquet"])
def test_a_table_of_several_types_keeps_its_order(name: str, tmp_path: Path) -> None:
    """Old trades and books among quotes and gaps of today, whose `bids` and `side` differ."""
    trades, traded = chosen("trade", "0.9.0")
    books, booked = chosen("book", "0.9.0")
    gap: Row = {"type": "gap", "symbol": "SPY", "ts_event": "2024-01-02T14:30:00.000000000Z"}
    rows = [trades[0], gap, books[0], trades[1], gap, books[1]]
    WRITERS[name](tmp_path / name, rows, {"trade": "0.9.0", "gap": "1.0.0", "book": "0.9.0"})
    trade, book = traded.splitlines(), booked.splitlines()
    said = f'{{"type":"gap","v":"1.0.0","symbol":"SPY","ts_event":"{gap["ts_event"]}"}}'
    got = Read(tmp_path / name).text.splitlines()
    assert got == [trade[0], said, book[0], trade[1], said, book[1]]


def test_old_and_current_lines_in_one_file(tmp_path: Path) -> None:
    """Many of each, in blocks and alone; what goes on as text is current, every line once."""
    old, expected = [], []
    for type_name, version in OLD:
        rows, text = chosen(type_name, version)
        old.append(jsonl(rows, {type_name: version}))
        expected.append(text.encode())
    now = NOW.encode()
    data = now * 500 + b"".join(o + now for o in old) + b"".join(old) * 30 + now * 500
    (tmp_path / "x.jsonl").write_bytes(data)
    got = Read(tmp_path / "x.jsonl")
    wanted = now * 500 + b"".join(e + now for e in expected) + b"".join(expected) * 30
    assert got.text.encode() == wanted + now * 500
    assert got.reader.rejected == 0
    raw = b"".join(chunk.text for chunk in got.chunks)
    assert raw.count(b"\n") == data.count(b"\n")
    assert b'"v":"0.' not in raw
    (tmp_path / "raw.jsonl").write_bytes(raw)
    assert Read(tmp_path / "raw.jsonl").text == got.text
    assert {v for chunk in got.chunks for v in chunk.versions or ()} >= set(OLD)


def test_lines_of_today_beside_a_migrated_one_stay_as_they_are(tmp_path: Path) -> None:
    now = b'{"type":"trade", "price":1.50,"symbol":"A"}\n'
    old = b'{"type":"bar","v":"0.9.0","trades":3}\n'
    (tmp_path / "x.jsonl").write_bytes(now + old + now)
    (chunk,) = Read(tmp_path / "x.jsonl").chunks
    bar = b'{"type":"bar","v":"1.0.0","trade_count":3,"adjustment":"raw"}\n'
    assert chunk.text == now + bar + now


# What is refused, and what is not: in lines it is set aside, of a table nothing is read.
VERSIONS = [
    ("2.0.0", "newer"),
    ("1.7.0", None),
    ("1.0", None),
    ("1", None),
    ("0.9", None),
    ("0.7.0", "no migration"),
    ("0.9.3", "no migration"),
]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(("version", "trouble"), VERSIONS)
def test_versions_that_are_read_and_that_are_not(
    version: str, trouble: str | None, name: str, tmp_path: Path
) -> None:
    row: Row = {"type": "trade", "symbol": "A", "price": "1.5"}
    WRITERS[name](tmp_path / name, [row] * 3, {"trade": version})
    if trouble is None:
        assert Read(tmp_path / name).text == NOW * 3
        return
    said = {
        "newer": rf"trade (version )?{version} is newer than .*; update mdc to read it",
        "no migration": rf"trade version {version}: no migration leads from it to 1\.0\.0, "
        r"the versions are 0\.8\.0, 0\.9\.0, 1\.0\.0",
    }[trouble]
    if "jsonl" in name:
        got = Read(tmp_path / name)
        assert (got.text, got.reader.rejected) == ("", 3)
        with pytest.raises(DataError, match=said):
            raise DataError(str(got.reader.first_rejection))
        return
    with pytest.raises(DataError, match=rf"{name}: {said}"):
        Read(tmp_path / name)


@pytest.mark.parametrize("version", ["x", "", "1.x", "1.0.0.0", "-1.0.0", "٣.0.0", "9" * 5_000])
def test_what_is_no_version(version: str, tmp_path: Path) -> None:
    text = json.dumps({"type": "trade", "v": version})
    (tmp_path / "x.jsonl").write_text(text + "\n" + NOW)
    got = Read(tmp_path / "x.jsonl")
    assert got.text == NOW
    assert "not a version" in got.reasons[0]
    rows: list[Row] = [{"type": "trade"}]
    WRITERS["x.arrows"](tmp_path / "x.arrows", rows, {"trade": version})
    with pytest.raises(DataError, match="no list of versions"):
        Read(tmp_path / "x.arrows")


@pytest.mark.parametrize("line", [b'"v":1', b'"v":0.9', b'"v":["0.9.0"]', b'"v":true'])
def test_a_version_is_text(line: bytes) -> None:
    with pytest.raises(DataError, match="not a version"):
        parse_line(b'{"type":"trade",' + line + b"}")


def test_a_type_that_this_mdc_does_not_know(tmp_path: Path) -> None:
    whole = pa.table({"type": ["trade"]}).replace_schema_metadata(
        {"mdc.versions": '{"trade": "1.0.0", "greeks": "0.1.0"}'}
    )
    with pytest.raises(DataError, match=r"greeks 0\.1\.0 is newer than this mdc knows"):
        Incoming(whole.schema, "x")


BAD: list[tuple[str, str, Row, str]] = [
    ("trade", "0.9.0", {"side": "X"}, "side: 'X' is none of B, S, N"),
    ("trade", "0.8.0", {"aggressor": 3}, "side: '3' is none of 0, 1, 2"),
    ("trade", "0.8.0", {"sequence": 1, "seq": 2}, "both sequence and seq"),
    ("quote", "0.8.0", {"bid": ["1"]}, "bid: not a list of 2 values"),
    ("quote", "0.8.0", {"bid": ["1", "2", "3"]}, "bid: not a list of 2 values"),
    ("quote", "0.8.0", {"bid": ["1", "2"], "bid_size": "2"}, "bid beside bid_price or"),
    ("quote", "0.9.0", {"spread": "1", "extra": '{"spread":2}'}, "'spread' stands both in"),
    ("book", "0.9.0", {"bids": [["1"]]}, r"bids: a level is \[price, size\]"),
    ("book", "0.9.0", {"bids": [["1", "2"], None]}, r"bids: a level is \[price, size\]"),
    ("book", "0.9.0", {"bids": [["1", None]]}, r"bids: a level is \[price, size\]"),
]


@pytest.mark.parametrize(("type_name", "version", "row", "reason"), BAD)
def test_what_had_no_meaning_in_its_version_is_refused(
    type_name: str, version: str, row: Row, reason: str, tmp_path: Path
) -> None:
    rows = [{"type": type_name, "symbol": "A", **row}]
    versions = {type_name: version}
    with pytest.raises(DataError, match=reason.replace("side", "(side|aggressor_side)")):
        parse_line(jsonl(rows, versions))
    whole = table(rows, versions)
    with pytest.raises(DataError, match=f"name: .*{reason.replace('side', '.*side')}"):
        Incoming(whole.schema, "name").events(whole.to_batches()[0])


def test_a_column_that_no_version_has(tmp_path: Path) -> None:
    """It moves under `extra`, as among lines."""
    said = {"mdc.versions": '{"trade": "0.9.0"}'}
    for value, extra in (("7", '{"colour":"7"}'), (None, None)):
        column = pa.array([value], pa.string())
        whole = pa.table({"type": ["trade"], "colour": column}).replace_schema_metadata(said)
        events = Incoming(whole.schema, "name").events(whole.to_batches()[0])
        assert events.column("extra").to_pylist() == [extra]


def test_two_columns_with_one_name() -> None:
    columns = [pa.array(["trade"]), pa.array([1]), pa.array([2])]
    whole = pa.Table.from_arrays(columns, ["type", "price", "price"])
    with pytest.raises(DataError, match="name: two columns have the same name"):
        Incoming(whole.schema, "name")


numbers = st.decimals(min_value=0, max_value=10**8, places=9, allow_nan=False).map(str)
texts = st.text(st.characters(codec="utf-8"), max_size=5)
maybe = st.none()
SHAPES: dict[tuple[str, str], dict[str, st.SearchStrategy[Any]]] = {
    ("trade", "0.8.0"): {
        "price": numbers,
        "aggressor": maybe | st.sampled_from([0, 1, 2]),
        "source": maybe | texts,
    },
    ("trade", "0.9.0"): {"side": maybe | st.sampled_from("BSN"), "condition": maybe | texts},
    ("quote", "0.8.0"): {
        "bid": maybe | st.lists(maybe | numbers, min_size=2, max_size=2),
        "ask_size": numbers,
    },
    ("quote", "0.9.0"): {
        "spread": maybe | numbers,
        "condition": maybe | texts,
        "extra": maybe | texts.map(lambda text: json.dumps({"a": text})),
    },
    ("book", "0.9.0"): {
        "bids": maybe | st.lists(st.lists(numbers, min_size=2, max_size=2), max_size=3),
    },
    ("bar", "0.9.0"): {"trades": maybe | st.integers(0, 9), "open": maybe | numbers},
}


@settings(max_examples=many(37))
@given(st.data())
def test_lines_and_columns_become_the_same_events(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(SHAPES)))
    shape = st.fixed_dictionaries(SHAPES[key])
    drawn = data.draw(st.lists(shape, min_size=1, max_size=6))
    head = {"type": key[0], "symbol": "A"}
    rows = [head | {k: v for k, v in row.items() if v is not None} for row in drawn]
    lines = [parse_line(line).text for line in jsonl(rows, dict([key])).split(b"\n")[:-1]]
    whole = table(rows, dict([key]))
    skipped = data.draw(st.integers(0, len(rows) - 1))  # batches may be slices
    (batch,) = whole.combine_chunks().to_batches()
    migrated = Incoming(whole.schema, "x").events(batch.slice(skipped))
    from_columns = [json.loads(t, parse_float=Decimal) for t in _lines(encode_batch(migrated))]
    assert [json.loads(t, parse_float=Decimal) for t in lines[skipped:]] == from_columns


def _lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")[:-1]


def test_the_history_ends_with_what_the_vocabulary_has() -> None:
    for type_name in EVENT_TYPES:
        versions = history(type_name)
        assert versions[-1].number == version_of(type_name)
        assert [v.number for v in versions] == sorted(v.number for v in versions)
        assert [v.date for v in versions] == sorted(v.date for v in versions)
        ours = {*field_names(type_name), "side"}  # of trade 0.9.0, renamed afterwards
        for version in versions[:-1]:
            found = changes(type_name, version.number)
            assert _new_names(found) <= ours
            major = version.number.partition(".")[0]
            assert found or major == versions[-1].number.partition(".")[0], "new fields alone"
    assert len({name for name, _ in OLD}) >= 2


def _new_names(found: tuple[Change, ...]) -> set[str]:
    names: set[str] = set()
    for change in found:
        match change:
            case Rename():
                names.add(change.new)
            case SplitField():
                names.update(change.into)
            case Default():
                names.add(change.field)
    return names


def test_a_chain_of_migrations_is_found() -> None:
    def step(name: str) -> tuple[Change, ...]:
        return (Rename(name, name.upper()),)

    versions = (
        Version("1.0.0", "", ""),
        Version("1.1.0", "", "", {"1.0.0": step("a")}),
        Version("2.0.0", "", "", {"1.1.0": step("b")}),
        Version("3.0.0", "", "", {"2.0.0": step("c"), "1.1.0": step("d")}),
        Version("3.5.0", "", "", {"1.1.0": step("g")}),
        Version("3.6.0", "", "", {"3.5.0": step("h")}),
        Version("4.0.0", "", "", {"3.0.0": step("e"), "3.6.0": step("i"), "4.0.0": step("f")}),
        Version("9.0.0", "", ""),
    )
    assert chain(versions, "1.0.0", "2.0.0") == step("a") + step("b")
    assert chain(versions, "1.0.0", "4.0.0") == step("a") + step("d") + step("e")  # shortest
    assert chain(versions, "4.0.0", "4.0.0") == ()
    assert chain(versions, "1.0.0", "9.0.0") is None
    assert chain(versions, "5.0.0", "4.0.0") is None


def test_three_steps_of_trade() -> None:
    first, second, third = history("trade")
    assert (first.number, second.number, third.number) == ("0.8.0", "0.9.0", "1.0.0")
    both = second.migrations["0.8.0"] + third.migrations["0.9.0"]
    assert changes("trade", "0.8.0") == both
    assert changes("trade", "1.0.0") == ()


def test_a_batch_without_rows_has_current_columns() -> None:
    whole = table([{"type": "book", "bids": [["1", "2"]]}], {"book": "0.9.0"})
    (batch,) = whole.to_batches()
    empty = Incoming(whole.schema, "x").events(batch.slice(0, 0))
    assert empty.schema == arrow_schema(frozenset(["book"]))
    assert empty.num_rows == 0
