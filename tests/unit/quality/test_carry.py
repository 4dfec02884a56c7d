"""Grouping and carrying over, against the same in plain Python; and memory that is bounded."""

import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from mdc_core.batch import decimals, from_rows, is_type, make, plain, valid
from mdc_core.events import Event, Quote, Trade
from mdc_core.grouped import Codes, ForwardFill, GroupKeys, GroupRuns, Lag, RunningMax
from mdc_validators.content import content_hashes
from mdc_validators.recent import Recent, text_hashes
from tests.kit.many import many
from tests.unit.wire.lines.vocabulary import events

texts = st.lists(st.sampled_from(["", "a", "b", "\N{EURO SIGN}", None]), min_size=1, max_size=40)
keyed = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=40
)


def table(**columns: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {name: pa.array(values, pa.string()) for name, values in columns.items()}
    )


@given(symbols=texts, cut=st.integers(0, 39))
@example(symbols=["a"] * 20, cut=10)
@example(symbols=[""] * 20, cut=10)
@example(symbols=[None] * 20, cut=0)
@example(symbols=["ab"] * 9 + ["ba"], cut=0)
@settings(deadline=None)
def test_keys_number_the_combinations(symbols: list[str | None], cut: int) -> None:
    venues = [None if i % 3 else "V" for i in range(len(symbols))]
    batch = table(symbol=symbols, venue=venues)
    keys = GroupKeys("symbol", "absent", "venue")
    parts = [batch.slice(0, cut), batch.slice(cut)]
    numbers = np.concatenate([keys(part) for part in parts]).tolist()
    pairs = list(zip(symbols, venues, strict=True))
    of_pair = dict(zip(pairs, numbers, strict=True))
    assert [of_pair[pair] for pair in pairs] == numbers
    assert sorted(set(numbers)) == list(range(len(set(pairs)))) and len(keys) == len(set(pairs))


def test_keys_of_very_many_combinations() -> None:
    names = [f"s{i}" for i in range(400)]
    batch = table(a=names, b=names[::-1], c=names)
    keys = GroupKeys("a", "b", "c")
    assert sorted(keys(batch).tolist()) == list(range(400))
    assert keys(batch.slice(7, 1)).tolist() == [keys(batch).tolist()[7]]


def test_words_of_a_batch() -> None:
    batch = from_rows([Trade(symbol="A"), Quote(symbol="B"), Trade()])
    words = Codes()
    assert words.is_type(batch, "trade").tolist() == [True, False, True]
    assert words.is_type(batch, "bar", "quote").tolist() == [False, True, False]
    assert is_type(batch, "bar", "quote").tolist() == [False, True, False]
    assert is_type(batch.slice(1, 1), "quote").tolist() == [True]
    codes, known = words(batch, "symbol")
    assert [known[code] for code in codes] == ["A", "B", None]
    assert words(batch.slice(0, 0), "symbol")[0].tolist() == []


@given(rows=keyed, cut=st.integers(0, 40))
@settings(deadline=None)
def test_previous_and_highest(rows: list[tuple[int, int]], cut: int) -> None:
    previous, highest = Lag(), RunningMax()
    got: list[Any] = []
    for part in (rows[:cut], rows[cut:]):
        keys = np.array([key for key, _ in part], np.int64)
        values = np.array([value for _, value in part], np.int64)
        before, known = previous(keys, values)
        top, seen = highest(keys, values)
        got += zip(known.tolist(), before.tolist(), seen.tolist(), top.tolist(), strict=True)
    for place, ((key, _), (known, before, seen, top)) in enumerate(zip(rows, got, strict=True)):
        earlier = [value for other, value in rows[:place] if other == key]
        assert known == seen == bool(earlier)
        if earlier:
            assert (before, top) == (earlier[-1], max(earlier))


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.integers(0, 9)), min_size=1, max_size=40
    ),
    cut=st.integers(0, 40),
)
@settings(deadline=None)
def test_latest_known_value(rows: list[tuple[int, int | None]], cut: int) -> None:
    latest, got, last = ForwardFill(np.int64), [], {}
    for part in (rows[:cut], rows[cut:]):
        if not part:
            continue
        runs = GroupRuns(np.array([key for key, _ in part], np.int64))
        known = np.array([value is not None for _, value in part])
        values = np.array([value or 0 for _, value in part], np.int64)
        found, (filled,) = latest(runs, known, values)
        got += [v if k else None for v, k in zip(filled.tolist(), found.tolist(), strict=True)]
    expected = []
    for key, value in rows:
        last[key] = last.get(key) if value is None else value
        expected.append(last[key])
    assert got == expected


@given(st.lists(st.none() | st.booleans(), max_size=70), st.integers(0, 70))
@settings(deadline=None)
def test_valid_of_slices(values: list[bool | None], start: int) -> None:
    column = pa.array(values, pa.bool_()).slice(start)
    assert valid(column).tolist() == [value is not None for value in values[start:]]


