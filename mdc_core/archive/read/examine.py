"""What the catalog says of a part, found out from the part itself."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core import times
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.layout import NO_DATE, names_in_paths
from mdc_core.archive.catalog.origins import KEY, WHOLE, origin_key
from mdc_core.archive.catalog.part_stats import IntervalRanges, Ranges, ShareRanges
from mdc_core.archive.catalog.paths import period
from mdc_core.archive.health.pages import UNREADABLE
from mdc_core.archive.part_formats import format_of, part_format, read_part, suffix_of
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.storage import COPY_BYTES, Storage
from mdc_core.archive.write.archive import Archive
from mdc_core.batch import count_types
from mdc_core.errors import DataError
from mdc_core.events import CONTROL_TYPES
from mdc_core.schema import version_of
from mdc_core.texts import plainly, typed
from mdc_core.versions import oldest
from mdc_core.wire.tables.constant import KEY as CONSTANT
from mdc_core.wire.tables.portable import is_portable

_SEGMENT = re.compile(r"(?:^|\.)([0-9a-f]{12}-[0-9a-f]{6})-(\d{4,}c*)\.")
_CODECS = {".jsonl": "none", ".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}
# What a rewritten part says of itself.
_KEPT = (b"mdc.made_by", b"mdc.inputs", b"mdc.tier", b"mdc.codec", b"mdc.shared", b"mdc.stored")
Inputs = tuple[tuple[str, str], ...]


class Found(NamedTuple):
    """A part as its file tells it, and where its rows come from."""

    row: PartRow
    origin: bytes | None  # None: the file only names it


def examined(
    archive: Archive, paths: Iterable[str], *, place: str = "", digest: bool = True
) -> tuple[list[Found], list[str]]:
    """The parts among some files, and why the others are none."""
    found: list[Found] = []
    problems: list[str] = []
    at = archive.place_at(place)
    for path in paths:
        if suffix_of(path):
            try:
                found.append(examine(at, path, place=place, digest=digest))
            except DataError as error:
                text = str(error)
                problems.append(text if path in text else f"{at.full_path(path)}: {text}")
    return found, problems


def rows_of(archive: Archive, paths: Iterable[Path]) -> tuple[list[PartRow], list[str]]:
    """What files of an archive without a catalog would be in one."""
    below = [path.relative_to(archive.root).as_posix() for path in paths]
    found, problems = examined(archive, below, digest=False)
    return [new.row for new in found], problems


def examine(
    at: Storage, path: str, *, place: str = "", digest: bool = True, size: int | None = None
) -> Found:
    """One part, or its first bytes; raises DataError if it is damaged, or of several kinds."""
    name = Path(at.full_path(path))
    said: dict[str, Any] = {"codec": _CODECS.get(Path(path).suffix, ""), "slim": True}
    with at.open(path) as file:
        size = file.size() if size is None else size
        if path.endswith(".parquet"):
            said |= _footer(file, str(name))
        origin = said.pop("whole", b"{}")
        if origin is not None:
            said["origin"] = origin_key(origin)
        seen = ExaminedFile(shared=said.pop("shared", "") == "1")
        versions: set[tuple[str, str]] = set()
        form = part_format(format_of(suffix_of(path)))
        for batch in read_part(form, file, str(name), (0, size), versions):
            seen.add(batch)
        facts = seen.facts()
        hashed = digest_of(file, size) if digest else ""
    row = _named(path, facts, said.pop("made_by", None))
    version = oldest(row.type_name, versions)
    return Found(
        msgspec.structs.replace(
            row,
            place=place,
            bytes=size,
            sha256=hashed,
            version=version,
            made_at=at.modified(path),
            **said,
        ),
        origin,
    )


def digest_of(file: pa.NativeFile, size: int) -> str:
    """The hash of the first bytes of a file."""
    digest = sha256()
    file.seek(0)
    left = size
    while left and (data := file.read(min(left, COPY_BYTES))):
        digest.update(data)
        left -= len(data)
    return digest.hexdigest()


def _footer(file: pa.NativeFile, name: str) -> dict[str, Any]:
    """What the footer of a Parquet file says beside its rows: codec, origin, who made it."""
    try:
        meta = pq.read_metadata(file)
    except UNREADABLE as error:
        raise DataError(f"{name}: not a whole Parquet file: {error}") from None
    if is_portable(meta.schema.to_arrow_schema()):
        said_of = f"{name}: has its times in microseconds for other tools, and is no part"
        raise DataError(said_of, hint=f"{typed('convert', name)} | mdc store --root DIR")
    codecs = {
        meta.row_group(group).column(column).compression.lower()
        for group in range(meta.num_row_groups)
        for column in range(meta.num_columns)
    }
    kept = meta.metadata or {}
    said: dict[str, Any] = {"codec": "+".join(sorted(codecs)).replace("uncompressed", "none")}
    said["bare"] = CONSTANT in kept
    for key in _KEPT:
        if key in kept:
            said[key[4:].decode()] = kept[key].decode(errors="replace")
    if "inputs" in said:
        try:
            said["inputs"] = msgspec.json.decode(said["inputs"], type=Inputs)
        except msgspec.DecodeError as error:
            raise DataError(f"{name}: mdc.inputs in its metadata: {plainly(error)}") from None
    if "stored" in said:
        stored = said.pop("stored")
        if not stored.isdecimal():
            raise DataError(f"{name}: mdc.stored in its metadata: {stored[:60]!r}")
        said["stored_at"] = int(stored)
    if KEY in kept:
        return said | {"origin": kept[KEY].decode(errors="replace"), "whole": None}
    return said | {"whole": kept.get(WHOLE, b"{}"), "slim": WHOLE not in kept}


class ExaminedFile(Ranges):
    """The rows of a file that is to be a part: of one symbol and type, or `shared` by several."""

    def __init__(self, *, shared: bool = False) -> None:
        super().__init__()
        self._kinds: set[tuple[str | None, str]] = set()
        self._shares = ShareRanges() if shared else None
        self._intervals = IntervalRanges()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows; raises DataError for a second type, or symbol if it is of one."""
        symbols: list[Any] = [None]
        if self._shares is not None:
            self._shares.add(batch)
        else:
            symbols = batch.column(batch.schema.get_field_index("symbol")).unique().to_pylist()
        self._kinds |= {(s, t) for t in count_types(batch) for s in symbols}
        if len(self._kinds) > 1:
            raise DataError(
                "holds several symbols or event types, and a part has one of each",
                hint="mdc cat FILE | mdc store --root DIR",
            )
        self._intervals.add(batch)
        super().add(batch)

    def facts(self) -> dict[str, Any]:
        """What was found as fields of a PartRow; raises DataError where there are no events."""
        if not self._kinds:
            raise DataError("holds no events")
        ((symbol, type_name),) = self._kinds
        if type_name in CONTROL_TYPES:
            raise DataError(f"holds {type_name} events, which are not kept")
        shares = self._shares.shares() if self._shares is not None else ()
        named = {"symbol": symbol, "shares": shares, "type_name": type_name}
        return {**named, "intervals": self._intervals.shares(), **super().facts()}


