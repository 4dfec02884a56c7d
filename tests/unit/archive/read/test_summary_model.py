"""What an archive holds in numbers: the catalog, footers and reading say what counting says."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.read.summary import (
    PartGroup,
    StoredPart,
    footer_group,
    groups_of,
    joined,
    shares,
    summaries,
    summed,
)
from mdc_core.events import Event, Quote, Trade
from mdc_core.testing.golden import line_of
from mdc_core.times import DAY, HOUR, from_ns
from tests.conftest import parts_of
from tests.kit.many import many
from tests.unit.archive.upkeep.compacting import made, run_id, store

FIRST = 19_724 * DAY
rows = st.lists(
    st.builds(
        lambda kind, symbol, hour: kind(
            symbol=symbol,
            ts_event=None if hour is None else from_ns(FIRST + hour * HOUR),
            **({"price": Decimal(1)} if kind is Trade else {}),
        ),
        st.sampled_from([Trade, Trade, Quote]),
        st.sampled_from(["A", "B/C", None]),
        st.none() | st.integers(0, 70),
    ),
    min_size=1,
    max_size=12,
)


def times_of(events: list[Event]) -> list[str]:
    return sorted(event.ts_event for event in events if event.ts_event is not None)


@settings(max_examples=many(8))
@given(rows, st.sampled_from(["parquet", "jsonl"]))
def test_the_numbers_of_an_archive(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], form: str
) -> None:
    archive = made(tmp_path_factory.mktemp("sum") / "data")
    store(archive, run_id(1), [events], form)
    by_key: dict[tuple[str | None, str], list[Event]] = defaultdict(list)
    for event in events:
        by_key[event.symbol, type(event).__name__.lower()].append(event)
    root = Path(archive.root)
    found = summed(root, Query())
    parts = list(summaries(root, Query()))
    # Once more without the catalog: what the files say by themselves.
    (root / "_mdc" / "catalog.sqlite").unlink()
    plain = summed(root, Query())
    plain_parts = list(summaries(root, Query()))
    for summary in (found, plain):
        assert summary.problems == []
        totals = {(one.symbol, one.type_name): one for one in summary.totals}
        assert totals.keys() == by_key.keys()
        for key, some in by_key.items():
            times = times_of(some)
            one = totals[key]
            assert (one.rows, one.untimed) == (len(some), len(some) - len(times))
            ends = (one.first, one.last)
            assert [None if ns is None else from_ns(ns) for ns in ends] == (
                [times[0], times[-1]] if times else [None, None]
            )
            days = {time[:10] for time in times} | ({"undated"} if one.untimed else set())
            assert (one.files, one.periods) == (len(days), len(days))
        assert sum(one.bytes for one in totals.values()) == summary.bytes
        assert summary.bytes == sum(path.stat().st_size for path in parts_of(root))
    numbers = {(p.path, p.bytes, p.period, tuple(p.groups)) for p in parts}
    assert {(p.path, p.bytes, p.period, tuple(p.groups)) for p in plain_parts} == numbers


@settings(max_examples=many(8))
@given(rows, st.integers(0, 3), st.integers(0, 3))
def test_parts_that_can_hold_what_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], first: int, days: int
) -> None:
    """All that do are among them, with the catalog and without."""
    archive = made(tmp_path_factory.mktemp("sum") / "data")
    store(archive, run_id(1), [events])
    query = Query(("A",), ("trade",), FIRST + first * DAY, FIRST + (first + days) * DAY)
    wanted = {
        event.ts_event[:10]
        for event in events
        if type(event) is Trade
        and event.symbol == "A"
        and event.ts_event is not None
        and from_ns(query.start or 0) <= event.ts_event < from_ns(query.end or 0)
    }
    for _ in range(2):
        found = list(summaries(Path(archive.root), query))
        assert all(group[:2] == ("A", "trade") for part in found for group in part.groups)
        assert wanted <= {part.path.name[:10] for part in found}
        (Path(archive.root) / "_mdc" / "catalog.sqlite").unlink(missing_ok=True)


groups = st.builds(
    PartGroup,
    st.sampled_from(["A", "B"]),
    st.sampled_from(["trade", "quote"]),
    st.integers(1, 9),
    st.integers(0, 5),
    st.integers(5, 9),
    st.just(0),
)
queries = st.builds(
    Query,
    st.sampled_from([(), ("A",), ("A", "B")]),
    st.sampled_from([(), ("quote",)]),
    st.none() | st.integers(0, 10),
    st.none() | st.integers(0, 10),
)


@given(groups, queries)
def test_a_group_is_wanted_wholly_or_not_or_has_to_be_read(group: PartGroup, query: Query) -> None:
    named = (not query.symbols or group.symbol in query.symbols) and (
        not query.types or group.type_name in query.types
    )
    assert group.first is not None and group.last is not None
    inside = [
        (query.start is None or query.start <= at) and (query.end is None or at < query.end)
        for at in (group.first, group.last)
    ]
    between = any(
        (query.start is None or query.start <= at) and (query.end is None or at < query.end)
        for at in range(group.first, group.last + 1)
    )
    found = group.within(query)
    if not named:
        assert found is False
    elif all(inside):
        assert found is True
    elif not between and (query.start or 0) <= (query.end if query.end is not None else 99):
        assert found in (False, None)
        assert found is not None or (query.start is not None and query.end is not None)
    else:
        assert found in (None, False)
    if found is False and named:
        assert not between


def test_rows_without_time_have_to_be_read() -> None:
    group = PartGroup("A", "trade", 3, 5, 6, untimed=1)
    assert group.within(Query(start=0)) is None
    assert group.within(Query()) is True
    assert group.within(Query(("B",), start=0)) is False
    assert PartGroup("A", "trade", 3, None, None).within(Query(end=9)) is None


@given(groups, groups)
def test_two_groups_as_one(one: PartGroup, other: PartGroup) -> None:
    both = joined(one, other)
    assert (both.symbol, both.type_name) == (one.symbol, one.type_name)
    assert both.rows == one.rows + other.rows
    assert one.first is not None and other.first is not None
    assert one.last is not None and other.last is not None
    assert both.first == min(one.first, other.first)
    assert both.last == max(one.last, other.last)
    nothing = PartGroup(one.symbol, one.type_name, 1, None, None, 1)
    assert joined(one, nothing)[3:] == (one.first, one.last, 1)
    assert joined(nothing, nothing)[3:] == (None, None, 2)


@given(st.lists(groups, max_size=4), st.integers(0, 1000))
def test_the_bytes_of_a_file_are_shared_out(some: list[PartGroup], size: int) -> None:
    part = StoredPart(Path("x"), size, (None, None), some)  # type: ignore[arg-type]
    found = shares(part)
    assert len(found) == len(some)
    assert sum(found) == (size if some else 0)
    rows_in_all = sum(group.rows for group in some)
    for group, share in list(zip(some, found, strict=True))[1:]:
        assert share == size * group.rows // rows_in_all


def test_a_file_of_several_types(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    events: list[Event] = [
        Trade(symbol="B", ts_event=from_ns(FIRST)),
        Quote(symbol="A"),
        Trade(symbol="B", ts_event=from_ns(FIRST + 5)),
        Trade(symbol="A", ts_event=from_ns(FIRST + 9)),
    ]
    heartbeat = b'{"type":"heartbeat"}\n'
    path.write_bytes(b"".join(line_of(event) + b"\n" for event in events) + heartbeat)
    assert footer_group(path) is None
    assert groups_of(path) == [
        PartGroup("A", "quote", 1, None, None, 1),
        PartGroup("A", "trade", 1, FIRST + 9, FIRST + 9),
        PartGroup("B", "trade", 2, FIRST, FIRST + 5),
    ]


def test_what_a_part_says_is_what_its_entry_says(tmp_path: Path) -> None:
    archive = made(tmp_path / "data")
    events: list[Event] = [Trade(symbol="A", ts_event=from_ns(FIRST + n), seq=n) for n in range(5)]
    store(archive, run_id(1), [events])
    with archive.catalog(read_only=True) as catalog:
        (row,) = catalog.parts()
    assert isinstance(row, PartRow)
    group = footer_group(tmp_path / "data" / row.path)
    assert group == PartGroup("A", "trade", 5, FIRST, FIRST + 4)
    assert (row.rows, row.first, row.last, row.first_seq, row.last_seq) == (
        5,
        FIRST,
        FIRST + 4,
        0,
        4,
    )
