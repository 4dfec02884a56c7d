"""When a replay lets events out, by a clock that the test sets."""

import random
from collections.abc import Iterator

import pyarrow as pa
import pytest

from mdc_core import times
from mdc_core.archive.read.pace import LONGEST_WAIT, Piece, ReplayPace, by_receipt, spooled, stepped
from mdc_core.batch import from_rows
from mdc_core.market import Trade
from mdc_core.wire.lines.jsonl import rows_of

START = times.to_ns("2024-01-02T14:30:00Z")


class Clock:
    """A clock that only waiting (and what the test adds) moves on."""

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.now = 5_000_000_000
        self.waits: list[int] = []
        self.left = stop_after

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: float) -> bool:
        if seconds:
            self.waits.append(round(seconds * times.SECOND))
            self.now += self.waits[-1]
            if self.left is not None:
                self.left -= 1
        return self.left is not None and self.left <= 0


def batch_of(*moments: int | None) -> pa.RecordBatch:
    """Trades so many nanoseconds after the start; None has no time."""
    return from_rows(
        [Trade(ts_event=None if m is None else times.from_ns(START + m)) for m in moments]
    )


def moments_in(batch: pa.RecordBatch) -> list[int | None]:
    times_of = [row.ts_event for row in rows_of(batch)]
    return [None if text is None else times.to_ns(text) - START for text in times_of]


def moments_of(piece: Piece) -> list[int | None]:
    return moments_in(piece.batch.slice(piece.start, piece.stop - piece.start))


def played(clock: Clock, speed: float | None, *batches: pa.RecordBatch):
    """Each slice with the nanoseconds since the beginning at which it came."""
    began = clock.now
    pace = ReplayPace(speed, clock.wait, clock)
    return [(clock.now - began, moments_of(piece)) for piece in pace.pieces(iter(batches))]


def test_as_it_happened() -> None:
    clock = Clock()
    got = played(clock, 1.0, batch_of(0, 0, 7, 1_000), batch_of(1_000, 5_000_000_001))
    assert got == [
        (0, [0, 0]),
        (7, [7]),
        (1_000, [1_000]),
        (1_000, [1_000]),
        (5_000_000_001, [5_000_000_001]),
    ]
    assert clock.waits == [7, 993, 4_999_999_001]


@pytest.mark.parametrize(("speed", "last"), [(10.0, 100), (0.5, 2_000), (1_000.0, 1)])
def test_speed_is_relative_to_the_first_event(speed: float, last: int) -> None:
    assert played(Clock(), speed, batch_of(0, 1_000)) == [(0, [0]), (last, [1_000])]


def test_max_waits_for_nothing() -> None:
    clock = Clock()
    assert played(clock, None, batch_of(0, 1_000), batch_of(10**15)) == [
        (0, [0, 1_000]),
        (0, [10**15]),
    ]
    assert clock.waits == []


def test_what_is_late_goes_out_at_once() -> None:
    clock = Clock()
    got = []
    for piece in ReplayPace(1.0, clock.wait, clock).pieces(iter([batch_of(0, 10, 20, 30, 40)])):
        got.append(moments_of(piece))
        clock.now += 25  # the reader takes its time
    assert got == [[0], [10, 20], [30, 40]]
    assert clock.waits == []


def test_events_without_a_time_go_first() -> None:
    got = played(Clock(), 1.0, batch_of(None), batch_of(None, 100, 150))
    assert got == [(0, [None]), (0, [None, 100]), (50, [150])]


def test_a_stop_while_waiting() -> None:
    clock = Clock(stop_after=1)
    assert played(clock, 1.0, batch_of(0, 50, 90)) == [(0, [0])]
    assert clock.waits == [50]


@pytest.mark.parametrize("speed", [1e-9, 1e300])
def test_extreme_speeds(speed: float) -> None:
    clock = Clock(stop_after=3)
    slices = played(clock, speed, batch_of(0, 10**17))
    assert slices[0] == (0, [0])
    assert len(slices) == (1 if speed < 1 else 2)
    assert clock.waits == ([LONGEST_WAIT] * 3 if speed < 1 else [1])


def test_the_whole_range_of_times() -> None:
    rows = [Trade(ts_event=times.from_ns(ns)) for ns in (times.MIN_NS + 1, times.MAX_NS)]
    clock = Clock()
    pace = ReplayPace(1e12, clock.wait, clock)
    assert [piece.stop - piece.start for piece in pace.pieces(iter([from_rows(rows)]))] == [1, 1]


def test_step_by_step() -> None:
    answers = iter([True, True, True, False])
    steps = stepped(iter([batch_of(0, 1), batch_of(2, 3, 4)]), lambda: next(answers))
    assert [moments_of(piece) for piece in steps] == [[0], [1], [2]]


def test_by_receipt_exchanges_the_times_and_gives_them_back() -> None:
    event, received = times.from_ns(START), times.from_ns(START + 5)
    rows = [Trade(ts_event=event, ts_recv=received), Trade(ts_event=event)]
    batch = from_rows(rows)
    swapped = rows_of(by_receipt(batch))
    assert [(r.ts_event, r.ts_recv) for r in swapped] == [(received, event), (None, event)]
    assert by_receipt(by_receipt(batch)).equals(batch)


# A temporary file lives as long as its source, and goes with it.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("rows", [1, 40, 10_000])
def test_spooled_puts_everything_in_order(rows: int) -> None:
    chance = random.Random(7)
    moments = [chance.randrange(50) for _ in range(1_000)]
    trades = [
        Trade(ts_event=times.from_ns(START + m), seq=number) for number, m in enumerate(moments)
    ]

    def batches() -> Iterator[pa.RecordBatch]:
        for at in range(0, len(trades), 20):
            yield from_rows(trades[at : at + 20])

    got = [row.seq for batch in spooled(batches(), rows=rows) for row in rows_of(batch)]
    assert got == sorted(range(1_000), key=lambda number: moments[number])
    assert list(spooled(iter(()))) == []
