"""Reading a container against its manifest, believing nothing that it says of itself.

A member is written to a file that we name, never to one that it names. It may have as many
bytes as the manifest declares, all members together no more than a limit, and never many
times what the container has on the disk.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mdc_core.archive.pack.containers.container import Container
from mdc_core.archive.pack.containers.table import container, format_of, sniffed
from mdc_core.archive.pack.digest import problem, sealed
from mdc_core.archive.pack.facts import Facts, carries_origin, facts_of
from mdc_core.archive.pack.limits import ALLOWANCE, RATIO, PackLimit
from mdc_core.archive.pack.manifest import LARGEST, Manifest, PackedFile, decoded, sums
from mdc_core.archive.pack.names import is_manifest, shown
from mdc_core.disk import reading, writing
from mdc_core.errors import DataError, UnreadableError, UsageError
from mdc_core.texts import counted, typed


class NoPackError(DataError):
    """A file that is no pack at all."""


class PackFinding(NamedTuple):
    """Something wrong with a pack; `file` is the member, or empty for the container."""

    pack: str
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.pack}: {f'{shown(self.file)}: ' if self.file else ''}{self.text}"


class Sound(NamedTuple):
    """A data file that is what the manifest says, and where it was written to."""

    packed: PackedFile
    staged: Path
    facts: Facts
    slim: bool  # whether it names its origin, and does not carry it


class Unpacked(NamedTuple):
    """A container that was read: its manifest, its data files, what was wrong with it."""

    path: Path
    manifest: Manifest | None
    files: list[Sound]
    findings: list[PackFinding]
    is_pack: bool = True


class _Enough(Exception):  # noqa: N818 - not an error: what was wanted is read
    """There is no need to read on."""


def opened(path: Path) -> Container:
    """The container of a file; raises NoPackError where it is none."""
    if path.exists() and not path.is_file():  # a pack is read more than once
        raise UsageError(f"{path} is not a regular file", hint="write it to a file first")
    with reading(path):
        name = sniffed(path)
        size = path.stat().st_size
    if name is None and (said := format_of(path)) and size:
        name = said  # its first bytes may be damaged
    if name is None:
        hint = typed("inspect", path)
        raise NoPackError(f"{path}: not a pack", hint=hint)
    return container(name)


def manifest_of(path: Path) -> Manifest:
    """The manifest of a pack; nothing else is unpacked."""
    taker = _Manifests(path)
    kind = opened(path)
    try:
        with reading(path):
            kind.read(path, taker)
    except _Enough:
        pass
    except UnreadableError:
        raise
    except DataError as error:
        raise _no_pack(path, error) from None
    return taker.decoded()


def _no_pack(path: Path, error: DataError) -> NoPackError:
    if isinstance(error, NoPackError):
        return error
    return NoPackError(f"{path}: no pack that can be read: {_plain(path, error)}", hint=error.hint)


class _Manifests:
    """Takes the first member, the manifest, and no more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name: str | None = None
        self._data = io.BytesIO()

    def begin(self, name: str) -> None:
        if not is_manifest(name):
            raise NoPackError(f"{self._path}: not a pack: it begins with {shown(name)}")
        self._name = name

    def write(self, data: bytes) -> None:
        if self._data.tell() + len(data) > LARGEST:
            raise DataError(f"{self._path}: its manifest is larger than {counted(LARGEST, 'byte')}")
        self._data.write(data)

    def end(self, damage: str | None = None) -> None:
        if damage is not None:
            raise DataError(f"{self._path}: {self._name}: {damage}")
        raise _Enough

    def decoded(self) -> Manifest:
        if self._name is None:
            raise NoPackError(f"{self._path}: not a pack: there is nothing in it")
        return decoded(self._data.getvalue(), self._name)


def unpack(
    path: Path, stage: Callable[[], Path], limit: PackLimit, *, keep: bool = False
) -> Unpacked:
    """Read a whole container: every data file goes to a file of `stage`, and is checked.

    Without `keep` it is removed then.
    Raises NoPackError if it is no pack; anything else that is wrong is a finding.
    """
    kind = opened(path)
    taker = _Members(path, stage, limit, keep)
    try:
        with reading(path):
            kind.read(path, taker)
    except (NoPackError, UnreadableError):
        raise
    except DataError as error:
        if not taker.begun and not _ends_as_one(path, kind):
            raise _no_pack(path, error) from None
        taker.find("", _plain(path, error))
    finally:
        taker.close()
    taker.look_back()
    if kind.seal is not None:
        with reading(path), path.open("rb") as file:
            text = problem(file, kind.seal)
        if text is not None:
            taker.find("", text)
    return Unpacked(path, taker.manifest, taker.files, taker.findings)


def _ends_as_one(path: Path, kind: Container) -> bool:
    """Whether what cannot be read was a pack once."""
    with reading(path), path.open("rb") as file:
        return kind.seal is not None and sealed(file, kind.seal) is not None


