"""Numbers of bytes: what is written is read as exactly this number again."""

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mdc_core.errors import DataError
from mdc_core.sizes import parse_size, size_text

SCALES = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


@given(st.integers(0, 10**16))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert parse_size(size_text(size)) == size


@given(
    st.decimals(0, 10**6, places=4),
    st.sampled_from(list(SCALES)),
    st.sampled_from(["", " ", "  "]),
    st.sampled_from(["", "B", "b"]),
    st.booleans(),
)
def test_a_size_with_a_fraction_and_a_unit(
    number: Decimal, unit: str, blank: str, end: str, lower: bool
) -> None:
    """What is less than a byte is left off; only 0 goes without a unit."""
    assume(unit or end or not number)
    text = f"{number}{blank}{unit}{end}"
    exact = (number * SCALES[unit]).to_integral_value(rounding=ROUND_FLOOR)
    assert parse_size(text.lower() if lower else text) == exact


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (999, "999B"),
        (1000, "1KB"),
        (1024, "1KiB"),
        (1536, "1536B"),
        (1_500_000, "1500KB"),
        (128_000, "125KiB"),  # of two units that fit, the larger
        (5 * 2**40, "5TiB"),
        (3 * 10**12, "3TB"),
    ],
)
def test_the_text_has_the_largest_unit_that_fits(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B",
        "-1",
        "+1",
        "1.",
        ".5",
        "1,5G",
        "1 5",
        "1PB",
        "1e3",
        "1KK",
        "1i",
        "1iB",
        "0x10",
        "\u0661",
    ],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(DataError) as raised:
        parse_size(text)
    assert str(raised.value) == f"{text!r} is no size (say 500MB, 1.5GiB or 4096B)"
