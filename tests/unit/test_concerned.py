"""Whom a gap is about, by its symbol or by what its extra fields say."""

import json

import pytest

from mdc_core.concerned import Concerned


def of(words: object) -> Concerned:
    return Concerned.of(None, json.dumps({"symbols": words}))


def test_a_gap_with_a_symbol_is_about_that_alone() -> None:
    own = Concerned.of("A*", '{"symbols": ["B"]}')
    assert [own.has(name) for name in ("A*", "AB", "B", None)] == [True, False, False, False]


@pytest.mark.parametrize("extra", [None, "", "{}", "[]", "no JSON", '{"symbols": []}'])
def test_one_that_names_nobody_is_about_all(extra: str | None) -> None:
    everyone = Concerned.of(None, extra)
    assert everyone.are_all and everyone.has("A") and everyone.has(None)
    assert everyone.meet(("A",), ()) and everyone.meet((), ("A*",))


def test_names_and_patterns_are_matched_exactly() -> None:
    some = of(["SPY", "BTC*", "X[1]", 7])
    wanted = {"SPY": True, "spy": False, "BTC-USD": True, "BTC": True, "X[1]": True, "A": False}
    assert {name: some.has(name) for name in wanted} == wanted
    assert not some.has(None) and of(["*"]).has(None) and of("*").are_all


@pytest.mark.parametrize(
    ("names", "patterns", "meets"),
    [
        (["A"], [], False),
        (["A", "SPY"], [], True),
        ([], ["S*"], True),
        ([], ["Q*"], False),
        ([], ["BTC-*"], True),  # may be among those of BTC*
        ([], ["B*"], True),
    ],
)
def test_what_is_chosen_meets_what_is_missing(
    names: list[str], patterns: list[str], meets: bool
) -> None:
    assert of(["SPY", "BTC*"]).meet(names, patterns) is meets
