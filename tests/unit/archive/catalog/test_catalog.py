"""The catalog: what it answers, that a change is all or nothing, that damage is found."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from mdc_core.archive.catalog import database
from mdc_core.archive.catalog.catalog import (
    Catalog,
    ChangedError,
    FileMove,
    Frame,
    PartRow,
)
from mdc_core.archive.catalog.origins import origin_key
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.read.snapshot import Snapshot
from mdc_core.archive.write.archive import Archive
from mdc_core.errors import BusyError

DAY = 86_400 * 10**9


def part(
    symbol: str | None = "A", type_name: str = "trade", day: int = 0, **more: object
) -> PartRow:
    """A part of one day."""
    values = {
        "path": f"{symbol}/{type_name}/{day}.parquet",
        "symbol": symbol,
        "type_name": type_name,
        "period": str(day),
        "layout": "by-symbol",
        "format": "parquet",
        "suffix": ".parquet",
        "rows": 2,
        "bytes": 100,
        "begins": day * DAY,
        "ends": (day + 1) * DAY - 1,
        "sha256": f"{day:064x}",
        "version": "1.0.0",
        "made_at": 1,
    }
    return msgspec.convert(values | more, PartRow, strict=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Catalog(tmp_path, create=True):
        pass
    return tmp_path


@pytest.fixture
def catalog(state: Path) -> Iterator[Catalog]:
    with Catalog(state) as opened:
        yield opened


def paths(
    catalog: Catalog,
    *symbols: str,
    types: tuple[str, ...] = (),
    start: int | None = None,
    end: int | None = None,
) -> list[str]:
    return [row.path for row in catalog.parts(Query(symbols, types, start, end))]


def test_an_entry_comes_back_as_it_was(catalog: Catalog) -> None:
    full = part(
        "\x00'\U0001f600\n",
        place="../cold",
        codec="zstd-3",
        first=-5,
        last=2**62,
        untimed=3,
        first_seq=-1,
        last_seq=9,
        tier="cold",
        segment="s-0001",
        run_id="s",
        inputs=(("a/b", "00"), ("c", "11")),
        made_by="compact",
        in_order=False,
        frames=(Frame(50, 1, 0, 5), Frame(50, 1, -7, 2)),
        begins=-(2**63),
        ends=2**63 - 1,
    )
    nameless = part(None, path="_/trade/x.parquet")
    empty = part("", path="%/trade/x.parquet")
    catalog.commit([full, nameless, empty])
    assert list(catalog.parts()) == [full, empty, nameless]
    assert list(catalog.parts(Query(symbols=(full.symbol or "",)))) == [full]
    assert list(catalog.parts(Query(symbols=("",)))) == [empty]
    assert catalog.of_run("s") == [full]
    assert catalog.problems() == []


def test_parts_are_pruned_by_symbol_type_and_time(catalog: Catalog) -> None:
    rows = [part(s, t, d) for s in ("A", "B", "a") for t in ("trade", "quote") for d in range(4)]
    catalog.commit(rows)
    assert paths(catalog) == sorted(row.path for row in rows)
    assert paths(catalog, "A", types=("trade",)) == [f"A/trade/{d}.parquet" for d in range(4)]
    assert paths(catalog, "A", "a", types=("quote",), start=DAY, end=2 * DAY) == [
        "A/quote/1.parquet",
        "a/quote/1.parquet",
    ]
    assert paths(catalog, "C") == paths(catalog, types=("bar",)) == []
    # The ends: [start, end), and the last moment of a part belongs to it.
    assert paths(catalog, "A", types=("trade",), start=2 * DAY - 1) == [
        f"A/trade/{d}.parquet" for d in (1, 2, 3)
    ]
    assert paths(catalog, "A", types=("trade",), end=DAY) == ["A/trade/0.parquet"]
    assert paths(catalog, "A", types=("trade",), end=DAY + 1) == [
        f"A/trade/{d}.parquet" for d in (0, 1)
    ]


def test_the_same_path_at_two_places(catalog: Catalog) -> None:
    here, there = part(), part(place="../cold", tier="cold", sha256="f" * 64)
    catalog.commit([here, there])
    assert sorted(row.place for row in catalog.parts()) == ["", "../cold"]
    catalog.commit(remove=[here])
    assert list(catalog.parts()) == [there]


def test_a_commit_is_all_or_nothing(catalog: Catalog) -> None:
    old, other = part(day=0), part(day=1)
    catalog.commit([old, other])
    with pytest.raises(ChangedError, match="was changed by another command"):
        catalog.commit(
            [part(day=5)],
            [other, part(day=9)],
            sealed=[("s-0001", 1)],
            moves=[FileMove("drop", "00", "", "x")],
            origins=[b"{}"],
        )
    assert list(catalog.parts()) == [old, other]
    assert (catalog.sealed(), catalog.moves()) == (set(), [])
    assert catalog.origin(part(origin=origin_key(b"{}"))) == {}
    catalog.commit(
        [part(day=5)],
        [other],
        sealed=[("s-0001", 1)],
        moves=[FileMove("put", "tmp/1", "", "x"), FileMove("drop", "00", "p", "y")],
        origins=[b'{"a":1}', b'{"a":1}'],
    )
    assert list(catalog.parts()) == [old, part(day=5)]
    assert catalog.sealed() == {"s-0001"}
    assert catalog.moves() == [
        FileMove("put", "tmp/1", "", "x"),
        FileMove("drop", "00", "p", "y"),
    ]
    assert catalog.origin(part(origin=origin_key(b'{"a":1}'))) == {"a": 1}


def test_a_part_that_is_not_as_it_was_read(catalog: Catalog) -> None:
    read = part(rows=2)
    catalog.commit([read])
    grown = part(rows=3)
    catalog.commit([grown], [read])
    for gone in (read, part(day=7)):
        with pytest.raises(ChangedError, match=gone.path) as told:
            catalog.commit(remove=[gone])
        assert isinstance(told.value, BusyError)
        assert told.value.exit_status == 75
    assert list(catalog.parts()) == [grown]


def test_what_came_since(catalog: Catalog) -> None:
    assert (list(catalog.since(0)), catalog.numbers()) == ([], (0, 0))
    catalog.commit([part(day=3), part(day=1), part("B", day=2)])
    assert [row.period for _, row in catalog.since(0)] == ["3", "1", "2"]
    assert [row.period for _, row in catalog.since(0, Query(("A",), end=2 * DAY))] == ["1"]
    first, number = catalog.numbers()
    assert list(catalog.since(number)) == []
    catalog.commit([part(day=1, rows=9)], [part(day=1)])
    ((later, row),) = catalog.since(number)
    assert later > number and row.rows == 9
    assert catalog.numbers() == (first, later)
    # A number is not given twice, also when the last part has left.
    catalog.commit(remove=[part(day=1, rows=9)])
    catalog.commit([part(day=2)], [part(day=3)])
    assert catalog.numbers()[1] > later
    assert catalog.numbers()[0] > first


def test_what_is_summed_up(catalog: Catalog) -> None:
    spans = [(0, DAY - 1), (5, 9), (DAY - 1, DAY), (-DAY, -1), (-1, 0), (-DAY - 1, -DAY)]
    rows = [
        part(day=number, first=first, last=last, rows=2**number)
        for number, (first, last) in enumerate(spans)
    ]
    rows.append(part(None, day=7, rows=1, untimed=1, tier="cold"))
    catalog.commit(rows)
    found = [(n, "A", "trade", row.rows, row.begins, row.ends) for n, row in enumerate(rows[:6], 1)]
    found.append((7, None, "trade", 1, rows[6].begins, rows[6].ends))
    assert [span[:6] for span in catalog.spans(Query())] == found
    assert list(catalog.spans(Query(("B",)))) == []
    assert list(catalog.numbered([7, 2, 9])) == [rows[6], rows[1]]
    assert list(catalog.totals()) == [
        (None, "trade", 1, 1, 100, None, None, 1, 1, ["cold"]),
        ("A", "trade", 6, 63, 600, -DAY - 1, DAY, 0, 6, ["hot"]),
    ]
    assert catalog.size(Query(("A",))) == (6, 600)
    assert catalog.size(Query(("B",))) == (0, 0)
    assert [row.period for row in catalog.oldest(Query(end=DAY))] == ["0"]


def test_segments_are_remembered_for_a_while(catalog: Catalog) -> None:
    catalog.commit(sealed=[("old-0001", 10)])
    catalog.commit(sealed=[("new-0001", 20)])
    assert catalog.sealed_before(20) == ["old-0001"]
    catalog.forget_sealed(["old-0001"])
    assert catalog.sealed() == {"new-0001"}


WRITER = """
import sys
from pathlib import Path
from mdc_core.archive.catalog.catalog import Catalog
from tests.unit.archive.catalog.test_catalog import part
name, state = sys.argv[1], Path(sys.argv[2])
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
for day in range(40):
    with Catalog(state) as catalog:
        catalog.commit([part(name, day=day)], sealed=[(f"{name}-{day}", day)])
