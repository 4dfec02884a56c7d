"""Fields that a type does not have: under `extra`, and no reason to read line by line."""

import pytest

from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.lines.parse import LinesParser, Piece

GOOD = b'{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T15:00:00Z","price":%d}'


def _parsed(lines: list[bytes], blocks: int = 1) -> tuple[list[Piece], list[tuple[int, bytes]]]:
    aside: list[tuple[int, bytes]] = []
    parser = LinesParser(lambda number, text, reason: aside.append((number, text)))
    pieces: list[Piece] = []
    for _ in range(blocks):
        pieces = parser.parse(b"".join(line + b"\n" for line in lines))
    return pieces, aside


MORE = {
    b',"zone":"A"}': b'{"zone":"A"}',
    b',"deep":{"a":{"b":[1,2.50]}},"big":99999999999999999999.10}': (
        b'{"big":99999999999999999999.10,"deep":{"a":{"b":[1,2.50]}}}'
    ),
    b',"zone":"A","extra":{"z":1}}': b'{"z":1,"zone":"A"}',
    b',"bid_price":1.50}': b'{"bid_price":1.50}',
    b',"bid_price":null,"zone":null}': b'{"zone":null}',
}


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("every", [1, 10, 1000])
@pytest.mark.parametrize(("more", "extra"), MORE.items(), ids=range(len(MORE)))
def test_lines_with_strange_fields_are_one_batch(
    more: bytes, extra: bytes, every: int, blocks: int
) -> None:
    """Wherever they stand among 2,000 others, in the first block and when more are expected."""
    lines = [GOOD % n if n % every else (GOOD % n)[:-1] + more for n in range(2000)]
    pieces, aside = _parsed(lines, blocks)
    assert len(pieces) == 1 and not aside
    batch, text, counts, versions = pieces[0]
    assert (counts, versions, text.count(b"\n")) == ({"trade": 2000}, None, 2000)
    got = batch.column("extra").to_pylist()
    assert got == [None if n % every else extra.decode() for n in range(2000)]
    assert batch.column("price").to_pylist() == list(range(2000))
    again, _ = _parsed(text.splitlines())
    assert encode_batch(again[0][0]) == encode_batch(batch)


def test_what_is_wrong_is_set_aside_as_it_came() -> None:
    """A bad line among strange ones; the pieces around it leave as one."""
    lines = [(GOOD % n)[:-1] + b',"zone":"A"}' for n in range(2000)]
    lines[700] = b'{"type":"trade","price":"x","zone":"B"}'
    lines[900] = b'{"type":"trade","zone":"A","extra":{"zone":"B"}}'
    pieces, aside = _parsed(lines)
    assert aside == [(700, lines[700]), (900, lines[900])]
    assert len(pieces) == 1 and pieces[0][0].num_rows == 1998
