"""Arrow between commands whose events change their columns: few streams, the same events."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from mdc_core.archive.write.journal import Header, Journal
from mdc_core.batch import from_rows, unify
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Event, Level
from mdc_core.schema import arrow_schema, fields_of
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.streams.encoder import StreamEncoder
from tests.conftest import Shell
from tests.unit.archive.write.test_alike import _by_turns

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def test_events_by_turns_keep_their_stream() -> None:
    """One event a batch, four types by turns: a new stream for a new column only."""
    encoder = StreamEncoder()
    pieces = [p for row in _by_turns(400) for p in encoder.encode(from_rows([row]))]
    assert len(pieces) - 400 <= 2 * 4


VALUES = {
    "text": "abc",
    "number": Decimal("1.5"),
    "whole": 3,
    "float": 1.5,
    "flag": True,
    "time": "2024-01-02T14:30:00Z",
    "date": "2024-01-02",
    "list": ["a"],
    "levels": [Level(Decimal(1), Decimal(2))],
    "json": {"a": 1},
}


def _with_all_fields(name: str) -> Event:
    fields = fields_of(EVENT_TYPES[name])
    return EVENT_TYPES[name](**{field: VALUES[kind] for field, kind, _ in fields})


ONE_OF_EACH = [_with_all_fields(name) for name in EVENT_TYPES if name not in CONTROL_TYPES]


@pytest.mark.parametrize("size", [1, 20, 1_000])
@pytest.mark.some(1)
def test_columns_that_came_once_take_no_room_for_ever(size: int) -> None:
    """One event of each type first: at most 1.5 times the bytes of the events behind."""
    rows = list(_by_turns(4_000))

    def size_of(rows: list[Event], encoder: StreamEncoder) -> int:
        cuts = [rows[at : at + size] for at in range(0, len(rows), size)]
        return sum(len(bytes(piece)) for cut in cuts for piece in encoder.encode(from_rows(cut)))

    encoder = StreamEncoder()
    encoder.encode(from_rows(ONE_OF_EACH))
    assert size_of(rows, encoder) < 1.5 * size_of(rows, StreamEncoder())


def test_arrow_and_the_journal_have_the_columns_that_occur(shell: Shell, tmp_path: Path) -> None:
    """The same events behind one of each type: hardly more bytes, and the same events."""
    rows = list(_by_turns(20_000))
    (tmp_path / "each.jsonl").write_bytes(encode_batch(from_rows(ONE_OF_EACH)))
    (tmp_path / "many.jsonl").write_bytes(encode_batch(from_rows(rows)))
    done = shell(
        "mdc convert --format arrow many.jsonl > many.arrows;"
        " mdc convert --format arrow each.jsonl many.jsonl > both.arrows;"
        " mdc convert --format jsonl both.arrows | grep -vE '^..type.:.(begin|end).,'"
        " | cmp - <(cat each.jsonl many.jsonl) && echo same"
    )
    assert done.out == "same\n"
    sizes = [(tmp_path / f"{name}.arrows").stat().st_size for name in ("many", "both")]
    assert sizes[1] < 1.1 * sizes[0]
    batch = unify([from_rows(rows)], arrow_schema(frozenset(EVENT_TYPES)))
    journals = []
    for number, written in enumerate([from_rows(rows), batch]):
        header = Header(mdc="1", run_id="r", format="parquet", layout="flat", partition="none")
        journal = Journal(tmp_path, f"j{number}", header, "none")
        journal.write(written, {})
        journals.append(journal.size)
        journal.close()
    assert journals[1] <= journals[0]


def test_an_arrow_stream_for_each_event_is_read_as_one(shell: Shell, tmp_path: Path) -> None:
    """400 streams of one event: the same text, and few streams on the way out."""
    rows = sorted(_by_turns(400), key=lambda row: str(row.ts_event))
    with (tmp_path / "each.arrows").open("wb") as file:
        for row in rows:
            encoder = StreamEncoder()
            file.writelines([*encoder.encode(from_rows([row])), *encoder.end()])
    text = encode_batch(from_rows(rows)).decode()
    done = shell(
        "mdc cat each.arrows --format arrow > out.arrows; mdc cat each.arrows; mdc cat out.arrows"
    )
    out = [
        line
        for line in done.out.splitlines()
        if not line.startswith(('{"type":"begin"', '{"type":"end"'))
    ]
    assert out == text.splitlines() * 2
    assert (tmp_path / "out.arrows").read_bytes().count(END) <= 6


def test_findings_cut_no_batch_into_pieces(shell: Shell, tmp_path: Path) -> None:
    """A few findings, and one for each row: as many batches as without any, by either way."""
    trade = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T14:30:00Z", "size":1,"price":%d}\n'
    rows = {"none": [1] * 500, "some": ([1] * 1999 + [0]) * 25, "each": [0] * 500}
    for name, prices in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(trade % price for price in prices))
    done = shell(
        "for name in none some each; do"
        " mdc validate --check price --format arrow $name.jsonl > $name.arrows 2>/dev/null;"
        " mdc validate --check price $name.jsonl 2>/dev/null > $name.out;"
        " mdc convert --format jsonl $name.arrows 2>/dev/null | grep -c '^{.type.:.integrity'; done"
    )
    assert done.out.split() == ["0", "25", "500"]
    assert [batches(tmp_path / f"{name}.arrows") for name in ("none", "some", "each")] == [3, 5, 3]
    lines = (tmp_path / "some.out").read_bytes().splitlines(keepends=True)[1:-1]
    told = [place for place, line in enumerate(lines) if line.startswith(b'{"type":"integrity"')]
    assert told == list(range(2000, 50_025, 2001))
    kept = [line for line in lines if not line.startswith(b'{"type":"integrity"')]
    assert b"".join(kept) == (tmp_path / "some.jsonl").read_bytes()


def batches(path: Path) -> int:
    """How many record batches the streams in a file have."""
    count, data = 0, pa.OSFile(str(path))
    while data.tell() < data.size():
        count += sum(1 for _ in pa.ipc.open_stream(data))
    return count
