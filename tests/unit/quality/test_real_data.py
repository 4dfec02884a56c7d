"""Real quotes: as many crossed and locked rows as were counted without mdc."""

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from mdc_core.batch import make
from mdc_core.plugin import Check
from mdc_core.quality.engine import Engine
from mdc_core.wire.chunk import Chunk
from mdc_validators.crossed import Crossed, CrossedOptions
from mdc_validators.duplicate import Duplicate, DuplicateOptions
from mdc_validators.monotonic import Monotonic, MonotonicOptions
from mdc_validators.price import Price, PriceOptions
from mdc_validators.schema import Schema
from mdc_validators.sequence import Sequence, SequenceOptions

TICKS = "data/lean/equity/usa/tick"
FOREX = "data/lean/forex/fxcm/tick/eurusd"


def columns(path: Path) -> list[pa.ChunkedArray]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0])
    width = text.partition(b"\n")[0].count(b",") + 1
    names = [str(i) for i in range(width)]
    read = pyarrow.csv.ReadOptions(column_names=names)
    kinds = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    table = pyarrow.csv.read_csv(pa.BufferReader(text), read_options=read, convert_options=kinds)
    return list(table.columns)


def price(column: pa.ChunkedArray, scale: int) -> pa.Array:
    """Prices in units of 1/scale, those of zero absent."""
    number = column.combine_chunks().cast(pa.decimal128(20, 8))
    number = pc.if_else(pc.equal(number, pa.scalar(0, number.type)), None, number)
    return pc.divide(number, pa.scalar(scale, pa.decimal128(6, 0))).cast(pa.decimal128(36, 18))


def quotes(path: Path, scale: int) -> pa.RecordBatch:
    parts = columns(path)
    bid, ask = (parts[1], parts[3]) if scale > 1 else (parts[1], parts[2])
    ms = pc.multiply(parts[0].combine_chunks().cast(pa.int64()), 1_000_000)
    values = {
        "symbol": "X",
        "ts_event": ms.cast(pa.timestamp("ns", "UTC")),
        "bid_price": price(bid, scale),
        "ask_price": price(ask, scale),
    }
    return make("quote", len(parts[0]), values)


@pytest.mark.parametrize(
    ("name", "scale", "rows", "crossed", "locked"),
    [
        (f"{TICKS}/ibm/20131007_quote.zip", 10_000, 109_067, 89, 658),
        (f"{TICKS}/ibm/20131008_quote.zip", 10_000, 125_750, 79, 1_040),
        (f"{TICKS}/bac/20131007_quote.zip", 10_000, 476_855, 0, 9_433),
        (f"{FOREX}/20140501_quote.zip", 1, 51_053, 3_991, 5_409),
        (f"{FOREX}/20140502_quote.zip", 1, 96_406, 12_061, 13_004),
        (f"{FOREX}/20140504_quote.zip", 1, 8_025, 174, 259),
    ],
)
def test_crossed_and_locked(
    shared: Path, name: str, scale: int, rows: int, crossed: int, locked: int
) -> None:
    batch = quotes(shared / name, scale)
    assert batch.num_rows == rows
    check = Crossed(CrossedOptions())
    counts: Counter[str] = Counter()
    for start in range(0, rows, 10_007):
        counts.update(f.message.partition(":")[0] for f in check(batch.slice(start, 10_007)))
    assert counts == Counter({"crossed": crossed, "locked": locked})


def test_genuine_trades_have_no_findings(shared: Path) -> None:
    parts = columns(shared / TICKS / "ibm/20131007_trade.zip")
    ms = pc.multiply(parts[0].combine_chunks().cast(pa.int64()), 1_000_000)
    size = parts[2].combine_chunks().cast(pa.decimal128(36, 18))
    values: dict[str, Any] = {
        "symbol": "IBM",
        "ts_event": ms.cast(pa.timestamp("ns", "UTC")),
        "price": price(parts[1], 10_000),
        "size": size,
    }
    batch = make("trade", len(parts[0]), values)
    checks: dict[str, Check] = {
        "schema": Schema(Schema.Options()),
        "sequence": Sequence(SequenceOptions()),
        "monotonic": Monotonic(MonotonicOptions(tolerance=0)),
        "price": Price(PriceOptions()),
        "duplicate": Duplicate(DuplicateOptions()),
    }
    engine = Engine(checks)
    assert batch.num_rows == 24_293
    outcome = engine(Chunk(batch))
    assert dict(engine.counts) == {}
    assert outcome.chunk.batch is batch
