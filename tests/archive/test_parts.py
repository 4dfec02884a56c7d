"""Writing parts: whatever comes in whatever order, each partition is whole and sorted."""

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mdc_core.archive import parts, spill
from mdc_core.archive.parts import PartsWriter
from mdc_core.batch import from_rows
from mdc_core.errors import WriteError
from mdc_core.events import Event, Gap, Quote, Trade
from mdc_core.times import from_ns
from mdc_core.wire.files import read_events
from mdc_core.wire.jsonl import rows_of
from mdc_sinks.jsonl import JsonLines
from mdc_sinks.parquet import Parquet

DAY = 86_400 * 10**9
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


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory: spill all the time, a few rows in a table."""
    monkeypatch.setattr(parts, "COLLECT_BYTES", 1)
    monkeypatch.setattr(spill, "TABLE_ROWS", 3)


@pytest.mark.usefixtures("small")
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.lists(events(), min_size=1, max_size=6), min_size=1, max_size=8), st.booleans()
)
def test_every_partition_is_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[Event]], parquet: bool
) -> None:
    root = tmp_path_factory.mktemp("archive")
    form = Parquet(Parquet.Options()) if parquet else JsonLines(JsonLines.Options())
    writer = PartsWriter(root, form, run_id="run", origin=b'{"a":1}')
    for rows in lists:
        writer.write(from_rows(rows))
    written = writer.seal()
    writer.close()
    assert {path for path in root.rglob("*") if path.is_file()} == {w.path for w in written}
    assert sum(w.rows for w in written) == writer.rows == sum(map(len, lists))
    for part in written:
        back = [row for batch in read_events(part.path) for row in rows_of(batch)]
        mine = [
            row for rows in lists for row in rows
            if (type(row).__struct_config__.tag, row.symbol) == part.key[:2]
            and (moment(row)[:10] or "undated") == part.key.period
        ]  # fmt: skip
        assert back == sorted(mine, key=moment)


@pytest.mark.usefixtures("small")
def test_one_value_keeps_a_column_wide_in_all_of_its_file(tmp_path: Path) -> None:
    writer = PartsWriter(tmp_path, Parquet(Parquet.Options()), run_id="run", origin=b'{"a":1}')
    fine = Decimal("1E-18")
    for n in range(20):
        size = fine if n == 17 else Decimal(n)
        writer.write(
            from_rows([Trade(symbol="A", ts_event=from_ns(n), price=Decimal(n), size=size)])
        )
    (part,) = writer.seal()
    writer.close()
    file = pq.ParquetFile(part.path)
    assert file.metadata.num_row_groups > 1
    assert str(file.schema_arrow.field("price").type) == "decimal128(18, 9)"
    assert str(file.schema_arrow.field("size").type) == "decimal128(36, 18)"
    assert file.schema_arrow.metadata[b"mdc.origin"] == b'{"a":1}'
    assert file.schema_arrow.metadata[b"mdc.versions"] == b'{"trade": "1.0.0"}'
    sizes = [row.size for batch in read_events(part.path) for row in rows_of(batch)]
    assert sizes == [fine if n == 17 else Decimal(n) for n in range(20)]


def test_sealing_again_makes_new_files_and_keeps_the_old(tmp_path: Path) -> None:
    writer = PartsWriter(tmp_path, Parquet(Parquet.Options()), run_id="run")
    paths = []
    for n in range(3):
        writer.write(from_rows([Trade(symbol="A", ts_event=from_ns(n))]))
        paths += [part.path for part in writer.seal()]
        assert writer.seal() == []
    assert len(set(paths)) == 3 and all(path.exists() for path in paths)
    assert not (tmp_path / "_tmp").exists()


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "data"
    writer = PartsWriter(root, Parquet(Parquet.Options()), run_id="run")
    writer.write(from_rows([Trade(symbol="A", ts_event=from_ns(0))]))
    with pytest.raises(WriteError, match=f"cannot write below {root}: Not a directory"):
        writer.seal()
