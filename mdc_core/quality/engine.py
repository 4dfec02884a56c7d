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
from typing import TYPE_CHECKING, Any, Literal

from mdc_core import registry
from mdc_core.contracts import Check, Finding, Severity
from mdc_core.errors import MdcError, PluginError
from mdc_core.events import Integrity
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
        self.failures: dict[str, MdcError] = {}  # checks that are off since they failed
        self._notes: list[Integrity] = []
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

    def notes(self) -> list[Integrity]:
        """Findings that are about no row, since this was asked last."""
        notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """Ask the checks what they find at the end of the input; `notes` has it."""
        for name, check in list(self._checks.items()):
            try:
                found = _checked(check.close(), 0)
            except (Exception, SystemExit) as error:
                self._switch_off(name, error)
                continue
            for finding in found:
                self._note(name, finding)

    def _note(self, name: str, finding: Finding) -> None:
        """Keep a finding that is about no row."""
        self.counts[name, finding.severity] += 1
        said = Integrity(check=name, severity=finding.severity, message=finding.message)
        self._notes.append(said)

    def _switch_off(self, name: str, error: BaseException) -> None:
        """Go on without a check that failed, and say so in one finding."""
        del self._checks[name]
        ref = registry.get("validate", name)
        told = error if isinstance(error, MdcError) else PluginError(f"{name}: {error!r}")
        if ref is not None:
            told = registry.failure(ref, error)
        self.failures[name] = told
        text = f"{told}; the check is off from here on"
        self.counts[name, "error"] += 1
        self._notes.append(Integrity(check=name, severity="error", message=text))

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
        for name, check in list(self._checks.items()):
            whole = rows is None or check.scope == "all"
            if not whole and not market.num_rows:
                continue
            try:
                seen = _findings(check, batch if whole else market)
            # A check may raise anything at all, even SystemExit: it fails alone.
            except (Exception, SystemExit) as error:
                self._switch_off(name, error)
                continue
            for finding in seen:
                if finding.row is None:
                    self._note(name, finding)
                    continue
                row = finding.row if whole or rows is None else int(rows[finding.row])
                found.append((row, name, finding))
        verdicts: dict[int, Verdict] = {}
        for row, name, finding in sorted(found, key=lambda item: item[0]):
            verdicts.setdefault(row, []).append((name, finding))
        return verdicts


def _findings(check: Check, batch: "pa.RecordBatch") -> list[Finding]:
    """What a check finds, once it is certain that these are findings in this batch."""
    return _checked(check(batch), batch.num_rows)


def _checked(findings: Iterable[Finding], rows: int) -> list[Finding]:
    found = list(findings)
    for finding in found:
        if not isinstance(finding, Finding):
            raise TypeError(f"a check returns findings, not {finding!r}")
        if finding.row is not None and not 0 <= finding.row < rows:
            raise IndexError(f"row {finding.row} of a batch of {rows}: {finding.message}")
    return found


class _Broken(Check):
    """A check that could not even be made; it says so when it is called."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        raise self._error


def make_checks(chosen: Iterable[tuple[str, type[Check], Any]]) -> dict[str, Check]:
    """The checks of these names, classes and options; one that cannot be made fails alone."""
    made: dict[str, Check] = {}
    for name, kind, options in chosen:
        try:
            made[name] = kind(options)
        except MdcError:
            raise
        except (Exception, SystemExit) as error:
            made[name] = _Broken(error)
    return made


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
