"""Parts written anew from others, and the proof that they hold the same events."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import time_ns

import msgspec
import pyarrow as pa

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.merge import in_order
from mdc_core.archive.part_formats import part_format, read_part_file
from mdc_core.archive.read.examine import digest_of
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.upkeep.merged import EventContent
from mdc_core.archive.upkeep.rewrite import write_at_rest
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.sealing.seal import in_place
from mdc_core.contracts import Part
from mdc_core.disk import reading
from mdc_core.errors import DataError
from mdc_core.schema import version_of
from mdc_core.texts import counted, typed


def contents(archive: Archive, parts: Sequence[PartRow]) -> EventContent:
    """The events of parts, each read by itself; raises DataError if one is damaged."""
    content = EventContent()
    for part in parts:
        _check_hash(archive, part)
        one = EventContent()
        for piece in pieces(archive, part):
            for batch in piece.batches():
                one.add(batch)
        if one.rows != part.rows:
            raise DataError(
                f"{archive.path_of(part)}: {counted(one.rows, 'event')}, and the catalog knows "
                f"{part.rows:,}",
                hint=typed("verify", "--root", archive.root),
            )
        content += one
    return content


def _check_hash(archive: Archive, part: PartRow) -> None:
    """Raise DataError where a file has other bytes than those that were stored."""
    with archive.open_part(part) as file, reading(archive.path_of(part)):
        digest = digest_of(file, part.bytes)
    if digest != part.sha256:
        raise DataError(
            f"{archive.path_of(part)}: damaged, its SHA-256 is not that of the catalog",
            hint=typed("verify", "--root", archive.root),
        )


def write_like(
    archive: Archive,
    parts: Sequence[PartRow],
    merged: Part,
    file: Path,
    path: str,
    formats: Formats,
    origin: str,
    like: PartRow,
    *,
    shared: bool,
) -> PartRow:
    """Write a file of rows of these parts; what the catalog will say of it."""
    part_format = formats.of(like.symbol, like.tier)
    inputs = tuple((part.path, part.sha256) for part in parts)
    codec = formats.codec(like.symbol, like.tier)
    named = like.layout, like.symbol, like.type_name
    more = {"shared": b"1"} if shared else in_place(*named)
    stored = max(part.stored for part in parts)
    facts = write_at_rest(
        archive,
        like.type_name,
        file,
        part_format,
        merged,
        origin,
        made_by=b"compact",
        tier=like.tier.encode(),
        inputs=msgspec.json.encode(inputs),
        codec=codec.encode(),
        stored=str(stored).encode(),
        **more,
    )
    return msgspec.structs.replace(
        like,
        path=path,
        suffix=part_format.suffix,
        codec=codec,
        version=version_of(like.type_name),
        segment=None,
        run_id="",
        inputs=inputs,
        origin=origin,
        made_by="compact",
        made_at=time_ns(),
        stored_at=stored,
        frames=(),
        **facts,
    )


def read_back(file: Path, part: PartRow) -> EventContent:
    """The events of a file that was just written."""
    content = EventContent()

    def added() -> Iterator[pa.RecordBatch]:
        for batch in read_part_file(file, part_format(part.format)):
            content.add(batch)
            yield batch

    if not in_order(added()) or content.rows != part.rows:
        raise DataError(f"{part.path}: it does not read as it was written; nothing was changed")
    return content
