"""Hypothesis strategies for events of every type, over the whole range of each field."""

from decimal import Decimal

from hypothesis import strategies as st

from mdc_core.events import EVENT_TYPES, Event, Level
from mdc_core.schema import fields_of
from mdc_core.times import MAX_NS, MIN_NS, from_ns

DIGITS = 10**36 - 1
SCALE = 18

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
decimals = st.one_of(
    st.integers(-DIGITS, DIGITS).map(lambda n: Decimal(f"{n}E-{SCALE}")),
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    st.sampled_from([Decimal(0), Decimal("1E-18"), Decimal("1E-7"), Decimal("-0.000001")]),
)
times = st.one_of(
    st.integers(MIN_NS, MAX_NS), st.sampled_from([MIN_NS, MIN_NS + 1, -1, 0, 1, MAX_NS])
).map(from_ns)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**80), 2**80), texts, decimals),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
levels = st.builds(Level, decimals, decimals, st.none() | st.integers(0, 2**63 - 1))

KINDS: dict[str, st.SearchStrategy[object]] = {
    "text": texts,
    "number": decimals,
    "whole": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "time": times,
    "date": st.dates().map(str),
    "list": st.lists(texts, max_size=4),
    "levels": st.lists(levels, max_size=4),
    "json": st.dictionaries(texts, json_values, max_size=4),
}


def events(*names: str) -> st.SearchStrategy[Event]:
    """Events of these types, every field absent or anything that it may hold."""
    return st.one_of([_of(EVENT_TYPES[name]) for name in names or EVENT_TYPES])


def _of(cls: type[Event]) -> st.SearchStrategy[Event]:
    fields = {name: st.none() | KINDS[kind] for name, kind, _ in fields_of(cls)}
    return st.builds(cls, **fields)
