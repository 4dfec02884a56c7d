"""Driving an importer: its batches go on, what it cannot read is set aside and counted."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mdc_core.contracts import BadRow, Importer
from mdc_core.errors import EXIT_FINDINGS, DataError, MdcError, PluginError
from mdc_core.wire.quarantine import Quarantine

if TYPE_CHECKING:
    import pyarrow as pa


class Import:
    """The events of an importer, and what was set aside."""

    def __init__(
        self,
        importer: Importer,
        quarantine: Quarantine,
        renamed: tuple[str, str],
        wrong: Callable[[str], MdcError] = PluginError,
    ) -> None:
        self.read = 0
        self.rejected = 0
        self.first_rejection: str | None = None
        self._importer = importer
        self._quarantine = quarantine
        self._renamed = renamed  # what the importer reads, and its name for people
        self._wrong = wrong  # what is said of an importer that gives something else

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """The events, batch by batch."""
        from mdc_core.wire.tables.arrow import ours

        items = self._importer.batches()
        if not isinstance(items, Iterable):
            raise self._wrong(f"batches() gives a {type(items).__name__}, not batches")
        for item in items:
            if isinstance(item, BadRow):
                self._set_aside(item)
                continue
            batch = ours(item, self._wrong)
            if batch.num_rows:
                self.read += batch.num_rows
                yield batch

    def _set_aside(self, bad: BadRow) -> None:
        self.rejected += 1
        where = bad.where.replace(*self._renamed)
        self.first_rejection = self.first_rejection or f"{where}: {bad.reason}"
        self._quarantine.add(bad.raw, bad.reason, where=where)

    def status(self, *, strict: bool) -> int:
        """The exit status: as in a pipe, an input of which nothing can be read is a failure."""
        if self.rejected and not self.read:
            return DataError.exit_status
        return EXIT_FINDINGS if self.rejected and strict else 0
