"""Compaction, by itself: the same events in fewer files, and nothing to do the second time."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep import merged
from mdc_core.archive.upkeep.compaction import survey
from mdc_core.archive.upkeep.compaction.compact import compact, plan
from mdc_core.archive.upkeep.compaction.plan import CompactOptions, grouped, jobs, settled
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import rewriting
from mdc_core.batch import widen
from mdc_core.events import Delta, Event, Trade
from mdc_core.times import DAY, from_ns
from mdc_core.wire.lines.jsonl import rows_of
from tests.kit.many import many
from tests.unit.archive.upkeep.compacting import (
    batches,
    check_whole,
    compacted,
    events,
    made,
    parts_of,
    run_id,
    store,
    text,
    trades,
)

TABLE_ROWS = 3


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows in a table."""
    monkeypatch.setattr(survey, "TABLE_ROWS", TABLE_ROWS)


runs = st.lists(
    st.lists(st.lists(events(), min_size=1, max_size=5), min_size=1, max_size=2),
    min_size=1,
    max_size=3,
)
targets = st.sampled_from([1, 600, 5_000, 20_000, 512_000_000])


@settings(max_examples=many(8))
@given(
    runs,
    targets,
    st.sampled_from(["parquet", "jsonl"]),
    st.sampled_from(["by-symbol", "by-date", "flat"]),
    st.sampled_from(["none", "daily", "monthly"]),
)
def test_the_same_events_and_nothing_to_do_again(
    tmp_path_factory: pytest.TempPathFactory,
    stored: list[list[list[Event]]],
    target: int,
    form: str,
    layout: str,
    partition: str,
) -> None:
    archive = made(tmp_path_factory.mktemp("archive"))
    for number, seals in enumerate(stored):
        store(archive, run_id(number), seals, form, layout, partition)
    before, wishes = text(archive), CompactOptions(target)
    outcomes = compacted(archive, wishes)
    assert [o.problem or o.busy for o in outcomes] == [None] * len(outcomes)
    assert text(archive) == before
    check_whole(archive)
    parts = parts_of(archive)
    for group, some in grouped(parts).items():
        assert all(settled(part) and part.in_order for part in some)
        some.sort(key=lambda part: part.begins)
        assert all(a.ends < b.begins for a, b in pairwise(some))
        if target == 512_000_000:
            assert len(some) == 1, group
        elif target == 1:  # every moment has a file of its own
            assert all(part.begins == part.ends for part in some)
    assert not any(o.changed for o in plan(archive, parts, wishes, Profiles()))
    assert not any(o.changed for o in compacted(archive, wishes))
    assert parts_of(archive) == parts


def identity(event: Event) -> tuple[object, ...] | None:
    """What the sender knows an event by, as the documentation says."""
    day = (event.ts_event or "")[:10]
    if isinstance(event, Trade) and event.trade_id:
        return "trade", event.symbol, event.provider, event.venue, event.trade_id, day
    if event.seq is None or isinstance(event, Delta):
        return None
    return type(event), event.symbol, event.provider, event.channel, event.seq, event.ts_event


@settings(max_examples=many(8))
@given(runs, targets)
def test_dedup_drops_what_came_twice_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, stored: list[list[list[Event]]], target: int
) -> None:
    archive = made(tmp_path_factory.mktemp("archive"))
    for number, seals in enumerate(stored):
        store(archive, run_id(number), seals)
    before = [row for batch in batches(archive) for row in rows_of(batch)]
    seen: set[object] = set()
    wanted = []
    for row in before:
        known = identity(row)
        said = structs.asdict(row) | {"ts_recv": None, "channel": None, "seq": None}
        # A group is a day by the time it is filed under, which may be that of the receipt.
        key = known and (*known, (row.ts_event or row.ts_recv or "")[:10], str(said))
        if key is None or key not in seen:
            wanted.append(row)
        seen.add(key)
    wishes = CompactOptions(target, dedup=True)
    told = [o.duplicates for o in plan(archive, parts_of(archive), wishes, Profiles())]
    outcomes = compacted(archive, wishes)
    assert [o.duplicates for o in outcomes] == told
    assert sum(one.total() for one in told) == len(before) - len(wanted)
    assert [row for batch in batches(archive) for row in rows_of(batch)] == wanted
    check_whole(archive)
    parts = parts_of(archive)
    assert not any(o.changed or o.duplicates for o in compacted(archive, wishes))
    assert parts_of(archive) == parts


