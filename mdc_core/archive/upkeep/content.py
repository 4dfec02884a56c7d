"""What events say, as a hash: the same for the same events, however they are stored."""

from hashlib import sha256

import pyarrow as pa

from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.tables.arrow import conform


class ContentHash:
    """A hash of events in their order: of their canonical lines.

    How they are cut into batches, how wide their decimals are, and whether a column of nothing
    but nulls is there makes no difference.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._hash = sha256()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next events."""
        if batch.num_rows:
            self._hash.update(encode_batch(_wide(batch)))
            self.rows += batch.num_rows

    def digest(self) -> str:
        """The hash of all events so far, in hexadecimal digits."""
        return self._hash.hexdigest()


class ContentSum:
    """The content of events in any order: the sum of the hashes of their lines."""

    def __init__(self) -> None:
        self.rows = self._sum = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next events."""
        if batch.num_rows:
            for line in lines_of(batch):
                self._sum += int.from_bytes(sha256(line).digest(), "big")
            self.rows += batch.num_rows

    @property
    def total(self) -> tuple[int, int]:
        """How many events there were, and the sum."""
        return self.rows, self._sum


def lines_of(batch: pa.RecordBatch) -> list[bytes]:
    """Its events as canonical lines, the same however they are stored."""
    return encode_batch(_wide(batch)).splitlines() if batch.num_rows else []


def _wide(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the columns of the wire: decimals at rest are narrower."""
    names: list[str] = batch.column(0).unique().to_pylist()  # type: ignore[assignment]
    return conform(batch, arrow_schema(frozenset(names)), "stored events")
