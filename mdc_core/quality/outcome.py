"""What becomes of a batch that was judged: the pieces that go out, and the lines set aside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mdc_core.accounting import line_starts
from mdc_core.contracts import Finding
from mdc_core.events import Integrity
from mdc_core.times import from_ns
from mdc_core.wire.jsonl import encode_batch, encode_rows
from mdc_core.wire.reader import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

Verdict = list[tuple[str, Finding]]  # what is said about one row: check, finding
SEVERAL = 64  # pieces from which one spliced chunk is cheaper than many small ones


class SetAside(NamedTuple):
    """A row for the quarantine file: its line as it came, and what is wrong with it."""

    line: bytes
    reason: str
    checks: list[str]


@dataclass(frozen=True)
class CheckOutcome:
    """A judged batch. Without findings it is the very batch and text that came in."""

    batch: "pa.RecordBatch"
    raw: bytes | None
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    left_out: Sequence[int] = ()
    end: int | None = None  # rows from here on were left behind by `stop`
    stopped: str | None = None  # why the engine stopped, if it did
    keep_lines: bool = False

    @property
    def left_behind(self) -> int:
        """How many rows follow the one at which the engine stopped."""
        return 0 if self.end is None else self.batch.num_rows - self.end

    def chunks(self) -> Iterator[Chunk]:
        """What goes out, in order."""
        if not self.verdicts:
            yield Chunk(self.batch, self.raw)
            return
        rows = self.findings()
        pieces = list(self._pieces())
        if self.raw is None or len(pieces) > SEVERAL:
            yield self._spliced(rows, pieces)
            return
        from mdc_core.batch import from_rows

        cuts = line_starts(self.raw)
        done = 0
        for start, stop, count in pieces:
            if stop > start:
                text = self.raw[cuts[start] : cuts[stop]]
                yield Chunk(self.batch.slice(start, stop - start), text)
            if count:
                found = rows[done : done + count]
                yield Chunk(from_rows(found), encode_rows(found))
                done += count

    def findings(self) -> list[Integrity]:
        """The findings as events, in the order of their rows."""
        return self._findings

    @cached_property
    def _findings(self) -> list[Integrity]:
        from mdc_core.batch import integers

        rows = list(self.verdicts)
        about = self.batch.take(rows)
        names = ("type", "symbol", "provider", "venue", "channel", "seq", "trade_id")
        texts = [dict.fromkeys(names) for _ in rows]
        for name in names:
            if name in about.schema.names:
                values = about.column(name).to_pylist()
                for row, value in zip(texts, values, strict=True):
                    row[name] = value
        times = []
        for name in ("ts_event", "ts_recv"):
            moments, known = integers(about, name)
            pairs = zip(moments.tolist(), known.tolist(), strict=True)
            times.append([from_ns(moment) if has else None for moment, has in pairs])
        found: list[Integrity] = []
        for row, head, ts_event, ts_recv in zip(rows, texts, *times, strict=True):
            of_row = {**head, "about": head["type"], "ts_event": ts_event, "ts_recv": ts_recv}
            of_row.pop("type")
            found += [integrity_of(of_row, name, said) for name, said in self.verdicts[row]]
        return found

    def set_aside(self) -> Iterator[SetAside]:
        """The rows for the quarantine file."""
        if not self.keep_lines:
            return
        cuts = None if self.raw is None else line_starts(self.raw)
        for row in self.left_out:
            if self.raw is not None and cuts is not None:
                line = self.raw[cuts[row] : cuts[row + 1]]
            else:
                line = encode_batch(self.batch.slice(row, 1))
            verdict = self.verdicts[row]
            reason = reason_of(verdict)
            checks = list(dict.fromkeys(name for name, _ in verdict))
            yield SetAside(line.rstrip(b"\n"), reason, checks)

    def _pieces(self) -> Iterator[tuple[int, int, int]]:
        """Rows that pass from start to stop, and how many findings come behind them."""
        out, start = set(self.left_out), 0
        for row, verdict in self.verdicts.items():
            yield start, row if row in out else row + 1, len(verdict)
            start = row + 1
        yield start, self.batch.num_rows if self.end is None else self.end, 0

    def _spliced(self, rows: list[Integrity], pieces: list[tuple[int, int, int]]) -> Chunk:
        """Rows and findings as one chunk."""
        import numpy as np

        from mdc_core.batch import from_rows, unify

        both = unify([self.batch, from_rows(rows)])
        order: list[Any] = []
        done = self.batch.num_rows
        for start, stop, count in pieces:
            order += [np.arange(start, stop), np.arange(done, done + count)]
            done += count
        batch = both.take(np.concatenate(order))
        if self.raw is None:
            return Chunk(batch, None)
        cuts, lines = line_starts(self.raw), encode_rows(rows)
        ends = line_starts(lines)
        texts: list[bytes] = []
        done = 0
        for start, stop, count in pieces:
            texts += [
                self.raw[cuts[start] : cuts[stop]],
                lines[ends[done] : ends[done + count]],
            ]
            done += count
        return Chunk(batch, b"".join(texts))


def reason_of(verdict: Verdict) -> str:
    """What is said about a row, in one line."""
    return "; ".join(
        said.message if said.message.startswith(f"{name}:") else f"{name}: {said.message}"
        for name, said in verdict
    )


def integrity_of(of_row: Mapping[str, Any], name: str, finding: Finding) -> Integrity:
    """A finding as an event about its row."""
    extra = {"values": dict(finding.values)} if finding.values else None
    return Integrity(
        **of_row, check=name, severity=finding.severity, message=finding.message, extra=extra
    )
