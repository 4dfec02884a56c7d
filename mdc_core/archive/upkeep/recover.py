"""Recovery: what a killed process left undone is done, by whoever comes next."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from time import time_ns
from typing import BinaryIO, NamedTuple

import msgspec
import pyarrow as pa

from mdc_core import __version__
from mdc_core.archive.health import rebuild
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.widen import widen, widen_begun, widen_for
from mdc_core.archive.write import journal, taking
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import FALLBACK, Formats
from mdc_core.archive.write.journal import Header
from mdc_core.archive.write.replace import clear_trash, finish_moves
from mdc_core.archive.write.sealing.load import SealLoad, SealSource
from mdc_core.archive.write.sealing.repeats import Repeats
from mdc_core.archive.write.sealing.seal import SealPlan, seal_safely
from mdc_core.archive.write.sealing.sorter import Sorter
from mdc_core.archive.write.segment import Segment
from mdc_core.batch import from_rows
from mdc_core.disk import writing
from mdc_core.errors import BusyError, ConfigError, UsageError
from mdc_core.events import Gap
from mdc_core.texts import counted
from mdc_core.times import DAY

DAMAGED = "damaged"
_REMEMBERED = 30 * DAY  # how long it is known that a segment was sealed


class Recovered(NamedTuple):
    """A segment that was left behind, and what became of it."""

    segment: str
    events: int
    files: int
    torn: int  # bytes of a record that was never finished, and never acknowledged
    damages: list[str]
    warning: str | None = None  # that it is not in the format that was asked for

    @property
    def text(self) -> str:
        """What became of it, in words."""
        cut = f", {counted(self.torn, 'byte')} of an unfinished record cut off" if self.torn else ""
        return f"{self.segment}: {counted(self.events, 'event')}{cut}"


def prepare(archive: Archive, tiers: Mapping[str, str] | None = None) -> list[Recovered]:
    """Make an archive ready to be written: catalog, directories, recovery.

    `tiers` names the places of its tiers, where a lost catalog is made again from as well:
    raises ConfigError if what lies there may be another archive's.
    """
    if not archive.has_catalog:
        taking.must_be_told(archive, tiers or {})
    with writing(f"below {archive.root}"):
        for name in ("journal", "tmp"):
            (archive.state / name).mkdir(parents=True, exist_ok=True)
    if not archive.has_catalog:
        archive.take_root()
        with archive.maintained(wait=True):
            if not archive.has_catalog:
                made = rebuild.rebuild(archive, tiers or {})
                with archive.catalog() as catalog:
                    widen_for(archive, catalog, made.parts)
    with archive.catalog() as catalog:
        archive.identified(taking.lost_id(archive, catalog.places()))
        archive.take_root()
        taking.take_known(archive, catalog)
    return recover(archive)


def left_behind(archive: Archive) -> Iterator[Recovered]:
    """What there is to recover; nothing is changed."""
    with archive.catalog(read_only=True) as catalog:
        sealed = catalog.sealed()
    paths = journal.segments(archive.state / "journal")
    present = {path.stem for path in paths}
    for path in paths:
        counts = journal.counts(path.stem, sealed, present)
        file = journal.left_behind(path) if counts else None
        if file is not None:
            with closing(file):
                segment = Segment(file, str(path))
                events = sum(batch.num_rows for batch in segment.batches())
                yield _told(path.stem, segment, events, 0)


def recover(archive: Archive) -> list[Recovered]:
    """Seal what was left in journals, finish what was to be moved, clear what was begun."""
    found = []
    for path, file in _left(archive):
        safe = f"what an earlier store left stays in {path}; mdc recover tries again"
        with closing(file), writing(f"below {archive.root}", safe):
            recovered = _recovered(archive, path, file)
        if recovered is not None:
            found.append(recovered)
    safe = "nothing is lost; mdc recover tries again"
    with (
        suppress(BusyError),
        archive.maintained(),
        archive.catalog() as catalog,
        writing(f"below {archive.root}", safe),
    ):
        finish_moves(archive, catalog)
        _clear(archive)
        widen_begun(archive, catalog)
        clear_trash(archive)
        old = catalog.sealed_before(time_ns() - _REMEMBERED)
        if old:
            catalog.forget_sealed(old)
    return found


def _left(archive: Archive) -> Iterator[tuple[Path, BinaryIO]]:
    """The segments that nobody has, each locked; of a run only behind all those before it.

    They append to the same files: two processes must not seal segments of one run.
    """
    taken: set[str] = set()  # runs that another process is at
    for path in journal.segments(archive.state / "journal"):
        run = path.stem.rpartition("-")[0]
        if run in taken and not journal.carries_on(path.stem):
            continue
        file = journal.left_behind(path)
        if file is not None:
            yield path, file
        elif path.exists():
            taken.add(run)


def _recovered(archive: Archive, path: Path, file: BinaryIO) -> Recovered | None:
    """Seal one segment under its own name, and give it up."""
    with archive.catalog(read_only=True) as catalog:
        sealed = catalog.sealed()
    segment = Segment(file, str(path))
    present = {other.stem for other in journal.segments(path.parent)}
    if not journal.counts(path.stem, sealed, present):
        _give_up(archive, path, segment)
        return None
    header = segment.header() or _unknown(path.stem)
    manner, no_format = _manner(header)
    sorter = Sorter(archive.state, header.partition)
    events = 0
    with closing(sorter):
        for batch in segment.batches():
            events += batch.num_rows
            sorter.add(batch)
        recovered = _told(path.stem, segment, events, 0)
        if recovered.damages:
            sorter.add(_hole(segment))
        load = SealLoad(path.parent, [SealSource(path.stem, sorter)])
        load.again = True
        parts, failed = seal_safely(archive, manner, load)
    for part in parts:
        archive.tell(part)
    _give_up(archive, path, segment)
    return recovered._replace(files=len(parts), warning=no_format or failed)


def _give_up(archive: Archive, path: Path, segment: Segment) -> None:
    """Remove a segment whose events are in parts; one that is damaged is kept for people."""
    for _ in segment.batches():
        pass
    if all(damage.torn for damage in segment.damages):
        path.unlink(missing_ok=True)
        return
    aside = archive.state / DAMAGED
    aside.mkdir(exist_ok=True)
    path.rename(aside / path.name)


def _told(name: str, segment: Segment, events: int, parts: int) -> Recovered:
    torn = sum(damage.stop - damage.start for damage in segment.damages if damage.torn)
    damages = [
        f"{segment.name}: bytes {damage.start} to {damage.stop}: {damage.reason}"
        for damage in segment.damages
        if not damage.torn
    ]
    return Recovered(name, events, parts, torn, damages)


def _hole(segment: Segment) -> pa.RecordBatch:
    """An event that says that acknowledged events are gone."""
    return from_rows([Gap(reason="journal-damage")])


def _manner(header: Header) -> tuple[SealPlan, str | None]:
    """How to seal a segment; and the warning that its format cannot be had."""
    profiles = msgspec.convert(header.profiles, Profiles)
    warning = None
    try:
        formats = Formats.load(header.format, header.options, profiles)
    except (UsageError, ConfigError) as error:
        formats = Formats.load(FALLBACK, {}, profiles)
        warning = f"{error}; the events of {header.run_id} are sealed as {FALLBACK}"
    run, origin = header.run_id, bytes(header.origin)
    repeats = Repeats(run, origin, header.partition, again=header.again)
    plan = SealPlan(formats, header.layout, run, origin, {}, widen, repeats)
    return plan, warning


def _unknown(segment: str) -> Header:
    """How to seal a segment whose own words about it are damaged."""
    run_id = segment.rpartition("-")[0]
    return Header(
        mdc=__version__, run_id=run_id, format="parquet", layout="by-symbol", partition="daily"
    )


def _clear(archive: Archive) -> None:
    """Remove what was begun by processes that are gone; nobody else rewrites now."""
    begun = list((archive.state / "tmp").iterdir())
    # In this order: a journal is there before anything of it is written.
    writing = {path.stem for path in journal.segments(archive.state / "journal")}
    for folder in begun:
        if folder.name not in writing:
            shutil.rmtree(folder, ignore_errors=True)
    for unseen in (archive.state / "journal").glob("*.new"):
        pid = unseen.suffixes[-2][1:] if len(unseen.suffixes) > 1 else ""
        if not (pid.isdecimal() and _alive(int(pid))):
            unseen.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
