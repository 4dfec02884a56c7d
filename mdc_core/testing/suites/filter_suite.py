"""The suite for filters: events in, expected events out."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from mdc_core.batch import from_rows
from mdc_core.contracts import Filter, Keep
from mdc_core.events import EVENT_TYPES, Event, Market
from mdc_core.testing.cuts import cut, strange_rows
from mdc_core.testing.golden import check_golden, row_of, rows_of
from mdc_core.testing.suites.plugin_suite import PluginSuite, check_wire
from mdc_core.times import SECOND, to_ns
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.tables.arrow import Incoming

NOW = to_ns("2024-01-02T14:30:00.000000000Z")


class FilterSuite(PluginSuite):
    """Set `filter`; the rows are events about the market, as core gives them to a filter.

    Those of a filter that has `about_data` may be about the data as well.
    """

    filter: ClassVar[type[Filter]]
    rows: ClassVar[str] = "rows.jsonl"
    golden: ClassVar[str] = "events.jsonl"

    def plugin(self) -> type[Filter]:
        """The class under test."""
        return self.filter

    def input(self, request: pytest.FixtureRequest) -> list[Event]:
        """The rows; those about the data go past a filter, so there are none among them."""
        rows = rows_of(request.path.parent / self.rows)
        hears = self.filter.about_data is not Filter.about_data
        assert hears or all(isinstance(row, Market) for row in rows), (
            "rows about the data never come"
        )
        return rows

    def filtered(self, batches: Sequence[pa.RecordBatch]) -> list[bytes]:
        """The lines that come out of a new filter for these batches, and at the end."""
        work = self.filter(self.make_options())
        lines: list[bytes] = []
        for batch in batches:
            for part, about in _parts(batch):
                lines += lines_out(work.about_data(part) if about else work(part), part)
        return lines + lines_out(work.close(), None)

    def test_events(self, request: pytest.FixtureRequest) -> None:
        """The rows give the expected events, value for value."""
        found = self.filtered([from_rows(self.input(request))])
        assert found, "nothing comes out"
        check_golden(request.path.parent / self.golden, [row_of(line) for line in found])

    def test_wire(self, request: pytest.FixtureRequest) -> None:
        """Every event that comes out survives the wire."""
        found = [row_of(line) for line in self.filtered([from_rows(self.input(request))])]
        check_wire([row for row in found if isinstance(row, Event)])

    def test_batches(self, request: pytest.FixtureRequest) -> None:
        """The same comes out however the rows are cut into batches."""
        self.check_cuts(self.input(request))

    def test_batches_of_strange_rows(self) -> None:
        """Events of every type, odd and empty, give the same however they are cut."""
        self.check_cuts([row for row in strange_rows() if isinstance(row, Market)])

    def check_cuts(self, rows: Sequence[Event]) -> None:
        """Compare what comes out for one batch with what does for others."""
        whole = self.filtered([from_rows(rows)])
        for batches in cut(rows):
            found = self.filtered([batch for _, batch in batches])
            assert found == whole, f"in batches that begin at {[start for start, _ in batches]}"

    def test_accounts(self, request: pytest.FixtureRequest) -> None:
        """A filter that makes new events says that it derives; any other passes rows on."""
        rows = self.input(request)
        coming = encode_batch(from_rows(rows)).splitlines()
        if not self.filter.derives:
            new = [line for line in self.filtered([from_rows(rows)]) if line not in coming]
            names = [row_of(line) for line in new]
            assert len(self.filtered([from_rows(rows)])) <= len(rows), "more come out than in"
            assert all(type(row) in set(map(type, rows)) for row in names), "a type of its own"

    def test_batch_unchanged(self, request: pytest.FixtureRequest) -> None:
        """The filter leaves the batch as it is."""
        batch = from_rows(self.input(request))
        before = batch.serialize().to_pybytes()
        self.filtered([batch])
        assert batch.serialize().to_pybytes() == before

    def test_nothing_comes(self) -> None:
        """An end without a row, and time that goes by, are no trouble."""
        work = self.filter(self.make_options())
        for number in range(3):
            lines_out(work.tick(NOW + number * SECOND), None)
        lines_out(work.close(), None)


def _parts(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """Rows in a row that are all about the data, or all not: core asks for each by itself."""
    names = [str(name) for name in batch.column("type").to_pylist()]
    start = 0
    for about, group in groupby(not issubclass(EVENT_TYPES[name], Market) for name in names):
        stop = start + len(list(group))
        yield batch.slice(start, stop - start), about
        start = stop


def lines_out(made: Any, batch: pa.RecordBatch | None) -> list[bytes]:
    """What a filter gives, as lines; asserts that it is what a filter may give."""
    if made is None:
        return []
    if isinstance(made, Keep):
        assert batch is not None, "rows can be kept of a batch only"
        rows = list(map(int, made.rows))
        assert rows == sorted(set(rows)), f"rows are kept in order, each once: {rows}"
        assert not rows or 0 <= rows[0] <= rows[-1] < batch.num_rows, rows
        made = batch.take(pa.array(rows, pa.int64()))
    found = [made] if isinstance(made, pa.RecordBatch) else list(made)
    lines: list[bytes] = []
    for one in found:
        assert isinstance(one, pa.RecordBatch), f"a filter gives batches, not {one!r}"
        if one.num_rows:
            lines += encode_batch(Incoming(one.schema, "").events(one)).split(b"\n")[:-1]
    return lines
