"""Batches of different columns brought together: same events, same order, one row group."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from mdc_core.archive.write.sealing import sorter
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.batch import from_rows, unify
from mdc_core.events import Event, Gap, Integrity, Quote, Trade
from mdc_core.wire.lines.jsonl import encode_batch


def _by_turns(count: int) -> Iterator[Event]:
    """Trades, quotes, findings and gaps by turns, each tenth too late."""
    for number in range(count):
        at = number - 15 if number % 10 == 9 else number
        time = f"2024-01-02T15:{(at // 60) % 60:02}:{at % 60:02}.000000000Z"
        kinds: list[Event] = [
            Trade(symbol="A", ts_event=time, price=Decimal(number), size=Decimal(1)),
            Quote(symbol="A", ts_event=time, bid_price=Decimal(number), bid_size=Decimal(2)),
            Integrity(symbol="A", ts_event=time, check="c", severity="info", message=str(number)),
            Gap(symbol="A", ts_event=time, reason="disconnect"),
        ]
        yield kinds[number % 4]


def test_unify_gives_the_rows_of_all_batches_in_order() -> None:
    """Few or many batches of different columns: as if their rows had come in one."""
    for count in (3, 4, 16, 17, 400):
        rows = list(_by_turns(count))
        single = [from_rows([row]) for row in rows]
        assert encode_batch(unify(single)) == encode_batch(from_rows(rows))
    assert unify(single).schema.equals(from_rows(rows).schema, check_metadata=True)


def test_unify_to_a_given_schema() -> None:
    """The columns of the schema, in its order, null where a batch has none."""
    rows = list(_by_turns(2))
    schema = from_rows(list(_by_turns(4))).schema
    assert unify([from_rows([row]) for row in rows], schema).schema.equals(schema)


def _tables(batches: list[pa.RecordBatch], folder: Path) -> dict[str, list[pa.Table]]:
    sorting = Sorter(folder, "daily")
    for batch in batches:
        sorting.add(batch)
    found = {key.type_name: list(rows.tables()) for key, rows in sorting.partitions()}
    sorting.close()
    return found


@pytest.mark.parametrize("collected", [sorter.COLLECT_BYTES, 1 << 20])
def test_the_cut_of_batches_does_not_show_in_what_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collected: int
) -> None:
    """One event a batch, types by turns, late events: one table a partition, as from one batch.

    Also where the sorter lays down what it collects many times, so that late events have to be
    merged from several slices.
    """
    monkeypatch.setattr(sorter, "COLLECT_BYTES", collected)
    rows = list(_by_turns(3_000))
    whole = _tables([from_rows(rows)], tmp_path)
    cut = _tables([from_rows([row]) for row in rows], tmp_path)
    assert {name: len(tables) for name, tables in cut.items()} == dict.fromkeys(whole, 1)
    for name, tables in whole.items():
        assert cut[name][0].equals(pa.concat_tables(tables))
