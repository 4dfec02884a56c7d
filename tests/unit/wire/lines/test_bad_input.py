"""What cannot be read is set aside with its line and the reason; the rest passes."""

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pytest
import zstandard

from mdc_core.batch import from_rows
from mdc_core.errors import DataError
from mdc_core.events import Trade
from mdc_core.wire import reader as reader_module
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.streams.encoder import StreamEncoder

GOOD = b'{"type":"trade","v":"1.0.0","symbol":"A","price":1.5}\n'


class Read:
    """What reading some bytes gave."""

    def __init__(self, data: bytes, folder: Path) -> None:
        path = folder / "aside.jsonl"
        aside = Quarantine(path)
        self.reader = Reader(io.BytesIO(data), "input", aside)
        self.text = b"".join(encode_batch(chunk.batch) for chunk in self.reader)
        aside.close()
        lines = path.read_text().splitlines() if path.exists() else []
        self.aside = [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b"[1,2]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"type":"trade","price":1', "not JSON"),
        (
            b'{"type":"trade","price":1}{"type":"trade","price":2}',
            "not JSON: there is more behind the object at character 27",
        ),
        (b'{"type":"trade","symbol":5}', "symbol: a whole number, not a text"),
        (b'{"type":"trade","price":true}', "price: true or false, not a number"),
        (b'{"type":"trade","seq":1.5}', "seq: a number, not a whole number"),
        (b'{"type":"trade","seq":9223372036854775808}', "seq: 9223372036854775808 is"),
        (b'{"type":"trade","price":NaN}', "NaN is not a number"),
        (b'{"type":"trade","price":"NaN"}', "price: NaN is not a finite number"),
        (b'{"type":"trade","price":"Infinity"}', "price: Infinity is not a finite number"),
        (b'{"type":"indicator","value":NaN}', "NaN is not a number"),
        (b'{"type":"trade","price":"1_0"}', "price: '1_0' is not a number"),
        (b'{"type":"trade","price":" 1"}', "price: ' 1' is not a number"),
        (b'{"type":"trade","price":"\\uff11"}', "is not a number"),
        (b'{"type":"trade","price":""}', "price: '' is not a number"),
        (
            b'{"type":"book","bids":[{"price":1,"size":2,"x":3}],"extra":{"bids":1}}',
            "'bids' stands both in the event and under",
        ),
        (b'{"type":"trade","x":1,"extra":[1]}', "extra: not a JSON object"),
        (b'{"type":"trade","x":1,"extra":{"x":2}}', "'x' stands both in the event and under"),
        (b'{"type":"trade","ts_event":"2024-01"}', "ts_event: not an RFC 3339 time"),
        (b'{"type":"trade","price":1e-19}', "price: 1E-19 is finer than 18 decimal places"),
        (b'{"type":"trade","price":1e18}', "more than 18 digits before the point"),
        (b'{"type":"trade","price":1,"price":2}', "duplicate key 'price'"),
        (b'{"type":"trade","symbol":"\xff"}', "not UTF-8 from byte 27 on"),
        (b'{"type":"trade","symbol":"\\ud800"}', ""),
        (b'{"type":"trade","ts_event":"yesterday"}', "ts_event: not an RFC 3339 time"),
        (b'{"type":"trade","ts_event":"2024-02-30T00:00:00Z"}', "ts_event: not a time"),
        (b'{"type":"trade","ts_event":"2500-01-01T00:00:00Z"}', "ts_event: time out of range"),
        (b'{"type":"trade","conditions":["@",null]}', "conditions[1]: null, not a text"),
        (b'{"type":"book","bids":[{"price":1}]}', "size"),
        (b'{"type":"split","ex_date":"2024-13-01"}', "ex_date: not a date"),
        (b'{"type":"tirade"}', "unknown event type 'tirade'"),
        (b'{"price":1}', "no event type"),
        (b'{"type":"trade","v":"2.0.0"}', "trade version 2.0.0 is newer than 1.0.0"),
        (b'{"type":"trade","extra":[1]}', "extra: a list, not an object"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_set_aside_with_its_number(line: bytes, reason: str, tmp_path: Path) -> None:
    for lines_before in (1, 200):  # in a small block, and in one that is halved first
        got = Read(GOOD * lines_before + line + b"\n" + GOOD, tmp_path)
        assert got.text == GOOD * (lines_before + 1)
        assert got.reader.rejected == 1
        record = got.aside[-1]
        assert record["line"] == lines_before + 1
        assert reason in record["reason"]
        assert record["source"] == "input"
        if "text" in record:
            assert record["text"].encode() == line


def test_bytes_that_are_not_text_are_kept_too(tmp_path: Path) -> None:
    got = Read(b"\xff\xfe\n" + GOOD, tmp_path)
    assert got.text == GOOD
    assert got.aside[0]["base64"] == "//4="


def test_unknown_fields_are_kept_under_extra(tmp_path: Path) -> None:
    line = b'{"type":"trade","symbol":"A","bid_price":2,"extra":{"a":1},"new":1.50,"price":1}\n'
    got = Read(line, tmp_path)
    assert json.loads(got.text) == {
        "type": "trade",
        "v": "1.0.0",
        "symbol": "A",
        "price": 1,
        "extra": {"a": 1, "bid_price": 2, "new": 1.5},
    }
    assert b"1.50" in got.text


def test_extra_as_other_tools_write_it(tmp_path: Path) -> None:
    """With spaces, nested, with braces and quotes in strings; among many, and at any place."""
    extra = {"a": {"b": [1, {"c": "}"}]}, "d": 'say "hi" {', "e": "é"}
    rows = [
        {"type": "trade", "extra": extra, "symbol": f'S {n} "extra": {{', "price": n}
        for n in range(300)
    ]
    data = "".join(json.dumps(row, ensure_ascii=n % 2 == 0) + "\n" for n, row in enumerate(rows))
    got = Read(data.encode(), tmp_path)
    assert got.reader.rejected == 0
    back = [json.loads(line) for line in got.text.splitlines()]
    assert [{k: v for k, v in row.items() if k != "v"} for row in back] == rows


def test_a_field_of_another_type_moves_to_extra_among_many(tmp_path: Path) -> None:
    quote = b'{"type":"quote","symbol":"A","bid_price":1}\n'
    stray = b'{"type":"trade","symbol":"A","price":1,"bid_price":7}\n'
    got = Read(GOOD * 100 + quote * 100 + stray + quote * 100, tmp_path)
    found = [json.loads(line) for line in got.text.splitlines()]
    assert found[200]["extra"] == {"bid_price": 7}
    assert [f["bid_price"] for f in found if f["type"] == "quote"] == [1] * 200


TIMES = (b"2024-01-02T14:30:00Z", b"2024-01-02T15:30:00+01:00", b"2024-01-02 14:30:00")


def test_numbers_in_strings_and_all_ways_to_write_a_time(tmp_path: Path) -> None:
    lines = [b'{"type":"trade","price":"1.50","ts_event":"%s"}\n' % text for text in TIMES]
    same = b'"ts_event":"2024-01-02T14:30:00.000000000Z","price":1.5}\n'
    got = Read(b"".join(lines), tmp_path)
    assert got.text == (b'{"type":"trade","v":"1.0.0",' + same) * 3


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n", b"\n\n  \n"])
def test_endings(tail: bytes, tmp_path: Path) -> None:
    got = Read(GOOD + GOOD[:-1] + tail, tmp_path)
    assert (got.text, got.reader.rejected) == (GOOD * 2, 0)


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    got = Read(b"\xef\xbb\xbf" + GOOD, tmp_path)
    assert (got.text, got.reader.rejected) == (GOOD, 0)


def test_empty_input(tmp_path: Path) -> None:
    got = Read(b"", tmp_path)
    assert (got.text, got.reader.rejected, got.reader.damage) == (b"", 0, None)


def test_a_line_of_fifty_megabytes(tmp_path: Path) -> None:
    long = b'{"type":"trade","symbol":"A","extra":{"note":"' + b"x" * 50_000_000 + b'"}}\n'
    got = Read(GOOD + long + GOOD, tmp_path)
    assert got.reader.rejected == 0
    assert len(got.text) == len(long) + 2 * len(GOOD) + len(b'"v":"1.0.0",')
    got = Read(GOOD + b"y" * 50_000_000 + b"\n" + GOOD, tmp_path)
    assert (got.text, got.reader.rejected) == (GOOD * 2, 1)
    assert len(got.aside[0]["text"]) == 50_000_000


def test_a_line_beyond_the_limit_is_kept_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MAX_LINE", 3 << 20)
    got = Read(GOOD + b"z" * (9 << 20) + b"\n" + GOOD, tmp_path)
    assert (got.text, got.reader.rejected) == (GOOD * 2, 1)
    assert "".join(part["text"] for part in got.aside) == "z" * (9 << 20)
    assert {part["line"] for part in got.aside} == {2}


PACKERS = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}


@pytest.mark.parametrize("codec", PACKERS)
def test_compressed_input(codec: str, tmp_path: Path) -> None:
    pack = PACKERS[codec]
    many = b"".join(GOOD.replace(b"1.5", b"%d" % n) for n in range(9_000))
    assert Read(pack(many), tmp_path).text == many
    assert Read(pack(GOOD) + pack(GOOD), tmp_path).text == GOOD * 2


@pytest.mark.parametrize("codec", PACKERS)
def test_compressed_input_that_breaks_off(codec: str, tmp_path: Path) -> None:
    many = b"".join(GOOD.replace(b"1.5", b"%d.25" % (n * 7919)) for n in range(30_000))
    packed = PACKERS[codec](many)
    got = Read(packed[: len(packed) * 2 // 3], tmp_path)
    assert "breaks off" in str(got.reader.damage)
    whole = got.text
    assert whole and many.startswith(whole)
    rest = "".join(record["text"] for record in got.aside)
    assert many.startswith(whole + rest.encode())


def test_an_arrow_stream_that_breaks_off(tmp_path: Path) -> None:
    arrow = StreamEncoder()
    rows = [Trade(symbol=f"S{n}") for n in range(1_000)]
    first = b"".join(arrow.encode(from_rows(rows)))
    second = b"".join(arrow.encode(from_rows(rows)))
    got = Read(first + second[:-100], tmp_path)
    assert "breaks off" in str(got.reader.damage)
    assert got.text.count(b"\n") == 1_000


def test_arrow_streams_behind_each_other(tmp_path: Path) -> None:
    arrow = StreamEncoder()
    data = b"".join([*arrow.encode(from_rows([Trade(symbol="A")])), *arrow.end()])
    got = Read(data + data, tmp_path)
    assert got.text == b'{"type":"trade","v":"1.0.0","symbol":"A"}\n' * 2


def test_arrow_from_elsewhere_must_be_exact(tmp_path: Path) -> None:
    table = pa.table({"type": ["trade"], "price": [1.5]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match="price is double, which is not exact"):
        Read(sink.getvalue(), tmp_path)


def stranger(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"type": ["trade"], "symbol": pa.array([b"\xff"]).view(pa.string())}, "damaged"),
        ({"type": ["trade"], "extra": ["{"]}, "extra: not JSON"),
        ({"type": ["trade"], "extra": ["[1]"]}, "extra: not a JSON object"),
        ({"type": ["trade"], "a": [1], "extra": ['{"a":2}']}, "'a' stands both in the event and"),
        ({"type": ["tirade"]}, "unknown event type 'tirade'"),
        ({"type": pa.array([None], pa.string())}, "no event type"),
        ({"symbol": ["A"]}, "a table of events has a column `type`"),
        ({"type": ["trade"], "seq": ["one"]}, "seq: "),
        ({"type": ["trade"], "price": [Decimal("1E-19")]}, "price: "),
    ],
)
def test_a_strangers_arrow_is_looked_at_closely(
    columns: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=reason):
        Read(stranger(pa.table(columns)), tmp_path)


@pytest.mark.parametrize("text", [b"nonsense", b"[1]", b'{"trade":"x"}', b'{"trade":"2.0.0"}'])
def test_versions_in_metadata_that_mean_nothing(text: bytes, tmp_path: Path) -> None:
    table = pa.table({"type": ["trade"]}).replace_schema_metadata({b"mdc.versions": text})
    with pytest.raises(DataError, match=r"mdc\.versions|newer than this mdc knows"):
        Read(stranger(table), tmp_path)


def test_parquet_cannot_come_through_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the file"):
        Read(b"PAR1 and so on", tmp_path)
