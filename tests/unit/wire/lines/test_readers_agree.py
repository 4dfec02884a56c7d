"""The quick reader of blocks and the careful reader of lines agree on every line.

Whatever the quick one takes is the event that the careful one makes of it; the careful one
refuses with a reason or takes what can be written and read again as the same.
"""

import pytest

from tests.unit.wire.lines.mutants import LINES, Readers, mutants


def test_of_lines_that_are_nearly_right() -> None:
    readers = Readers()
    found = [readers.difference(line) for line in (*LINES, *mutants(seed=1, count=2_500))]
    assert [text for text in found if text] == []
    assert readers.taken > 100  # the quick one takes part


FOUND = {
    "a count of a level beyond 64 bits": b'{"type":"book","bids":[{"price":1.5,"size":2,"count":'
    b"99999999999999999999}]}",
    "hours alone behind a time": b'{"type":"gap","start":"2024-03-08T14:30-05"}',
    "more decimal places than pyarrow has powers of ten": b'{"type":"trade","size":0E-999999999}',
    "the same with digits instead": b'{"type":"trade","size":0.' + b"0" * 90 + b"1}",
    "half a character": rb'{"type":"trade","symbol":"\ud800"}',
    "half a character in a name": rb'{"type":"trade","\ud800":1}',
    "an exponent that Decimal refuses": b'{"type":"trade","x":0e99999999999999999999}',
    "the same within extra": b'{"type":"trade","extra":{"a":0e99999999999999999999}}',
    "a text where an object belongs": rb'{"type":"trade","extr\u0061":"nan"}',
    "the same key twice within extra": b'{"type":"trade","extra":{"a":1,"a":2}}',
    "an escape within extra": rb'{"type":"trade","extra":{"\u0070rice":1}}',
    "an exponent within extra": b'{"type":"trade","extra":{"b":0e40}}',
    "a column of another type without a value": b'{"type":"trade","bid_size":null}',
    "no version": b'{"type":"trade","v":null}',
}


@pytest.mark.parametrize("line", FOUND.values(), ids=FOUND)
def test_of_what_was_found(line: bytes) -> None:
    assert Readers().difference(line) is None
