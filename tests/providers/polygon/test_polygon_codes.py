"""Polygon's numbers and letters, as its documentation has them."""

import json

import pytest

from tests.providers.polygon.session import connect


@pytest.mark.parametrize(
    ("letter", "auction"),
    [("O", "open"), ("M", "open"), ("H", "halt"), ("C", "close"), ("P", "close"), ("R", "close")],
)
def test_an_imbalance_is_of_this_auction(letter: str, auction: str) -> None:
    frame = json.dumps([{"ev": "NOI", "T": "NTEST.Q", "t": 1601318039223, "at": 930, "a": letter}])
    (event,) = connect("NTEST.Q", channels=("imbalance",)).receive(frame, 0)
    assert (event.auction, event.extra) == (auction, {"a": letter, "at": 930})  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("number", "tape", "exchange", "mic"),
    [(1, "A", 10, "XNYS"), (2, "B", 11, "ARCX"), (3, "C", 12, "XNAS"), (3, "C", 4, "FINR")],
)
def test_a_trade_is_on_this_tape_and_exchange(
    number: int, tape: str, exchange: int, mic: str
) -> None:
    row = {"ev": "T", "sym": "X", "p": 1, "s": 1, "t": 1601318039223, "z": number, "x": exchange}
    (event,) = connect("X").receive(json.dumps([row]), 0)
    assert (event.tape, event.venue) == (tape, mic)  # type: ignore[union-attr]


def test_a_quote_keeps_its_indicators_and_the_participants_time() -> None:
    row = {"ev": "Q", "sym": "X", "bp": 1, "bs": 2, "ap": 3, "as": 4, "t": 1601318039223}
    frame = json.dumps([{**row, "i": [604], "pt": 7}, {**row, "i": [604]}, {**row, "pt": 7}, row])
    quotes = connect("X").receive(frame, 0)
    assert [quote.extra for quote in quotes] == [  # type: ignore[union-attr]
        *({"i": [604], "pt": 7}, {"i": [604]}, {"pt": 7}, None)
    ]
