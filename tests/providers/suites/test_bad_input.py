"""What a codec does wrong with values that it cannot expect is found, each by its words."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.msgpack import Ext

from mdc_core.plugin import Bad, DataError, Event, Stream, Subscription, Trade
from mdc_core.testing.stream.bad_input import BadInput, changes
from mdc_core.testing.stream.transcript import Step, run
from mdc_core.testing.stream.trees import frame_of, text_of, tree_of

TIME = "2024-01-02T14:30:00.000000000Z"
FRAME = '{"type":"trades","data":[{"s":"A","p":1.50,"q":"2"},{"s":"B","p":1.7,"q":"3"}]}'
PACKED = msgspec.msgpack.encode(json.loads(FRAME))


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
            item.price = Decimal(f"{float(item.price):.12g}")
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


def faults(
    receive: Callable[[Any, str | bytes], Iterable[Event | Bad]], recorded: str | bytes = FRAME
) -> list[str]:
    class Codec(Stream):
        def receive(self, frame: str | bytes, now: int) -> Iterable[Event | Bad]:
            if isinstance(recorded, bytes) and isinstance(frame, bytes):
                frame = text_of(tree_of(frame))
            return receive(self, frame)

    def make() -> Codec:
        return Codec(Subscription(("A", "B")), None, {})

    steps = [Step("open", 0), Step("in", 0, recorded)]
    run(make(), steps)
    found = BadInput(make, steps)
    return [*found.values(), *found.frames()]


@pytest.mark.parametrize("recorded", [FRAME, PACKED], ids=["json", "msgpack"])
def test_a_careful_codec_has_no_faults(recorded: str | bytes) -> None:
    assert faults(careful, recorded) == []


@pytest.mark.parametrize("recorded", [FRAME, PACKED], ids=["json", "msgpack"])
@pytest.mark.parametrize(
    ("receive", "words"),
    [
        (silent, "nothing comes of it, and nothing is said"),
        (by_a_float, "of a trade stands nowhere in the frame"),
        (all_or_nothing, "what stands behind it in the frame is lost"),
        (offended, "is lost behind such as cannot be read"),
        (offended, "behind b'"),
    ],
)
def test_each_fault_is_found(receive: Any, words: str, recorded: str | bytes) -> None:
    found = faults(receive, recorded)
    assert any(words in fault for fault in found), found


def test_an_error_that_is_not_of_those_for_damaged_frames_comes_through() -> None:
    with pytest.raises(AttributeError):
        faults(broken)


def test_what_is_changed_stands_alone_and_all_else_is_as_it_was() -> None:
    assert text_of(tree_of(FRAME)) == FRAME
    texts = {(one.where, one.what): one.frame for one in changes(FRAME)}
    assert texts["data.0.p", "1e-7"] == FRAME.replace("1.50", "1e-7")
    assert texts["data.0.q", '"NaN"'] == FRAME.replace('"2"', '"NaN"')
    assert texts["data.0.s", "left out"] == FRAME.replace('"s":"A",', "")
    assert texts["data", "[]"] == '{"type":"trades","data":[]}'
    assert texts["type", '"mdc-unknown"'] == FRAME.replace('"trades"', '"mdc-unknown"')


def test_a_frame_of_msgpack_is_changed_in_its_own_notation() -> None:
    frame = msgspec.msgpack.encode({"n": 7, "p": 1.5, "t": Ext(-1, b"1234"), "yes": True})
    assert frame_of(tree_of(frame), frame) == frame
    assert text_of(tree_of(frame)).startswith('{"n":7,"p":1.5,"t":Ext(')
    found = {(one.where, one.what): text_of(tree_of(one.frame)) for one in changes(frame)}
    assert found["n", "1e-7"] == '{"n":1e-07,"p":1.5,"t":Ext(-1, 31323334),"yes":true}'
    assert found["p", "null"] == '{"n":7,"p":null,"t":Ext(-1, 31323334),"yes":true}'
    assert ('"p":Infinity' in found["p", "1e999999999"]) and ('"p":NaN' in found["p", "NaN"])
    assert [text.split('"t":')[-1] for (where, _), text in found.items() if where == "t"] == [
        '{"n":7,"p":1.5,"yes":true}',
        *(f'{t},"yes":true}}' for t in ("null", "7", '"mdc-unknown"', "Ext(5, 31323334)")),
        'Ext(-1, 313233),"yes":true}',
    ]
