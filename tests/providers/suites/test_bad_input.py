"""What a codec does wrong with values that it cannot expect is found, each by its words."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Bad, DataError, Event, Stream, Subscription, Trade
from mdc_core.testing.stream.bad_input import BadInput, changes, text_of, tree_of
from mdc_core.testing.stream.transcript import Step, run

TIME = "2024-01-02T14:30:00.000000000Z"
FRAME = '{"type":"trades","data":[{"s":"A","p":1.50,"q":"2"},{"s":"B","p":1.7,"q":"3"}]}'


def trade(row: Any) -> Trade:
    if type(row["p"]) is not Decimal or type(row["q"]) is not str:
        raise DataError("no number")
    trade = Trade(symbol=row["s"], ts_event=TIME, price=row["p"], size=Decimal(row["q"]))
    if not (isinstance(row["s"], str) and trade.price and trade.price.is_finite()):
        raise DataError("no trade")
    return trade


def decoded(frame: str | bytes) -> Any:
    return json.loads(frame, parse_float=Decimal, parse_int=Decimal)


def careful(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    """Names what it cannot read, row by row."""
    m = decoded(frame)
    if not isinstance(m, dict) or m.get("type") != "trades" or not isinstance(m["data"], list):
        raise DataError("an unknown message")
    out: list[Event | Bad] = []
    for row in m["data"]:
        try:
            out.append(trade(row))
        except (DataError, ArithmeticError, LookupError, TypeError) as error:
            out.append(Bad(str(row), str(error)))
    return out


def silent(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    m = decoded(frame)
    return careful(self, frame) if isinstance(m, dict) and m.get("type") == "trades" else ()


def by_a_float(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    for item in careful(self, frame):
        if isinstance(item, Trade):
            assert item.price is not None
            item.price = Decimal(repr(float(item.price)))
        yield item


def all_or_nothing(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    found = list(careful(self, frame))
    bad = [item for item in found if isinstance(item, Bad)]
    return bad or found


def offended(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    """After the first row that it cannot read, it says no more."""
    if getattr(self, "is_offended", False):
        return [Bad(frame, "no")]
    try:
        found = list(careful(self, frame))
    except (DataError, ValueError, LookupError, TypeError):
        self.is_offended = True
        raise
    return found


def broken(self: Any, frame: str | bytes) -> Iterable[Event | Bad]:
    m = decoded(frame)
    if m["type"] != "trades":
        raise AttributeError("type")
    return careful(self, frame)


def faults(receive: Callable[[Any, str | bytes], Iterable[Event | Bad]]) -> list[str]:
    class Codec(Stream):
        def receive(self, frame: str | bytes, now: int) -> Iterable[Event | Bad]:
            return receive(self, frame)

    def make() -> Codec:
        return Codec(Subscription(("A", "B")), None, {})

    steps = [Step("open", 0), Step("in", 0, FRAME)]
    run(make(), steps)
    found = BadInput(make, steps)
    return [*found.values(), *found.frames()]


def test_a_careful_codec_has_no_faults() -> None:
    assert faults(careful) == []


@pytest.mark.parametrize(
    ("receive", "words"),
    [
        (silent, "nothing comes of it, and nothing is said"),
        (by_a_float, "of a trade stands nowhere in the frame"),
        (all_or_nothing, "what stands behind it in the frame is lost"),
        (offended, "is lost behind such as cannot be read"),
        (offended, "behind b'{\"\\xff"),
    ],
)
def test_each_fault_is_found(receive: Any, words: str) -> None:
    assert any(words in fault for fault in faults(receive)), faults(receive)


def test_an_error_that_is_not_of_those_for_damaged_frames_comes_through() -> None:
    with pytest.raises(AttributeError):
        faults(broken)


def test_what_is_changed_stands_alone_and_all_else_is_as_it_was() -> None:
    assert text_of(tree_of(FRAME)) == FRAME
    texts = {(one.where, one.what): one.text for one in changes(FRAME)}
    assert texts["data.0.p", "1e-7"] == FRAME.replace("1.50", "1e-7")
    assert texts["data.0.q", '"NaN"'] == FRAME.replace('"2"', '"NaN"')
    assert texts["data.0.s", "left out"] == FRAME.replace('"s":"A",', "")
    assert texts["data", "[]"] == '{"type":"trades","data":[]}'
    assert texts["type", '"mdc-unknown"'] == FRAME.replace('"trades"', '"mdc-unknown"')