def segment_of(path: str) -> tuple[str, str] | None:
    """The run and the journal segment that a part is named after."""
    match = _SEGMENT.search(PurePosixPath(path).name)
    return None if match is None else (match[1], f"{match[1]}-{match[2]}")


def _named(path: str, facts: dict[str, Any], made_by: str | None) -> PartRow:
    """What the path says beside the facts: layout, period, suffix, run and segment."""
    below = PurePosixPath(path)
    suffix = suffix_of(path)
    named = segment_of(path)
    made_by = made_by or ("store" if named else "rebuild")
    return PartRow(
        path=path,
        layout=_layout(below, names_in_paths(facts["symbol"], facts["shares"]), facts["type_name"]),
        period=_period(below, facts),
        suffix=suffix,
        format=format_of(suffix),
        bytes=0,
        sha256="",
        version=version_of(facts["type_name"]),
        run_id=named[0] if named else "",
        segment=named[1] if named and made_by == "store" else None,
        made_by=made_by,
        made_at=0,
        **facts,
    )


def _layout(path: PurePosixPath, names: Sequence[str], type_name: str) -> str:
    """Which layout puts a part there; one that none does is filed by symbol when rewritten."""
    folders = path.parts[:-1]
    for name in names:
        if folders[:1] == (f"symbol={name}",):
            return "hive"
        if folders == (type_name, name):
            return "by-type"
        if len(folders) == 2 and folders[1] == name and path.name.startswith(f"{type_name}."):
            return "by-date"
        if not folders and path.name.startswith(f"{name}_{type_name}_"):
            return "flat"
    return "by-symbol"


def _period(path: PurePosixPath, facts: dict[str, Any]) -> str:
    """The period that the path says, else the one day of the rows, else all."""
    start, stop = period(path)
    if start is not None and stop is not None:
        length = stop - start
        cut = 13 if length == times.HOUR else 10 if length == times.DAY else 7
        return times.from_ns(start)[:cut]
    for name in (NO_DATE, "all"):
        if re.search(rf"(^|[/=_]){name}[./]", path.as_posix()):
            return name
    days = {times.from_ns(facts[name])[:10] for name in ("begins", "ends")}
    return days.pop() if len(days) == 1 and facts["begins"] != NO_TIME else "all"
