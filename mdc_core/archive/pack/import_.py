"""Importing packs: all of it is verified, then what is new is entered at once."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from typing import NamedTuple

import msgspec

from mdc_core import times
from mdc_core.archive.catalog.catalog import Frame, PartRow
from mdc_core.archive.catalog.layout import with_current_name
from mdc_core.archive.catalog.origins import gathered, origin_key
from mdc_core.archive.pack.limits import PackLimit
from mdc_core.archive.pack.names import DATA
from mdc_core.archive.pack.overlap import overlap
from mdc_core.archive.pack.read import PackFinding, Sound, Unpacked
from mdc_core.archive.pack.verify import verify
from mdc_core.archive.upkeep.widen import widen_for
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import Replacement, rewriting
from mdc_core.disk import writing


class ImportedPack(NamedTuple):
    """What became of the files of some packs; `findings` means that nothing was done."""

    new: list[PartRow]
    renamed: list[tuple[str, str]]
    skipped: int  # the archive has them already
    there: int  # it has their events already, in other files
    doubtful: list[str]  # it has other events of the same symbol, type and time
    origins: dict[str, bytes]
    findings: list[PackFinding]


def import_packs(archive: Archive, paths: Sequence[Path], limit: PackLimit) -> ImportedPack:
    """Verify the packs, and enter what the archive does not have, in one transaction.

    The archive has to be prepared for writing.
    """
    with rewriting(archive) as catalog:
        change = Replacement(archive, catalog)
        try:
            read = verify(paths, change.stage, limit, keep=True)
            merged = merge(archive, list(catalog.parts()), read)
            files = {file.packed.sha256: file for one in read for file in one.files}
            for part in merged.new:
                origins = gathered([part.origin], merged.origins.get)
                change.add(files[part.sha256].staged, part, origins.values())
            if merged.new:
                change.commit()
                widen_for(archive, catalog, merged.new)
        finally:
            change.abandon()
    return merged


def try_import(root: str | Path, paths: Sequence[Path], limit: PackLimit) -> ImportedPack:
    """What an import would do; nothing is changed."""
    archive = Archive(root)
    archive.check_root()
    known: list[PartRow] = []
    if archive.has_catalog:
        with archive.catalog(read_only=True) as catalog:
            known = list(catalog.parts())
    with writing("a temporary directory", "TMPDIR names another one"):
        folder = TemporaryDirectory(prefix="mdc-pack-", ignore_cleanup_errors=True)
    with folder:
        number = count()
        stage = partial(_in, Path(folder.name), number)
        return merge(archive, known, verify(paths, stage, limit, keep=True))


def _in(folder: Path, numbers: Iterator[int]) -> Path:
    return folder / str(next(numbers))


def merge(archive: Archive, known: Sequence[PartRow], read: Sequence[Unpacked]) -> ImportedPack:
    """What is to be entered, and under which names."""
    findings = [finding for one in read for finding in one.findings]
    hashes = {part.sha256 for part in known}
    names = _Names(archive, [part.path for part in known])
    new: list[PartRow] = []
    renamed: list[tuple[str, str]] = []
    doubtful: list[str] = []
    skipped = there = 0
    sound = [file for one in read for file in one.files] if not findings else []
    overlaps = overlap(archive, known, sound)
    origins: dict[str, bytes] = {}
    for one in read:
        for file in one.files if not findings else ():
            assert one.manifest is not None
            if file.packed.sha256 in hashes:
                skipped += 1
                continue
            hashes.add(file.packed.sha256)
            if file.packed.sha256 in overlaps.there:
                there += 1
                continue
            packed = file.packed
            below = with_current_name(packed.path.removeprefix(DATA), packed.layout, packed.symbol)
            path = names.free(below, file.packed.suffix, one.manifest.id)
            if path != below:
                renamed.append((below, path))
            if file.packed.sha256 in overlaps.doubtful:
                doubtful.append(path)
            origin = origin_key(msgspec.json.encode(one.manifest.origins[file.packed.origin]))
            new.append(_row(file, path, origin))
        if one.manifest is not None:
            texts = map(msgspec.json.encode, one.manifest.origins.values())
            origins |= {origin_key(text): text for text in texts}
    return ImportedPack(new, renamed, skipped, there, doubtful, origins, findings)


class _Names:
    """The names of an archive's parts, and of those that come in."""

    def __init__(self, archive: Archive, known: Sequence[str]) -> None:
        self._place = archive.place
        # Without regard to case: a copy may lie on a file system that has none.
        self._taken = {name.casefold() for name in known}

    def free(self, below: str, suffix: str, pack_id: str) -> str:
        """A name that nothing has: as in the pack, else with the pack's id in it."""
        stem = f"{below.removesuffix(suffix)}-{pack_id[:12]}"
        name, number = below, 1
        # A file that the catalog does not know is not overwritten either.
        while name.casefold() in self._taken or self._place.size(name) is not None:
            name = f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
            number += 1
        self._taken.add(name.casefold())
        return name


def _row(file: Sound, path: str, origin: str) -> PartRow:
    packed, facts = file.packed, file.facts
    first, last = (None if text is None else times.to_ns(text) for text in facts.timed)
    return PartRow(
        path=path,
        symbol=packed.symbol,
        type_name=packed.type,
        period=packed.period,
        layout=packed.layout,
        format=packed.format,
        suffix=packed.suffix,
        codec=packed.codec,
        rows=facts.rows,
        bytes=packed.bytes,
        begins=facts.begins,
        ends=facts.ends,
        first=first,
        last=last,
        untimed=facts.untimed,
        first_seq=facts.first_seq,
        last_seq=facts.last_seq,
        sha256=packed.sha256,
        version=packed.version,
        run_id=packed.run_id,
        origin=origin,
        slim=file.slim,
        bare=packed.bare,
        inputs=tuple(packed.inputs),
        made_by="import",
        made_at=time_ns(),
        in_order=facts.in_order,
        frames=tuple(Frame(*frame) for frame in packed.frames),
    )
