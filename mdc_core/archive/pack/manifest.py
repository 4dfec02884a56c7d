"""The manifest of a pack: what is in it, with hashes, numbers and schemas."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

import mdc_core
from mdc_core.archive.catalog.layout import LAYOUTS
from mdc_core.archive.catalog.origins import names_in
from mdc_core.archive.pack.names import check_names, check_part, is_manifest, shown
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES
from mdc_core.schema import columns, field_names, json_schema
from mdc_core.texts import plainly

FORMAT = 1  # of packs
LARGEST = 64 << 20  # bytes of a manifest
SUMS = "SHA256SUMS"
_HASH = re.compile(r"[0-9a-f]{64}")
_PERIOD = re.compile(r"all|undated|\d{4}-\d\d(-\d\d(T\d\d)?)?", re.ASCII)
_VERSION = re.compile(r"\d+(\.\d+)*", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.+-]*")


class PackedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of an archive; `first` and `last` are event times as the wire writes them."""

    path: str
    bytes: int
    sha256: str
    symbol: str | None
    type: str
    period: str
    rows: int
    first: str | None = None
    last: str | None = None
    untimed: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    version: str
    layout: str
    format: str
    suffix: str
    codec: str = ""
    in_order: bool = True
    bare: bool = False  # symbol and type stand here, and are no columns of the file
    run_id: str = ""
    frames: list[tuple[int, int, int, int]] = []
    origin: str  # key of what is known of where the rows come from
    inputs: list[tuple[str, str]] = []


class TextFile(msgspec.Struct, frozen=True):
    """A file about the data: README, dictionary, script."""

    path: str
    bytes: int
    sha256: str


class Share(msgspec.Struct, frozen=True):
    """What one of the parts of a pack holds; `content` is a hash of it."""

    part: int
    files: int
    bytes: int
    content: str


class Totals(msgspec.Struct, frozen=True):
    """The events of one container in numbers."""

    files: int
    bytes: int
    rows: int
    symbols: list[str | None]
    types: dict[str, int]
    first: str | None
    last: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one container holds, and which part of the pack it is."""

    mdc_pack: int
    mdc: str
    id: str
    part: int
    description: str
    parts: list[Share]
    totals: Totals
    files: list[PackedFile]
    texts: list[TextFile]
    origins: dict[str, Any]
    columns: dict[str, dict[str, str]]  # name and kind, by event type
    schemas: dict[str, Any]

    @property
    def entries(self) -> "list[PackedFile | TextFile]":
        """Every file in the container, itself and the checksums left out."""
        return [*self.texts, *self.files]

    @property
    def name(self) -> str:
        """Its own name in the container: those of all parts can lie in one directory."""
        return manifest_name(self.part)

    @property
    def sums_name(self) -> str:
        """The name of the list of checksums."""
        return SUMS if self.part == 1 else f"{SUMS}.{self.part:03d}"


def manifest_name(part: int) -> str:
    """The name of the manifest of a part."""
    return "manifest.json" if part == 1 else f"manifest.{part:03d}.json"


def made(
    files: Sequence[PackedFile],
    texts: Sequence[TextFile],
    *,
    description: str,
    part: int,
    parts: Sequence[Share],
    pack_id: str,
    origins: Mapping[str, Any],
) -> Manifest:
    """The manifest of these files."""
    types = sorted({file.type for file in files}, key=list(EVENT_TYPES).index)
    kinds = {name: column.kind for name, column in columns().items()}
    return Manifest(
        mdc_pack=FORMAT,
        mdc=mdc_core.__version__,
        id=pack_id,
        part=part,
        description=description,
        parts=list(parts),
        totals=_totals(files),
        files=list(files),
        texts=list(texts),
        origins=_needed(files, origins),
        columns={t: {name: kinds[name] for name in field_names(t)} for t in types},
        schemas={t: json_schema(t) for t in types},
    )


def _needed(files: Sequence[PackedFile], origins: Mapping[str, Any]) -> dict[str, Any]:
    """What the files come from, and what that is a list of."""
    keys = dict.fromkeys(file.origin for file in files)
    names = [name for key in keys for name in names_in(origins[key]) if name in origins]
    return {key: origins[key] for key in (*keys, *names)}


def _totals(files: Sequence[PackedFile]) -> Totals:
    types: Counter[str] = Counter()
    for file in files:
        types[file.type] += file.rows
    symbols = {file.symbol for file in files}
    return Totals(
        files=len(files),
        bytes=sum(file.bytes for file in files),
        rows=sum(file.rows for file in files),
        symbols=sorted(symbols, key=lambda symbol: (symbol is not None, symbol or "")),
        types=dict(sorted(types.items())),
        first=min((f.first for f in files if f.first is not None), default=None),
        last=max((f.last for f in files if f.last is not None), default=None),
    )


def content(files: Sequence[PackedFile]) -> str:
    """A hash of what these files are: the same for the same names and bytes."""
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def encoded(manifest: Manifest) -> bytes:
    """A manifest as JSON, indented, always the same bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decoded(data: bytes, name: str) -> Manifest:
    """A manifest that a stranger may have written; raises DataError unless it is sound."""
    try:
        said = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("mdc_pack")
        number = None if said is None else msgspec.json.decode(said, type=int)
        if number is not None and number > FORMAT:
            raise DataError(
                f"{name}: a pack of format {number}, known is {FORMAT}", hint="update mdc"
            )
        found = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{name}: not the manifest of a pack: {plainly(error)}") from None
    if not 1 <= found.part <= len(found.parts) or name != found.name or not is_manifest(name):
        raise DataError(f"{name}: says that it is part {found.part} of {len(found.parts)}")
    _check(found)
    return found


def _check(found: Manifest) -> None:
    names = [entry.path for entry in found.entries]
    check_names([found.name, found.sums_name, *names])
    for entry in found.entries:
        if entry.bytes < 0 or not _HASH.fullmatch(entry.sha256):
            raise DataError(f"{entry.path}: the manifest has no size or no hash of it")
    for file in found.files:
        _check_file(file)
        if file.origin not in found.origins:
            raise DataError(f"{file.path}: the manifest does not say where it comes from")
    share = found.parts[found.part - 1]
    said = Share(
        found.part, len(found.files), sum(f.bytes for f in found.files), content(found.files)
    )
    if share != said or found.totals != _totals(found.files):
        raise DataError(f"{found.name}: its totals are not those of its files")


def _check_file(file: PackedFile) -> None:
    """What goes into a catalog, and from there into names, is of a known form."""
    check_part(file.path, file.suffix)
    if file.type not in EVENT_TYPES or file.type in CONTROL_TYPES:
        raise DataError(f"{file.path}: there is no event type {shown(file.type)} to keep")
    if file.layout not in LAYOUTS:
        raise DataError(f"{file.path}: there is no layout {shown(file.layout)}")
    for text, form in (
        (file.period, _PERIOD),
        (file.version, _VERSION),
        (file.format, _WORD),
        (file.codec, _WORD),
        (file.run_id, _WORD),
    ):
        if not form.fullmatch(text):
            raise DataError(f"{file.path}: {shown(text)} in the manifest is of no known form")
    for time in (file.first, file.last):
        if time is not None and not _TIME.fullmatch(time):
            raise DataError(f"{file.path}: {shown(time)} in the manifest is no time")


def sums(manifest: Manifest, data: bytes) -> bytes:
    """The list of checksums, as `sha256sum -c` reads it; `data` is the manifest encoded."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {manifest.name}\n"]
    lines += [f"{entry.sha256}  {entry.path}\n" for entry in manifest.entries]
    return "".join(lines).encode()
