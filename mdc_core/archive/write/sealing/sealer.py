"""Sealing one rotation after another, and what each leaves to the next."""

from pathlib import Path

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.write import journal
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.journal import Header, Journal
from mdc_core.archive.write.sealing.load import (
    Carry,
    CarryWriter,
    SealLoad,
    SealSource,
    Worth,
    WorthyLoad,
)
from mdc_core.archive.write.sealing.rotation import SEAL_PARTITIONS, Rotation
from mdc_core.archive.write.sealing.seal import SealPlan, seal_safely
from mdc_core.archive.write.sealing.sorter import Sorter

SEAL_AFTER = 3600.0  # seconds


class Sealer:
    """Seals rotations in the order in which they were written, from one thread."""

    def __init__(self, archive: Archive, plan: SealPlan, header: Header, wait: float) -> None:
        self.warnings: list[str] = []  # not told yet
        self._archive, self._plan, self._header, self._wait = archive, plan, header, wait
        self._carry: Carry | None = None
        self._failed = False
        # A format that grows has one file a partition however often it is sealed.
        self._whole = archive.local is not None and plan.formats.of(None).grows

    @property
    def rows(self) -> int:
        """How many events are carried on."""
        return self._carry.journal.rows if self._carry else 0

    @property
    def is_gone(self) -> bool:
        """Whether somebody has removed the segment of what is carried on."""
        return self._carry is not None and self._carry.journal.is_gone

    def seal(self, rotation: Rotation | None, *, rest: bool) -> list[PartRow]:
        """Bring events into parts, or carry them on; with `rest`, all are brought into parts.

        Raises OSError or WriteError, and can be called again then.
        """
        carry = self._carry
        sources = [some.source for some in (carry, rotation) if some is not None]
        if not sources:
            return []
        folder = self._archive.state / "journal"
        many = sum(len(source.sorter.sorted().keys()) for source in sources) >= SEAL_PARTITIONS
        if rest or many or self._whole:
            load = SealLoad(folder, sources)
        else:
            load = worthy = self._worthy(folder, sources, rotation)
            if rotation is None and not worthy.has_worthy:
                return []
        load.again = self._failed
        self._failed = True
        try:
            parts, warning = seal_safely(self._archive, self._plan, load)
        except BaseException:
            load.let_go()
            raise
        self._failed = False
        if warning:
            self.warnings.append(warning)
        self._carry = load.carry
        for some in (rotation, carry):
            if some is not None:
                some.give_up()
        return parts

    def _worthy(
        self, folder: Path, sources: list[SealSource], rotation: Rotation | None
    ) -> WorthyLoad:
        waiting = self._carry.since if self._carry else {}
        began = rotation.began if rotation else 0.0
        arriving = rotation.source.sorter.sorted().keys() if rotation else ()
        segment = journal.carry_of(sources[-1].segment)
        return WorthyLoad(
            folder,
            sources,
            Worth(self._wait, self._header.partition, arriving),
            lambda key: waiting.get(key, began),
            CarryWriter(
                lambda: Journal(folder, segment, self._header, "none"),
                lambda: Sorter(self._archive.state, self._header.partition),
            ),
        )

    def close(self) -> None:
        """Let go; what is carried on stays in its segment."""
        if self._carry is not None:
            self._carry.close()
            self._carry = None
