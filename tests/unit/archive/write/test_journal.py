"""The journal: what was written is read back, and what is damaged is told and nothing else."""

import fcntl
import os
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.write import journal
from mdc_core.archive.write.journal import Header, Journal, left_behind, segments
from mdc_core.archive.write.segment import Segment
from mdc_core.batch import from_rows, widen
from mdc_core.errors import WriteError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Book, Event, Gap, Level, Trade, type_of
from mdc_core.schema import fields_of
from mdc_core.times import from_ns
from mdc_core.wire.lines.jsonl import rows_of
from tests.conftest import Shell
from tests.kit.many import many
from tests.unit.wire import older
from tests.unit.wire.lines.vocabulary import events as any_events

HEADER = Header(
    mdc="0.0.0",
    run_id="0123456789ab-abcdef",
    format="jsonl",
    layout="hive",
    partition="hourly",
    options={"compression": "gzip", "level": 3},
    origin=msgspec.Raw(b'{"type":"begin"}'),
)
DATA = [name for name in EVENT_TYPES if name not in CONTROL_TYPES]
FULL: dict[str, Any] = {
    "text": "\u00e9,\n",
    "number": Decimal("-1E-18"),
    "whole": -(2**63),
    "float": 0.1,
    "flag": False,
    "time": "2024-01-02T14:30:00.000000001Z",
    "date": "2024-01-02",
    "list": ["@", ""],
    "levels": [Level(price=Decimal("1.5"), size=Decimal(2), count=3)],
    "json": {"a": [1, None, {"b": Decimal("0.1")}]},
}

ALWAYS = ("type", "symbol", "ts_event", "ts_recv")


def full_row(name: str) -> Event:
    """An event of a type with a value in every field."""
    cls = EVENT_TYPES[name]
    return cls(**{field: FULL[kind] for field, kind, _ in fields_of(cls)})


def write(folder: Path, lists: list[list[Event]], fsync: journal.Fsync = "none") -> Path:
    """A segment of these events, one record a list."""
    into = Journal(folder, "s-0001", HEADER, fsync)
    for rows in lists:
        into.write(from_rows(rows), Counter(map(type_of, rows)))
    into.close()
    return into.path


def read(path: Path) -> tuple[list[list[Event]], Segment, Header | None]:
    with path.open("rb", buffering=0) as file:
        segment = Segment(file, str(path))
        header = segment.header()
        return [list(rows_of(batch)) for batch in segment.batches()], segment, header


def small(number: int) -> list[list[Event]]:
    return [
        [Trade(symbol="A", ts_event=from_ns(n), price=Decimal(n), seq=n)] for n in range(number)
    ]


def cuts(path: Path) -> list[int]:
    """Where the records of a sound segment begin, and its end."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        found.append(at)
        at += 36 + struct.unpack_from("<4sIQQQI", data, at)[3]
    assert at == len(data)
    return [*found, at]


@pytest.mark.parametrize("fsync", ["always", "batch", "none"])
def test_every_type_comes_back(fsync: journal.Fsync, tmp_path: Path) -> None:
    rows: list[Event] = [full_row(name) for name in DATA]
    # Empty columns, books without levels, rows of several types in one record.
    lists = [[row] for row in rows] + [rows] + [[EVENT_TYPES[name]()] for name in DATA]
    lists += [[Book(bids=[], asks=None), Book(bids=[Level(Decimal("1E-18"), Decimal(0))])]]
    path = write(tmp_path, lists, fsync)
    back, segment, header = read(path)
    assert back == lists
    assert header == HEADER
    assert (segment.damages, segment.missing) == ([], 0)
    with path.open("rb", buffering=0) as file:
        batches = list(Segment(file, "s").batches())
    for batch, some in zip(batches, lists, strict=True):
        came = from_rows(some)
        given = zip(came.schema.names, came.columns, strict=True)
        occur = [n for n, column in given if n in ALWAYS or column.null_count < len(some)]
        assert batch.schema.names == occur


@settings(max_examples=many(10))
@given(lists=st.lists(st.lists(any_events(*DATA), min_size=1, max_size=4), max_size=3))
def test_any_events_come_back(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[Event]]
) -> None:
    batches = [from_rows(rows) for rows in lists]
    path = write(tmp_path_factory.mktemp("journal"), lists)
    with path.open("rb", buffering=0) as file:
        back = list(Segment(file, "s").batches())
    assert [widen(one, came.schema) for one, came in zip(back, batches, strict=True)] == batches


def test_a_slice_is_written_and_not_the_whole(tmp_path: Path) -> None:
    rows: list[Event] = [row for rows in small(1000) for row in rows]
    into = Journal(tmp_path, "s-0001", HEADER, "none")
    sizes = [into.size]
    whole = from_rows(rows)
    for batch in (whole, whole.slice(500, 3)):
        into.write(batch, {"trade": batch.num_rows})
        sizes.append(into.size)
    into.close()
    assert read(into.path)[0] == [rows, rows[500:503]]
    assert sizes[2] - sizes[1] < (sizes[1] - sizes[0]) / 5


def test_what_is_acknowledged(tmp_path: Path) -> None:
    batch = from_rows([Trade(symbol="A"), Gap(reason="x")])
    counts = {"trade": 1, "gap": 1}
    always = Journal(tmp_path, "a-0001", HEADER, "always")
    always.write(batch, counts)
    assert always.acknowledged == Counter(counts)
    none = Journal(tmp_path, "b-0001", HEADER, "none")
    none.write(batch, counts)
    assert none.acknowledged == Counter(counts)
    group = Journal(tmp_path, "c-0001", HEADER, "batch")
    assert group.acknowledged == Counter()
    group.write(batch, counts)
    group.sync()
    assert group.acknowledged == Counter(counts)
    for one in (always, none, group):
        one.close()


def test_a_group_is_synced_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest event waits for ever here: that there are a thousand is what counts."""
    monkeypatch.setattr(journal, "SYNC_SECONDS", 1e6)
    synced_read, synced_write = os.pipe()
    sync = os.fsync

    def told(fd: int) -> None:
        sync(fd)
        os.write(synced_write, b"s")

    into = Journal(tmp_path, "s-0001", HEADER, "batch")
    monkeypatch.setattr(os, "fsync", told)
    batch = from_rows([Trade(symbol="A")] * 400)
    for _ in range(3):
        assert into.acknowledged == Counter()
        into.write(batch, {"trade": 400})
    assert os.read(synced_read, 1) == b"s"
    with into._state:  # held by the syncing thread until it has noted what it reached
        pass
    into.close()
    assert into.acknowledged == Counter(trade=1200)


