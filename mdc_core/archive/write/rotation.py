"""One rotation of the journal: a segment, and its events sorted into partitions."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.journal import Journal
from mdc_core.archive.write.seal import SealPlan, seal_safely
from mdc_core.archive.write.sorter import Sorter

SEAL_ROWS = 20_000_000


class Rotation:
    """Events between two rotations: written by one thread, then sealed by another."""

    def __init__(self, journal: Journal, sorter: Sorter) -> None:
        self.journal = journal
        self.is_sealed = False
        self._sorter = sorter

    def write(self, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
        """Take a batch: into the journal first, where it is safe."""
        self.journal.write(batch, counts)
        self._sorter.add(batch)

    def is_full(self, seal_bytes: int | None) -> bool:
        """Whether it is time to seal, for there is so much."""
        large = seal_bytes is not None and self.journal.size >= seal_bytes
        return large or self._sorter.rows >= SEAL_ROWS

    @property
    def acknowledged(self) -> Counter[str]:
        """How many events of each type are durable, in the journal or in parts."""
        return self.journal.written if self.is_sealed else self.journal.acknowledged

    def seal(self, archive: Archive, plan: SealPlan) -> tuple[list[PartRow], str | None]:
        """Bring the events into their places; the new parts, and a warning.

        Raises OSError or WriteError, and can be called again then.
        """
        sealed = seal_safely(archive, plan, self.journal.segment, self._sorter)
        self.is_sealed = True
        self._sorter.close()
        with suppress(OSError):  # it is committed; recovery removes a segment that is sealed
            self.journal.path.unlink()
        self.journal.close()
        return sealed

    def close(self) -> None:
        """Let go; what was not sealed stays in the journal."""
        if self.is_sealed:
            return
        self._sorter.close()
        self.journal.sync()
        self.journal.close()
