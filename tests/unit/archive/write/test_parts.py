"""Writing parts: whatever comes in whatever order, each partition is whole and sorted."""

from collections import Counter
from contextlib import closing
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.catalog.origins import origin_key
from mdc_core.archive.read.snapshot import pieces, snapshot
from mdc_core.archive.upkeep.recover import left_behind, prepare
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.intake import Intake, header_of
from mdc_core.archive.write.sealing import sorter, spill
from mdc_core.batch import from_rows
from mdc_core.errors import WriteError
from mdc_core.events import Event, Gap, Quote, Trade, type_of
from mdc_core.times import from_ns, to_ns
from mdc_core.wire.files import read_events
from mdc_core.wire.lines.jsonl import rows_of
from tests.conftest import parts_of
from tests.kit.many import many

DAY = 86_400 * 10**9
RUN = "0123456789ab-abcdef"
moments = st.none() | st.integers(-3, 3 * 10).map(lambda n: n * DAY // 10)
sizes = st.sampled_from(["1", "2.5", "0.000000001", "0.000000000000000001", "123456789012.5"])


@st.composite
def events(draw: st.DrawFn) -> Event:
    moment = draw(moments)
    at = None if moment is None else from_ns(moment)
    symbol = draw(st.sampled_from(["A", "B", None]))
    size = Decimal(draw(sizes))
    kind = draw(st.sampled_from([Trade, Quote, Gap]))
    if kind is Trade:
        return Trade(symbol=symbol, ts_event=at, size=size, conditions=["@"])
    if kind is Quote:
        return Quote(symbol=symbol, ts_recv=at, bid_size=size)
    return Gap(symbol=symbol, ts_event=at, reason="test")


def moment(event: Event) -> str:
    return event.ts_event or event.ts_recv or ""


def intake(root: Path, form: str = "parquet", origin: bytes = b'{"a":1}') -> Intake:
    archive = Archive.create(root)
    prepare(archive)
    formats = Formats.load(form)
    return Intake(
        archive, formats, header_of(formats, RUN, "by-symbol", "daily", origin), fsync="none"
    )


def write(into: Intake, rows: list[Event]) -> None:
    into.write(from_rows(rows), Counter(map(type_of, rows)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory: spill all the time, a few rows in a table."""
    monkeypatch.setattr(sorter, "COLLECT_BYTES", 1)
    monkeypatch.setattr(spill, "TABLE_ROWS", 3)


@pytest.mark.usefixtures("small")
@settings(max_examples=many(20))
@given(st.lists(st.lists(events(), min_size=1, max_size=6), min_size=1, max_size=8), st.booleans())
def test_every_partition_is_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[Event]], parquet: bool
) -> None:
    root = tmp_path_factory.mktemp("archive")
    into = intake(root, "parquet" if parquet else "jsonl")
    for rows in lists:
        write(into, rows)
    assert into.unsealed == sum(map(len, lists))
    written = into.seal()
    into.close()
    assert set(parts_of(root)) == {root / part.path for part in written}
    assert sum(part.rows for part in written) == into.rows == sum(map(len, lists))
    assert into.acknowledged == Counter(type_of(row) for rows in lists for row in rows)
    for part in written:
        path = root / part.path
        back = [row for batch in read_events(path) for row in rows_of(batch)]
        mine = [
            row
            for rows in lists
            for row in rows
            if (type_of(row), row.symbol) == (part.type_name, part.symbol)
            and (moment(row)[:10] or "undated") == part.period
        ]
        assert back == sorted(mine, key=moment)
        times = [to_ns(row.ts_event) for row in mine if row.ts_event]
        assert (part.first, part.last) == (min(times, default=None), max(times, default=None))
        assert part.untimed == len(mine) - len(times)
        assert (part.rows, part.bytes) == (len(mine), path.stat().st_size)
    with into.archive.catalog() as catalog:
        assert list(catalog.parts()) == sorted(written, key=lambda part: part.path)


@pytest.mark.usefixtures("small")
def test_one_value_keeps_a_column_wide_in_all_of_its_file(tmp_path: Path) -> None:
    into = intake(tmp_path)
    fine = Decimal("1E-18")
    for n in range(20):
        size = fine if n == 17 else Decimal(n)
        write(into, [Trade(symbol="A", ts_event=from_ns(n), price=Decimal(n), size=size)])
    (part,) = into.seal()
    into.close()
    file = pq.ParquetFile(tmp_path / part.path)
    assert file.metadata.num_row_groups > 1
    assert str(file.schema_arrow.field("price").type) == "decimal128(36, 18)"
    assert str(file.schema_arrow.field("size").type) == "decimal128(36, 18)"
    assert file.schema_arrow.metadata[b"mdc.origin_key"].decode() == origin_key(b'{"a":1}')
    assert file.schema_arrow.metadata[b"mdc.versions"] == b'{"trade": "1.0.0"}'
    read = read_events(tmp_path / part.path)
    sizes = [row.size for batch in read for row in rows_of(batch)]
    assert sizes == [fine if n == 17 else Decimal(n) for n in range(20)]


def test_sealing_again_makes_new_files_and_keeps_the_old(tmp_path: Path) -> None:
    into = intake(tmp_path)
    paths = []
    for n in range(3):
        write(into, [Trade(symbol="A", ts_event=from_ns(n))])
        paths += [tmp_path / part.path for part in into.seal()]
        assert into.seal() == []
    into.close()
    assert len(set(paths)) == 3 and all(path.exists() for path in paths)
    assert into.rows == 3
    for name in ("tmp", "journal"):
        assert not list((tmp_path / "_mdc" / name).iterdir())


def test_sealing_again_appends_to_a_file_that_grows(tmp_path: Path) -> None:
    into = intake(tmp_path, "jsonl")
    seen = []
    for n in (5, 1, 3):  # the second is before the first
        write(into, [Trade(symbol="A", ts_event=from_ns(n)), Trade(symbol="A")])
        seen += into.seal()
    into.close()
    paths = {f"A/trade/{period}.{RUN}-0001.jsonl" for period in ("1970-01-01", "undated")}
    assert {part.path for part in seen} == paths and into.rows == 6
    assert set(parts_of(tmp_path)) == {tmp_path / path for path in paths}
    with into.archive.catalog() as catalog:
        (part,) = [part for part in catalog.parts() if part.period != "undated"]
    assert (part.rows, part.first, part.last, len(part.frames)) == (3, 1, 5, 3)
    assert part.bytes == (tmp_path / part.path).stat().st_size
    rows = [
        [row.ts_event for batch in piece.batches() for row in rows_of(batch)]
        for piece in pieces(into.archive, part)
    ]
    assert rows == [[from_ns(n)] for n in (5, 1, 3)]


def test_a_seal_reads_nothing_of_the_file_that_it_appends_to(tmp_path: Path) -> None:
    counts = Path("/proc/self/io")
    if not counts.exists():
        pytest.skip("this system does not count what a process reads")

    def bytes_read() -> int:
        return int(counts.read_text().split()[1])

    into = intake(tmp_path, "jsonl")
    for hour in range(4):
        at = f"2024-01-02T0{hour}:00:00.000000000Z"
        size = 200_000 if hour < 2 else 10
        write(into, [Trade(symbol="A", ts_event=at, price=Decimal(1), venue="X" * size)])
        before = bytes_read()
        into.seal()
        read = bytes_read() - before
    into.close()
    assert read < 200_000
    with into.archive.catalog() as catalog:
        (part,) = list(catalog.parts())
    data = (tmp_path / part.path).read_bytes()
    assert len(data) == part.bytes > 400_000
    assert part.sha256 == sha256(data).hexdigest()


def test_a_stop_before_the_journal_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events are in parts and in a journal: they are there once all the same."""

    class Stopped(BaseException):
        pass

    def stop(path: Path, **_: object) -> None:
        raise Stopped

    into = intake(tmp_path)
    write(into, [Trade(symbol="A", ts_event=from_ns(n), seq=n) for n in range(2)])
    assert into._current is not None
    live = into._current.journal
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Path, "unlink", stop)
        into.seal()
    live.close()
    into.close()
    (left,) = (tmp_path / "_mdc" / "journal").iterdir()
    with closing(snapshot(tmp_path)) as held:
        assert (held.unsealed, [part.rows for part in held.parts]) == (0, [2])
    parts = parts_of(tmp_path)
    assert sum(found.events for found in left_behind(into.archive)) == 0
    assert prepare(into.archive) == []
    assert not left.exists()
    assert parts_of(tmp_path) == parts


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "data"
    with pytest.raises(WriteError, match=f"cannot write below {root}: Not a directory"):
        intake(root)


def test_a_place_in_which_nothing_can_be_sealed_is_named(tmp_path: Path) -> None:
    into = intake(tmp_path)
    (tmp_path / "A").write_text("in the way")
    write(into, [Trade(symbol="A", ts_event=from_ns(0))])
    with pytest.raises(WriteError, match=f"cannot write below {tmp_path}: "):
        into.seal()
    into.close()
    (tmp_path / "A").unlink()
    assert [found.events for found in prepare(into.archive)] == [1]


def test_what_is_sealed_gives_its_memory_back(tmp_path: Path) -> None:
    held = sorter.Sorter(tmp_path, "daily")
    held.add(from_rows([Trade(symbol=f"S{n}", ts_event=from_ns(n * DAY)) for n in range(9)]))
    assert len(held.sorted().keys()) == held.count == 9
    held.close()
    assert held.count == 0