def test_a_sync_that_fails_is_told_at_the_next_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = Journal(tmp_path, "s-0001", HEADER, "batch")
    tried_read, tried_write = os.pipe()

    def refuse(fd: int) -> None:
        os.write(tried_write, b"t")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal, "SYNC_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", refuse)
    batch = from_rows([Trade(symbol="A")])
    into.write(batch, {"trade": 1})
    assert os.read(tried_read, 1) == b"t"
    assert into._thread is not None
    into._thread.join()
    with pytest.raises(WriteError, match=r"cannot write .*: Input/output error"):
        into.write(batch, {"trade": 1})
    assert into.acknowledged == Counter()
    into.close()


def test_a_record_that_does_not_fit_is_cut_off_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = Journal(tmp_path, "s-0001", HEADER, "none")
    (first,), (second,), (third,) = small(3)
    into.write(from_rows([first]), {"trade": 1})
    size, writev = into.size, os.writev

    def half(fd: int, views: list[memoryview]) -> int:
        if len(views) > 1:
            return writev(fd, [views[0], views[1][:10]])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", half)
        with pytest.raises(WriteError, match="No space left on device"):
            into.write(from_rows([second]), {"trade": 1})
    assert into.path.stat().st_size == into.size == size
    assert into.acknowledged == Counter(trade=1)
    into.write(from_rows([third]), {"trade": 1})
    into.close()
    back, segment, _ = read(into.path)
    assert (back, segment.damages, segment.missing) == ([[first], [third]], [], 0)


def test_a_segment_that_is_being_written_is_not_left_behind(tmp_path: Path) -> None:
    into = Journal(tmp_path, "s-0001", HEADER, "none")
    assert segments(tmp_path) == [into.path]
    assert left_behind(into.path) is None
    into.close()
    file = left_behind(into.path)
    assert file is not None
    with closing(file):
        # Who recovers it is alone with it.
        assert left_behind(into.path) is None
    gone = into.path.open("rb")
    into.path.unlink()
    assert left_behind(into.path) is None
    gone.close()


def test_a_segment_that_was_given_up_meanwhile_is_nothing_to_recover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, small(1))
    lock = fcntl.flock

    def meanwhile(file: Any, operation: int) -> None:
        path.unlink()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    assert left_behind(path) is None


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot write"):
        Journal(tmp_path / "nowhere", "s-0001", HEADER, "none")


@pytest.fixture(autouse=True)
def no_file_stays_open(tmp_path: Path) -> Iterator[None]:
    """Whatever a test opened in its directory, it closed."""
    yield
    own = Path("/proc/self/fd")
    if own.is_dir():
        links = [link.readlink() for link in own.iterdir() if link.exists()]
        assert not [link for link in links if link.is_relative_to(tmp_path)]


@pytest.mark.parametrize(
    ("type_name", "version"), [("trade", "0.8.0"), ("quote", "0.9.0"), ("book", "0.9.0")]
)
def test_a_segment_that_an_older_mdc_left_behind(
    tmp_path: Path, shell: Shell, type_name: str, version: str
) -> None:
    """Its events are as they are today, at once and after recovery."""
    assert shell("mdc stream sim QQQ --limit 1 | mdc store").status == 0
    rows, wanted = older.chosen(type_name, version)
    was = older.table(rows, {type_name: version}).combine_chunks()
    schema = was.schema.serialize().to_pybytes()
    header = msgspec.structs.replace(HEADER, format="parquet", options={}, schema=schema)
    into = Journal(tmp_path / "data" / "_mdc" / "journal", "old-0001", header, "none")
    for batch in was.to_batches():
        into.write(batch, Counter({type_name: batch.num_rows}))
    into.close()
    look = "mdc cat --root data --symbol SPY"
    before = shell(look)
    assert sorted(before.lines) == sorted(wanted.splitlines()), before.err
    done = shell("mdc recover")
    assert done.status == 0 and f"{len(rows)} events" in done.out
    assert shell(look).lines == before.lines
