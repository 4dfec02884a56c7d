"""What the engine lets pass, leaves out and says, in text and in columns."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Check, Finding, Options
from mdc_core.events import Event, Gap, Integrity, Quote, Trade, type_of
from mdc_core.plugin import PerEvent
from mdc_core.quality.engine import Engine
from mdc_core.quality.outcome import CheckOutcome
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import encode_rows, rows_of
from mdc_validators.schema import Schema

NOON = "2024-01-02T12:00:00.000000001Z"


class Sizes(PerEvent):
    """A size of 13 is bad, one of 7 worth a look, one of 1 worth knowing."""

    def check(self, event: Event) -> str | Finding | None:
        size = getattr(event, "size", None)
        if size == 13:
            return Finding(0, "thirteen", "error")
        if size == 1:
            return Finding(0, "one", "info")
        return "seven" if size == 7 else None


class Everything(Check):
    """Every row, as info."""

    def __call__(self, batch: pa.RecordBatch) -> Iterable[Finding]:
        return [Finding(row, "seen", "info") for row in reversed(range(batch.num_rows))]


def trades(*sizes: int) -> list[Event]:
    return [
        Trade(
            symbol="A",
            ts_event=NOON,
            ts_recv=NOON,
            provider="p",
            venue="V",
            channel="c",
            seq=seq,
            price=Decimal(1),
            size=Decimal(size),
            trade_id=str(seq),
        )
        for seq, size in enumerate(sizes)
    ]


def said(row: int, message: str, severity: str, check: str = "sizes") -> Integrity:
    return Integrity(
        symbol="A",
        ts_event=NOON,
        ts_recv=NOON,
        provider="p",
        venue="V",
        channel="c",
        seq=row,
        check=check,
        severity=severity,
        message=message,
        about="trade",
        trade_id=str(row),
    )


def judge(engine: Engine, rows: list[Event]) -> tuple[CheckOutcome, list[Event]]:
    """The outcome with text, once it is known to be the same without."""
    batch, text = from_rows(rows), encode_rows(rows)
    outcome = engine(Chunk(batch, text))
    out = rows_of(outcome.chunk.batch)
    assert outcome.chunk.text == encode_rows(out)
    columns = CheckOutcome(Chunk(batch), outcome.verdicts, outcome.left_out, outcome.end)
    assert rows_of(columns.chunk.batch) == out and columns.chunk.text == outcome.chunk.text
    return outcome, out


def sizes(**options: Any) -> Engine:
    return Engine({"sizes": Sizes(Options())}, **options)


def test_without_findings_the_very_batch_passes() -> None:
    rows = trades(2, 3)
    chunk = Chunk(from_rows(rows), encode_rows(rows))
    outcome = sizes()(chunk)
    assert outcome.chunk is chunk
    assert not outcome.stopped and list(outcome.set_aside()) == []


def test_annotate_puts_findings_behind_their_rows() -> None:
    engine, rows = sizes(), trades(13, 2, 7, 1)
    _, out = judge(engine, rows)
    assert out == [
        rows[0],
        said(0, "thirteen", "error"),
        rows[1],
        rows[2],
        said(2, "seven", "warning"),
        rows[3],
        said(3, "one", "info"),
    ]
    assert engine.counts == {("sizes", s): 1 for s in ("error", "warning", "info")}
    assert engine.rejected == 0


def test_untouched_rows_keep_their_text() -> None:
    first = b'{"type":"trade", "v":"1.0.0","symbol":"A","price":"1.0","size":2}\n'
    second = b'{"size":13.0,"type":"trade","symbol":"A","price":1.50}\n'
    rows: list[Event] = [
        Trade(symbol="A", price=Decimal(1), size=Decimal(2)),
        Trade(symbol="A", price=Decimal("1.5"), size=Decimal(13)),
    ]
    judged = Chunk(from_rows(rows), first + second)
    chunk = sizes()(judged).chunk
    finding = encode_rows(rows_of(chunk.batch)[2:])
    assert chunk.text == first + second + finding and finding.startswith(b'{"type":"integrity"')
    assert chunk.size == chunk.batch.num_rows == 3
    (kept,) = sizes(on_fail="quarantine")(judged).set_aside()
    assert kept == (second[:-1], "sizes: thirteen", ["sizes"])


def test_drop_leaves_bad_rows_out_and_says_so() -> None:
    engine, rows = sizes(on_fail="drop"), trades(13, 2, 7, 13, 13)
    outcome, out = judge(engine, rows)
    assert out == [
        said(0, "thirteen", "error"),
        rows[1],
        rows[2],
        said(2, "seven", "warning"),
        said(3, "thirteen", "error"),
        said(4, "thirteen", "error"),
    ]
    assert engine.rejected == 3 and list(outcome.set_aside()) == []


@pytest.mark.parametrize(
    ("fail_on", "kept"), [("error", [7, 1, 2]), ("warning", [1, 2]), ("info", [2])]
)
def test_fail_on_says_from_which_severity(fail_on: Any, kept: list[int]) -> None:
    _, out = judge(sizes(on_fail="drop", fail_on=fail_on), trades(13, 7, 1, 2))
    assert [row.size for row in out if isinstance(row, Trade)] == kept
    assert sum(isinstance(row, Integrity) for row in out) == 3


def test_quarantine_keeps_the_line_and_the_reasons() -> None:
    engine = Engine({"sizes": Sizes(Options()), "all": Everything(Options())}, "quarantine")
    rows = trades(2, 13)
    outcome, out = judge(engine, rows)
    line = encode_rows(rows[1:])[:-1]
    assert list(outcome.set_aside()) == [(line, "sizes: thirteen; all: seen", ["sizes", "all"])]
    assert out == [
        rows[0],
        said(0, "seen", "info", "all"),
        said(1, "thirteen", "error"),
        said(1, "seen", "info", "all"),
    ]
    columns = Engine({"sizes": Sizes(Options())}, "quarantine")(Chunk(from_rows(rows)))
    assert [kept.line for kept in columns.set_aside()] == [line]


def test_stop_ends_at_the_first_bad_row() -> None:
    engine, rows = sizes(on_fail="stop"), trades(7, 2, 13, 7, 13)
    outcome, out = judge(engine, rows)
    assert out == [rows[0], said(0, "seven", "warning"), rows[1], said(2, "thirteen", "error")]
    assert outcome.stopped == "sizes: thirteen" and outcome.left_behind == 2
    assert engine.rejected == 1
    assert engine.counts == {("sizes", "warning"): 1, ("sizes", "error"): 1}
    outcome, out = judge(sizes(on_fail="stop"), trades(7, 1))
    assert not outcome.stopped and outcome.left_behind == 0 and len(out) == 4


def test_many_findings_come_as_one_spliced_chunk() -> None:
    engine, rows = sizes(on_fail="drop"), trades(*[13, 7, 2] * 100)
    outcome, out = judge(engine, rows)
    assert outcome.chunk.counts == {"trade": 200, "integrity": 200}
    expected: list[Event] = []
    for row in range(0, 300, 3):
        expected += [
            said(row, "thirteen", "error"),
            rows[row + 1],
            said(row + 1, "seven", "warning"),
            rows[row + 2],
        ]
    assert out == expected


def test_events_about_the_data_pass_unjudged_but_for_the_schema() -> None:
    engine = Engine({"all": Everything(Options()), "schema": Schema(Options())})
    finding = said(0, "seven", "warning")
    rows = [*trades(2), finding, Gap(ts_event=NOON), *trades(3)]
    _, out = judge(engine, rows)
    assert [type_of(row) for row in out] == [
        "trade",
        "integrity",
        "integrity",
        "gap",
        "integrity",
        "trade",
        "integrity",
    ]
    assert [row.message for row in out if isinstance(row, Integrity)] == [
        "seen",
        "seven",
        "gap without reason",
        "seen",
    ]
    only = Engine({"all": Everything(Options())})
    assert judge(only, [finding, Gap(reason="overflow")])[1] == [
        finding,
        Gap(reason="overflow"),
    ]


def test_other_types_keep_their_columns() -> None:
    rows = [Quote(symbol="A", bid_price=Decimal(1), conditions=["R"]), *trades(13)]
    assert judge(sizes(), rows)[1] == [*rows, said(0, "thirteen", "error")]


def test_a_check_that_speaks_of_a_row_that_is_not_there() -> None:
    class Wrong(Check):
        """A finding beyond the batch."""

        def __call__(self, batch: pa.RecordBatch) -> Iterable[Finding]:
            return [Finding(batch.num_rows, "?")]

    engine = Engine({"wrong": Wrong(Options())})
    outcomes = [engine(Chunk(from_rows(trades(2)))) for _ in range(2)]
    (note,) = engine.notes()
    assert "IndexError" in str(note.message) and "row 1 of a batch of 1" in str(note.message)
    assert [outcome.verdicts for outcome in outcomes] == [{}, {}]