"""


def script(text: str, *arguments: object) -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[4]
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    }
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=root,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_two_processes_at_once(state: Path) -> None:
    both = [script(WRITER, name, state) for name in ("A", "B")]
    for one in both:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    for one in both:
        assert one.communicate()[0] == ""
        assert one.returncode == 0
    with Catalog(state, read_only=True) as catalog:
        assert list(catalog.parts()) == sorted(
            [part(name, day=day) for name in "AB" for day in range(40)],
            key=lambda row: row.path,
        )
        assert len(catalog.sealed()) == 80
        assert catalog.problems() == []


def test_a_reader_beside_a_writer_sees_what_was_there(state: Path) -> None:
    with Catalog(state) as writer, Catalog(state, read_only=True) as reader:
        writer.commit([part(day=1)])
        with pytest.raises(ChangedError):
            writer.commit([part(day=2)], [part(day=9)])
        assert list(reader.parts()) == [part(day=1)]


def test_another_process_that_does_not_end(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    with closing(sqlite3.connect(state / "catalog.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(BusyError, match=r"catalog\.sqlite is in use"),
            Catalog(state) as held,
        ):
            held.commit([part()])


def test_several_answers_of_one_moment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sealed between two questions is in a part, or in a journal: never in neither."""
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    asked = Catalog.sealed

    def sealed(catalog: Catalog) -> set[str]:
        found = asked(catalog)
        with pytest.raises(BusyError), Catalog(state) as writer:
            writer.commit([part()], sealed=[("s-0001", 1)])
        return found

    (state / "journal").mkdir()
    (state / "journal" / "s-0001.journal").touch()
    archive = Archive(state.parent)
    archive.state = state
    with monkeypatch.context() as patched:
        patched.setattr(Catalog, "sealed", sealed)
        now = Snapshot(archive)
    assert now._unsealed is not None
    assert (now.parts, len(now._unsealed._segments)) == ([], 1)
    now.close()
    with Catalog(state) as writer:
        writer.commit([part()], sealed=[("s-0001", 1)])


KILLED = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("DELETE FROM parts")
for number in range(300):
    db.execute("INSERT INTO sealed VALUES (?, 1)", (f"{number}-" * 50,))
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("read_only", [True, False])
def test_a_kill_in_a_transaction(read_only: bool, state: Path) -> None:
    rows = [part(day=day) for day in range(20)]
    with Catalog(state) as catalog:
        catalog.commit(rows)
    before = (state / "catalog.sqlite").read_bytes()
    killed = script(KILLED, state / "catalog.sqlite")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert (state / "catalog.sqlite").read_bytes() != before
    with Catalog(state, read_only=read_only) as catalog:
        assert list(catalog.parts()) == sorted(rows, key=lambda row: row.path)
        assert catalog.sealed() == set()
        assert catalog.problems() == []
