"""Arrow streams read as the same events however they are cut, and damaged ones never crash."""

import io
import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows, unify
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event, Level
from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.streams.encoder import StreamEncoder
from mdc_core.wire.streams.ipc import END_OF_STREAM
from tests.kit.many import many

_NOWHERE = Quarantine(Path("/dev/null"))
NAMES = sorted(set(EVENT_TYPES).difference(CONTROL_TYPES))


def _reader(data: bytes) -> Reader:
    return Reader(io.BytesIO(data), "test", _NOWHERE)


def _read(data: bytes) -> tuple[list[pa.RecordBatch], Reader]:
    reader = _reader(data)
    return [chunk.batch for chunk in reader], reader


def _text(batches: list[pa.RecordBatch]) -> bytes:
    return b"".join(map(encode_batch, batches))


def _row(draw: random.Random, number: int) -> Event:
    """An event of any type; some fields of it are there, some are not."""
    name = draw.choice(NAMES)
    fields = {"ts_event": f"2024-01-02T15:00:00.{number:09d}Z", "symbol": f"S{number % 3}"}
    more: dict[str, Any] = {
        "trade": {"price": Decimal(f"1.{number}"), "conditions": ["@", "F"][: number % 3]},
        "quote": {"bid_price": Decimal(number), "bid_size": Decimal("0.000001")},
        "book": {"bids": [Level(Decimal(1), Decimal(number))] * (number % 3), "asks": []},
        "bar": {"open": Decimal(1), "extra": {"a": number}},
    }
    more = more.get(name, {})
    return EVENT_TYPES[name](**fields, **{key: more[key] for key in more if draw.random() < 0.7})


@pytest.mark.parametrize("whole", [False, True], ids=["as they come", "all columns each"])
@pytest.mark.parametrize("most", [1, 2, 7])
@pytest.mark.parametrize("seed", range(8))
def test_any_cut_gives_the_same_events(seed: int, most: int, whole: bool) -> None:
    """Many small batches, of one schema or each of its own, with new streams between them."""
    draw = random.Random(seed)
    rows = [_row(draw, number) for number in range(200)]
    encoder, pieces, at = StreamEncoder(), [], 0
    while at < len(rows):
        batch = from_rows(rows[at : at + draw.randint(1, most)])
        at += batch.num_rows
        if whole:
            batch = unify([batch], arrow_schema(frozenset(NAMES)))
            pieces += [bytes(batch.schema.serialize()), bytes(batch.serialize()), END_OF_STREAM]
            continue
        pieces += [bytes(piece) for piece in encoder.encode(batch)]
        if draw.random() < 0.2:
            pieces += [bytes(piece) for piece in encoder.end()]
    batches, reader = _read(b"".join([*pieces, *map(bytes, encoder.end())]))
    assert reader.damage is None and len(batches) <= 2  # 2 MiB are looked at together
    assert _text(batches) == encode_batch(from_rows(rows))
    for batch in batches:
        batch.validate(full=True)


