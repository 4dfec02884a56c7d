"""JSON messages as Structs: what no Struct has is kept, exactly, and costs nothing else."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.plugin import Messages, rest_of


class Part(msgspec.Struct, forbid_unknown_fields=True):
    p: Decimal
    n: int = 0


class Tick(
    msgspec.Struct, tag_field="T", tag="t", forbid_unknown_fields=True, rename={"as_": "as"}
):
    p: Decimal
    as_: int | None = None
    parts: list[Part] | None = None
    pair: tuple[Part, str] | None = None
    named: dict[str, Part] | None = None


class Note(msgspec.Struct, tag_field="T", tag="n"):
    text: str = ""


MESSAGES = Messages(Tick | Note)
WHOLE = b'{"T":"t","p":1.50,"as":3,"parts":[{"p":2.0}],"pair":[{"p":1},"x"],"named":{"a":{"p":5}}}'
RIGHT = Tick(
    Decimal("1.50"),
    3,
    [Part(Decimal("2.0"))],
    (Part(Decimal(1)), "x"),
    {"a": Part(Decimal(5))},
)


@pytest.mark.parametrize(
    ("was", "now", "extra"),
    [
        ("", "", None),
        ('"p":1.50', '"p":1.50,"new":1.10', {"new": Decimal("1.10")}),
        ('"p":1.50', '"p":1.50,"new":1E+400', {"new": Decimal("1E+400")}),
        ('"p":1.50', '"p":1.50,"new":[{"a":null}]', {"new": [{"a": None}]}),
        ('{"p":2.0}', '{"p":2.0,"new":1}', {"parts": [{"p": Decimal("2.0"), "new": 1}]}),
        ('[{"p":1},', '[{"p":1,"new":{}},', {"pair": [{"p": 1, "new": {}}, "x"]}),
        ('{"p":5}', '{"p":5,"new":true}', {"named": {"a": {"p": 5, "new": True}}}),
    ],
)
def test_what_no_struct_has_is_kept(was: str, now: str, extra: dict[str, Any] | None) -> None:
    message, found = MESSAGES.read(WHOLE.decode().replace(was, now, 1))
    assert (message, found) == (RIGHT, extra)
    assert repr(message) == repr(RIGHT)  # every digit


def test_a_struct_that_does_not_mind_is_read_as_before() -> None:
    assert MESSAGES.read('{"T":"n","text":"x","new":1}') == (Note("x"), None)


class Row(msgspec.Struct, array_like=True, tag="r", forbid_unknown_fields=True):
    price: Decimal
    part: Part | None = None


class Open(msgspec.Struct):
    part: Part


class Named(NamedTuple):
    part: Part


class Typed(TypedDict):
    part: Part


@dataclass
class Data:
    part: Part


class Odd(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[Row] = []
    alone: Annotated[Part, msgspec.Meta(title="one")] | None = None
    tagged: Tick | None = None
    either: Annotated[Tick, msgspec.Meta(title="one")] | Note | list[Part] | None = None
    opened: Open | None = None
    named: Named | None = None
    typed: Typed | None = None
    data: Data | None = None
    raw: msgspec.Raw = msgspec.Raw(b"")


@pytest.mark.parametrize(
    ("plain", "more"),
    [
        ('"rows":[["r",1.50,{"p":1}],["r",2]]', '"rows":[["r",1.50,{"p":1,"x":1}],["r",2]]'),
        ('"rows":[["r",1.50,{"p":1}]]', '"rows":[["r",1.50,{"p":1},"surplus"]]'),
        ('"alone":{"p":1}', '"alone":{"p":1,"x":1}'),
        ('"tagged":{"p":1}', '"tagged":{"p":1,"x":1}'),
        ('"either":{"T":"t","p":1}', '"either":{"T":"t","x":1,"p":1}'),
        ('"either":{"T":"n"}', '"either":{"T":"n","x":1}'),
        ('"either":[{"p":1}]', '"either":[{"p":1,"x":1}]'),
        ('"opened":{"part":{"p":1}}', '"opened":{"part":{"p":1,"x":1},"y":2}'),
        ('"named":[{"p":1}]', '"named":[{"p":1,"x":1}]'),
        ('"typed":{"part":{"p":1}}', '"typed":{"part":{"p":1,"x":1}}'),
        ('"data":{"part":{"p":1}}', '"data":{"part":{"p":1,"x":1}}'),
        ('"raw":{"a" : 1.0,"b":-0}', '"raw":{"a" : 1.0,"b":-0},"x":123456789012345678901234567890'),
    ],
)
def test_whatever_a_struct_is_made_of(plain: str, more: str) -> None:
    messages = Messages(Odd)
    right, nothing = messages.read(f"{{{plain}}}")
    message, extra = messages.read(f"{{{more}}}")
    assert (message, bytes(message.raw), nothing) == (right, bytes(right.raw), None)
    whole = msgspec.json.decode(f"{{{more}}}")
    kept = {"either"} if '"T":"n"' in more else set()  # a Note does not mind
    assert extra == (None if kept else {n: v for n, v in whole.items() if n not in ("raw",)})


def test_a_number_that_nobody_can_hold_costs_its_message() -> None:
    with pytest.raises(msgspec.ValidationError, match="nobody can hold"):
        MESSAGES.read('{"T":"t","p":1,"new":1E9999999999999999999}')


@pytest.mark.parametrize(
    "text",
    [
        b'{"T":"t"}',
        b'{"T":"t","new":1}',
        b'{"T":"t","p":"x","new":1}',
        b'{"T":"t","p":1,"as":1.5,"new":1}',
        b'{"T":"q","new":1}',
        b'{"new":1}',
        b"[1]",
        b"7",
        b'{"T":"t","p":1,"new":',
        b"\xff",
    ],
)
def test_what_is_no_message_is_told_by_what_is_wrong_with_it(text: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as told:
        MESSAGES.read(text)
    assert "unknown field" not in str(told.value)


NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False).map(str).map(Decimal)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def json_of(value: Any) -> str:
    """JSON of any number, however long."""
    if isinstance(value, dict):
        pairs = (f"{json_of(name)}:{json_of(item)}" for name, item in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(json_of, value))}]"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return msgspec.json.encode(value).decode()


@given(
    st.dictionaries(st.text().filter(lambda n: n not in ("T", "p")), VALUES, max_size=4), NUMBERS
)
def test_whatever_a_vendor_adds_comes_back(added: dict[str, Any], price: Any) -> None:
    class Small(msgspec.Struct, tag_field="T", tag="t", forbid_unknown_fields=True):
        p: Decimal

    message, extra = Messages(Small).read(json_of({"T": "t", "p": price, **added}))
    assert (message.p, extra or {}) == (price, added)


def test_a_field_that_came_before_is_kept_as_it_was_the_first_time() -> None:
    messages = Messages(Tick | Note | Saying)
    text = '{"T":"t","p":1.50,"text":2.50,"more":[1.10]}'
    extra = {"text": Decimal("2.50"), "more": [Decimal("1.10")]}
    for _ in range(3):
        message, found = messages.read(text)
        assert found == extra and repr(message) == repr(Tick(Decimal("1.50")))
        assert repr(found["more"]) == "[Decimal('1.10')]"
    assert messages.read('{"T":"t","p":1.5,"text":3}')[1] == {"text": 3}
    assert messages.read('{"T":"t","p":1.5}')[1] is None
    # What one kind does not know another one does.
    assert messages.read('{"T":"o","text":"x"}') == (Saying("x"), None)
    assert messages.read('{"T":"o","text":"x","more":1}') == (Saying("x"), {"more": 1})
    # Another one, and one that is deeper.
    message, found = messages.read('{"T":"t","p":1,"text":1,"new":2,"parts":[{"p":3,"q":4}]}')
    assert found == {"text": 1, "new": 2, "parts": [{"p": 3, "q": 4}]}
    assert message == Tick(Decimal(1), parts=[Part(Decimal(3))])
    with pytest.raises(msgspec.ValidationError):
        messages.read('{"T":"t","p":"no","text":1}')


def test_names_that_are_values_are_not_all_remembered() -> None:
    messages = Messages(Tick | Note)
    for number in range(1_000):
        assert messages.read(f'{{"T":"t","p":1,"{number}":0}}')[1] == {str(number): 0}
    assert sum(map(len, vars(messages)["_beyond"].values())) == 100


class Saying(msgspec.Struct, tag_field="T", tag="o", forbid_unknown_fields=True):
    text: str


class Ticker(msgspec.Struct, rename={"last_price": "lastPrice"}):
    symbol: str
    last_price: str | None = None
    volume: Decimal | None = None
    count: int | None = None


def test_the_rest_of_a_message_is_what_became_no_field() -> None:
    rest = rest_of(Ticker, "symbol")
    assert rest(Ticker("A", "1.50", Decimal("0.0"), 0)) == {
        "lastPrice": "1.50", "volume": Decimal("0.0"), "count": 0
    }  # fmt: skip
    assert rest(Ticker("A", "", None, 3)) == {"lastPrice": "", "count": 3}
    assert rest(Ticker("A")) is None
    rest = rest_of(Ticker, "symbol", "volume", empty=("",))
    assert rest(Ticker("A", "1", None, 0)) == {"lastPrice": "1", "count": 0}
    assert rest(Ticker("A", "", None, None)) is None
