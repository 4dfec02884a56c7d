"""Taking events in: first into a journal, where they are safe, then into parts."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import pyarrow as pa

from mdc_core import __version__
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.disk_space import Reserve
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.journal import Fsync, Header, Journal, vocabulary
from mdc_core.archive.write.seal import SealPlan, seal_safely
from mdc_core.archive.write.sorter import Sorter
from mdc_core.batch import is_type
from mdc_core.errors import WriteError
from mdc_core.events import CONTROL_TYPES

SEAL_ROWS = 20_000_000


class Intake:
    """What one run of `store` brings into an archive."""

    def __init__(
        self,
        archive: Archive,
        formats: Formats,
        header: Header,
        *,
        fsync: Fsync = "batch",
        reserve: Reserve | None = None,
        seal_bytes: int | None = None,
    ) -> None:
        self.rows = 0  # in parts
        self.warnings: list[str] = []  # of seals, not told yet
        self.archive = archive
        self._header, self._fsync = header, fsync
        self._reserve, self._seal_bytes = reserve, seal_bytes
        self._manner = SealPlan(formats, header.layout, header.run_id, bytes(header.origin), {})
        self._sealed: Counter[str] = Counter()  # durable, of the segments before
        self._segments = 0
        self._journal: Journal | None = None
        self._sorter = Sorter(archive.state, header.partition)

    def write(self, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
        """Take a batch, control events left out.

        Raises WriteError when the disk is nearly full, and takes nothing then.
        """
        lacking = self._reserve.missing(self.archive.state) if self._reserve else 0
        if lacking:
            raise WriteError(
                f"{self.archive.root}: the disk is nearly full, {lacking:,} bytes short of "
                "what is to be left free",
                hint="make room (mdc retain, mdc compact), or set --min-free",
            )
        batch, counts = _kept(batch, counts)
        if not batch.num_rows:
            return
        if self._journal is None:
            self._segments += 1
            segment = f"{self._header.run_id}-{self._segments:04d}"
            self._journal = Journal(
                self.archive.state / "journal", segment, self._header, self._fsync
            )
        self._journal.write(batch, counts)
        try:
            self._sorter.add(batch)
        except OSError as error:
            raise self._refused(error) from None

    @property
    def full(self) -> bool:
        """Whether it is time to seal, for there is so much."""
        large = self._journal is not None and self._journal.size >= (self._seal_bytes or 1 << 62)
        return large or self._sorter.rows >= SEAL_ROWS

    @property
    def acknowledged(self) -> Counter[str]:
        """How many events of each type are durable."""
        return self._sealed + (self._journal.acknowledged if self._journal else Counter())

    @property
    def unsealed(self) -> int:
        """How many events are only in the journal."""
        return self._journal.rows if self._journal else 0

    def seal(self) -> list[PartRow]:
        """Bring everything taken so far into its place; returns the new parts."""
        journal = self._journal
        if journal is None:
            return []
        try:
            parts, warning = seal_safely(self.archive, self._manner, journal.segment, self._sorter)
        except OSError as error:
            raise self._refused(error) from None
        if warning:
            self.warnings.append(warning)
        self._sealed += journal.written
        self.rows += sum(part.frames[-1].rows if part.frames else part.rows for part in parts)
        self._sorter.clear()
        self._journal = None
        with suppress(FileNotFoundError):
            journal.path.unlink()
        journal.close()
        return parts

    def close(self) -> None:
        """Let go; what was not sealed stays in the journal."""
        self._sorter.close()
        if self._journal is not None:
            self._journal.sync()
            self._journal.close()
            self._sealed += self._journal.acknowledged
            self._journal = None

    def _refused(self, error: OSError) -> WriteError:
        return WriteError(
            f"cannot write below {self.archive.root}: {error.strerror or error}",
            hint=f"{self.unsealed} events are safe in the journal; mdc recover seals them",
        )


def _kept(
    batch: pa.RecordBatch, counts: Mapping[str, int]
) -> tuple[pa.RecordBatch, Mapping[str, int]]:
    """What of a batch is to be kept: control events are about a stream that has passed."""
    if not any(counts.get(name) for name in CONTROL_TYPES):
        return batch, counts
    kept = {name: number for name, number in counts.items() if name not in CONTROL_TYPES}
    return batch.filter(pa.array(~is_type(batch, *CONTROL_TYPES))), kept


def header_of(formats: Formats, run_id: str, layout: str, partition: str, origin: bytes) -> Header:
    """What a journal says of how to seal it."""
    return msgspec.convert(
        {
            "mdc": __version__,
            "run_id": run_id,
            "format": formats.name,
            "options": msgspec.to_builtins(formats.options),
            "profiles": msgspec.to_builtins(formats.profiles),
            "layout": layout,
            "partition": partition,
            "schema": vocabulary().serialize().to_pybytes(),
            "origin": msgspec.Raw(origin),
        },
        Header,
    )
