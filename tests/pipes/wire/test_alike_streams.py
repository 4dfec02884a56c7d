"""Arrow between commands whose events change their columns: few streams, the same events."""

from pathlib import Path

from mdc_core.batch import from_rows
from mdc_core.wire.arrow import StreamEncoder
from mdc_core.wire.jsonl import encode_batch
from tests.conftest import Shell
from tests.unit.archive.test_alike import _by_turns

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def test_events_by_turns_keep_their_stream() -> None:
    """One event a batch, four types by turns: a new stream for a new column only."""
    encoder = StreamEncoder()
    pieces = [p for row in _by_turns(400) for p in encoder.encode(from_rows([row]))]
    assert len(pieces) - 400 <= 2 * 4


def test_an_arrow_stream_for_each_event_is_read_as_one(shell: Shell, tmp_path: Path) -> None:
    """400 streams of one event: the same text, and few streams on the way out."""
    rows = sorted(_by_turns(400), key=lambda row: str(row.ts_event))
    with (tmp_path / "each.arrows").open("wb") as file:
        for row in rows:
            encoder = StreamEncoder()
            file.writelines([*encoder.encode(from_rows([row])), *encoder.end()])
    text = encode_batch(from_rows(rows)).decode()
    done = shell(
        "mdc cat each.arrows --wire arrow > out.arrows; mdc cat each.arrows; mdc cat out.arrows"
    )
    out = [
        line
        for line in done.out.splitlines()
        if not line.startswith(('{"type":"begin"', '{"type":"end"'))
    ]
    assert out == text.splitlines() * 2
    assert (tmp_path / "out.arrows").read_bytes().count(END) <= 6
