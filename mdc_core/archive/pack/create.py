"""Making a pack of an archive: what goes in, in how many parts, and writing it."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import pyarrow as pa

import mdc_core
from mdc_core import times
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.origins import Look, gathered, kept
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.health.rebuild import examined
from mdc_core.archive.pack.containers.container import Container, Member
from mdc_core.archive.pack.digest import seal
from mdc_core.archive.pack.manifest import (
    LARGEST,
    Manifest,
    PackedFile,
    Share,
    TextFile,
    content,
    encoded,
    made,
    sums,
)
from mdc_core.archive.pack.names import DATA
from mdc_core.archive.pack.own_parts import OwnParts
from mdc_core.archive.pack.scripts import texts
from mdc_core.archive.part_formats import JSONL, PARQUET
from mdc_core.archive.read.snapshot import Snapshot
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import must_be_new, reading, sync_path, writing
from mdc_core.errors import DataError, NothingFoundError, UsageError
from mdc_core.texts import counted, typed

_OVERHEAD = 4_096  # bytes of a container, at most, for a file beside its own
_EMPTY = 64 << 10  # of a part: README, schemas and the like


class Plan(NamedTuple):
    """The data files of each part of a pack."""

    parts: list[list[PackedFile]]
    rows: dict[str, PartRow]  # by path in the pack
    own: OwnParts  # that they are opened by
    origins: dict[str, Any]
    pack_id: str
    unsealed: int  # events that are not in a part yet, and are left out
    too_large: list[PackedFile]  # that are larger than a part may be


def plan(archive: Archive, query: Query, max_size: int | None) -> Plan:
    """What goes into a pack: the parts that hold what is asked for, in the order of paths."""
    now = Snapshot(archive, query)
    rows: dict[str, PartRow] = {}
    found, origins = _parts(archive, now)
    own = OwnParts(archive, query)
    found = own.of(found)
    for row in found:
        path = f"{DATA}{row.path}"
        if row.format not in (JSONL, PARQUET):
            raise UsageError(
                f"{row.path} is of the format {row.format}, and a pack is of Parquet and JSONL",
                hint=f"{typed('cat', '--root', archive.root)} | mdc store --root DIR",
            )
        if path in rows:
            raise DataError(
                f"{row.path} is in two tiers", hint=typed("verify", "--root", archive.root)
            )
        rows[path] = row
    if not rows:
        raise NothingFoundError(
            f"nothing to pack: no file of {archive.root} has it",
            hint=typed("recover", "--root", archive.root),
        )
    files = [_packed(path, rows[path]) for path in sorted(rows)]
    parts = list(_divided(files, max_size)) if max_size else [files]
    large = [file for file in files if max_size and file.bytes + _EMPTY > max_size]
    return Plan(parts, rows, own, origins, content(files), now.unsealed, large)


def _parts(archive: Archive, now: Snapshot) -> tuple[list[PartRow], dict[str, Any]]:
    """The parts, and what is known of where their rows come from, by key."""
    if not archive.has_catalog:
        below = [Path(piece.name).relative_to(archive.root) for piece in now.stored()]
        found, problems = examined(archive, [path.as_posix() for path in below])
        if problems:
            raise DataError(problems[0])
        whole = {new.row.origin: new.origin for new in found if new.origin is not None}
        rows = [new.row for new in found]
        return rows, _origins(rows, lambda key: whole.get(key) or kept(archive.state, key))
    with archive.catalog(read_only=True) as catalog:
        return now.parts, _origins(now.parts, catalog.origin_of)


def _origins(rows: Sequence[PartRow], look: Look) -> dict[str, Any]:
    keys = {row.origin for row in rows}
    found = gathered(keys, look)
    return {key: {} for key in keys} | {
        key: msgspec.json.decode(origin) for key, origin in found.items()
    }


def _packed(path: str, row: PartRow) -> PackedFile:
    first, last = (None if ns is None else times.from_ns(ns) for ns in (row.first, row.last))
    return PackedFile(
        path=path,
        bytes=row.bytes,
        sha256=row.sha256,
        symbol=row.symbol,
        type=row.type_name,
        period=row.period,
        rows=row.rows,
        first=first,
        last=last,
        untimed=row.untimed,
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        version=row.version,
        layout=row.layout,
        format=row.format,
        suffix=row.suffix,
        codec=row.codec,
        in_order=row.in_order,
        bare=row.bare,
        run_id=row.run_id,
        origin=row.origin,
        inputs=list(row.inputs),
        frames=[(f.bytes, f.rows, f.begins, f.ends) for f in row.frames],
    )


def _divided(files: Sequence[PackedFile], max_size: int) -> Iterator[list[PackedFile]]:
    """Files in parts of at most so many bytes, before compression; one that is larger alone."""
    part: list[PackedFile] = []
    size = _EMPTY
    for file in files:
        needs = file.bytes + len(msgspec.json.encode(file)) + _OVERHEAD
        if part and size + needs > max_size:
            yield part
            part, size = [], _EMPTY
        part.append(file)
        size += needs
    yield part


def part_paths(out: Path, suffix: str, count: int) -> list[Path]:
    """The files of a pack: one as named, several with numbers."""
    if count == 1:
        return [out]
    stem = out.name.removesuffix(suffix)
    return [out.with_name(f"{stem}.{n:03d}{suffix}") for n in range(1, count + 1)]


@dataclass
class Packing:
    """The writing of one pack: all its files appear together, in the end."""

    archive: Archive
    plan: Plan
    kind: Container
    description: str = ""
    tell: Callable[[int], None] = lambda size: None

    def write(self, paths: Sequence[Path], *, force: bool = False) -> list[Path]:
        """Write every part, then give all of them their names."""
        for path in paths:
            must_be_new(path, force=force)
        beside = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
        try:
            with writing(f"in {paths[0].parent}"):
                paths[0].parent.mkdir(parents=True, exist_ok=True)
                for number, path in enumerate(beside, 1):
                    self._write(number, path)
                for path, target in zip(beside, paths, strict=True):
                    path.rename(target)
                for folder in {path.parent for path in paths}:
                    sync_path(folder)
        finally:
            for path in beside:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        return list(paths)

    def manifest(self, number: int) -> tuple[Manifest, dict[str, bytes]]:
        """The manifest of a part, and the files for people in it."""
        parts = self.plan.parts
        every = [file for part in parts for file in part]
        found = (
            {}
            if number > 1
            else texts(every, self.description, self.plan.pack_id, len(parts), mdc_core.__version__)
        )
        listed = [
            TextFile(name, len(data), hashlib.sha256(data).hexdigest())
            for name, data in found.items()
        ]
        manifest = made(
            parts[number - 1],
            listed,
            description=self.description,
            part=number,
            parts=self._shares,
            pack_id=self.plan.pack_id,
            origins=self.plan.origins,
        )
        return manifest, found

    @cached_property
    def _shares(self) -> list[Share]:
        return [
            Share(n, len(part), sum(f.bytes for f in part), content(part))
            for n, part in enumerate(self.plan.parts, 1)
        ]

    def _write(self, number: int, path: Path) -> None:
        manifest, found = self.manifest(number)
        data = encoded(manifest)
        if len(data) > LARGEST:
            raise UsageError(
                f"{counted(len(manifest.files), 'file')} are too many for one manifest",
                hint="--max-part-size divides the pack",
            )
        small = {manifest.name: data, manifest.sums_name: sums(manifest, data), **found}
        members = [
            Member(name, len(text), lambda text=text: io.BytesIO(text))  # type: ignore[misc]
            for name, text in small.items()
        ]
        members += [self._member(file) for file in manifest.files]
        with path.open("x+b") as out:
            self.kind.write(out, members)
            if self.kind.seal is not None:
                seal(out, self.kind.seal)
            out.flush()
            os.fsync(out.fileno())

    def _member(self, file: PackedFile) -> Member:
        row = self.plan.rows[file.path]

        def opened() -> BinaryIO:
            return Checked(self.plan.own.open(row), row, self.tell)  # type: ignore[return-value]

        return Member(file.path, file.bytes, opened, packed=file.suffix != ".jsonl")


class Checked(io.BufferedIOBase):
    """A part that is read once, from its beginning: exactly what the catalog knows of it."""

    def __init__(
        self,
        file: pa.NativeFile,
        row: PartRow,
        tell: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._file, self._row, self._tell = file, row, tell
        self._at = 0
        self._digest = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; raises DataError in the end if they are not those of the catalog."""
        left = self._row.bytes - self._at
        wanted = left if size is None or size < 0 else min(size, left)
        with reading(self._row.path):
            data = self._file.read(wanted) if wanted else b""
        self._at += len(data)
        self._tell(len(data))
        self._digest.update(data)
        whole = self._at == self._row.bytes
        if (wanted and not data) or (whole and self._digest.hexdigest() != self._row.sha256):
            raise DataError(
                f"{self._row.path}: damaged: not the bytes that the catalog knows",
                hint="mdc verify --deep tells more",
            )
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """To the end, to see how long it is, and back to where it was."""
        self._at = self._row.bytes if whence == os.SEEK_END else offset
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    def close(self) -> None:
        """Close the part."""
        self._file.close()
        super().close()
