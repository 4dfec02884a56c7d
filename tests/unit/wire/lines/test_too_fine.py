"""The quick search of a block for numbers that are too fine finds what the full one does."""

import random
import re
from decimal import Context, Decimal

import pyarrow as pa
import pytest

from mdc_core.wire.lines.too_fine import TOO_FINE, has_too_fine
from mdc_core.wire.tables.arrow import conform

_FULL = re.compile(TOO_FINE.encode())


@pytest.mark.parametrize("sign", ["e-", "E-"])
@pytest.mark.parametrize("before", range(17))
def test_exponents_at_every_place(sign: str, before: int) -> None:
    for number in [*range(130), 1_000, 99_999]:
        for zeros in ("", "0", "000"):
            text = "x" * before + f"{sign}{zeros}{number}"
            assert has_too_fine(text.encode()) == bool(re.search(TOO_FINE, text)), text


@pytest.mark.parametrize("before", range(17))
@pytest.mark.parametrize("behind", [b"", b"1", b"}", b"}\n" * 9])
def test_fractions_at_every_place(before: int, behind: bytes) -> None:
    for digits in range(36, 60):
        text = b"x" * before + b"." + b"1" * digits + behind
        assert has_too_fine(text) == (digits + (behind == b"1") >= 38), text


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_text_is(seed: int) -> None:
    dice = random.Random(seed)
    pieces = [b"e", b"E", b"-", b"e-", b"E-", b".", b"0", b"0000000", b"7", b"1" * 9, b"2" * 19]
    pieces += [b",", b'"', b":;<=>?", b"\xff", b"\n", b'{"price":1.25}', "é".encode()]
    found = 0
    for _ in range(4_000):
        text = b"".join(dice.choices(pieces, k=dice.randrange(30)))
        expected = _FULL.search(text) is not None
        assert has_too_fine(text) == expected, text
        found += expected
    assert 400 < found < 3_600


@pytest.mark.parametrize("scale", range(19))
def test_no_text_of_a_decimal_of_so_few_places_is_too_fine(scale: int) -> None:
    dice = random.Random(scale)
    units = [0, 1, -1, 10**37, *(dice.randrange(10 ** dice.randrange(1, 38)) for _ in range(500))]
    numbers = [Decimal(number).scaleb(-scale, Context(prec=38)) for number in units]
    column = pa.array(numbers, pa.decimal128(38, scale))
    for text in column.cast(pa.large_string()).to_pylist():
        assert re.search(TOO_FINE, text) is None, text
    sound = pa.array([number for number in numbers if abs(number) < 10**18])
    sound = sound.cast(pa.decimal128(38, scale))
    batch = pa.RecordBatch.from_arrays([sound], names=["price"])
    wanted = pa.schema([pa.field("price", pa.decimal128(36, 18))])
    got = conform(batch, wanted, "x").column(0).to_pylist()
    assert got == sound.to_pylist()
