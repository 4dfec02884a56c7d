"""Events of equal time stay where they are, whatever lies beside what is compacted."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from mdc_core.archive.merge import merge
from mdc_core.archive.read.snapshot import Snapshot
from mdc_core.archive.upkeep.compaction import shared
from mdc_core.archive.upkeep.compaction.plan import CompactOptions
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing import sharing
from mdc_core.events import Event, Trade
from mdc_core.times import DAY, from_ns
from mdc_core.wire.lines.jsonl import encode_batch
from tests.kit.many import many
from tests.unit.archive.upkeep.compacting import (
    check_whole,
    compacted,
    made,
    parts_of,
    run_id,
    store,
)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small partitions are as many as share no part."""
    for module in (sharing, shared):
        monkeypatch.setattr(module, "MANY", 2)


def cat(archive: Archive) -> list[bytes]:
    """What `mdc cat` gives of the parts."""
    snapshot = Snapshot(archive)
    try:
        batches = merge(snapshot.sources(Counter()))
        return b"".join(map(encode_batch, batches)).splitlines()
    finally:
        snapshot.close()


@st.composite
def seals(draw: st.DrawFn) -> list[list[tuple[str, int, str]]]:
    one = st.tuples(st.sampled_from("ABCD"), st.integers(0, 3), st.sampled_from(["x", "y"]))
    return draw(st.lists(st.lists(one, min_size=1, max_size=6), min_size=1, max_size=2))


runs = st.lists(st.tuples(st.sampled_from(["parquet", "jsonl"]), seals()), min_size=2, max_size=5)


@settings(max_examples=many(8), deadline=None)
@given(
    runs,
    st.permutations(range(5)),
    st.booleans(),
    st.sampled_from([1, 2_000, 512_000_000]),
    st.sampled_from(["by-symbol", "by-date", "by-type", "flat", "hive"]),
)
def test_mixtures(
    tmp_path_factory: pytest.TempPathFactory,
    stored: list[tuple[str, list[list[tuple[str, int, str]]]]],
    names: list[int],
    dedup: bool,
    target: int,
    layout: str,
) -> None:
    archive = made(tmp_path_factory.mktemp("archive"))
    number = 0
    for name, (form, lists) in zip(names, stored, strict=False):
        made_of: list[list[Event]] = []
        for rows in lists:
            made_of.append([])
            for symbol, moment, trade_id in rows:
                number += 1
                price = Decimal(1 if dedup else number)
                trade = Trade(symbol=symbol, ts_event=from_ns(19_000 * DAY + moment), price=price)
                trade.size, trade.trade_id = price, trade_id
                trade.provider = "x"
                made_of[-1].append(trade)
        store(archive, run_id(name), made_of, form, layout)
    before = cat(archive)
    outcomes = compacted(archive, CompactOptions(target, dedup=dedup))
    assert not [one.problem or one.busy for one in outcomes if one.problem or one.busy]
    after = cat(archive)
    if dedup:
        gone = sum((one.duplicates for one in outcomes), Counter()).total()
        assert len(after) == len(before) - gone and set(after) == set(before)
        left = iter(before)
        assert all(line in left for line in after)  # in the same order
    else:
        assert after == before
    check_whole(archive)


def _one(n: int, moment: int = 0) -> list[list[Event]]:
    at = from_ns(19_000 * DAY + moment)
    return [[Trade(symbol="A", ts_event=at, price=Decimal(n), size=Decimal(1))]]


def test_parts_that_meet_are_left_and_told(tmp_path: Path) -> None:
    """And those that do not meet become one, of each format."""
    archive = made(tmp_path / "one")
    for number, form in enumerate(["parquet", "jsonl", "parquet", "jsonl"]):
        store(archive, run_id(number), _one(number), form)
    before = cat(archive)
    told = [one.tied for one in compacted(archive, CompactOptions())]
    assert any(tied and "2022-01-08." in tied for tied in told)
    assert cat(archive) == before
    assert [json.decode(line)["price"] for line in before] == [0, 1, 2, 3]
    other = made(tmp_path / "other")
    for number, form in enumerate(["parquet", "jsonl", "parquet", "jsonl"]):
        store(other, run_id(number), _one(number, number), form)
    assert [one.tied for one in compacted(other, CompactOptions())] == [None, None]
    assert [part.file_name for part in parts_of(other)] == [
        "2022-01-08.jsonl",
        "2022-01-08.parquet",
    ]
    assert [json.decode(line)["price"] for line in cat(other)] == [0, 1, 2, 3]
