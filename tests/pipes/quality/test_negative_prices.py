"""Prices at zero and below it, which some instruments have."""

import json

import pytest

from tests.conftest import Shell

LINE = '{{"type":"trade","symbol":"{}","ts_event":"2020-04-20T18:0{}:00Z","price":{},"size":1}}\n'
EVENTS = "".join(
    LINE.format(symbol, minute, price)
    for minute, (symbol, price) in enumerate(
        [
            ("CL", "10.5"),
            ("CL", "-37.63"),
            ("CL", "0"),
            ("SPY", "-1"),
            ("CL", "-10000001"),
            ("PJM", "-5"),
        ]
    )
)
QUOTE = (
    '{"type":"quote","symbol":"CL","ts_event":"2020-04-20T18:10:00Z",'
    '"bid_price":-37.63,"bid_size":2,"ask_price":-37.6,"ask_size":1}\n'
)
CROSSED = QUOTE.replace("-37.6,", "-37.7,")
ABSURD = "price -10000001 is absurd: below -10000000"


@pytest.mark.parametrize(
    ("symbols", "want"),
    [
        ("CL,PJM", ["price -1 is negative", ABSURD]),
        ("*", [ABSURD]),
        (
            "ES",
            [
                "price -37.63 is negative",
                "price is zero",
                "price -1 is negative",
                ABSURD,
                "price -5 is negative",
                "bid_price -37.63 is negative",
                "ask_price -37.6 is negative",
                "bid_price -37.63 is negative",
                "ask_price -37.7 is negative",
            ],
        ),
    ],
)
@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
def test_symbols_that_are_named_may_have_them(
    wire: str, symbols: str, want: list[str], shell: Shell
) -> None:
    text = (EVENTS + QUOTE + CROSSED).encode()
    command = f"mdc validate --check price --check crossed --price-negative '{symbols}'"
    done = shell(f"mdc convert --format {wire} | {command}", stdin=text)
    found = [json.loads(line) for line in done.out.splitlines()]
    said = [event["message"] for event in found if event["type"] == "integrity"]
    assert said == [*want, "crossed: bid -37.63 over ask -37.7"]
    data = [event for event in found if event["type"] in ("trade", "quote")]
    assert len(data) == text.count(b"\n")
