"""Accounting: what came in, what went out, and whether the input was whole.

A stream that mdc writes opens with a `begin` event and closes with an `end` event that
counts the events between them by type. `Input` takes both out of what it reads and checks
them; `Output` writes its own. So the last command of a pipe can say that nothing is
missing, or what is.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from mdc_core import __version__, times
from mdc_core.errors import EXIT_FINDINGS, DataError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES, Begin, End, Event, Gap, Integrity
from mdc_core.schema import version_of
from mdc_core.texts import encodable
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.lines.jsonl import as_dict, rows_of


def new_run_id() -> str:
    """An id for a run: twelve hexadecimal digits."""
    return os.urandom(6).hex()


class EventInput(Protocol):
    """One input, chunk by chunk: a `Reader`, or the stage before in the same process."""

    name: str
    rejected: int
    first_rejection: str | None
    damage: str | None

    def __iter__(self) -> Iterator[Chunk]:
        """Its events in order."""


class EventWriter(Protocol):
    """Where an output goes: a `Writer`, or the joint with the next stage."""

    @property
    def plain(self) -> bool:
        """Whether control events are left out: somebody looks at it, or another tool."""

    def make(self, chunk: Chunk) -> None:
        """Make of some events what is to be written; raises where one cannot be."""

    def write(self, chunk: Chunk) -> None:
        """Write some events."""

    def close(self, origin: Begin | None = None) -> None:
        """Write what ends the encoding; `origin` is the `begin` of what was read."""


class Input:
    """The events of some inputs, one after another, begin and end taken out and checked."""

    def __init__(self, readers: Iterable[EventInput]) -> None:
        self.counts: Counter[str] = Counter()
        self.rejected = 0
        self.first_rejection: str | None = None
        self.origin: Begin | None = None
        self.archives: set[str] = set()  # of which events come in
        self.truncated: str | None = None
        self.failed = False  # a command before ended with an error, and said so
        self.mismatches: list[str] = []
        self._readers = readers
        self._begin: Begin | None = None
        self._since: Counter[str] = Counter()
        self._rejected_before = 0
        self._last: Chunk | None = None

    def __iter__(self) -> Iterator[Chunk]:
        for reader in self._readers:
            rejected = self.rejected
            for chunk in reader:
                self.rejected = rejected + reader.rejected
                self.first_rejection = self.first_rejection or reader.first_rejection
                if chunk.size:
                    yield from self._take(chunk)
                else:
                    yield chunk
            self.rejected = rejected + reader.rejected
            self.first_rejection = self.first_rejection or reader.first_rejection
            if reader.damage:
                self.truncated = reader.damage
                self._begin = None
            elif self._begin is not None:
                self.truncated = f"{reader.name}: no `end` event: the input is truncated"
                self._begin = None

    @property
    def is_stillborn(self) -> bool:
        """Whether the command before failed, and all that it says is that."""
        nothing = not self.counts and self.truncated is None
        return self.failed and nothing and len(self.mismatches) == 1

    def absorb(self, other: "Input") -> None:
        """Take over the books of an input that was read apart."""
        self.counts += other.counts
        self.rejected += other.rejected
        self.first_rejection = self.first_rejection or other.first_rejection
        self.origin = self.origin or other.origin
        self.archives |= other.archives
        self.truncated = self.truncated or other.truncated
        self.failed = self.failed or other.failed
        self.mismatches += other.mismatches

    def _take(self, chunk: Chunk) -> Iterator[Chunk]:
        if not {"begin", "end"}.intersection(chunk.counts):
            yield self._counted(chunk)
            return
        from mdc_core.batch import is_type

        start = 0
        for place in [*is_type(chunk.batch, "begin", "end").nonzero()[0].tolist(), chunk.size]:
            if place > start:
                yield self._counted(chunk.cut(start, place))
            if place < chunk.size:
                (row,) = rows_of(chunk.batch.slice(place, 1))
                self._mark(row)
            start = place + 1

    def _counted(self, chunk: Chunk) -> Chunk:
        self.counts.update(chunk.counts)
        self._since.update(chunk.counts)
        self._last = chunk
        return chunk

    def _mark(self, row: Event) -> None:
        if isinstance(row, Begin):
            if self._begin is not None:
                self.truncated = "a `begin` event before the `end` of the one before"
            self._begin = row
            self.origin = self.origin or row
            self.archives |= _archives(row)
            self._since = Counter()
        elif isinstance(row, End):
            self._check(row)
            self._begin = None
            self._rejected_before = self.rejected

    def _check(self, end: End) -> None:
        stage, counts = end.stage or "a stage without a name", end.counts or {}
        said = {name: count for name, count in counts.items() if isinstance(count, int)}
        if end.reason == "truncated":
            self.truncated = f"{stage} says that its input was truncated"
        elif end.reason == "error":
            self.failed = True
            self.mismatches.append(f"{stage} ended with an error")
        if self._begin is None:
            self.mismatches.append(f"an `end` of {stage} without its `begin`")
            return
        got = {name: self._since[name] for name in {*said, *self._since}}
        rejected = self.rejected - self._rejected_before
        differ = {n: got[n] - said.get(n, 0) for n in got if got[n] != said.get(n, 0)}
        if not differ or (max(differ.values()) < 0 and -sum(differ.values()) == rejected):
            return
        text = ", ".join(f"{n} {got[n]} of {said.get(n, 0)}" for n in sorted(differ))
        self.mismatches.append(f"{stage} wrote other counts than arrived: {text}")

    def last_time(self) -> str | None:
        """The event time of the last event read."""
        last = self._last
        if last is None:
            return None
        rows = rows_of(last.batch.slice(last.size - 1, 1))
        return rows[0].ts_event


class Output:
    """A stream that mdc writes: `begin`, events, `end`, and their counts by type."""

    def __init__(
        self,
        stage: str,
        writer: EventWriter,
        *,
        request: dict[str, Any],
        provider: str | None = None,
        origin: Input | None = None,
        run_id: str | None = None,
    ) -> None:
        self.stage = stage
        self.writer = writer
        self.counts: Counter[str] = Counter()
        self.run_id = run_id
        self.request = request
        self._provider = provider
        self._origin = origin
        self._open = False

    def begin(self) -> None:
        """Write the `begin` event, once; the first event does it by itself."""
        if self._open:
            return
        self._open = True
        before = self._origin.origin if self._origin else None
        self.run_id = self.run_id or (before and before.run_id) or new_run_id()
        provider = self._provider or (before.provider if before else None)
        versions = {name: version_of(name) for name in EVENT_TYPES}
        begin = Begin(
            provider=provider,
            ts_recv=times.now(),
            run_id=self.run_id,
            stage=self.stage,
            mdc=__version__,
            versions=versions,
            request=encodable(self.request),
            origin=_lineage(before, versions) if before else None,
        )
        self._control(begin)

    def write(self, chunk: Chunk) -> None:
        """Write what another stage wrote, or what was made of it."""
        self.begin()
        if chunk.size:
            self.counts.update(chunk.counts)
            self.writer.write(chunk.without(*CONTROL_TYPES) if self.writer.plain else chunk)

    def rows(self, rows: Sequence[Event]) -> None:
        """Write rows."""
        self.write(self.made(rows))

    def made(self, rows: Sequence[Event]) -> Chunk:
        """Rows as they are to be written; raises where one cannot be, and nothing is counted."""
        chunk = Chunk.of_rows(rows)
        self.writer.make(chunk)
        return chunk

    def close(self, reason: str) -> None:
        """Write the `end` event with the counts, and flush."""
        self.begin()
        end = End(
            provider=self._provider,
            ts_recv=times.now(),
            run_id=self.run_id,
            stage=self.stage,
            counts=dict(sorted(self.counts.items())),
            reason=reason,
        )
        self._control(end)
        self.writer.close(self._origin.origin if self._origin else None)

    def _control(self, event: Event) -> None:
        if not self.writer.plain:
            self.writer.write(Chunk.of_rows([event]))


def _archives(begin: Begin) -> set[str]:
    """The archives whose events a stage passes on; a filter that derives makes new ones."""
    found: set[str] = set()
    one: dict[str, Any] | None = as_dict(begin)
    while one is not None:
        request = one.get("request") or {}
        found.update(map(str, request.get("archives") or ()))
        one = None if request.get("derives") else one.get("origin")
    return found


def _lineage(before: Begin, versions: dict[str, str]) -> dict[str, Any]:
    """The begin event of the input; its schema versions only where they differ."""
    origin = as_dict(before)
    if origin.get("versions") == versions:
        del origin["versions"]
    return origin


def findings_of(source: Input) -> list[Event]:
    """What the accounting of an input has to say to those behind: gaps and mismatches."""
    origin = source.origin
    provider = origin.provider if origin else None
    rows: list[Event] = []
    if source.truncated and "says that its input" not in source.truncated:
        last = source.last_time()
        rows.append(Gap(ts_event=last, provider=provider, start=last, reason="truncated"))
    rows += [
        Integrity(
            ts_event=source.last_time(),
            provider=provider,
            check="accounting",
            severity="warning",
            message=text,
        )
        for text in source.mismatches
    ]
    return rows


class Account(NamedTuple):
    """What became of the events that a command read.

    read = out + rejected + dropped + used + skipped; those that are skipped were not asked for.
    """

    read: int
    out: int
    rejected: int
    dropped: int
    used: int = 0
    derived: int = 0
    skipped: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether all that came in went out, but for what was not asked for."""
        return not (self.rejected or self.dropped or self.used or self.derived)

    def __str__(self) -> str:
        """As a command says it in one line."""
        used = f" + {self.used} used" if self.used else ""
        used += f" + {self.skipped} skipped" if self.skipped else ""
        more = f" (+ {self.derived} derived)" if self.derived else ""
        parts = f"{self.out} out + {self.rejected} rejected + {self.dropped} dropped"
        return f"{self.read} in = {parts}{used}{more}"


def end_reason(source: Input) -> str:
    """Why a stream made from this input ends when the input does."""
    if source.truncated:
        return "truncated"
    unreadable = source.rejected and not source.counts
    return "error" if source.failed or unreadable else "eof"


def verdict(source: Input, *, partial: bool = False, strict: bool = False) -> int:
    """The exit status that an input deserves."""
    nothing_readable = source.rejected and not source.counts
    if nothing_readable or source.failed or (source.truncated and not partial):
        return DataError.exit_status
    if source.mismatches and strict:
        return DataError.exit_status
    return EXIT_FINDINGS if source.rejected and strict else 0
