"""A part written anew: the same events, in another codec or another place."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.part_formats import part_format, read_part_file
from mdc_core.archive.read.examine import digest_of
from mdc_core.archive.upkeep.content import ContentHash
from mdc_core.archive.upkeep.merged import MergedEvents
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.sealing.seal import in_place, write_part
from mdc_core.archive.write.width import decimals_of, note_wide
from mdc_core.contracts import Part, PartFormat
from mdc_core.decimals import WideError
from mdc_core.disk import reading
from mdc_core.errors import DataError
from mdc_core.schema import version_of
from mdc_core.texts import counted

_SEE = "see what is damaged: mdc verify --deep --root ARCHIVE"


class Staying(NamedTuple):
    """What stays of a part: so many rows, and which of a batch."""

    rows: int
    of: Callable[[pa.RecordBatch], pa.RecordBatch]


def without(part: PartRow, symbols: Container[str | None]) -> Staying:
    """What stays of a shared part without some symbols."""
    gone = pa.array([one for one in part.symbols if one in symbols], pa.string())
    kept = sum(one.rows for one in part.by_symbol() if one.symbol not in symbols)

    def of(batch: pa.RecordBatch) -> pa.RecordBatch:
        column = batch.column(batch.schema.get_field_index("symbol"))
        return batch.filter(pc.invert(pc.is_in(column, gone)))

    return Staying(kept, of)


class FileEvents(MergedEvents):
    """The events of a part in time order; `content` is their hash when they were read."""

    def __init__(self, archive: Archive, part: PartRow, staying: Staying | None) -> None:
        """All of them, or those that are `staying`."""
        self._of = staying.of if staying else None
        super().__init__(archive, [part], rows=staying.rows if staying else part.rows)
        self.content = ContentHash()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The events, however many at a time."""
        content = ContentHash()
        for batch in super().batches():
            if self._of is not None:
                batch = self._of(batch)
            content.add(batch)
            yield batch
        self.content = content


def rewritten(
    archive: Archive,
    part: PartRow,
    file: Path,
    formats: Formats,
    tier: str,
    made_by: str,
    staying: Staying | None = None,
) -> PartRow:
    """Write a part anew as its tier wants it, and what a catalog will say of the new file.

    It can be only some of its events, those that are `staying`.

    The path stays as it is but for the suffix. Raises DataError if the old file is not what
    the catalog knows, or if the new one does not read back as the same events.
    """
    name = archive.path_of(part)
    with archive.open_part(part) as old, reading(name):
        if digest_of(old, part.bytes) != part.sha256:
            raise DataError(
                f"{name}: not the bytes that were written",
                hint=_SEE,
            )
    form = formats.of(part.symbol, tier)
    codec = formats.codec(part.symbol, tier)
    events = FileEvents(archive, part, staying)
    inputs = ((part.path, part.sha256),)
    named = part.layout, part.symbol, part.type_name
    more = {"shared": b"1"} if part.shares else in_place(*named)
    facts = write_at_rest(
        archive,
        part.type_name,
        file,
        form,
        events,
        part.origin,
        made_by=made_by.encode(),
        inputs=msgspec.json.encode(inputs),
        tier=tier.encode(),
        codec=codec.encode(),
        stored=str(part.stored).encode(),
        **more,
    )
    new = msgspec.structs.replace(
        part,
        path=part.path.removesuffix(part.suffix) + form.suffix,
        suffix=form.suffix,
        codec=codec,
        tier=tier,
        version=version_of(part.type_name),
        segment=None,
        inputs=inputs,
        made_by=made_by,
        made_at=time_ns(),
        stored_at=part.stored,
        frames=(),
        **facts,
    )
    _verify(name, events, file, new)
    return new


def write_at_rest(
    archive: Archive,
    type_name: str,
    file: Path,
    form: PartFormat,
    rows: Part,
    origin: str,
    **more: bytes,
) -> dict[str, Any]:
    """Write a file with decimals of the width of its type; what a PartRow says of it.

    Parts that are older than the one width may have values for which it is not enough: then
    the type is noted as wide, and whatever changes the archive next makes the others so.
    """
    try:
        decimals = decimals_of(archive, type_name)
        return write_part(file, form, rows, origin, decimals=decimals, **more)
    except WideError:
        note_wide(archive, type_name)
        return write_part(file, form, rows, origin, decimals=b"wide", **more)


def _verify(name: str, old: FileEvents, file: Path, new: PartRow) -> None:
    """Read the new file back; raises DataError where it is not the events of the old one."""
    again = ContentHash()
    for batch in read_part_file(file, part_format(new.format)):
        again.add(batch)
    content = old.content
    if not old.rows == content.rows == again.rows == new.rows:
        events = counted(old.rows, "event")
        said = f"{events} by the catalog, {content.rows:,} read, {again.rows:,} written"
        raise DataError(f"{name}: {said}", hint=_SEE)
    if content.digest() != again.digest():
        raise DataError(f"{name}: written events differ from those read")
