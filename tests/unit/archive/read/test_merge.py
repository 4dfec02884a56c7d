"""Many sorted sources as one stream: what a stable sort gives, in pieces of bounded size."""

from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive import merge as merging
from mdc_core.archive.merge import MergeSource, in_order, merge, sorted_sources, stored
from mdc_core.archive.ties import ranked
from mdc_core.batch import from_rows
from mdc_core.events import Event, Quote, Trade
from mdc_core.times import DAY, from_ns
from mdc_core.wire.lines.jsonl import encode_batch
from tests.kit.many import many

FIRST = 19_724 * DAY
Row = tuple[int | None, int]  # moment, and the number that tells rows of one moment apart


def event(moment: int | None, number: int) -> Event:
    """An event of a type that depends on its number, so that batches have other columns."""
    at = None if moment is None else from_ns(FIRST + moment)
    kind = Quote if number % 3 == 2 else Trade
    return kind(symbol="A", ts_event=at, seq=number)


def batches_of(rows: list[Row], cuts: list[int]) -> list[pa.RecordBatch]:
    """Rows in batches, some of them empty."""
    edges = sorted([0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)])
    pieces = [rows[a:b] for a, b in pairwise(edges)]
    empty = from_rows([Trade()]).slice(0, 0)
    return [from_rows([event(*row) for row in piece]) if piece else empty for piece in pieces]


def numbers(batches: Iterator[pa.RecordBatch]) -> list[int]:
    return [seq for batch in batches for seq in batch.column("seq").to_pylist()]


moments = st.none() | st.integers(0, 6)
lists = st.lists(
    st.tuples(st.lists(moments, max_size=7), st.lists(st.integers(0, 9), max_size=3)), max_size=6
)


def in_time(moment: int | None) -> int:
    return -1 if moment is None else moment


def made(drawn: list[tuple[list[int | None], list[int]]]) -> list[tuple[list[Row], list[int]]]:
    """Sources in time order, whose rows have numbers."""
    number = 0
    sources = []
    for times, cuts in drawn:
        rows: list[Row] = []
        for moment in sorted(times, key=in_time):
            rows.append((moment, number))
            number += 1
        sources.append((rows, cuts))
    return sources


def expected(sources: list[list[Row]]) -> list[int]:
    """The order of time; of one moment, of the sources, and within each of its rows."""
    rows = [(in_time(m), at, n) for at, source in enumerate(sources) for m, n in source]
    return [number for _, _, number in sorted(rows, key=lambda row: row[:2])]


@settings(max_examples=many(30))
@given(lists)
def test_a_merge_is_a_stable_sort(drawn: list[tuple[list[int | None], list[int]]]) -> None:
    sources = made(drawn)
    found = merge([batches_of(rows, cuts) for rows, cuts in sources])
    assert numbers(found) == expected([rows for rows, _ in sources])


@settings(max_examples=many(30))
@given(lists, st.integers(2, 3), st.integers(1, 4))
def test_however_little_is_held_at_once(
    drawn: list[tuple[list[int | None], list[int]]], fan_in: int, out: int
) -> None:
    """More sources than can be open, which say what times they have, and small pieces."""
    sources = made(drawn)
    opened: list[int] = []

    def source(at: int, rows: list[Row], cuts: list[int]) -> MergeSource:
        def read(size: int) -> Iterator[pa.RecordBatch]:
            opened.append(at)
            return iter(batches_of(rows, cuts))

        times = [FIRST + m for m, _ in rows if m is not None]
        if len(times) < len(rows) or not rows:
            return MergeSource(read)
        return MergeSource(read, min(times), max(times) + 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "FAN_IN", fan_in)
        patch.setattr(merging, "OUT_ROWS", out)
        patch.setattr(merging, "BYTES_IN_MEMORY", 1)
        found = list(merge([source(at, rows, cuts) for at, (rows, cuts) in enumerate(sources)]))
    assert numbers(iter(found)) == expected([rows for rows, _ in sources])
    assert all(0 < batch.num_rows <= out for batch in found)
    assert sorted(opened) == list(range(len(sources)))


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcAB")), max_size=9),
            st.lists(st.integers(0, 9), max_size=3),
        ),
        max_size=4,
    )
)
@settings(deadline=None)
def test_sources_that_are_in_another_order_of_ranks(
    drawn: list[tuple[list[tuple[int, str]], list[int]]],
) -> None:
    """As older versions ranked symbols: all rows come once, in the order of time."""
    rank = ranked(("by-symbol", symbol, "trade") for symbol in "abcAB")
    sources, want = [], []
    for rows, cuts in drawn:
        rows.sort(key=lambda row: row[0])
        edges = sorted([0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)])
        events = [Trade(symbol=name, ts_event=from_ns(FIRST + at)) for at, name in rows]
        sources.append([from_rows(events[a:b]) for a, b in pairwise(edges) if b > a])
        want += [(FIRST + at, name) for at, name in rows]
    got = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "RUN_BATCH", 2)
        for batch in merge(sources, rank):
            times = pc.cast(batch.column("ts_event"), pa.int64()).to_pylist()
            got += list(zip(times, batch.column("symbol").to_pylist(), strict=True))
    assert sorted(got) == sorted(want)
    assert [at for at, _ in got] == sorted(at for at, _ in want)


def test_a_source_is_opened_when_its_time_has_come() -> None:
    opened: list[int] = []

    def source(day: int) -> MergeSource:
        def read(size: int) -> Iterator[pa.RecordBatch]:
            opened.append(day)
            return iter(batches_of([(day, day)], []))

        return MergeSource(read, FIRST + day, FIRST + day + 1)

    stream = merge([source(day) for day in (4, 1, 3, 2)])
    assert opened == []
    for day in (1, 2, 3, 4):
        assert numbers(iter([next(stream)])) == [day]
        assert opened == list(range(1, day + 1))
    assert next(stream, None) is None


@settings(max_examples=many(20))
@given(st.lists(moments, max_size=12), st.lists(st.integers(0, 12), max_size=4), st.integers(1, 5))
def test_rows_in_any_order_become_sources_in_order(
    times: list[int | None], cuts: list[int], run: int
) -> None:
    rows: list[Row] = [(moment, number) for number, moment in enumerate(times)]
    batches = batches_of(rows, cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "RUN_ROWS", run)
        sources = sorted_sources(iter(batches))
    assert numbers(merge(sources)) == expected([rows])
    inside = [in_time(moment) for moment in times]
    assert in_order(batches) == (inside == sorted(inside))


@given(lists)
def test_what_is_stored_comes_back(drawn: list[tuple[list[int | None], list[int]]]) -> None:
    for rows, cuts in made(drawn):
        batches = batches_of(rows, cuts)
        source = stored(iter(batches))
        source.open(4)
        while source.fill(10**6, 10**9) and not source.ended:
            pass
        text = b"".join(map(encode_batch, source.take_all()))
        assert text == b"".join(map(encode_batch, batches))
