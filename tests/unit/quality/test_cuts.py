"""Any cut of the same rows gives the same findings, with every check that comes with mdc."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mdc_core import registry
from mdc_core.batch import from_rows
from mdc_core.contracts import Check, Finding
from mdc_core.events import Event
from tests.kit.many import many
from tests.unit.quality.test_streams import EMPTY, NAMED, NONE, streams
from tests.unit.wire.lines.vocabulary import events

# Options in which a check of few rows finds something.
STRICT: dict[str, list[dict[str, Any]]] = {
    "sequence": [{"scope": "channel"}],
    "price": [{"max_price": Decimal(90)}],
    "duplicate": [{"window": 6}, {"window": 1}],
    "future": [{"tolerance": 0}],
    "monotonic": [{"tolerance": 2}],
}


def checks() -> list[Check]:
    """A new check of each kind and way."""
    made: list[Check] = []
    for name, ref in registry.find("validate").items():
        if registry.is_built_in(ref):
            kind = registry.load("validate", name)
            for options in ({}, *STRICT.get(name, [])):
                made.append(kind(kind.Options(**options)))
    return made


def found(
    check: Check, rows: list[Event], cuts: list[int], *, sliced: bool = False
) -> list[Finding]:
    """The findings when the rows come in batches that end at these cuts.

    Batches have the columns of their own events, or `sliced` those of all.
    """
    findings = []
    batch = from_rows(rows)
    for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        if start < stop:
            piece = batch.slice(start, stop - start) if sliced else from_rows(rows[start:stop])
            for one in check(piece):
                row = None if one.row is None else start + one.row
                findings.append(Finding(row, one.message, one.severity))
    return sorted([*findings, *check.close()], key=str)


anything = st.lists(events(), min_size=2, max_size=12)
cuttings = st.lists(st.integers(0, 25), max_size=6)


@given(rows=streams | anything, cuts=cuttings)
@example(rows=[NAMED, NONE, EMPTY], cuts=[1])
@example(rows=[NAMED, EMPTY, NONE], cuts=[1, 2])
@settings(max_examples=many(30))
def test_any_cut_gives_the_same_findings(rows: list[Event], cuts: list[int]) -> None:
    places = sorted({place for place in cuts if place < len(rows)})
    ones = list(range(1, len(rows)))
    for whole, *others in zip(checks(), checks(), checks(), checks(), strict=True):
        name, expected = type(whole).__name__, found(whole, rows, [])
        assert found(others[0], rows, places) == expected, name
        assert found(others[1], rows, places, sliced=True) == expected, name
        assert found(others[2], rows, ones, sliced=True) == expected, name
