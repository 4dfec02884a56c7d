"""Events of packs that an archive has already, in files of other names and bytes.

Without an identity nobody can tell an event that comes again from one that happened twice. But
where all events of a symbol and type in some span of time are the same here and there, however
they are cut into files, nothing new comes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.pack.read import Sound
from mdc_core.archive.part_formats import format_of, part_format, read_part_file
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.upkeep.content import ContentSum
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import reading


class Overlap(NamedTuple):
    """The files, by their hashes, whose events are there, and those that may have some of them."""

    there: frozenset[str]
    doubtful: frozenset[str]


def overlap(archive: Archive, known: Sequence[PartRow], files: Iterable[Sound]) -> Overlap:
    """Compare files with the parts that an archive has in the same spans of time."""
    listed = list(files)
    hashes = {part.sha256 for part in known}
    packed = {file.packed.sha256 for file in listed}
    # What has come before, file by file, is no reason to doubt those beside it.
    others: dict[tuple[str | None, str], list[tuple[PartRow, PartRow]]] = {}
    for part in known:
        for one in part.by_symbol() if part.sha256 not in packed else ():
            others.setdefault((one.symbol, one.type_name), []).append((part, one))
    there: set[str] = set()
    doubtful: set[str] = set()
    for some in _clusters(file for file in listed if file.packed.sha256 not in hashes):
        begins, ends = some[0].facts.begins, max(file.facts.ends for file in some)
        key = some[0].packed.symbol, some[0].packed.type
        near = [p for p, one in others.get(key, ()) if one.begins <= ends and one.ends >= begins]
        if near:
            held = _held(archive, near, key[0], Query(start=begins, end=ends + 1))
            if held.rows:
                names = {file.packed.sha256 for file in some}
                (there if held.total == _coming(some).total else doubtful).update(names)
    return Overlap(frozenset(there), frozenset(doubtful))


def _clusters(files: Iterable[Sound]) -> Iterator[list[Sound]]:
    """The files of a symbol and type that overlap in time together."""

    def place(file: Sound) -> tuple[str, str, int]:
        return f"{file.packed.symbol!r}", file.packed.type, file.facts.begins

    cluster: list[Sound] = []
    for file in sorted(files, key=place):
        same = cluster and place(cluster[0])[:2] == place(file)[:2]
        if cluster and not (same and file.facts.begins <= max(f.facts.ends for f in cluster)):
            yield cluster
            cluster = []
        cluster.append(file)
    if cluster:
        yield cluster


def _coming(files: Sequence[Sound]) -> ContentSum:
    content = ContentSum()
    for file in files:
        with reading(file.staged):
            form = part_format(format_of(file.packed.suffix))
            for batch in read_part_file(file.staged, form):
                content.add(batch)
    return content


def _held(
    archive: Archive, parts: Sequence[PartRow], symbol: str | None, query: Query
) -> ContentSum:
    content, wanted = ContentSum(), pa.array([symbol], pa.string())
    for part in parts:
        for piece in pieces(archive, part):
            for batch in map(query.of, piece.batches()):
                symbols = batch.column(batch.schema.get_field_index("symbol"))
                content.add(batch.filter(pc.is_in(symbols, wanted)))
    return content
