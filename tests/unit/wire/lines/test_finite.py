"""No number that JSON cannot say goes out, wherever in an event it is."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.errors import DataError
from mdc_core.events import Book, Event, Indicator, Level, Trade
from mdc_core.wire.lines.jsonl import encode_rows

BAD = [Decimal(text) for text in ("NaN", "-NaN", "sNaN", "Infinity", "-Infinity")]
ONE = Decimal(1)
PLACES: dict[str, Any] = {
    "field": lambda number: Trade(symbol="S", price=number),
    "price of a level": lambda number: Book(symbol="S", bids=[Level(ONE, ONE), Level(number, ONE)]),
    "size of a level": lambda number: Book(symbol="S", asks=[Level(ONE, number)]),
    "extra": lambda number: Trade(symbol="S", extra={"a": {"b": [ONE, number]}}),
}


@pytest.mark.parametrize("number", BAD, ids=str)
@pytest.mark.parametrize("event", PLACES.values(), ids=PLACES)
def test_a_number_that_is_not_finite_is_refused(event: Any, number: Decimal) -> None:
    with pytest.raises(DataError, match=rf"S: \w+ is {number}, not a finite number"):
        encode_rows([Trade(symbol="A", price=ONE), event(number)])


def test_texts_that_look_so_are_texts() -> None:
    events: list[Event] = [
        Trade(symbol="NaN", venue="f", conditions=["Infinity", "-Infinity"], extra={"f": "NaN"}),
        Indicator(symbol="Infinity", ts_event=None),
        Book(symbol="f", bids=[Level(ONE, ONE)]),
    ]
    lines = encode_rows(events).splitlines()
    assert [json.loads(line)["symbol"] for line in lines] == ["NaN", "Infinity", "f"]
