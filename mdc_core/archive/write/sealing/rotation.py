"""One rotation of the journal: a segment, and its events sorted into partitions."""

from collections import Counter
from collections.abc import Mapping
from time import monotonic

import pyarrow as pa

from mdc_core.archive.write.journal import Journal
from mdc_core.archive.write.sealing.load import SealSource
from mdc_core.archive.write.sealing.sorter import Sorter

SEAL_ROWS = 20_000_000
SEAL_PARTITIONS = 50_000  # each takes a KB of memory


class Rotation:
    """Events between two rotations: written by one thread, then sealed by another."""

    def __init__(self, journal: Journal, sorter: Sorter) -> None:
        self.journal = journal
        self.source = SealSource(journal.segment, sorter)
        self.began = monotonic()
        self.is_sealed = False

    def write(self, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
        """Take a batch: into the journal first, where it is safe."""
        self.journal.write(batch, counts)
        self.source.sorter.add(batch)

    def is_full(self, seal_bytes: int | None) -> bool:
        """Whether it is time to seal, for there is so much."""
        large = seal_bytes is not None and self.journal.size >= seal_bytes
        sorter = self.source.sorter
        return large or sorter.rows >= SEAL_ROWS or sorter.count >= SEAL_PARTITIONS

    @property
    def acknowledged(self) -> Counter[str]:
        """How many events of each type are durable, here or where a seal has brought them."""
        return self.journal.written if self.is_sealed else self.journal.acknowledged

    @property
    def is_gone(self) -> bool:
        """Whether somebody has removed the segment before its events were in parts."""
        return not self.is_sealed and self.journal.is_gone

    def give_up(self) -> None:
        """Remove the segment: its events are in parts, or carried on."""
        self.is_sealed = True
        self.source.sorter.close()
        self.journal.give_up()

    def close(self) -> None:
        """Let go; what was not sealed stays in the journal."""
        if self.is_sealed:
            return
        self.source.sorter.close()
        self.journal.sync()
        self.journal.close()
