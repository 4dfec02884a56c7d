"""Events of earlier schema versions, and files of them as they were written then."""

import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.schema import version_of

NUMBER = pa.decimal128(36, 18)
AT_REST = pa.decimal128(18, 9)
TIME = pa.timestamp("ns", "UTC")

# The columns of earlier versions; of a type and version those that it has.
TYPES: dict[str, pa.DataType] = {
    "type": pa.string(),
    "symbol": pa.string(),
    "timestamp": TIME,
    "received": TIME,
    "ts_event": TIME,
    "ts_recv": TIME,
    "venue": pa.string(),
    "source": pa.string(),
    "provider": pa.string(),
    "sequence": pa.int64(),
    "seq": pa.int64(),
    "extra": pa.string(),
    "price": NUMBER,
    "size": NUMBER,
    "aggressor": pa.int8(),
    "side": pa.string(),
    "trade_id": pa.string(),
    "condition": pa.string(),
    "tape": pa.string(),
    "bid": pa.list_(NUMBER),
    "ask": pa.list_(NUMBER),
    "bid_price": NUMBER,
    "bid_size": NUMBER,
    "bid_exchange": pa.string(),
    "ask_price": NUMBER,
    "ask_size": NUMBER,
    "ask_exchange": pa.string(),
    "spread": NUMBER,
    "bids": pa.list_(pa.list_(NUMBER)),
    "asks": pa.list_(pa.list_(NUMBER)),
    "checksum": pa.string(),
    "interval": pa.string(),
    "open": NUMBER,
    "high": NUMBER,
    "low": NUMBER,
    "close": NUMBER,
    "volume": NUMBER,
    "trades": pa.int64(),
}

Row = dict[str, Any]
T = "2024-01-02T14:30:0%d.000000001Z"

# What was written then, and what it is today (canonical text without type, v and symbol).
SAMPLES: list[tuple[str, str, Row, str]] = [
    (
        "trade",
        "0.8.0",
        {
            "timestamp": T % 0,
            "received": T % 1,
            "source": "IB",
            "venue": "XNAS",
            "sequence": 7,
            "price": "470.10",
            "size": "100",
            "aggressor": 1,
        },
        f'"ts_event":"{T % 0}","ts_recv":"{T % 1}","provider":"IB","venue":"XNAS","seq":7,'
        '"price":470.1,"size":100,"aggressor_side":"buy"',
    ),
    (
        "trade",
        "0.8.0",
        {"timestamp": T % 1, "price": "0.000001", "size": "3", "aggressor": 0},
        f'"ts_event":"{T % 1}","price":0.000001,"size":3,"aggressor_side":"none"',
    ),
    (
        "trade",
        "0.9.0",
        {
            "ts_event": T % 2,
            "price": "470.11",
            "size": "0.5",
            "side": "S",
            "trade_id": "17",
            "condition": "@,I",
            "tape": "C",
            "extra": '{"a":1.50}',
        },
        f'"ts_event":"{T % 2}","extra":{{"a":1.50}},"price":470.11,"size":0.5,'
        '"aggressor_side":"sell","trade_id":"17","conditions":["@","I"],"tape":"C"',
    ),
    (
        "trade",
        "0.9.0",
        {"ts_event": T % 3, "price": "1", "size": "1", "condition": ""},
        f'"ts_event":"{T % 3}","price":1,"size":1',
    ),
    (
        "quote",
        "0.8.0",
        {"ts_event": T % 0, "bid": ["470.1", "5"], "ask": ["470.2", "6"]},
        f'"ts_event":"{T % 0}","bid_price":470.1,"bid_size":5,"ask_price":470.2,"ask_size":6',
    ),
    (
        "quote",
        "0.8.0",
        {"ts_event": T % 1, "ask": ["470.2", None]},
        f'"ts_event":"{T % 1}","ask_price":470.2',
    ),
    (
        "quote",
        "0.9.0",
        {
            "ts_event": T % 2,
            "bid_price": "1.1",
            "bid_size": "2",
            "bid_exchange": "P",
            "ask_price": "1.2",
            "ask_size": "3",
            "ask_exchange": "Q",
            "spread": "0.1",
            "condition": "R",
            "tape": "A",
        },
        f'"ts_event":"{T % 2}","extra":{{"spread":0.1}},"bid_price":1.1,"bid_size":2,'
        '"bid_venue":"P","ask_price":1.2,"ask_size":3,"ask_venue":"Q","conditions":["R"],'
        '"tape":"A"',
    ),
    (
        "quote",
        "0.9.0",
        {"ts_event": T % 3, "bid_price": "1.1", "spread": "0.05", "extra": '{"b":{"c":"}"}}'},
        f'"ts_event":"{T % 3}","extra":{{"b":{{"c":"}}"}},"spread":0.05}},"bid_price":1.1',
    ),
    (
        "book",
        "0.9.0",
        {"ts_event": T % 4, "bids": [["1.1", "2"], ["1.0", "30"]], "asks": [["1.2", "0.5"]]},
        f'"ts_event":"{T % 4}","bids":[{{"price":1.1,"size":2}},{{"price":1,"size":30}}],'
        '"asks":[{"price":1.2,"size":0.5}]',
    ),
    (
        "book",
        "0.9.0",
        {"ts_event": T % 5, "bids": [], "checksum": "x"},
        f'"ts_event":"{T % 5}","bids":[],"checksum":"x"',
    ),
    (
        "bar",
        "0.9.0",
        {
            "ts_event": T % 6,
            "interval": "1m",
            "open": "1",
            "high": "2",
            "low": "0.5",
            "close": "1.5",
            "volume": "10",
            "trades": 4,
        },
        f'"ts_event":"{T % 6}","interval":"1m","open":1,"high":2,"low":0.5,"close":1.5,'
        '"volume":10,"trade_count":4,"adjustment":"raw"',
    ),
]


