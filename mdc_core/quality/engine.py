"""Running checks on a stream, and deciding what becomes of the rows they complain about.

    annotate    every row passes
    drop        rows with a finding of at least `fail_on` are left out
    quarantine  the same, and their lines are kept in `CheckOutcome.quarantine`
    stop        the first such row, and all behind it, are left out

Whatever becomes of a row, each finding goes out as an `integrity` event right where the
row is or was, so nothing disappears without a word. A severity is a verdict on the row:
error means that the row itself is bad, warning that it deserves a look (a gap is found at
the good row behind it), info that somebody may want to know.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from mdc_core.contracts import Check, Finding, Severity
from mdc_core.quality.outcome import CheckOutcome, Verdict, reason_of

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.grouped import Codes

OnFail = Literal["annotate", "drop", "quarantine", "stop"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

# Events about the data itself say what their row said and are not judged a second time.
ABOUT_DATA = frozenset(["integrity", "gap", "connection", "heartbeat", "begin", "end"])


class Engine:
    """Some checks on one stream, batch after batch."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        on_fail: OnFail = "annotate",
        fail_on: Severity = "error",
    ) -> None:
        from mdc_core.grouped import Codes

        self.counts: Counter[tuple[str, Severity]] = Counter()
        self.rejected = 0
        self._checks = dict(checks)
        self._on_fail = on_fail
        self._failing = frozenset(SEVERITIES[SEVERITIES.index(fail_on) :])
        self._words = Codes()
        share_grouping(self._checks.values(), self._words)

    def __call__(self, batch: "pa.RecordBatch", raw: bytes | None = None) -> CheckOutcome:
        """What goes out for a batch; `raw` is the text of its rows, a line each."""
        verdicts = self._judge(batch)
        if not verdicts:
            return CheckOutcome(batch, raw)
        failed: list[int] = []
        if self._on_fail != "annotate":
            failed = [
                row
                for row, found in verdicts.items()
                if any(finding.severity in self._failing for _, finding in found)
            ]
        end, stopped = batch.num_rows, None
        if self._on_fail == "stop" and failed:
            end, failed = failed[0] + 1, failed[:1]
            stopped = reason_of(verdicts[failed[0]])
            verdicts = {row: found for row, found in verdicts.items() if row < end}
        self.rejected += len(failed)
        for found in verdicts.values():
            self.counts.update((name, finding.severity) for name, finding in found)
        return CheckOutcome(
            batch,
            raw,
            verdicts=verdicts,
            left_out=failed,
            end=end,
            stopped=stopped,
            keep_lines=self._on_fail == "quarantine",
        )

    def _judge(self, batch: "pa.RecordBatch") -> dict[int, Verdict]:
        """The findings of all checks, by row."""
        market, rows = batch, None
        codes, types = self._words(batch, "type")
        about = [code for code, name in enumerate(types) if name in ABOUT_DATA]
        if about:
            import numpy as np

            rows = np.flatnonzero(~np.isin(codes, about))
            market = batch.take(rows)
        found: list[tuple[int, str, Finding]] = []
        for name, check in self._checks.items():
            if rows is None or getattr(check, "judges_all", False):
                seen = [(finding.row, name, finding) for finding in check(batch)]
                _must_be_within(seen, batch.num_rows, name)
            elif len(rows):
                seen = [(finding.row, name, finding) for finding in check(market)]
                _must_be_within(seen, len(rows), name)
                seen = [(int(rows[row]), name, finding) for row, name, finding in seen]
            else:
                continue
            found += seen
        verdicts: dict[int, Verdict] = {}
        for row, name, finding in sorted(found, key=lambda item: item[0]):
            verdicts.setdefault(row, []).append((name, finding))
        return verdicts


def _must_be_within(found: Iterable[tuple[int, str, Finding]], rows: int, name: str) -> None:
    for row, _, finding in found:
        if not 0 <= row < rows:
            text = f"check {name} speaks of row {row} of a batch of {rows}: {finding.message}"
            raise IndexError(text)


def share_grouping(checks: Iterable[Check], words: "Codes | None" = None) -> None:
    """Let checks that group by the same columns do it once.

    `GroupKeys` of the same columns number alike and `Codes` depend on the batch alone, so one
    of each does for all checks; a check by itself keeps its own.
    """
    from mdc_core import grouped as carry

    words = words or carry.Codes()
    known: dict[tuple[str, ...], carry.GroupKeys] = {}
    for check in checks:
        for attribute, value in list(vars(check).items()):
            if isinstance(value, carry.Codes):
                setattr(check, attribute, words)
            elif isinstance(value, carry.GroupKeys):
                value.words = words
                setattr(check, attribute, known.setdefault(value.names, value))
