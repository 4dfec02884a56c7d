"""What goes through a filter, what goes past it, and in which order."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.contracts import Filter, Keep, Options
from mdc_core.events import Event, Gap, Indicator, Trade
from mdc_core.quality.filtering import FilterRun
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import rows_of
from tests.kit.many import many


class Odd(Filter):
    """Keeps rows with an odd number."""

    def __call__(self, batch: pa.RecordBatch) -> Keep:
        numbers: list[Any] = batch.column("seq").to_pylist()
        return Keep([row for row, number in enumerate(numbers) if number % 2])


class Same(Filter):
    """Leaves everything as it is."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch


class Total(Filter):
    """Makes one event of each third row: their sum."""

    derives = True

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.seen: list[int] = []

    def __call__(self, batch: pa.RecordBatch) -> Iterable[pa.RecordBatch]:
        numbers: list[Any] = batch.column("seq").to_pylist()
        for number in numbers:
            self.seen.append(number)
            if len(self.seen) == 3:
                yield from_rows([Indicator(name="sum", value=float(sum(self.seen)))])
                self.seen.clear()


def event(number: int, is_gap: bool) -> Event:
    if is_gap:
        return Gap(seq=number, reason="x")
    return Trade(seq=number, price=Decimal("1.50"), size=Decimal(1))


def line(number: int, is_gap: bool) -> bytes:
    """A line that nobody would write like this."""
    own = b'"type":"gap", "reason":"x"' if is_gap else b'"type":"trade", "price":1.50,"size":1'
    return b'{%b, "seq":%d}\n' % (own, number)


def totals(gaps: list[bool]) -> list[str]:
    """What `Total` lets out, gaps where they were."""
    found, seen = [], []
    for number, is_gap in enumerate(gaps):
        if is_gap:
            found.append(f"gap {number}")
            continue
        seen.append(number)
        if len(seen) == 3:
            found.append(f"sum {sum(seen)}")
            seen.clear()
    return found


@given(gaps=st.lists(st.booleans(), min_size=1, max_size=20), cut=st.integers(1, 20))
@settings(max_examples=many(15))
def test_events_about_the_data_keep_their_place(gaps: list[bool], cut: int) -> None:
    batch = from_rows([event(*one) for one in enumerate(gaps)])
    whole = Chunk(batch, b"".join(line(*one) for one in enumerate(gaps)))
    cuts = sorted({0, min(cut, len(gaps)), len(gaps)})
    parts = [whole.cut(start, stop) for start, stop in pairwise(cuts)]
    for work, passes in ((Odd(Options()), 1), (Same(Options()), 0)):
        run = FilterRun("x", work)
        out = [list(run(part)) for part in parts]
        assert [len(chunks) for chunks in out] == [1] * len(parts)
        kept = [one for one in enumerate(gaps) if one[1] or not passes or one[0] % 2]
        assert b"".join(chunks[0].text for chunks in out) == b"".join(line(*one) for one in kept)
        assert run.dropped == len(gaps) - len(kept) and (run.used, run.derived) == (0, 0)
    run = FilterRun("x", Total(Options()))
    made = [row for part in parts for chunk in run(part) for row in rows_of(chunk.batch)]
    told = [f"gap {row.seq}" if isinstance(row, Gap) else f"sum {row.value:.0f}" for row in made]  # type: ignore[attr-defined]
    assert told == totals(gaps)
    assert (run.used, run.dropped) == (gaps.count(False), 0)
    assert run.derived == gaps.count(False) // 3
