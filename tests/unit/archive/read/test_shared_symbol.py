"""One symbol out of a part that many share: its rows, in their order, and little else."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec import json

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.merge import merge
from mdc_core.archive.read.snapshot import Snapshot
from mdc_core.archive.read.tail import archive_last
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.sealing import sharing
from mdc_core.events import Event, Quote, Trade
from mdc_core.times import DAY, from_ns
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.tables.arrow import Incoming
from tests.unit.archive.upkeep.compacting import made, parts_of, run_id, store

SYMBOLS = [f"S{n}" for n in range(20)]


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Shared parts of two runs, and parts of their own beside them, with equal times."""
    monkeypatch.setattr(sharing, "MANY", 4)
    archive = made(tmp_path)
    for run in range(2):
        rows: list[Event] = []
        for n in range(200):
            at = from_ns(19_000 * DAY + n // 50)
            symbol = SYMBOLS[n * 7 % 20]
            price = Decimal(run * 1000 + n)
            rows.append(Trade(symbol=symbol, ts_event=at, price=price, size=price))
            rows.append(Quote(symbol=symbol, ts_event=at, bid_price=price, bid_size=price))
        store(archive, run_id(run), [rows])
    store(archive, run_id(9), [[row for row in rows if row.symbol == "S3"]])
    assert Counter(bool(part.shares) for part in parts_of(archive)) == {True: 4, False: 2}
    return archive


def lines(archive: Archive, query: Query) -> list[bytes]:
    snapshot = Snapshot(archive, query)
    found = list(map(encode_batch, merge(snapshot.sources(Counter()))))
    snapshot.close()
    return b"".join(found).splitlines()


def test_the_same_rows_in_the_same_order(archive: Archive) -> None:
    every = lines(archive, Query())
    for symbols in (("S0",), ("S3",), ("S19", "S4"), ("nobody",)):
        wanted = [line for line in every if json.decode(line)["symbol"] in symbols]
        assert lines(archive, Query(symbols=symbols)) == wanted
        counts: Counter[str] = Counter()
        last = archive_last(archive.root, Query(symbols=symbols), 5, counts)
        assert b"".join(map(encode_batch, last)).splitlines() == wanted[-5:]


def test_no_more_is_looked_at(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    events = Incoming.events

    def counted(self: Incoming, batch: pa.RecordBatch) -> pa.RecordBatch:
        looked.append(batch.num_rows)
        return events(self, batch)

    monkeypatch.setattr(Incoming, "events", counted)
    assert len(lines(archive, Query(symbols=("S0",)))) == sum(looked) == 40