def test_decimals_as_words() -> None:
    batch = make(
        "trade",
        3,
        {"price": pa.array(["-0.5", None, "1e17"]).cast(pa.string()).cast(pa.decimal128(36, 18))},
    )
    high, low, known = decimals(batch.slice(1), "price")
    assert known.tolist() == [False, True]
    assert (int(high[1]) << 64) + int(low[1]) == 10**35
    assert decimals(batch, "absent")[2].tolist() == [False] * 3
    narrow = pa.RecordBatch.from_pydict({"price": pa.array(["1.5"]).cast(pa.decimal128(18, 9))})
    assert plain(int(decimals(narrow, "price")[1][0])) == "1.5"
    assert [plain(n) for n in (-5 * 10**17, 0, 10**18, 1)] == [
        "-0.5",
        "0",
        "1",
        f"0.{'0' * 17}1",
    ]


def test_recent_over_many_chunks() -> None:
    rows = 100_000
    numbers = np.arange(rows) % 30_000
    zeros = np.zeros(rows, np.int64)
    exact, less = Recent(30_000), Recent(29_999)
    same = np.zeros(rows, np.uint64)
    assert sorted(exact.add(zeros, numbers, zeros, same, None, zeros, zeros)) == [
        (row, True) for row in range(30_000, rows)
    ]
    assert list(less.add(zeros, numbers, zeros, same, None, zeros, zeros)) == []


@given(
    rows=st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=30),
    cuts=st.lists(st.integers(1, 9), max_size=5),
)
@settings(deadline=None)
def test_recent_tells_copies_from_what_has_the_same_identity(
    rows: list[tuple[int, int, int, int]], cuts: list[int]
) -> None:
    """A copy says the same, and has the same number if it is of the same stream."""
    recent, at = Recent(20), 0
    found = []
    for size in [*cuts, len(rows)]:
        part = rows[at : at + size]
        keys, said, streams, numbers = np.array(part, np.int64).reshape(-1, 4).T.copy()
        contents = said.view(np.uint64)
        for place, is_copy in recent.add(keys, keys, keys, contents, None, streams, numbers):
            found.append((at + place, is_copy))
        at += len(part)
    wanted = []
    for row, (key, content, stream, number) in enumerate(rows):
        before = [other[1:] for other in rows[max(row - 20, 0) : row] if other[0] == key]
        if before:
            copies = {(content, stream, number), (content, 1 - stream, 0), (content, 1 - stream, 1)}
            wanted.append((row, not copies.isdisjoint(before)))
    assert sorted(found) == wanted


def test_one_identity_of_many_contents_is_looked_at_so_often() -> None:
    rows = 20_000
    zeros, contents = np.zeros(rows, np.int64), np.arange(rows, dtype=np.uint64)
    found = list(Recent(rows).add(zeros, zeros, zeros, contents, None, zeros, zeros))
    assert found == [(row, False) for row in range(1, rows)]


@given(st.lists(events(), min_size=1, max_size=8), st.data())
@settings(max_examples=many(15))
def test_hash_of_a_row_depends_on_its_values_alone(rows: list[Event], data: st.DataObject) -> None:
    rows = [*rows, data.draw(st.sampled_from(rows))]
    together = content_hashes(from_rows(rows), {"seq"}).tolist()
    alone = [int(content_hashes(from_rows([row]), {"seq"})[0]) for row in rows]
    assert together == alone
    said = [(type(row), str({**structs.asdict(row), "seq": None})) for row in rows]
    for one, hash_one in zip(said, together, strict=True):
        for other, hash_other in zip(said, together, strict=True):
            assert (hash_one == hash_other) == (one == other), (one, other)


@given(st.lists(st.text(max_size=90), min_size=1, max_size=20))
@settings(deadline=None)
def test_hash_of_a_text_depends_on_nothing_else(values: list[str]) -> None:
    column = pa.array(values, pa.string())
    together, lengths = text_hashes(column)
    alone = [int(text_hashes(column.slice(i, 1))[0][0]) for i in range(len(values))]
    assert together.tolist() == alone
    assert lengths.tolist() == [len(value.encode()) for value in values]
    assert len(set(alone)) == len(set(values))


def test_memory_of_recent_does_not_grow() -> None:
    recent = Recent(20_000)

    def feed(start: int, rows: int, size: int) -> None:
        for first in range(start, start + rows, size):
            numbers = np.arange(first, first + size)
            ids = pa.array([f"id-{n}" for n in numbers.tolist()])
            hashes = text_hashes(ids)[0].view(np.int64)
            zeros = np.zeros(size, np.int64)
            contents = hashes.view(np.uint64)
            assert list(recent.add(zeros, zeros, hashes, contents, ids, zeros, zeros)) == []

    feed(0, 100_000, 5_000)
    feed(100_000, 3_000, 1)
    arrow = pa.total_allocated_bytes()
    tracemalloc.start()
    feed(200_000, 100_000, 5_000)
    feed(300_000, 3_000, 1)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000
    assert pa.total_allocated_bytes() - arrow < 1_000_000