class _Arriving(io.RawIOBase):
    """Bytes that come in pieces; whether there are more at once cannot be told."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read(self, size: int = -1) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if size < len(piece):
            self._pieces.insert(0, piece[size:])
        return piece[:size]


def test_a_stream_may_arrive_in_any_two_pieces() -> None:
    """Its last message as well, which is as long as what comes before each length."""
    encoder = StreamEncoder()
    rows = [_row(random.Random(1), number) for number in range(2)]
    pieces = [*encoder.encode(from_rows(rows[:1])), *encoder.end()]
    pieces += [*encoder.encode(from_rows(rows[1:])), *encoder.end()]
    data = b"".join(map(bytes, pieces))
    for cut in range(len(data) + 1):
        file = _Arriving(data[:cut], data[cut:])
        reader = Reader(file, "test", _NOWHERE)
        assert _text([chunk.batch for chunk in reader]) == encode_batch(from_rows(rows))
        assert reader.damage is None, cut
    reader = Reader(_Arriving(*(data[i : i + 1] for i in range(len(data)))), "test", _NOWHERE)
    assert _text([chunk.batch for chunk in reader]) == encode_batch(from_rows(rows))
    assert reader.damage is None


def _trades(rows: int, **columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"type": ["trade"] * rows, **columns})


def _one_by_one(batch: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as stream:
        for row in range(batch.num_rows):
            stream.write_batch(batch.slice(row, 1))
    return sink.getvalue().to_pybytes()


MANY = range(40)
STRANGERS: dict[str, Callable[[], bytes]] = {
    "dictionaries that change": lambda: _one_by_one(
        _trades(40, symbol=pa.array([f"S{i % 7}" for i in MANY]).dictionary_encode())
    ),
    "compressed": lambda: _one_by_one(_trades(40, symbol=pa.array(["S" * 200] * 40)), "zstd"),
    "large strings": lambda: _one_by_one(
        _trades(40, symbol=pa.array([f"S{i}" for i in MANY], pa.large_string()))
    ),
    "nulls only": lambda: _one_by_one(_trades(40, symbol=pa.nulls(40))),
    "integers": lambda: _one_by_one(_trades(40, size=pa.array(MANY, pa.uint64()))),
}


@pytest.mark.parametrize("made", STRANGERS.values(), ids=STRANGERS)
def test_streams_of_strangers(made: Callable[[], bytes]) -> None:
    data = made()
    batches, reader = _read(data)
    expected = pa.ipc.open_stream(data).read_all().to_pylist()
    assert reader.damage is None and len(batches) == 1
    assert batches[0].select(list(expected[0])).to_pylist() == expected


def _strange(draw: random.Random, rows: int) -> pa.RecordBatch:
    """A batch as a stranger may have it: what looks like the head of a message is in its values."""
    marks = [0xFFFFFFFF, (296 << 32) | 0xFFFFFFFF, (680 << 32) | 0xFFFFFFFF, -1, 0, 7]
    numbers = [draw.choice(marks) for _ in range(rows)]
    prices = [draw.choice([Decimal(-1), Decimal("0.5"), None]) for _ in range(rows)]
    texts = [
        draw.choice([None, "", "S", "\xff" * 8, "x" * draw.randint(0, 90)]) for _ in range(rows)
    ]
    return pa.RecordBatch.from_pydict(
        {
            "type": pa.array(["trade"] * rows),
            "symbol": pa.array(texts),
            "seq": pa.array(numbers, pa.int64()),
            "price": pa.array(prices, pa.decimal128(36, 18)),
            "conditions": pa.array([draw.choice([None, [], ["@", "F"]]) for _ in range(rows)]),
        }
    )


@pytest.mark.parametrize("packed", [None, "zstd", "lz4"], ids=["plain", "zstd", "lz4"])
@pytest.mark.parametrize("seed", range(6))
def test_the_same_rows_as_pyarrow_reads(seed: int, packed: Any, tmp_path: Path) -> None:
    """Streams of strangers by turns, sliced batches and large ones between them, from a file."""
    draw = random.Random(seed)
    schemas = [
        ["type", "symbol", "seq"],
        ["type", "seq", "price"],
        ["type", "conditions", "symbol"],
    ]
    data, expected = b"", []
    for _ in range(draw.choice([3, 40])):
        sink, names = pa.BufferOutputStream(), draw.choice(schemas)
        options = pa.ipc.IpcWriteOptions(compression=draw.choice([None, packed]))
        whole = _strange(draw, draw.choice([1, 9, 300])).select(names)
        with pa.ipc.new_stream(sink, whole.schema, options=options) as stream:
            at = 0
            while at < whole.num_rows:
                stream.write_batch(whole.slice(at, size := draw.choice([1, 1, 2, 200])))
                at += size
        data += sink.getvalue().to_pybytes()
        expected += whole.to_pylist()
    (path := tmp_path / "x.arrows").write_bytes(data)
    with path.open("rb", buffering=0) as file:
        rows = [row for chunk in Reader(file, "test", _NOWHERE) for row in chunk.batch.to_pylist()]
    assert len(rows) == len(expected)
    for row, want in zip(rows, expected, strict=True):
        assert {name: row[name] for name in want} == want


def _ours(data: bytes) -> list[dict[str, Any]] | None:
    """The rows of a stream; None where it is refused."""
    try:
        batches, reader = _read(data)
    except DataError:
        return None
    return None if reader.damage else [row for batch in batches for row in batch.to_pylist()]


def _theirs(data: bytes) -> list[dict[str, Any]] | None:
    try:
        table = pa.ipc.open_stream(data).read_all()
        table.validate(full=True)
        return table.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None


@pytest.mark.parametrize("packed", [None, "zstd", "lz4"], ids=["plain", "zstd", "lz4"])
def test_damaged_messages_are_refused_or_read_as_pyarrow_does(packed: str | None) -> None:
    """Lengths, offsets, null counts and compressed bytes that lie, among many small batches."""
    draw = random.Random(5)
    good = _one_by_one(_strange(draw, 30), packed)
    first = good.index(b"\xff\xff\xff\xff", 8)
    refused = 0
    for _ in range(many(80)):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 1, 3))):
            at = draw.randrange(first, len(data))
            data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1 << draw.randrange(8)))
        rows = _ours(bytes(data))
        if rows is None:
            refused += 1
            continue
        want = _theirs(bytes(data))
        assert want is not None and len(rows) == len(want)
        assert all(
            {name: row[name] for name in one} == one for row, one in zip(rows, want, strict=True)
        )
    assert many(8) < refused < many(80)


def test_messages_need_not_begin_at_whole_words() -> None:
    """Nor have bodies of whole words: they are read, and so are those behind them."""
    rows = [_row(random.Random(n), n) for n in range(60)]
    encoder = StreamEncoder()
    pieces = [bytes(piece) for row in rows for piece in encoder.encode(from_rows([row]))]
    for at, piece in enumerate(pieces):
        size = int.from_bytes(piece[4:8], "little")
        if size and len(piece) == 8 + size:  # a schema, whose padding may be any
            pieces[at] = piece[:4] + (size + 4).to_bytes(4, "little") + piece[8:] + bytes(4)
    batches, reader = _read(b"".join([*pieces, *map(bytes, encoder.end())]))
    assert reader.damage is None and _text(batches) == encode_batch(from_rows(rows))


def test_a_bad_value_is_named_and_those_before_it_come() -> None:
    sizes = pa.array([1] * 20 + [2**62] + [1] * 20)
    reader, rows = _reader(_one_by_one(_trades(41, size=sizes))), 0
    with pytest.raises(DataError, match=r"^test: size: row .*4611686018427387904"):
        for chunk in reader:
            rows += chunk.batch.num_rows
    assert rows == 20


def test_damage_is_told_and_crashes_nothing() -> None:
    rows = [EVENT_TYPES[name](ts_event="2024-01-02T15:00:00Z") for name in NAMES[:4] * 10]
    encoder = StreamEncoder()
    pieces = [bytes(piece) for row in rows for piece in encoder.encode(from_rows([row]))]
    good = b"".join([*pieces, *map(bytes, encoder.end())])
    draw = random.Random(7)
    for _ in range(many(300)):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 2, 8))):
            at = draw.randrange(8, len(data))
            data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1 << draw.randrange(8)))
        if draw.random() < 0.2:
            del data[draw.randrange(8, len(data)) :]
        with suppress(DataError, UnicodeDecodeError):
            _text(_read(bytes(data))[0])


def test_more_than_there_is_memory_for_is_refused() -> None:
    """By what a header promises, or by what compressed columns unpack to."""
    batch = _trades(4)
    head, body = bytes(batch.schema.serialize()), bytes(batch.serialize())
    place = body.index((len(body) - 8 - int.from_bytes(body[4:8], "little")).to_bytes(8, "little"))
    promise = body[:place] + (1 << 40).to_bytes(8, "little") + body[place + 8 :]
    zeros = pa.array(["\0" * (300 << 20)])
    for data in (head + promise, _one_by_one(_trades(1, symbol=zeros), "zstd")):
        with pytest.raises(DataError, match=r"^test: a batch (of|that takes) \d+ bytes"):
            _read(data)
