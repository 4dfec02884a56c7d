"""FilterSuite and CheckSuite catch what depends on how rows are cut, and what is no answer."""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Check, Filter, Finding, Keep
from mdc_core.events import Indicator, Market
from mdc_core.testing import CheckSuite, FilterSuite
from mdc_core.testing.cuts import strange_rows

ROWS = [row for row in strange_rows() if isinstance(row, Market)]


class Sums(Filter):
    """How many rows there were, said at the end."""

    derives = True

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.seen = 0

    def __call__(self, batch: pa.RecordBatch) -> None:
        self.seen += batch.num_rows

    def close(self) -> pa.RecordBatch:
        return from_rows([Indicator(name="rows", value=self.seen)])


class PerBatch(Sums):
    def __call__(self, batch: pa.RecordBatch) -> Any:
        return from_rows([Indicator(name="rows", value=batch.num_rows)])


class NeedsAColumn(Filter):
    def __call__(self, batch: pa.RecordBatch) -> Keep:
        column = batch.column("trade_id")  # not every batch has one
        return Keep([n for n, text in enumerate(column.to_pylist()) if text])


class Backwards(Filter):
    def __call__(self, batch: pa.RecordBatch) -> Keep:
        return Keep(list(range(batch.num_rows))[::-1])


class Texts(Filter):
    def __call__(self, batch: pa.RecordBatch) -> Any:
        return ["a row"]


def checks_cuts(kind: type[Filter]) -> Callable[[], None]:
    suite = FilterSuite()
    vars(suite)["filter"] = kind
    return lambda: suite.check_cuts(ROWS)


def test_a_filter_that_is_right_passes() -> None:
    checks_cuts(Sums)()


@pytest.mark.parametrize("kind", [PerBatch, NeedsAColumn, Backwards, Texts])
def test_a_filter_with_a_bug_does_not(kind: type[Filter]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        checks_cuts(kind)()


class FirstOfBatch(Check):
    def __call__(self, batch: pa.RecordBatch) -> Iterable[Finding]:
        yield Finding(0, "the first of a batch")


def test_a_check_of_batches_does_not_pass() -> None:
    suite = CheckSuite()
    vars(suite)["check"] = FirstOfBatch
    with pytest.raises(AssertionError, match="in batches that begin at"):
        suite.check_cuts(ROWS)
