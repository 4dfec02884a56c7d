"""The books of one run of a stage: what came in and went out, what is said, who is told."""

import os
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from mdc_core.accounting import (
    Account,
    EventInput,
    Input,
    Output,
    end_reason,
    findings_of,
    new_run_id,
    verdict,
)
from mdc_core.events import Event
from mdc_core.pipelines.inputs import InputOptions
from mdc_core.pipelines.writable import made_of
from mdc_core.telemetry import EVERY, Telemetry, by_type
from mdc_core.wire.quarantine import Quarantine, default_path

if TYPE_CHECKING:
    from mdc_core.session import Session


class Books:
    """What a stage has read and written, and what it has to say of that."""

    def __init__(
        self,
        name: str,
        request: dict[str, Any],
        reading: InputOptions,
        session: "Session",
        readers: Iterator[EventInput],
        *,
        keeps: bool,
        sifts: bool = False,
    ) -> None:
        self.name, self.request, self.reading, self.session = name, request, reading, session
        self.log = session.log.for_stage(name)
        self.log.run_id = self._run_id
        self.dropped = self.derived = self.rejected = self.skipped = 0
        self.used = 0  # events of which a filter made something else
        self.status = 0
        self.account: Account | None = None  # what became of the events, once that is known
        own = reading.quarantine
        self.quarantine = Quarantine(
            own or default_path(name.replace(" ", "-"), f"{new_run_id()}-{os.getpid()}"),
            keeps=keeps or own is not None,
            must=own is not None,
            limit=reading.quarantine_limit,
            full=self.log.warning,
        )
        self._sifts = sifts  # what cannot be written is set aside
        self.input = Input(readers)
        self.output: Output | None = None
        self._ended = False
        self.telemetry = Telemetry()
        self._measured = monotonic()
        self._told = 0  # of what is set aside, how much observers know of

    @property
    def out(self) -> Output:
        """The output of a stage that has one."""
        assert self.output is not None
        return self.output

    def finish(
        self,
        *,
        reason: str | None = None,
        kept: int | None = None,
        result: Callable[[], None] = lambda: None,
    ) -> None:
        """Write what the accounting found, and `end`; say the counts; set the status.

        What came of it is said by `result`, before what was rejected: that is the last line.
        """
        found = findings_of(self.input)
        if self.output is not None and found:
            self.write_rows(found)
            self.derived += len(found)
        else:
            self.session.observers.news(found)
        self.end(reason or end_reason(self.input))
        self._say_books(kept)
        result()
        self.warn_of_rejected(self.input.first_rejection, self.input.rejected)
        reading = self.reading
        self.status = verdict(self.input, partial=reading.partial, strict=reading.strict)

    def leave(self, kept: int | None = None, *, lost: bool = False) -> None:
        """Say the counts of a stage that stops where it is: its reader has enough, or it failed."""
        if self.account is not None:
            return
        rejected = self.input.rejected + self.rejected
        out = self._out() if kept is None else kept
        known = out + rejected + self.used
        read = max(sum(self.input.counts.values()) + self.input.rejected, known)
        dropped, skipped = (read - known, 0) if lost else (0, read - known)
        self.say(Account(read, out, rejected, dropped, self.used, self.derived, skipped))

    def end(self, reason: str) -> None:
        """Write `end`, once."""
        if not self._ended and self.output is not None:
            self._ended = True
            self.output.close(reason)

    def origin(self) -> bytes:
        """The begin event of the input, as a file keeps it: the lineage of its rows."""
        from mdc_core.wire.lines.jsonl import as_dict
        from mdc_core.wire.lines.values import encode_json

        origin = self.input.origin
        return b"{}" if origin is None else encode_json(as_dict(origin))

    def warn_of_rejected(self, first: str | None, count: int) -> None:
        """Say the first reason for which something was set aside, and where it is."""
        if count:
            more = f"; and {count - 1:,} more" if count > 1 else ""
            place = self.quarantine.kept_in
            self.log.warning(
                f"{first}{more}: {self.quarantine.told()}",
                event="rejected",
                rejected=count,
                of=self.account.read if self.account is not None else None,
                first=first,
                file=None if place is None else str(place),
            )

    def tell_start(self) -> None:
        """Tell observers that the run begins."""
        self.session.observers.run_started(**self._about)

    def tell_end(self) -> None:
        """Tell observers how the run ended."""
        self.tell_set_aside()
        self.tell_measures(last=True)
        counts = (self.output or self.input).counts
        self.session.observers.run_ended(counts, self.status, **self._about)

    def write_rows(self, rows: Sequence[Event]) -> None:
        """Write rows; observers are told of what they say about connections and gaps."""
        counts = self.out.counts
        before = counts["connection"] + counts["gap"]
        if self._sifts:
            self.out.write(made_of(rows, self.out.made, self.quarantine))
        else:
            self.out.rows(rows)
        if counts["connection"] + counts["gap"] > before:
            self.session.observers.news(rows)

    def tell_set_aside(self) -> None:
        """Tell observers of what was set aside since the last time."""
        count = self.quarantine.count - self._told
        if count:
            self._told += count
            self.session.observers.set_aside(count, self.quarantine.reason)

    def tell_measures(self, *, last: bool = False) -> None:
        """Tell observers of counters and gauges, when that is due."""
        due = last or monotonic() - self._measured >= EVERY
        if not (due and self.session.observers.present):
            return
        self._measured = monotonic()
        values: dict[str, float] = {
            "mdc_events_read_total": sum(self.input.counts.values()),
            "mdc_events_rejected_total": self.quarantine.count,
        }
        values |= by_type(self.output.counts) if self.output is not None else {}
        values |= self.telemetry.values()
        self.session.observers.measured(values, **self._about)

    @property
    def _about(self) -> dict[str, Any]:
        """What observers are told of this run."""
        request = self.request if self.output is None else self.output.request
        return {"stage": self.name, "request": request, "run_id": self._run_id()}

    def _run_id(self) -> str | None:
        """The id of the run, once that is known."""
        origin = self.input.origin
        known = self.output.run_id if self.output else None
        return known or (origin.run_id if origin else None)

    def say(self, account: Account) -> None:
        """Say what became of the events, in one line; programs are always told."""
        self.account = account
        plain = account.is_plain and self.log.style == "text"
        counts = {"in": account.read, **account._asdict()}
        del counts["read"]
        tell = self.log.detail if plain else self.log.note
        tell(str(account), event="accounting", **counts)

    def _out(self) -> int:
        """How many events of the input went out, or were taken where none go out."""
        counts = (self.output or self.input).counts
        return sum(counts.values()) - (self.derived if self.output else 0)

    def _say_books(self, kept: int | None) -> None:
        log, source = self.log, self.input
        out = self._out() if kept is None else kept
        rejected = source.rejected + self.rejected
        read = sum(source.counts.values()) + source.rejected
        parts = out, rejected, self.dropped, self.used, self.derived, self.skipped
        self.say(Account(read, *parts))
        if source.truncated:
            log.warning(f"truncated input: {source.truncated}")
        for text in source.mismatches:
            log.warning(text)
