"""What is to go, to be merged and to move on, against models that look at every part anew."""

from collections.abc import Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.upkeep.compaction.plan import CompactOptions, grouped, jobs, name_of, settled
from mdc_core.archive.upkeep.retain import ListedParts, Policy, Rule, expired, policy
from mdc_core.archive.upkeep.tiering import ORDER, Tier, Tiers, read_tiers
from mdc_core.archive.upkeep.tiers import due, holdings, other_codec
from mdc_core.archive.write.archive import Archive
from mdc_core.config import Config
from mdc_core.errors import ConfigError, UsageError
from mdc_core.times import DAY
from tests.unit.archive.catalog.test_catalog import part

NOW = 100 * DAY


@st.composite
def some_parts(draw: st.DrawFn, most: int = 8) -> list[PartRow]:
    """Parts of several symbols and types, some without any time."""
    found = []
    for number in range(draw(st.integers(0, most))):
        begins = draw(st.integers(0, 99)) * DAY + draw(st.sampled_from([0, 1, DAY // 2]))
        ends = begins + draw(st.sampled_from([0, 1, DAY - 1, 3 * DAY]))
        timed = draw(st.booleans()) or draw(st.booleans())
        found.append(
            part(
                draw(st.sampled_from(["A", "BTC/USD", "BTC/EUR", None])),
                draw(st.sampled_from(["trade", "quote"])),
                path=f"{number}.parquet",
                bytes=draw(st.integers(1, 9)),
                begins=begins if timed else NO_TIME,
                ends=ends if timed else NO_TIME,
                first=begins if timed else None,
                last=ends if timed else None,
                tier=draw(st.sampled_from(ORDER)),
                made_at=draw(st.integers(0, 100)) * DAY,
                stored_at=draw(st.none() | st.integers(0, 100).map(lambda day: day * DAY)),
            )
        )
    return found


rules = st.builds(
    Rule,
    symbol=st.sampled_from(["*", "BTC*", "A", ""]),
    type=st.sampled_from(["*", "trade", "q*"]),
    days=st.integers(1, 90),
) | st.builds(Rule, symbol=st.sampled_from(["A", "*USD"]), keep=st.just(True))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive in which nothing is being written."""
    return Archive.create(tmp_path_factory.mktemp("plans") / "data")


def may_go(one: PartRow, wanted: Policy) -> tuple[bool, bool]:
    """Whether a part is too old, and whether it may go at all."""
    for rule in wanted.rules:
        if fnmatchcase(one.symbol or "", rule.symbol) and fnmatchcase(one.type_name, rule.type):
            age = None if rule.days is None else rule.days * DAY
            break
    else:
        rule, age = Rule(), wanted.age
    timed = not wanted.by_event or one.ends != NO_TIME
    since = one.ends if wanted.by_event else one.stored
    old = age is not None and timed and NOW - since > age
    return old and not rule.keep, not rule.keep


def turn(one: PartRow, wanted: Policy) -> tuple[int, bool, int]:
    """When a part goes, where there is too much."""
    return 0 if wanted.by_event else one.stored // DAY, one.begins == NO_TIME, one.ends


@given(
    some_parts(),
    st.none() | st.integers(1, 90).map(lambda days: days * DAY),
    st.none() | st.integers(1, 40),
    st.lists(rules, max_size=2).map(tuple),
    st.booleans(),
)
def test_what_is_retained(
    empty: Archive,
    parts: list[PartRow],
    age: int | None,
    size: int | None,
    some: tuple[Rule, ...],
    by_event: bool,
) -> None:
    wanted = Policy(age, size, some, by_event)
    gone = expired(empty, ListedParts(parts), wanted, NOW)
    keys = [one.part.key for one in gone]
    assert len(keys) == len(set(keys))
    old = {one.key for one in parts if may_go(one, wanted)[0]}
    said = "older than " if by_event else "stored more than "
    by_age = [one.part.key for one in gone if one.reason.startswith(said)]
    assert set(by_age) == old
    stays = [one for one in parts if one.key not in keys]
    assert all(may_go(one.part, wanted)[1] for one in gone)
    if size is None:
        assert len(gone) == len(old)
        return
    extra = [one.part for one in gone if one.part.key not in old]
    left = sum(one.bytes for one in stays)
    protected = all(not may_go(one, wanted)[1] for one in stays)
    assert left <= size or protected
    if extra:
        # One less would not have been enough, and none of those that stay is older.
        assert left + extra[-1].bytes > size
        newest = max(turn(p, wanted) for p in extra)
        free = [one for one in stays if may_go(one, wanted)[1]]
        assert all(turn(p, wanted) >= newest for p in free)


@given(some_parts(), st.integers(1, 40), st.sampled_from(["A", "BTC/USD"]))
def test_a_rule_before_another_holds(
    empty: Archive, parts: list[PartRow], days: int, symbol: str
) -> None:
    first = Rule(symbol=symbol, keep=True)
    wanted = Policy(None, 1, (first, Rule(days=days)))
    gone = [one.part for one in expired(empty, ListedParts(parts), wanted, NOW)]
    assert all(one.symbol != symbol for one in gone)
    assert {one.key for one in parts if one.symbol != symbol} == {one.key for one in gone} or sum(
        one.bytes for one in parts if one.key not in {other.key for other in gone}
    ) <= 1


def test_what_a_policy_says_of_itself() -> None:
    assert Policy().empty
    assert Policy(rules=(Rule(keep=True),)).empty
    assert not Policy(rules=(Rule(days=3),)).empty
    assert not Policy(size=1).empty
    assert Policy(5 * DAY, None, (Rule(days=3), Rule(days=9))).shortest == 3 * DAY
    assert Policy(2 * DAY, None, (Rule(days=3),)).shortest == 2 * DAY
    assert Policy(None, 7).shortest is None
    for age, size in ((0, None), (None, 0), (0, 0)):
        with pytest.raises(UsageError, match="to keep nothing is not to retain"):
            policy(age, size, (), by_event=True)


def test_the_listed_parts_of_a_query_begin_before_its_end() -> None:
    parts = [part(day=day) for day in (3, 1, 2)] + [part(begins=NO_TIME, ends=NO_TIME, path="u")]
    listed = ListedParts(parts)
    assert [p.period for p in listed.oldest(Query())] == ["1", "2", "3", "0"]
    assert [p.period for p in listed.oldest(Query(end=2 * DAY))][:1] == ["1"]
    assert "2" not in [p.period for p in listed.oldest(Query(end=2 * DAY))]
    assert listed.size(Query()) == (4, 400)


@st.composite
def neighbours(draw: st.DrawFn) -> list[PartRow]:
    """Parts of one group that follow, touch and overlap each other."""
    found = []
    at = 0
    for number in range(draw(st.integers(1, 9))):
        at += draw(st.integers(0, 3))
        ends = at + draw(st.integers(0, 4))
        size = draw(st.integers(1, 60))
        found.append(part(path=f"A/trade/0.{number}.parquet", begins=at, ends=ends, bytes=size))
    return draw(st.permutations(found))


@given(neighbours(), st.integers(10, 100))
def test_what_is_merged(parts: list[PartRow], target: int) -> None:
    every = jobs(parts, CompactOptions(target, dedup=True))
    assert sorted(p.path for job in every for p in job.parts) == sorted(p.path for p in parts)
    spans = [(min(p.begins for p in j.parts), max(p.ends for p in j.parts)) for j in every]
    assert all(one[1] < other[0] for one, other in pairwise(spans)), "what overlaps is together"
    for job in every:
        size = sum(p.bytes for p in job.parts)
        clusters = clusters_of(job.parts)
        assert size <= target or len(clusters) == 1
        assert [p.path for p in job.parts] == sorted(p.path for p in job.parts)
        assert job.whole == (len(every) == 1)
        assert job.rows == sum(p.rows for p in job.parts)
        moment = min(p.begins for p in job.parts) == max(p.ends for p in job.parts)
        nearest = int((Decimal(size) / target).to_integral_value("ROUND_HALF_UP"))
        assert job.pieces == (1 if moment else max(1, nearest))
    for one, other in pairwise(every):
        together = sum(p.bytes for p in [*one.parts, *clusters_of(other.parts)[0]])
        assert together > target, "as many as stay within the size"


def clusters_of(parts: Sequence[PartRow]) -> list[list[PartRow]]:
    """The parts that are connected by overlapping in time, found by looking at all pairs."""
    left, found = sorted(parts, key=lambda p: (p.begins, p.path)), []
    while left:
        cluster = [left.pop(0)]
        grown = True
        while grown:
            near = [
                p for p in left if any(p.begins <= c.ends and c.begins <= p.ends for c in cluster)
            ]
            grown = bool(near)
            cluster += near
            left = [p for p in left if p not in near]
        found.append(cluster)
    return found


@given(neighbours(), st.integers(10, 100))
def test_what_is_left_as_it_is(parts: list[PartRow], target: int) -> None:
    """Only a part by itself that has its name already, in one piece."""
    every = jobs(parts, CompactOptions(target, dedup=True))
    due_now = [job.parts for job in jobs(parts, CompactOptions(target))]
    for job in every:
        alone = len(job.parts) == 1 and settled(job.parts[0]) and job.pieces == 1
        assert (job.parts in due_now) != alone


def test_the_name_that_a_part_has_when_it_is_settled() -> None:
    one = part(period="2024-01-02", path="A/trade/2024-01-02.parquet")
    assert settled(one) and name_of(one) == "A/trade/2024-01-02"
    assert name_of(one, 3) == "A/trade/2024-01-02.3"
    for path, wanted in {
        "A/trade/2024-01-02.7.parquet": True,
        "A/trade/2024-01-02.abc-0001.parquet": False,
        "A/trade/2024-01-02-7.parquet": False,
        "A/trade/2024-01-02.7.8.parquet": False,
        "B/trade/2024-01-02.parquet": False,
        "A/trade/2024-01-02..parquet": False,
    }.items():
        rewritten = part(period="2024-01-02", path=path, made_by="rebuild")
        assert settled(rewritten) == wanted, path
    stored = part(period="2024-01-02", path="A/trade/2024-01-02.abc-0001.parquet", made_by="store")
    assert settled(stored)
    older = "a/trade/2024-01-02.abc-0001.parquet"  # of before a letter was encoded: it is renamed
    assert not settled(structs.replace(stored, symbol="a", path=older))


def test_groups_are_of_one_kind() -> None:
    base = {"path": "x"}
    parts = [
        part("B", **base),
        part("A", **base),
        part(None, **base),
        part("A", "quote", **base),
        part("A", day=1, **base),
        part("A", tier="warm", **base),
        part("A", place="../w", **base),
        part("A", layout="flat", **base),
        part("A", format="jsonl", **base),
        part("A", **base),
    ]
    groups = grouped(parts)
    assert [len(found) for found in groups.values()].count(2) == 1
    assert len(groups) == len(parts) - 1
    symbols = [key.symbol for key in groups]
    assert symbols == sorted(symbols, key=lambda s: (s is not None, s or ""))


TIERS = Tiers((Tier("warm", 7 * DAY), Tier("cold", 90 * DAY, "../cold")), Profiles())


@given(some_parts(), st.integers(0, 400))
def test_what_moves_on(parts: list[PartRow], days: int) -> None:
    now = days * DAY
    for one in parts:
        found = TIERS.due(one, now)
        rank = ORDER.index(one.tier)
        moment = one.last if one.last is not None else one.made_at
        aged = (now - moment >= 7 * DAY) + (now - moment >= 90 * DAY)
        wanted = max(min(rank, 2), aged)
        assert (0 if found is None else ORDER.index(found.name)) == wanted
        later = TIERS.due(one, now + DAY)
        assert found is None or (later is not None and later.after >= found.after)
    moving = {move.part.key for move in due(parts, TIERS, now)}
    for holding in holdings(parts, TIERS, now):
        own = [one for one in parts if one.tier == holding.tier]
        assert (holding.files, holding.bytes) == (len(own), sum(one.bytes for one in own))
        assert holding.due == sum(one.key in moving for one in own)
        assert holding.oldest == min((p.first for p in own if p.first is not None), default=None)
        assert holding.newest == max((p.last for p in own if p.last is not None), default=None)
        old = sum(now - (p.last if p.last is not None else p.made_at) >= 365 * DAY for p in own)
        assert holding.expired == old


def test_why_a_part_moves() -> None:
    old = part(day=0, last=0)
    cases = {
        "age": (old, "../cold", "cold"),
        "directory": (part(day=0, last=0, tier="cold", codec="zstd-19"), "../cold", "cold"),
    }
    for reason, (one, place, tier) in cases.items():
        (move,) = due([one], TIERS, 100 * DAY)
        assert (move.reason, move.place, move.tier.name) == (reason, place, tier)
    there = part(day=0, last=0, tier="cold", place="../cold")
    assert list(due([there], TIERS, 100 * DAY)) == []
    assert list(due([part(day=99, last=99 * DAY)], TIERS, NOW)) == []


@pytest.mark.parametrize(
    ("have", "wanted", "other"),
    [
        ("zstd-3", "zstd-3", False),
        ("zstd-3", "zstd-19", True),
        ("zstd", "zstd-19", False),  # its level is not known
        ("zstd-3", "zstd", False),
        ("lz4", "zstd-3", True),
        ("", "zstd-3", False),
        ("none", "zstd", True),
    ],
)
def test_a_codec_is_another(have: str, wanted: str, other: bool) -> None:
    assert other_codec(have, wanted) == other


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"lukewarm": {}}, "no such tier: 'lukewarm'"),
        ({"warm": {"afer": "1d"}}, "no such option: 'afer'; did you mean after?"),
        ({"warm": {"after": "soon"}}, "not a length of time"),
        ({"cold": {"after": "1d"}}, "comes before warm"),
        ({"warm": {"directory": ""}}, "must be a directory or a URL"),
        ({"warm": {"directory": 3}}, "must be a directory or a URL"),
        ({"warm": {"directory": "."}}, "lies within the archive, or around it"),
        ({"warm": {"directory": "below"}}, "lies within the archive, or around it"),
        ({"warm": {"directory": ".."}}, "lies within the archive, or around it"),
        (
            {"warm": {"directory": "../w"}, "cold": {"directory": "../w/c"}},
            "lies within that of warm, or around it",
        ),
        ({"warm": {"profile": "hotter"}}, "no such compression profile: 'hotter'"),
    ],
)
def test_tiers_that_make_no_sense(empty: Archive, tables: dict[str, object], said: str) -> None:
    config = Config(((Path("here/mdc.toml"), {"tier": tables}),))
    with pytest.raises(ConfigError) as raised:
        read_tiers(config, empty)
    assert str(raised.value).startswith("here/mdc.toml: [tier")
    assert said in str(raised.value)


def test_tiers_as_they_are_described(empty: Archive) -> None:
    described = {
        "warm": {"after": "1d", "directory": "../w/", "profile": "portable"},
        "archive": {"directory": "s3://bucket/x"},
    }
    found = read_tiers(Config(((Path("mdc.toml"), {"tier": described}),)), empty)
    assert found.tiers == (
        Tier("warm", DAY, "../w"),
        Tier("cold", 90 * DAY),
        Tier("archive", 365 * DAY, "s3://bucket/x"),
    )
    assert found.places == {"../w": "warm", "s3://bucket/x": "archive"}
    assert found.profiles.tiers == {"warm": "portable", "cold": "cold", "archive": "cold"}
    assert not found.expired(part(day=0, last=0), 1000 * DAY)
    plain = read_tiers(Config(), empty)
    assert plain.tiers == (Tier("warm", 7 * DAY), Tier("cold", 90 * DAY))
    assert plain.profiles.tiers["warm"] == "warm"
    assert plain.expired(part(day=0, last=0), 365 * DAY)
    assert not plain.expired(part(day=0, last=1), 365 * DAY)


# What is asked of an archive here; a real one would ask the bucket where it is.
BUCKET: Any = SimpleNamespace(
    local=None, root="s3://bucket/a", has_catalog=False, place_at=lambda name: None
)


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        ("../w", "must be absolute: s3://bucket/a is a URL"),
        ("s3://bucket/a/w", "lies within the archive, or around it"),
        ("s3://bucket", "lies within the archive, or around it"),
        ("s3://bucket/a/", "lies within the archive, or around it"),
    ],
)
def test_tiers_of_an_archive_in_a_bucket(directory: str, said: str) -> None:
    config = Config(((Path("mdc.toml"), {"tier": {"warm": {"directory": directory}}}),))
    with pytest.raises(ConfigError) as raised:
        read_tiers(config, BUCKET)
    assert str(raised.value) == f"mdc.toml: [tier.warm] directory: {said}"


def test_places_of_tiers_of_an_archive_in_a_bucket() -> None:
    described = {"warm": {"directory": "s3://bucket/b"}, "cold": {"directory": "/mnt/cold"}}
    config = Config(((Path("mdc.toml"), {"tier": described}),))
    found = read_tiers(config, BUCKET)
    assert found.places == {"s3://bucket/b": "warm", "/mnt/cold": "cold"}
