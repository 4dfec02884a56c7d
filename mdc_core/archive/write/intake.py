"""Taking events in: first into a journal, where they are safe, then into parts.

A rotation closes the journal's segment and hands it to a thread that seals it, while events
are taken into the next one. One segment is sealed at a time, in the order in which they were
written.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager

import msgspec
import pyarrow as pa

from mdc_core import __version__
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.layout import NO_DATE, Layout, Partition, partition_of
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.disk_space import Reserve
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.journal import Fsync, Header, Journal, vocabulary
from mdc_core.archive.write.sealing.repeats import Repeats
from mdc_core.archive.write.sealing.rotation import Rotation
from mdc_core.archive.write.sealing.seal import SealPlan
from mdc_core.archive.write.sealing.sealer import SEAL_AFTER, Sealer
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.width import note_wide
from mdc_core.batch import is_type, let_go
from mdc_core.disk import refused
from mdc_core.errors import WriteError
from mdc_core.events import CONTROL_TYPES
from mdc_core.texts import counted


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
        seal_after: float = SEAL_AFTER,
        widen: Callable[[Archive, str], None] = note_wide,
    ) -> None:
        self.rows = 0  # in parts
        self.archive = archive
        self._header, self._fsync = header, fsync
        self._reserve, self._seal_bytes = reserve, seal_bytes
        origin = bytes(header.origin)
        self._repeats = Repeats(header.run_id, origin, header.partition, again=header.again)
        how = (formats, header.layout, header.run_id, origin)
        plan = SealPlan(*how, {}, widen, self._repeats)
        self._sealer = Sealer(archive, plan, header, seal_after)
        self.warnings = self._sealer.warnings
        self._settled: Counter[str] = Counter()  # durable, of the rotations that are over
        self._segments = 0
        self._current: Rotation | None = None
        self._waiting: list[Rotation] = []  # being sealed, or not sealed because that failed
        self._worker = ThreadPoolExecutor(1, "seal")
        self._jobs: list[Future[list[PartRow]]] = []

    def write(self, batch: pa.RecordBatch, counts: Mapping[str, int]) -> None:
        """Take a batch, control events left out.

        Raises WriteError when the disk is nearly full, and takes nothing then.
        """
        with self._writing():
            lacking = self._reserve.missing(self.archive.state) if self._reserve else 0
        if lacking:
            raise WriteError(
                f"{self.archive.root}: the disk is nearly full, {counted(lacking, 'byte')} short "
                "of what is to be left free",
                hint="make room (mdc retain, mdc compact), or set --min-free",
            )
        batch, counts = _kept(batch, counts)
        if not batch.num_rows:
            return
        if self._current is None:
            self._current = self._rotation()
        with self._writing():
            self._current.write(batch, counts)

    def _rotation(self) -> Rotation:
        self._segments += 1
        segment = f"{self._header.run_id}-{self._segments:04d}"
        journal = Journal(self.archive.state / "journal", segment, self._header, self._fsync)
        return Rotation(journal, Sorter(self.archive.state, self._header.partition))

    @property
    def full(self) -> bool:
        """Whether it is time to seal, for there is so much."""
        return self._current is not None and self._current.is_full(self._seal_bytes)

    @property
    def sealing(self) -> bool:
        """Whether something is being sealed, or what came of it was not asked for yet."""
        return bool(self._jobs)

    @property
    def _open(self) -> list[Rotation]:
        return [*self._waiting, *([self._current] if self._current else [])]

    @property
    def acknowledged(self) -> Counter[str]:
        """How many events of each type are durable."""
        return sum((rotation.acknowledged for rotation in self._open), self._settled)

    @property
    def repeated(self) -> int:
        """How many events were in the archive already, of those that are sealed."""
        return self._repeats.rows

    @property
    def unsealed(self) -> int:
        """How many events are only in the journal."""
        rows = (rotation.journal.rows for rotation in self._open if not rotation.is_sealed)
        return sum(rows, self._sealer.rows)

    def rotate(self, then: Callable[[], None] | None = None, *, rest: bool = False) -> None:
        """Let another thread seal what was taken so far, and do something behind it.

        With `rest`, small partitions as well. Waits for what is being sealed already; `sealed`
        tells what comes of it.
        """
        wait(self._jobs)
        if self._current is not None:
            self._waiting.append(self._current)
            self._current = None
        left = [rotation for rotation in self._waiting if not rotation.is_sealed]
        for rotation in left[:-1]:
            self._jobs.append(self._worker.submit(self._seal, rotation, rest=False))
        last = left[-1] if left else None
        self._jobs.append(self._worker.submit(self._seal, last, rest=rest))
        if then is not None:
            self._jobs.append(self._worker.submit(_nothing_new, then))

    def sealed(self) -> list[PartRow]:
        """The parts of seals that have ended since this was asked; raises what stopped them."""
        parts: list[PartRow] = []
        while self._jobs and self._jobs[0].done():
            parts += self._jobs.pop(0).result()
        if not self._jobs:
            done = [rotation for rotation in self._waiting if rotation.is_sealed]
            self._settled = sum((rotation.acknowledged for rotation in done), self._settled)
            self._waiting = [rotation for rotation in self._waiting if not rotation.is_sealed]
        self.rows += sum(part.frames[-1].rows if part.frames else part.rows for part in parts)
        return parts

    def seal(self) -> list[PartRow]:
        """Bring everything taken so far into its place; returns the new parts."""
        self.rotate(rest=True)
        wait(self._jobs)
        return self.sealed()

    def _seal(self, rotation: Rotation | None, *, rest: bool) -> list[PartRow]:
        with self._writing():
            parts = self._sealer.seal(rotation, rest=rest)
        let_go()  # else each seal leaves holes, in which the next one does not fit
        return parts

    def close(self) -> None:
        """Let go; what was not sealed stays in the journal."""
        self._worker.shutdown()
        self._sealer.close()
        rotations, self._waiting, self._current = self._open, [], None
        with ExitStack() as stack:  # each of them, whatever becomes of another
            for rotation in rotations:
                stack.callback(self._let_go, rotation)

    def _let_go(self, rotation: Rotation) -> None:
        try:
            rotation.close()
        finally:
            self._settled += rotation.acknowledged

    @property
    def is_rootless(self) -> bool:
        """Whether somebody has removed the archive while we wrote."""
        return self.archive.local is not None and not self.archive.local.exists()

    @property
    def lost(self) -> str | None:
        """What is no more because somebody has removed it while we wrote."""
        if self.is_rootless:
            both = f"{counted(self.unsealed, 'event')} in its journal and {self.rows:,} sealed"
            return f"{self.archive.root} was removed, and with it {both} of this run"
        if any(rotation.is_gone for rotation in self._open) or self._sealer.is_gone:
            unsealed = counted(self.unsealed, "event")
            return f"the journal was removed, and with it {unsealed} of this run"
        return None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refused(f"below {self.archive.root}", error) from None


def _nothing_new(act: Callable[[], None]) -> list[PartRow]:
    act()
    return []


def _kept(
    batch: pa.RecordBatch, counts: Mapping[str, int]
) -> tuple[pa.RecordBatch, Mapping[str, int]]:
    """What of a batch is to be kept: control events are about a stream that has passed."""
    if not any(counts.get(name) for name in CONTROL_TYPES):
        return batch, counts
    kept = {name: number for name, number in counts.items() if name not in CONTROL_TYPES}
    return batch.filter(pa.array(~is_type(batch, *CONTROL_TYPES))), kept


def other_names(archive: Archive, layout: Layout, partition: Partition) -> str:
    """What to say where the files that came last have other names than these; else nothing."""
    with archive.catalog(read_only=True) as catalog:
        latest = next(catalog.numbered([catalog.numbers()[1]]), None)
    if latest is None or latest.period == NO_DATE:
        return ""
    there = latest.layout, partition_of(latest.period)
    if there == (layout, partition):
        return ""
    old, new = (f"layout {kind}, partition {span}" for kind, span in (there, (layout, partition)))
    return f"the latest files in {archive.root} have {old}; new files get {new}"


def header_of(
    formats: Formats,
    run_id: str,
    layout: str,
    partition: str,
    origin: bytes,
    *,
    again: bool = False,
) -> Header:
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
            "again": again,
        },
        Header,
    )