def current(type_name: str, rest: str) -> str:
    """The canonical line of today."""
    return f'{{"type":"{type_name}","v":"{version_of(type_name)}","symbol":"SPY",{rest}}}\n'


def chosen(type_name: str, version: str) -> tuple[list[Row], str]:
    """The samples of a type and version as they were, and the text of what they are."""
    found = [(row, text) for name, v, row, text in SAMPLES if (name, v) == (type_name, version)]
    rows = [{"type": type_name, "symbol": "SPY", **row} for row, _ in found]
    return rows, "".join(current(type_name, text) for _, text in found)


def jsonl(rows: list[Row], versions: dict[str, str]) -> bytes:
    """Lines as they were: numbers as numbers, each with its version."""
    return b"".join(_line(row, versions[row["type"]]) for row in rows)


def _line(row: Row, version: str) -> bytes:
    fields = ['"type":' + json.dumps(row["type"]), f'"v":"{version}"']
    fields += [f'"{k}":{_text(TYPES[k], v)}' for k, v in row.items() if k not in ("type", "extra")]
    fields += ['"extra":' + row["extra"]] if "extra" in row else []
    return ("{" + ",".join(fields) + "}\n").encode()


def _text(kind: pa.DataType, value: Any) -> str:
    if isinstance(value, list):
        inner: Any = kind
        return "[" + ",".join(_text(inner.value_type, item) for item in value) + "]"
    if pa.types.is_decimal(kind) and value is not None:
        return str(value)
    return json.dumps(value)


def table(rows: list[Row], versions: dict[str, str], number: pa.DataType = NUMBER) -> pa.Table:
    """A table as it was: the columns of then, the versions in its metadata."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _column(name, [row.get(name) for row in rows], number) for name in names}
    return pa.table(columns).replace_schema_metadata({"mdc.versions": json.dumps(versions)})


def _column(name: str, values: list[Any], number: pa.DataType) -> "pa.Array[Any]":
    kind = TYPES[name]
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.string()).cast(kind)
    wide = pa.array([_decimals(kind, value) for value in values], kind)
    return wide.cast(_with_numbers(kind, number))


def _decimals(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_decimals(kind.value_type, item) for item in value]
    return Decimal(value) if pa.types.is_decimal(kind) else value


def _with_numbers(kind: Any, number: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_with_numbers(kind.value_type, number))
    return number if pa.types.is_decimal(kind) else kind


def write_jsonl(path: Path, rows: list[Row], versions: dict[str, str]) -> None:
    """A JSONL file, compressed if its name says so."""
    data = jsonl(rows, versions)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_stream(path: Path, rows: list[Row], versions: dict[str, str]) -> None:
    """An Arrow stream, in two batches."""
    sink = io.BytesIO()
    whole = table(rows, versions)
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole.slice(0, 1))
        writer.write_table(whole.slice(1))
    path.write_bytes(sink.getvalue())


def write_arrow(path: Path, rows: list[Row], versions: dict[str, str]) -> None:
    """An Arrow file."""
    whole = table(rows, versions)
    with pa.ipc.new_file(str(path), whole.schema) as writer:
        writer.write_table(whole)


def write_parquet(path: Path, rows: list[Row], versions: dict[str, str]) -> None:
    """A Parquet file, its decimals narrow as at rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows, versions, AT_REST), path)


Write = Callable[[Path, list[Row], dict[str, str]], None]
WRITERS: dict[str, Write] = {
    "x.jsonl": write_jsonl,
    "x.jsonl.gz": write_jsonl,
    "x.arrows": write_stream,
    "x.arrow": write_arrow,
    "x.parquet": write_parquet,
}