def _plain(path: Path, error: DataError) -> str:
    return str(error).removeprefix(f"{path}: ")


class _Expected(NamedTuple):
    bytes: int
    sha256: str
    packed: PackedFile | None = None


class _Members:
    """Takes all members: the manifest first, then what it declares."""

    def __init__(self, path: Path, stage: Callable[[], Path], limit: PackLimit, keep: bool) -> None:
        self._path, self._stage, self._limit, self._keep = path, stage, limit, keep
        self._room = path.stat().st_size * RATIO + ALLOWANCE
        self.manifest: Manifest | None = None
        self.begun = False
        self.files: list[Sound] = []
        self.findings: list[PackFinding] = []
        self._expected: dict[str, _Expected] = {}
        self._seen: set[str] = set()
        self._name = ""
        self._size = 0
        self._head = io.BytesIO()  # the manifest
        self._file: BinaryIO | None = None
        self._staged: Path | None = None
        self._digest = hashlib.sha256()

    def find(self, file: str, text: str) -> None:
        """Note something wrong."""
        self.findings.append(PackFinding(str(self._path), file, text))

    def begin(self, name: str) -> None:
        """A member begins: the manifest, or one that it declares."""
        if not self.begun and not is_manifest(name):
            raise NoPackError(f"{self._path}: not a pack: it begins with {shown(name)}")
        if self.begun and name not in self._expected:
            raise DataError(f"{shown(name)}: a member that is not in the manifest")
        if name in self._seen:
            raise DataError(f"{shown(name)}: the pack has this member twice")
        self.begun = True
        self._seen.add(name)
        self._name, self._size, self._digest = name, 0, hashlib.sha256()
        expected = self._expected.get(name)
        self._staged = self._stage() if expected and expected.packed else None
        self._file = self._head if self.manifest is None else None
        if self._staged is not None:
            with writing(self._staged):
                self._file = self._staged.open("wb")

    def write(self, data: bytes) -> None:
        """Bytes of a member; there may be only so many."""
        self._size += len(data)
        expected = self._expected.get(self._name)
        most = expected.bytes if expected else LARGEST
        if self._size > most:
            raise DataError(
                f"{shown(self._name)}: more than the {counted(most, 'byte')} it may have"
            )
        self._room -= len(data)
        if self._room < 0:
            raise DataError(
                f"{shown(self._name)}: a bomb: more than {RATIO:,} times the bytes "
                "of the pack come out"
            )
        self._limit.take(len(data))
        self._digest.update(data)
        if self._file is not None:
            with writing(self._staged):
                self._file.write(data)

    def end(self, damage: str | None = None) -> None:
        """A member is complete: does it hold what the manifest says?"""
        name = self._name
        self.close()
        if self.manifest is None:
            if damage is not None:
                raise DataError(f"{name}: {damage}")
            self._declared(decoded(self._head.getvalue(), name), self._head.getvalue())
            return
        expected = self._expected[name]
        if damage is not None:
            self.find(name, f"damaged: {damage}")
        elif self._size != expected.bytes:
            self.find(name, f"{counted(self._size, 'byte')}, the manifest says {expected.bytes:,}")
        elif self._digest.hexdigest() != expected.sha256:
            self.find(name, "damaged: its SHA-256 is not the one in the manifest")
        elif expected.packed is not None and self._staged is not None:
            self._look_into(expected.packed, self._staged)
        if self._staged is not None and not self._keep:
            with writing(self._staged):
                self._staged.unlink()

    def _look_into(self, file: PackedFile, staged: Path) -> None:
        try:
            self.files.append(
                Sound(file, staged, facts_of(file, staged), not carries_origin(file, staged))
            )
        except UnreadableError:
            raise
        except DataError as error:
            self.find(file.path, str(error).removeprefix(f"{file.path}: "))

    def _declared(self, manifest: Manifest, data: bytes) -> None:
        """What may and has to follow."""
        self._limit.expect(sum(e.bytes for e in manifest.entries))
        self.manifest = manifest
        listed = sums(manifest, data)
        self._expected = {
            manifest.sums_name: _Expected(len(listed), hashlib.sha256(listed).hexdigest())
        }
        for text in manifest.texts:
            self._expected[text.path] = _Expected(text.bytes, text.sha256)
        for file in manifest.files:
            self._expected[file.path] = _Expected(file.bytes, file.sha256, file)

    def look_back(self) -> None:
        """What has not come is missing."""
        done = {file.file for file in self.findings}
        complete = {file.packed.path for file in self.files}
        for name, expected in self._expected.items():
            if name not in self._seen:
                self.find(name, "missing, or behind the damage")
            elif expected.packed and name not in done | complete:
                self.find(name, "not complete")

    def close(self) -> None:
        """Let go of the file that was being written."""
        if self._staged is not None and self._file is not None:
            with writing(self._staged):
                self._file.close()
        self._file = None
