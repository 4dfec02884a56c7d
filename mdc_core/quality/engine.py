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
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from numbers import Integral
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from mdc_core import registry
from mdc_core.contracts import Check, Finding, Severity
from mdc_core.errors import MdcError, PluginError
from mdc_core.events import Integrity
from mdc_core.quality.outcome import CheckOutcome, Verdict, note_of, reason_of
from mdc_core.texts import encodable, said
from mdc_core.wire.chunk import Chunk

if TYPE_CHECKING:
    import pyarrow as pa


TICK = 1_000_000_000  # nanoseconds between two ticks
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
        from mdc_core.grouped import Groups

        self.counts: Counter[tuple[str, Severity]] = Counter()
        self.rejected = 0
        self.failures: dict[str, MdcError] = {}  # checks that are off since they failed
        self._notes: list[Integrity] = []
        self._checks = dict(checks)
        self._on_fail = on_fail
        self._failing = frozenset(SEVERITIES[SEVERITIES.index(fail_on) :])
        self._groups = Groups()
        for check in self._checks.values():
            check.groups = self._groups
        self._ticking = {
            name for name, check in self._checks.items() if type(check).tick is not Check.tick
        }
        self._last_tick = 0
        self.seconds: dict[str, float] = dict.fromkeys(self._checks, 0.0)  # that each took

    def __call__(self, chunk: Chunk) -> CheckOutcome:
        """What becomes of a chunk."""
        verdicts = self._judge(chunk.batch)
        if not verdicts:
            return CheckOutcome(chunk)
        failed: list[int] = []
        if self._on_fail != "annotate":
            failed = [
                row
                for row, found in verdicts.items()
                if any(finding.severity in self._failing for _, finding in found)
            ]
        end, stopped = chunk.size, None
        if self._on_fail == "stop" and failed:
            end, failed = failed[0] + 1, failed[:1]
            stopped = reason_of(verdicts[failed[0]])
            verdicts = {row: found for row, found in verdicts.items() if row < end}
        self.rejected += len(failed)
        for found in verdicts.values():
            self.counts.update((name, finding.severity) for name, finding in found)
        return CheckOutcome(
            chunk,
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

    def tick(self, now: int) -> None:
        """Ask the checks what they find as time goes by; `notes` has it."""
        if self._ticking and now - self._last_tick >= TICK:
            self._last_tick = now
            for name in self._ticking & self._checks.keys():
                self._ask(name, lambda check: check.tick(now))

    def close(self) -> None:
        """Ask the checks what they find at the end of the input; `notes` has it."""
        for name in list(self._checks):
            self._ask(name, lambda check: check.close())

    def _ask(self, name: str, ask: Callable[[Check], Iterable[Finding]]) -> None:
        """Keep what a check finds about no row; one that fails is off."""
        for finding in self._found(name, ask, 0):
            self._note(name, finding)

    def _found(
        self, name: str, ask: Callable[[Check], Iterable[Finding]], rows: int
    ) -> list[Finding]:
        """What a check finds, once it is certain that these are findings in so many rows."""
        begun = perf_counter()
        try:
            return _checked(ask(self._checks[name]), rows)
        except KeyboardInterrupt:
            raise
        # A check may raise anything at all, even what is no Exception: it fails alone.
        except BaseException as error:
            self._switch_off(name, error)
            return []
        finally:
            self.seconds[name] += perf_counter() - begun

    def _note(self, name: str, finding: Finding) -> None:
        """Keep a finding that is about no row."""
        self.counts[name, finding.severity] += 1
        self._notes.append(note_of(name, finding))

    def _switch_off(self, name: str, error: BaseException) -> None:
        """Go on without a check that failed, and say so in one finding."""
        del self._checks[name]
        ref = registry.get("validate", name)
        told: MdcError = PluginError(f"{name}: {type(error).__name__}: {said(error)}")
        if ref is not None:
            told = registry.failure(ref, error)
        elif isinstance(error, MdcError):
            told = error
        self.failures[name] = told
        text = f"{told}; the check is off from here on"
        self.counts[name, "error"] += 1
        self._notes.append(Integrity(check=name, severity="error", message=text))

    def _judge(self, batch: "pa.RecordBatch") -> dict[int, Verdict]:
        """The findings of all checks, by row."""
        market, rows = batch, None
        codes, types = self._groups.codes(batch, "type")
        about = [code for code, name in enumerate(types) if name in ABOUT_DATA]
        if about:
            import numpy as np

            from mdc_core.batch import int64_array

            rows = np.flatnonzero(~np.isin(codes, about))
            market = batch.take(int64_array(rows))
        found: list[tuple[int, str, Finding]] = []
        for name, check in list(self._checks.items()):
            whole = rows is None or check.scope == "all"
            if not whole and not market.num_rows:
                continue
            asked = batch if whole else market
            for finding in self._found(name, partial(_judgement, asked), asked.num_rows):
                if finding.row is None:
                    self._note(name, finding)
                    continue
                row = finding.row if whole or rows is None else int(rows[finding.row])
                found.append((row, name, finding))
        verdicts: dict[int, Verdict] = {}
        for row, name, finding in sorted(found, key=lambda item: item[0]):
            verdicts.setdefault(row, []).append((name, finding))
        return verdicts


def _judgement(batch: "pa.RecordBatch", check: Check) -> Iterable[Finding]:
    return check(batch)


def _checked(findings: Iterable[Finding], rows: int) -> list[Finding]:
    found = list(findings)
    for finding in found:
        if not isinstance(finding, Finding):
            raise TypeError(f"a check returns findings, not {finding!r}")
        if finding.severity not in SEVERITIES:
            raise TypeError(f"a finding is one of {', '.join(SEVERITIES)}: {finding.severity!r}")
        if not isinstance(finding.message, str) or encodable(finding.message) != finding.message:
            raise TypeError(f"the message of a finding is no Unicode text: {finding.message!r}")
        if finding.row is not None and not isinstance(finding.row, Integral):
            raise TypeError(f"the row of a finding is no whole number: {finding.row!r}")
        if finding.row is not None and not 0 <= finding.row < rows:
            raise IndexError(f"row {finding.row} of a batch of {rows}: {finding.message}")
        for key, value in finding.values.items():
            if not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
                raise TypeError(f"{key} of a finding is no whole number or Decimal: {value!r}")
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