def test_duplicates_in_files_that_are_divided(tmp_path: Path) -> None:
    """What is dropped from each of several files is what came twice in it."""
    archive = made(tmp_path / "data")
    for number in range(2):
        rows: list[Event] = [
            Trade(
                symbol="A",
                ts_event=from_ns(19_000 * DAY + n // 2),
                trade_id=str(n % 7),
                price=Decimal(number if n == 3 else 0),
            )
            for n in range(12)
        ]
        store(archive, run_id(number), [rows])
    (outcome,) = compacted(archive, CompactOptions(1, dedup=True))
    assert (outcome.duplicates.total(), outcome.problem) == (24 - 13, None)
    rows = [row for batch in batches(archive) for row in rows_of(batch)]
    # Ids that came again at another time, or with another price, are no copies.
    assert [(r.trade_id, str(r.price)) for r in rows if isinstance(r, Trade)] == [
        (str(n), price)
        for n, price in zip([0, 1, 2, 3, 3, 4, 5, 6, *range(5)], "0000100000000", strict=True)
    ]
    assert [part.rows for part in parts_of(archive)] == [2, 3, 2, 2, 2, 2]
    check_whole(archive)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = made(tmp_path / "data")
    store(archive, run_id(2), [trades("1", "2")])
    store(archive, run_id(1), [trades("3", "4", "5")])
    return archive


def test_what_the_catalog_knows(archive: Archive) -> None:
    """Equal times in the order of the paths; inputs, origins and ranges are kept."""
    old = parts_of(archive)
    compacted(archive, CompactOptions())
    (part,) = parts_of(archive)
    assert part.path == "A/trade/2022-01-08.parquet"
    rows = [row for batch in batches(archive) for row in rows_of(batch)]
    assert [str(row.price) for row in rows if isinstance(row, Trade)] == [
        "3",
        "1",
        "4",
        "2",
        "5",
    ]
    assert part.inputs == tuple((one.path, one.sha256) for one in old)
    assert (part.segment, part.run_id, part.made_by, part.tier) == (None, "", "compact", "hot")
    assert (part.rows, part.begins, part.ends) == (5, 19_000 * DAY, 19_000 * DAY + 2)
    assert (part.first, part.last, part.untimed) == (part.begins, part.ends, 0)
    with archive.catalog() as catalog:
        origins = [{"run_id": run_id(1)}, {"run_id": run_id(2)}]
        assert catalog.origin(part) == {"origins": origins}
    # The next time the list is continued, not nested; and one origin stays what it is.
    store(archive, run_id(3), [trades("6"), trades("7")])
    store(archive, run_id(4), [trades("8", day=1), trades("9", day=1)])
    compacted(archive, CompactOptions())
    with archive.catalog() as catalog:
        found = [catalog.origin(part) for part in catalog.parts()]
    origins = [{"run_id": run_id(n)} for n in (3, 1, 2)]
    assert found == [{"origins": origins}, {"run_id": run_id(4)}]


def test_compacted_files_wait_for_what_comes(archive: Archive) -> None:
    """A full file stays; what comes behind it in time makes one of its own."""
    store(archive, run_id(4), [trades(*(f"1.{n * 7919 % 100_003}" for n in range(2_000)))])
    compacted(archive, CompactOptions())
    (full,) = parts_of(archive)
    noon = 19_000 * DAY + DAY // 2
    late = [Trade(symbol="A", ts_event=from_ns(noon + n)) for n in range(4)]
    store(archive, run_id(5), [late[:2], late[2:]])
    compacted(archive, CompactOptions(full.bytes))
    assert [(part.path, part.rows) for part in parts_of(archive)] == [
        ("A/trade/2022-01-08.1.parquet", 4),
        ("A/trade/2022-01-08.parquet", 2_005),
    ]
    assert full in parts_of(archive)
    # With room for both they become one, under the bare name again.
    compacted(archive, CompactOptions())
    (part,) = parts_of(archive)
    assert (part.path, part.rows) == ("A/trade/2022-01-08.parquet", 2_009)


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    """A journal that is still there protects its parts, and files of its run that grow."""
    archive = made(tmp_path / "data")
    rows = trades("1", "2", "3", "4", "5")  # of five moments
    store(archive, run_id(1), [[row] for row in rows[:3]])
    store(archive, run_id(2), [[row] for row in rows[3:]], "jsonl")
    before = parts_of(archive)
    assert [len(part.frames) for part in before if part.format == "jsonl"] == [2]
    for segment in (f"{run_id(1)}-0002", f"{run_id(2)}-0003"):
        (archive.state / "journal" / f"{segment}.journal").touch()
    (outcome, jsonl) = sorted(compacted(archive, CompactOptions()), key=lambda o: o.files[0])[::-1]
    assert (outcome.files, jsonl.changed) == ((3, 2), False)
    after = parts_of(archive)
    stayed = [p for p in before if p in after]
    assert [(p.format, p.rows) for p in stayed] == [("parquet", 1), ("jsonl", 2)]
    assert stayed[0].segment == f"{run_id(1)}-0002"
    for journal in (archive.state / "journal").iterdir():
        journal.unlink()
    compacted(archive, CompactOptions())
    assert [(p.path, len(p.frames), p.rows) for p in parts_of(archive)] == [
        ("A/trade/2022-01-08.jsonl", 0, 2),
        ("A/trade/2022-01-08.parquet", 0, 3),
    ]


def test_a_file_that_grew_in_the_meantime_is_left(tmp_path: Path) -> None:
    archive = made(tmp_path / "data")
    store(archive, run_id(1), [trades("1"), trades("2")], "jsonl")
    stale = parts_of(archive)
    with archive.catalog() as catalog:  # the next segments of the run have the same names here
        catalog.forget_sealed(catalog.sealed())
    store(archive, run_id(1), [trades("3")], "jsonl")
    now, before = parts_of(archive), text(archive)
    with rewriting(archive) as catalog:
        (outcome,) = compact(archive, catalog, stale, CompactOptions(), Profiles())
    assert outcome.problem is None
    assert outcome.busy == f"{stale[0].path} was changed by another command"
    assert (parts_of(archive), text(archive)) == (now, before)


@pytest.mark.parametrize("fault", ["a row less", "another price", "another order"])
def test_a_wrong_result_changes_nothing(
    fault: str, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were merging wrong, the old files would stay."""

    def wrong(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        right = widen(batch, schema)
        if fault == "a row less":
            return right.slice(1)
        if fault == "another order":
            return right.take(pa.array(range(right.num_rows))[::-1])
        prices = pa.array([Decimal(7)] * right.num_rows, schema.field("price").type)
        return right.set_column(schema.get_field_index("price"), schema.field("price"), prices)

    before, parts = text(archive), parts_of(archive)
    monkeypatch.setattr(merged, "widen", wrong)
    (outcome,) = compacted(archive, CompactOptions())
    monkeypatch.undo()
    assert "nothing was changed" in str(outcome.problem)
    assert (text(archive), parts_of(archive)) == (before, parts)
    check_whole(archive)


def test_the_plan_of_large_parts() -> None:
    """Neighbours join up to the target; what overlaps and is far too large is divided."""

    def part(number: int, size: int, begins: int, ends: int) -> PartRow:
        return PartRow(
            path=f"A/trade/2022-01-08.{number}.parquet",
            type_name="trade",
            symbol="A",
            period="2022-01-08",
            layout="by-symbol",
            format="parquet",
            suffix=".parquet",
            rows=1,
            bytes=size,
            begins=begins,
            ends=ends,
            sha256="",
            version="1",
            made_at=0,
        )

    def planned(*parts: PartRow) -> list[tuple[list[str], int, bool]]:
        found = jobs(list(parts), CompactOptions(100))
        return [([p.path[19:-8] for p in job.parts], job.pieces, job.whole) for job in found]

    assert planned(part(1, 60, 0, 9), part(2, 40, 10, 19), part(3, 1, 20, 29)) == [
        (["1", "2"], 1, False)
    ]
    assert planned(part(1, 60, 0, 9), part(2, 40, 10, 19)) == [(["1", "2"], 1, True)]
    # The end of one is the beginning of the other: equal times stay together.
    assert planned(part(1, 90, 0, 10), part(2, 59, 10, 19)) == [(["1", "2"], 1, True)]
    assert planned(part(1, 90, 0, 10), part(2, 61, 10, 19)) == [(["1", "2"], 2, True)]
    assert planned(part(1, 149, 0, 10), part(2, 99, 11, 19)) == []
    assert planned(part(1, 350, 0, 10)) == [(["1"], 4, True)]
    assert planned(part(1, 350, 10, 10)) == []
