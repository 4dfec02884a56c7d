"""The fields of a plugin's Options: kinds, bounds, what is wrong with a value or a field."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT, Meta

from mdc_core.contracts.fields import OptionField, bare, impossible, option_fields
from mdc_core.contracts.options import Argument, Moment, Options, Size, Span, Symbols
from mdc_core.errors import ConfigError


class Every(Options, frozen=True, kw_only=True):
    """One of each kind."""

    text: str = "a"
    whole: Annotated[int, Meta(description="so many", ge=1, le=9)] = 3
    part: Annotated[float, Meta(gt=0, lt=1)] | None = None
    exact: Annotated[Decimal, Meta(ge=0.1, lt=0.7)] = Decimal("0.5")
    yes: bool = False
    where: Path | None = None
    word: Literal["iex", "sip"] = "iex"
    list: tuple[str, ...] = ()
    wait: Annotated[Span, Meta(description="how long", le=60_000_000_000)] = 5
    since: Moment | None = None
    room: Size = 1024
    names: Symbols = ()
    needed: Annotated[str, Meta(pattern="^[a-z]+$", min_length=2, max_length=4)]
    first: Annotated[int, Argument()] = 1


FIELDS = {field.name: field for field in option_fields(Every)}


def test_what_is_known_of_each() -> None:
    assert list(FIELDS) == list(Every.__struct_fields__)
    assert {name: f.kind for name, f in FIELDS.items() if f.kind} == {
        "wait": "span",
        "since": "moment",
        "room": "size",
        "names": "symbols",
    }
    assert [name for name, f in FIELDS.items() if f.positional] == ["first"]
    limited = {"whole", "part", "exact", "wait", "needed"}
    assert {name for name, f in FIELDS.items() if f.limited} == limited
    assert (FIELDS["whole"].description, FIELDS["wait"].description) == ("so many", "how long")
    assert FIELDS["text"].description == ""
    assert FIELDS["needed"].default is NODEFAULT
    assert (FIELDS["part"].type, FIELDS["part"].default) == (float, None)
    assert FIELDS["wait"].type is int
    assert all(impossible(field) == "" for field in FIELDS.values())


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("whole", 1, ""),
        ("whole", 9, ""),
        ("whole", 0, "0 is not in the range 1<=x<=9"),
        ("whole", 10, "10 is not in the range 1<=x<=9"),
        ("part", 0.5, ""),
        ("part", 0, "0 is not in the range 0<x<1"),
        ("part", 1, "1 is not in the range 0<x<1"),
        ("exact", Decimal("0.1"), ""),
        ("exact", Decimal("0.7"), "0.7 is not in the range 0.1<=x<0.7"),
        (
            "exact",
            Decimal("0.0999999999999999999"),
            "0.0999999999999999999 is not in the range 0.1<=x<0.7",
        ),
        ("exact", Decimal("0.6999999999999999999"), ""),
        ("wait", 60_000_000_001, "60000000001 is not in the range x<=60000000000"),
        ("needed", "abcd", ""),
        ("needed", "ABC", "'ABC' does not match ^[a-z]+$"),
        ("needed", "a", "'a' is shorter than 2"),
        ("needed", "abcde", "'abcde' is longer than 4"),
        ("text", "", ""),
    ],
)
def test_a_value_within_its_bounds_or_not(name: str, value: Any, fault: str) -> None:
    assert FIELDS[name].fault(value, str) == fault


bounds = st.fixed_dictionaries(
    {}, optional={name: st.integers(-5, 5) for name in ("gt", "ge", "lt", "le")}
)


@given(bounds, st.integers(-7, 7))
def test_bounds_hold_as_they_are_written(given_bounds: dict[str, int], value: int) -> None:
    try:
        meta = Meta(**given_bounds)  # type: ignore[arg-type]
    except ValueError:
        return  # both of one side
    field = OptionField("x", int, (meta,), 0)
    holds = all(
        {"gt": value > b, "ge": value >= b, "lt": value < b, "le": value <= b}[name]
        for name, b in given_bounds.items()
    )
    assert (field.fault(value, str) == "") == holds
    assert field.limited == bool(given_bounds)
    text = field.bounds(str)
    assert all(str(bound) in text for bound in given_bounds.values())
    if text:
        # What is shown to people means the same to Python.
        assert eval(text, {"x": value}) == holds


def test_the_outer_annotation_counts() -> None:
    kind = Annotated[Annotated[int, Meta(ge=1, description="inner")], Meta(ge=5)]
    base, metas = bare(kind)
    field = OptionField("x", base, metas, 0)
    assert (base, field.description) == (int, "inner")
    assert field.fault(4, str) == "4 is not in the range x>=5"
    assert bare(int | None) == (int, ())
    assert bare(int | str)[0] == int | str


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (dict[str, int], "dict[str, int]"),
        (int | str, "int | str"),
        (list[str], "list[str]"),
        (tuple[str, str], "tuple[str, str]"),
        (bytes, "bytes"),
        (tuple[dict, ...], "dict"),
    ],
)
def test_a_field_that_cannot_be_an_option(kind: Any, what: str) -> None:
    base, metas = bare(kind)
    fault = impossible(OptionField("odd", base, metas, None))
    assert fault.startswith("option odd has a type that cannot be an option: ")
    assert what in fault


def test_a_name_that_mdc_needs() -> None:
    assert impossible(OptionField("help", str, (), "")) == "--help is mdc's own: rename the field"


def test_what_are_no_options() -> None:
    class Plain:
        pass

    class Strange(Options):
        x: "NoSuchType" = None  # type: ignore[name-defined]  # noqa: F821

    for kind in (Plain, None, 3):
        with pytest.raises(ConfigError, match=r"no subclass of mdc_core\.plugin\.Options"):
            option_fields(kind)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="its Options cannot be used: name 'NoSuchType'"):
        option_fields(Strange)


def test_a_default_that_is_made_anew() -> None:
    from msgspec import field

    class Made(Options, frozen=True, kw_only=True):
        words: tuple[str, ...] = field(default_factory=lambda: ("a", "b"))

    assert option_fields(Made)[0].default == ("a", "b")
