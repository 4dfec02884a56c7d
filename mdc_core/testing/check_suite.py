"""The suite for checks: rows in, expected findings out."""

from typing import ClassVar

import pytest
from msgspec.structs import replace

from mdc_core.batch import from_rows
from mdc_core.contracts import Check, Finding
from mdc_core.events import Event, Heartbeat
from mdc_core.testing.golden import check_golden, finding_of, rows_of
from mdc_core.testing.plugin_suite import PluginSuite


class CheckSuite(PluginSuite):
    """Set `check`; the rows are events, and a finding names its row (0 is the first)."""

    check: ClassVar[type[Check]]
    rows: ClassVar[str] = "rows.jsonl"
    golden: ClassVar[str] = "findings.jsonl"

    def plugin(self) -> type[Check]:
        """The class under test."""
        return self.check

    def findings(self, rows: list[Event], size: int) -> list[Finding]:
        """The findings of a new check that gets the rows in batches of this size."""
        check = self.check(self.make_options())
        found = [
            finding if finding.row is None else replace(finding, row=start + finding.row)
            for start in range(0, len(rows), size)
            for finding in check(from_rows(rows[start : start + size]))
        ]
        found += check.close()
        return sorted(found, key=lambda f: (-1 if f.row is None else f.row, f.severity, f.message))

    def test_findings(self, request: pytest.FixtureRequest) -> None:
        """The rows give the expected findings."""
        folder = request.path.parent
        rows = rows_of(folder / self.rows)
        found = self.findings(rows, len(rows))
        assert all(f.row is None or 0 <= f.row < len(rows) for f in found)
        check_golden(folder / self.golden, found, finding_of)

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_batches(self, request: pytest.FixtureRequest, size: int) -> None:
        """The findings are the same however the rows are cut into batches."""
        rows = rows_of(request.path.parent / self.rows)
        assert self.findings(rows, size) == self.findings(rows, len(rows))

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
