"""Sealing: the events of a journal segment become parts, in one transaction.

Every partition is written to a file of its own below the state directory, synced and renamed;
then the catalog is told of all of them at once, and only then the segment is given up. Names
are those of the segment, so doing it again after a kill gives the same files.

A format that grows (JSONL) has one file for a partition and run, to which a seal appends a
frame. What the catalog does not know of such a file is cut off before the next one.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import cache, partial
from hashlib import file_digest
from os import SEEK_END
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, Frame, PartRow
from mdc_core.archive.catalog.layout import Layout, in_folders
from mdc_core.archive.catalog.origins import KEY, origin_key
from mdc_core.archive.catalog.part_stats import (
    IntervalRanges,
    Ranges,
    ShareRanges,
    joined_intervals,
)
from mdc_core.archive.part_formats import write_with
from mdc_core.archive.storage import COPY_BYTES
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.columns_file import columns_first
from mdc_core.archive.write.formats import FALLBACK, FormatError, Formats
from mdc_core.archive.write.sealing.load import SealLoad
from mdc_core.archive.write.sealing.repeats import Repeats
from mdc_core.archive.write.sealing.sharing import (
    MANY,
    clear_attempt,
    clear_repeats,
    may_share,
    path_below,
    together,
)
from mdc_core.archive.write.sealing.spill import Key, SharedSlices, Slices
from mdc_core.archive.write.width import decimals_of, is_wide
from mdc_core.contracts import Part, PartFormat
from mdc_core.decimals import WideError
from mdc_core.errors import DataError
from mdc_core.schema import version_of
from mdc_core.wire.tables.constant import encoded


class SealPlan(NamedTuple):
    """How the events of a run become parts."""

    formats: Formats
    layout: Layout
    run_id: str
    origin: bytes
    # SHA-256 of the files that the last seal of this run appended to, to be carried on: else
    # each seal would read all that is in them.
    digests: dict[str, Any]
    # Makes the parts of an event type wide, for a value that is to come needs it.
    widen: Callable[[Archive, str], None]
    repeats: Repeats


class WrittenPart(NamedTuple):
    """A file that was written but is not in its place yet."""

    file: Path | None  # None: appended to where it belongs
    part: PartRow
    before: PartRow | None  # what the catalog knew of a file that has grown
    decimals: bytes


class WidthError(DataError):
    """A value of an event type does not fit the width of its parts."""

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(text)
        self.type_name = type_name


def seal_safely(
    archive: Archive, manner: SealPlan, load: SealLoad
) -> tuple[list[PartRow], str | None]:
    """The new parts, in Parquet where the format of the plan fails; and the warning of that."""
    try:
        return seal(archive, manner, load), None
    except FormatError as error:
        instead = manner._replace(formats=manner.formats.instead())
        parts = seal(archive, instead, load)
        return parts, f"{error}; {load.segments[-1]} is sealed as {FALLBACK}"


def seal(archive: Archive, manner: SealPlan, load: SealLoad) -> list[PartRow]:
    """Bring what was sorted into its place; returns the new parts.

    Raises FormatError where the format fails, and nothing has been changed then.
    """
    folder = archive.state / "tmp" / load.segments[-1]
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)  # a root that somebody has removed stays so
    folder.mkdir()
    try:
        while True:
            try:
                parts, narrow = _committed(archive, manner, load, folder)
            except WidthError as error:
                manner.widen(archive, error.type_name)
                continue
            # What was written before another process noted that its type is to be wide.
            for type_name in narrow:
                if is_wide(archive, type_name):
                    manner.widen(archive, type_name)
            return parts
    finally:
        manner.repeats.close()
        shutil.rmtree(folder, ignore_errors=True)


def _committed(
    archive: Archive, manner: SealPlan, load: SealLoad, folder: Path
) -> tuple[list[PartRow], set[str]]:
    """The new parts, and the types of those that are narrow.

    Nothing is made wide in here: that waits for who rewrites, and who rewrites waits for us.
    """
    growing = archive.growing() if manner.formats.of(None).grows else nullcontext()
    with growing, archive.catalog() as catalog:
        # An attempt before may have failed behind its commit: then it is done, and what it has
        # carried on counts.
        while load.segments[-1] not in catalog.sealed():
            written = list(_written(archive, catalog, manner, load, folder))
            moving = [(new.file, new.part.path) for new in written if new.file is not None]
            parts = [new.part for new in written]
            with columns_first(archive, catalog, "", parts, folder) as columns:
                archive.place.take([*columns, *moving])
            grown = [new.before for new in written if new.before is not None]
            # The catalog may have been rebuilt from a file that we appended to, or another run
            # may have stored the same.
            load.again = True
            with suppress(ChangedError):
                sealed = [(segment, time_ns()) for segment in load.segments]
                origins = [manner.origin]
                check = manner.repeats.check
                catalog.commit(parts, grown, sealed=sealed, origins=origins, check=check)
                manner.repeats.settle()
                return parts, {n.part.type_name for n in written if n.decimals == b"narrow"}
        return [p for p in catalog.of_run(manner.run_id) if p.segment in load.segments], set()


def _written(
    archive: Archive,
    catalog: Catalog,
    manner: SealPlan,
    load: SealLoad,
    folder: Path,
) -> Iterator[WrittenPart]:
    grows = manner.formats.of(None).grows
    before = _growing(archive, catalog, manner) if grows else {}
    digests = dict(manner.digests)
    manner.digests.clear()
    came = list(load.partitions())
    found = manner.repeats.left(archive, catalog, came)
    if load.again and len(found) > MANY:
        clear_attempt(archive, catalog, manner.run_id, load.segments)
    widths = cache(partial(decimals_of, archive))
    files = list(together(found, manner.layout, may_share(manner.formats, manner.layout)))
    if load.again:
        clear_repeats(archive, catalog, manner.layout, manner.formats, came, files)
        for old in before.values():  # to which that attempt may have appended
            assert archive.local is not None
            os.truncate(archive.local / old.path, old.bytes)
    for number, (segment, key, rows) in enumerate(files):
        file = folder / f"{number}.part"
        decimals = widths(key.type_name)
        row = _new_part(manner, segment, key, rows, file, decimals)
        known = before.get((*key, row.suffix))
        if known is None:
            yield WrittenPart(file, row, None, decimals)
            continue
        digest = digests.get(known.path)
        if digest is not None and digest.hexdigest() == known.sha256:
            digest = digest.copy()
        else:
            digest = None
        part, manner.digests[known.path] = _appended(archive, known, file, row, digest)
        yield WrittenPart(None, part, known, decimals)


def _new_part(
    manner: SealPlan,
    segment: str,
    key: Key,
    rows: Slices | SharedSlices,
    file: Path,
    decimals: bytes,
) -> PartRow:
    """Write the rows of a partition to a file; what the catalog is to know of it."""
    part_format = manner.formats.of(key.symbol)
    shared = isinstance(rows, SharedSlices)
    below = path_below(manner.layout, segment, key, shared=shared)
    codec = manner.formats.codec(key.symbol)
    try:
        origin = origin_key(manner.origin)
        more = {"shared": b"1"} if shared else in_place(manner.layout, key.symbol, key.type_name)
        facts = write_part(
            file, part_format, rows, origin, decimals=decimals, codec=codec.encode(), **more
        )
    except (OSError, KeyboardInterrupt):
        raise
    except WideError as error:
        raise WidthError(key.type_name, str(error)) from None
    # A stranger's format may raise anything at all; its part can still be written by another.
    except BaseException as error:
        if manner.formats.name == FALLBACK:
            raise
        text = f"{type(error).__name__}: {error}"
        raise FormatError(f"the format {manner.formats.name} failed: {text}") from error
    row = PartRow(
        path=f"{below}{part_format.suffix}",
        symbol=key.symbol,
        type_name=key.type_name,
        period=key.period,
        layout=manner.layout,
        format=manner.formats.name,
        suffix=part_format.suffix,
        codec=codec,
        version=version_of(key.type_name),
        segment=segment,
        run_id=manner.run_id,
        origin=origin_key(manner.origin),
        made_at=time_ns(),
        **facts,
    )
    return msgspec.structs.replace(row, frames=(_frame(row),)) if part_format.grows else row


def _growing(archive: Archive, catalog: Catalog, manner: SealPlan) -> dict[Any, PartRow]:
    """The files of this run that can be appended to; on an object store there are none."""
    if archive.local is None:
        return {}
    return {
        (part.type_name, part.symbol, part.period, part.suffix): part
        for part in catalog.of_run(manner.run_id)
        if part.frames and part.made_by == "store" and not part.place
    }


def _frame(row: PartRow) -> Frame:
    return Frame(row.bytes, row.rows, row.begins, row.ends)


def write_part(
    file: Path,
    part_format: PartFormat,
    rows: Part,
    origin: str,
    **more: bytes,
) -> dict[str, Any]:
    """Write a file; returns what a PartRow says of its contents."""
    measured = SealedFile(rows, shared="shared" in more)
    metadata = {KEY: origin.encode(), b"mdc.sorted": b"1"}
    metadata |= {f"mdc.{name}".encode(): value for name, value in more.items()}
    with file.open("w+b") as out:
        write_with(part_format, measured, metadata, out)
        out.flush()
        size = out.seek(0, SEEK_END)  # a format may have gone back in its file
        out.seek(0)
        digest = file_digest(out, "sha256").hexdigest()
    if not measured.facts:
        raise DataError("it does not take all rows of a part")
    bare = "constant" in more and part_format.suffix == ".parquet"
    said = {"bytes": size, "sha256": digest, "slim": True, "bare": bare}
    return said | measured.facts


def in_place(layout: str, symbol: str | None, type_name: str) -> dict[str, bytes]:
    """What the file of a part of one symbol is told of where it will lie."""
    values = in_folders(layout, symbol, type_name)
    return {"constant": encoded(values)} if values else {}


class SealedFile:
    """A part that is watched while its format reads it."""

    def __init__(self, part: Part, *, shared: bool) -> None:
        self._part, self._shared = part, shared
        self.rows = part.rows
        self.schema = part.schema
        self.facts: dict[str, Any] = {}

    def tables(self) -> Iterator[pa.Table]:
        """The tables of the part."""
        ranges, shares, intervals = Ranges(), ShareRanges(), IntervalRanges()
        for table in self._part.tables():
            ranges.add_sorted(table)
            for batch in table.to_batches():
                intervals.add(batch)
                if self._shared:
                    shares.add(batch)
            yield table
        self.facts = ranges.facts()
        self.facts |= {"shares": shares.shares(), "intervals": intervals.shares()}


def _ends(values: Sequence[int | None]) -> tuple[int | None, int | None]:
    known = [value for value in values if value is not None]
    return min(known, default=None), max(known, default=None)


def _appended(
    archive: Archive, known: PartRow, file: Path, row: PartRow, digest: Any
) -> tuple[PartRow, Any]:
    """Append a frame to the file of its run, whose hash `digest` is; and the hash with it.

    The catalog has yet to be told. Without a hash the file is read.
    """
    assert archive.local is not None
    with (archive.local / known.path).open("r+b") as out, file.open("rb") as frame:
        out.truncate(known.bytes)  # what an attempt before a kill left behind
        if digest is None:
            digest = file_digest(out, "sha256")
        out.seek(known.bytes)
        while data := frame.read(COPY_BYTES):
            out.write(data)
            digest.update(data)
        out.flush()
        os.fsync(out.fileno())
    return grown(known, row, digest.hexdigest()), digest


def grown(known: PartRow, row: PartRow, digest: str) -> PartRow:
    """What is known of a file to which a frame was appended."""
    return msgspec.structs.replace(
        row,
        path=known.path,
        rows=known.rows + row.rows,
        bytes=known.bytes + row.bytes,
        begins=min(known.begins, row.begins),
        ends=max(known.ends, row.ends),
        first=_ends([known.first, row.first])[0],
        last=_ends([known.last, row.last])[1],
        first_seq=_ends([known.first_seq, row.first_seq])[0],
        last_seq=_ends([known.last_seq, row.last_seq])[1],
        untimed=known.untimed + row.untimed,
        sha256=digest,
        intervals=joined_intervals(known.intervals, row.intervals),
        frames=(*known.frames, *row.frames),
    )
