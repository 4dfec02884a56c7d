"""Every value survives JSONL -> Arrow -> Parquet -> Arrow -> JSONL, byte for byte."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows, widen
from mdc_core.events import EVENT_TYPES, Event, Trade
from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import decode_row, encode_batch, encode_rows, rows_of
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.streams.encoder import StreamEncoder
from mdc_core.wire.tables.files import read_parquet
from mdc_sinks.parquet import Parquet
from tests.kit.many import many
from tests.unit.wire.lines.vocabulary import events

NOWHERE = Path("/nonexistent")


class Whole:
    """A part that is one table."""

    def __init__(self, table: pa.Table) -> None:
        self.rows, self.schema, self._table = table.num_rows, table.schema, table

    def tables(self) -> Iterator[pa.Table]:
        yield self._table


def read(data: bytes) -> list[pa.RecordBatch]:
    reader = Reader(io.BytesIO(data), "test", Quarantine(NOWHERE))
    batches = [chunk.batch for chunk in reader]
    assert (reader.rejected, reader.damage) == (0, None)
    return batches


def canonical(data: bytes) -> bytes:
    return b"".join(encode_batch(batch) for batch in read(data))


@settings(max_examples=many(50))
@given(st.lists(events(), min_size=1, max_size=8))
def test_jsonl_to_arrow_and_back(rows: list[Event]) -> None:
    text = encode_batch(from_rows(rows))
    assert canonical(text) == text
    arrow = StreamEncoder()
    pieces = [piece for batch in read(text) for piece in arrow.encode(batch)]
    stream = b"".join([*pieces, *arrow.end()])
    assert canonical(stream) == text


@settings(max_examples=many(20))
@given(data=st.data(), name=st.sampled_from(sorted(EVENT_TYPES)))
def test_jsonl_to_parquet_and_back(tmp_path: Path, data: st.DataObject, name: str) -> None:
    rows = data.draw(st.lists(events(name), min_size=1, max_size=8))
    text = encode_batch(from_rows(rows))
    schema = arrow_schema(frozenset([name]))
    table = pa.Table.from_batches([widen(batch, schema) for batch in read(text)])
    path = tmp_path / "part.parquet"
    with path.open("wb") as file:
        Parquet(Parquet.Options()).write(Whole(table), {}, file)
    assert b"".join(encode_batch(batch) for batch in read_parquet(path)) == text


@settings(max_examples=many(50))
@given(st.lists(events(), min_size=1, max_size=5))
def test_rows_are_the_same_as_columns(rows: list[Event]) -> None:
    """What a row says, its columns say, value by value."""
    batch = from_rows(rows)
    back = rows_of(batch)
    assert [decode_row(encode_rows([row])) for row in rows] == rows
    for row, again in zip(rows, back, strict=True):
        assert type(again) is type(row)
        for field in row.__struct_fields__:
            assert getattr(again, field) == getattr(row, field), field


FIFTEEN = st.integers(-(10**15) + 1, 10**15 - 1).flatmap(
    lambda n: st.integers(0, 14).map(lambda places: Decimal(f"{n}E-{places}"))
)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@settings(max_examples=many(8))
@given(st.lists(st.tuples(FIFTEEN, FIFTEEN), min_size=1, max_size=50))
def test_jq_keeps_fifteen_digits_and_all_times(pairs: list[tuple[Decimal, Decimal]]) -> None:
    rows = [
        Trade(symbol="A", ts_event="2024-01-02T14:30:00.000279014Z", price=price, size=size)
        for price, size in pairs
    ]
    text = encode_batch(from_rows(rows))
    done = subprocess.run(["jq", "-c", "."], input=text, capture_output=True, check=True)
    assert canonical(done.stdout) == text
