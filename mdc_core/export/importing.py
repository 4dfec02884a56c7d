"""Driving an importer: its batches go on, what it cannot read is set aside and counted."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mdc_core.batch import integers
from mdc_core.contracts import BadRow, Importer
from mdc_core.errors import EXIT_FINDINGS, DataError, MdcError, PluginError
from mdc_core.events import Gap
from mdc_core.texts import encodable
from mdc_core.times import from_ns
from mdc_core.wire.quarantine import Quarantine

if TYPE_CHECKING:
    import pyarrow as pa


class Import:
    """The events of importers, one behind the other, and what was set aside."""

    def __init__(
        self, quarantine: Quarantine, wrong: Callable[[str], MdcError] = PluginError
    ) -> None:
        self.read = 0
        self.rejected = 0
        self.gaps = 0
        self.first_rejection: str | None = None
        self.damage: str | None = None  # the first file that breaks off, and where
        self._quarantine = quarantine
        self._renamed = ("", "")  # what the importer at hand reads, and its name for people
        self._wrong = wrong  # what is said of an importer that gives something else
        self._last: str | None = None  # the time of the last event

    def events(
        self, importer: Importer, renamed: tuple[str, str]
    ) -> "Iterator[pa.RecordBatch | Gap]":
        """The events of an importer, batch by batch; where a file breaks off, a gap."""
        from mdc_core.wire.tables.arrow import ours

        self._renamed = renamed
        items = importer.batches()
        if not isinstance(items, Iterable):
            raise self._wrong(f"batches() gives a {type(items).__name__}, not batches")
        for item in items:
            if isinstance(item, BadRow):
                self._set_aside(item)
                if item.breaks_off:
                    self.gaps += 1
                    yield self._gap(item)
                continue
            batch = ours(item, self._wrong)
            if batch.num_rows:
                self.read += batch.num_rows
                self._last = _last_time(batch) or self._last
                yield batch

    def _gap(self, bad: BadRow) -> Gap:
        where = bad.where.replace(*self._renamed)
        self.damage = self.damage or f"{where}: {bad.reason}"
        gap = Gap(ts_event=self._last, start=self._last, reason="truncated")
        gap.extra = {"file": encodable(where)}
        return gap

    def _set_aside(self, bad: BadRow) -> None:
        self.rejected += 1
        where = bad.where.replace(*self._renamed)
        self.first_rejection = self.first_rejection or f"{where}: {bad.reason}"
        self._quarantine.add(bad.raw, bad.reason, where=where)

    @property
    def end(self) -> str:
        """The reason for which it ended, unless somebody stopped it."""
        if self.rejected and not self.read:
            return "error"
        return "truncated" if self.damage else "eof"

    def status(self, *, strict: bool, partial: bool) -> int:
        """The exit status: as in a pipe, an input of which nothing can be read is a failure."""
        if self.end == "error" or (self.damage and not partial):
            return DataError.exit_status
        return EXIT_FINDINGS if self.rejected and strict else 0


def _last_time(batch: "pa.RecordBatch") -> str | None:
    """The event time of the last row, if it has one."""
    times, known = integers(batch.slice(batch.num_rows - 1), "ts_event")
    return from_ns(int(times[0])) if known[0] else None
