"""The suite for checks: rows in, expected findings out."""

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
import pytest
from msgspec.structs import replace

from mdc_core.batch import from_rows
from mdc_core.contracts import Check, Finding
from mdc_core.events import Event, Heartbeat
from mdc_core.testing.cuts import cut, strange_rows
from mdc_core.testing.golden import check_golden, finding_of, rows_of
from mdc_core.testing.suites.plugin_suite import PluginSuite


class CheckSuite(PluginSuite):
    """Set `check`; the rows are events, and a finding names its row (0 is the first)."""

    check: ClassVar[type[Check]]
    rows: ClassVar[str] = "rows.jsonl"
    golden: ClassVar[str] = "findings.jsonl"

    def plugin(self) -> type[Check]:
        """The class under test."""
        return self.check

    def findings(self, batches: Sequence[tuple[int, pa.RecordBatch]]) -> list[Finding]:
        """The findings of a new check that gets these batches, each with its first row."""
        check = self.check(self.make_options())
        found = [
            finding if finding.row is None else replace(finding, row=start + finding.row)
            for start, batch in batches
            for finding in check(batch)
        ]
        found += check.close()
        return sorted(found, key=lambda f: (-1 if f.row is None else f.row, f.severity, f.message))

    def test_findings(self, request: pytest.FixtureRequest) -> None:
        """The rows give the expected findings."""
        folder = request.path.parent
        rows = rows_of(folder / self.rows)
        found = self.findings([(0, from_rows(rows))])
        assert all(f.row is None or 0 <= f.row < len(rows) for f in found)
        check_golden(folder / self.golden, found, finding_of)

    def test_batches(self, request: pytest.FixtureRequest) -> None:
        """The findings are the same however the rows are cut into batches."""
        self.check_cuts(rows_of(request.path.parent / self.rows))

    def test_batches_of_strange_rows(self) -> None:
        """Events of every type, odd and empty, are judged, and the same however they are cut."""
        self.check_cuts(strange_rows())

    def check_cuts(self, rows: Sequence[Event]) -> None:
        """Compare the findings in one batch with those in others."""
        whole = self.findings([(0, from_rows(rows))])
        for batches in cut(rows):
            found = self.findings(batches)
            assert found == whole, f"in batches that begin at {[start for start, _ in batches]}"

    def test_batch_unchanged(self, request: pytest.FixtureRequest) -> None:
        """The check leaves the batch as it is."""
        batch = from_rows(rows_of(request.path.parent / self.rows))
        before = batch.serialize().to_pybytes()
        list(self.check(self.make_options())(batch))
        assert batch.serialize().to_pybytes() == before

    def test_nothing_to_judge(self) -> None:
        """A batch without rows, or of rows that have no market in them, is no trouble."""
        check = self.check(self.make_options())
        batch = from_rows([Heartbeat(ts_event="2024-01-02T14:30:00.000000000Z")])
        assert list(check(batch)) == []
        assert list(check(batch.slice(0, 0))) == []
