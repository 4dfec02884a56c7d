"""Whatever comes in, each line is an event or is set aside, and nothing crashes."""

import io
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from tests.kit.many import many

PIECES = [
    *(bytes([c]) for c in b"{}[]:, \n\xff"),
    b"null",
    b"true",
    b"1",
    b"-1.5e3",
    b'"type"',
    b'"trade"',
    b'"price"',
    b'"symbol"',
    b'"extra"',
    b'"bids"',
    b'"conditions"',
    b'"x"',
    b'"\\u0000"',
    b'{"type":"trade"}\n',
    b'{"type":"trade","price":null}\n',
    b"null\n",
    b"{}\n",
    b'{"type":"book","bids":[null]}\n',
    b'{"type":"book","bids":[{}]}\n',
    b'{"type":"begin","run_id":"r"}\n',
    b'{"type":"end","counts":{"trade":1}}\n',
    b'{"type":"trade","extra":{"a":{"b":"}"}}}\n',
    b'{"type":"trade","v":"2.0.0"}\n',
]


@settings(max_examples=many(300))
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.booleans())
def test_every_line_is_accounted_for(pieces: list[bytes], framed: bool) -> None:
    data = b"".join(pieces)
    if framed:
        data = b'{"type":"trade"}\n' + data + b'\n{"type":"quote"}\n'
    aside = Quarantine(Path("/dev/null"))
    reader = Reader(io.BytesIO(data), "input", aside)
    chunks = list(reader)
    aside.close()
    lines = [line for line in data.split(b"\n") if line.strip(b" \t\r")]
    if data.startswith(b"\xff\xff\xff\xff"):  # what an Arrow stream begins with
        assert reader.damage
        return
    rows = sum(chunk.batch.num_rows for chunk in chunks)
    assert rows + reader.rejected == len(lines)
    for chunk in chunks:
        assert chunk.has_text and chunk.size == chunk.batch.num_rows
        assert chunk.text.count(b"\n") == chunk.batch.num_rows == sum(chunk.counts.values())
        # What was read can be written, and read again as the same.
        text = encode_batch(chunk.batch)
        again = Reader(io.BytesIO(text), "again", Quarantine(Path("/dev/null")))
        assert b"".join(encode_batch(chunk.batch) for chunk in again) == text
