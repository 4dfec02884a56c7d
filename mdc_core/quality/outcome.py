"""What becomes of a chunk that was judged: what goes out, and the lines set aside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from mdc_core.contracts import Finding
from mdc_core.events import Event, Integrity, type_of
from mdc_core.wire.chunk import Chunk

Verdict = list[tuple[str, Finding]]  # what is said about one row: check, finding
OF_ROW = ("symbol", "ts_event", "ts_recv", "provider", "venue", "channel", "seq", "trade_id")


class SetAside(NamedTuple):
    """A row for the quarantine file: its line as it came, and what is wrong with it."""

    line: bytes
    reason: str
    checks: list[str]


@dataclass(frozen=True)
class CheckOutcome:
    """A judged chunk."""

    judged: Chunk
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    left_out: Sequence[int] = ()
    end: int | None = None  # rows from here on were left behind by `stop`
    stopped: str | None = None  # why the engine stopped, if it did
    keep_lines: bool = False

    @property
    def left_behind(self) -> int:
        """How many rows follow the one at which the engine stopped."""
        return 0 if self.end is None else self.judged.size - self.end

    @property
    def chunk(self) -> Chunk:
        """What goes out: the rows that pass, each finding where its row is or was."""
        if not self.verdicts:
            return self.judged
        import numpy as np

        rows = np.arange(self.judged.size if self.end is None else self.end)
        rows = np.delete(rows, self.left_out)
        places = np.searchsorted(rows, self._rows, "right")
        return self.judged.select(rows).splice(places, self.findings)

    @cached_property
    def findings(self) -> Chunk:
        """The findings as events, in the order of their rows."""
        from mdc_core.batch import column_of, int64_array, make

        about = self.judged.batch.take(int64_array(self._rows))
        names, found = zip(*chain.from_iterable(self.verdicts.values()), strict=True)
        values: dict[str, Any] = {
            "about": about.column("type"),
            "check": list(names),
            "severity": [finding.severity for finding in found],
            "message": [finding.message for finding in found],
        }
        values |= {name: about.column(name) for name in OF_ROW if name in about.schema.names}
        extra = [_extra(finding) for finding in found]
        if any(extra):
            values["extra"] = column_of("json", extra)
        return Chunk(make("integrity", about.num_rows, values))

    @property
    def _rows(self) -> list[int]:
        """The row of each finding."""
        return [row for row, verdict in self.verdicts.items() for _ in verdict]

    def set_aside(self) -> Iterator[SetAside]:
        """The rows for the quarantine file."""
        if not self.keep_lines or not self.left_out:
            return
        import numpy as np

        lines = self.judged.select(np.array(self.left_out)).text.split(b"\n")
        for row, line in zip(self.left_out, lines, strict=False):
            verdict = self.verdicts[row]
            yield SetAside(line, reason_of(verdict), list(dict.fromkeys(n for n, _ in verdict)))


def reason_of(verdict: Verdict) -> str:
    """What is said about a row, in one line."""
    return "; ".join(
        said.message if said.message.startswith(f"{name}:") else f"{name}: {said.message}"
        for name, said in verdict
    )


def note_of(name: str, finding: Finding) -> Integrity:
    """A finding about no row as an event."""
    severity, message, extra = finding.severity, finding.message, _extra(finding)
    note = Integrity(check=name, severity=severity, message=message, extra=extra)
    if finding.of is not None:
        note.about = _about(finding.of)
        for field in OF_ROW:
            setattr(note, field, getattr(finding.of, field, None))
    return note


def _about(event: Event) -> str | None:
    """The type of what an event is about, or its own."""
    return event.about if isinstance(event, Integrity) else type_of(event)


def _extra(finding: Finding) -> dict[str, Any] | None:
    return {"values": dict(finding.values)} if finding.values else None
