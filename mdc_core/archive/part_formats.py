"""Reading parts: each by the format that the catalog names for it, or else its suffix."""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core import registry
from mdc_core.contracts import Part, PartFormat
from mdc_core.disk import is_refusal, reading, unreadable
from mdc_core.errors import ConfigError, DataError, MdcError, UsageError
from mdc_core.texts import plainly
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.files import named_versions, read_events
from mdc_core.wire.sniff import FileSlice
from mdc_core.wire.stdout import reserved
from mdc_core.wire.tables.arrow import Incoming

# Arrow that people put into an archive's directory: read as every reader of ours reads it.
_ARROW = re.compile(r"\.arrows?$")
JSONL, PARQUET = "jsonl", "parquet"  # those that come with mdc
Versions = set[tuple[str, str]]


def check_reads(name: str, plugin: type[PartFormat]) -> None:
    """Raise ConfigError for a format whose files nobody could read again."""
    if plugin.read is PartFormat.read:
        raise ConfigError(
            f"the format {name} cannot read what it writes: {plugin.__name__} has no read()",
            hint="store in another --format, or install a version of it that reads",
        )


def part_format(name: str) -> PartFormat:
    """The format of that name, to read with; raises ConfigError where it is not installed."""
    return _made(name, tuple(sys.path))


@cache
def _made(name: str, _paths: tuple[str, ...]) -> PartFormat:
    try:
        plugin: type[PartFormat] = registry.load("store", name)
        check_reads(name, plugin)
        return plugin(msgspec.convert({}, plugin.Options))
    except UsageError:
        raise ConfigError(
            f"there are parts of the format {name}, which is not installed",
            hint="install the package that has it again",
        ) from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"options of the format {name}: {plainly(error)}") from None


def suffix_of(name: str) -> str:
    """The suffix by which a file's name says that it is a part; empty if it does not."""
    if found := _ARROW.search(name):
        return found[0]
    for built_in in (True, False):
        suffixes = _suffixes(tuple(sys.path), built_in)
        longest = max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")
        if longest:
            return longest
    return ""


def format_of(suffix: str) -> str:
    """The format of files with a suffix; a format of ours where nobody says more."""
    paths = tuple(sys.path)
    return (_suffixes(paths, False) | _suffixes(paths, True)).get(suffix, JSONL)


@cache
def _suffixes(_paths: tuple[str, ...], built_in: bool) -> dict[str, str]:
    """The formats that come with mdc, or those of others, by the suffixes of their files."""
    found: dict[str, str] = {}
    for name, ref in registry.find("store").items():
        if registry.is_built_in(ref) == built_in:
            try:
                plugin = part_format(name)
            except ConfigError:
                continue  # whoever names it is told
            for suffix in plugin.suffixes or (plugin.suffix,):
                if suffix.startswith("."):
                    found.setdefault(suffix, name)
    return found


def read_part(
    form: PartFormat,
    file: "pa.NativeFile | BinaryIO",
    name: str,
    piece: tuple[int, int] | None = None,
    versions: Versions | None = None,
    only: Collection[str] = (),
) -> Iterator[pa.RecordBatch]:
    """The events in an open part, in our columns; raises DataError where it is damaged.

    Of a format that grows, `piece` is where they begin and how many bytes they are. The types
    and versions that the file names are added to `versions`. With `only`, those of other symbols
    are left out before their values are looked at.
    """
    source: Any = file  # Arrow's files have what a file of Python's has
    if piece is not None:
        file.seek(piece[0])
        source = FileSlice(file, piece[1]) if form.grows else file
    schema: pa.Schema | None = None
    try:
        for batch in _read(form, source):
            if schema is None or not batch.schema.equals(schema, check_metadata=True):
                schema, incoming = batch.schema, Incoming(batch.schema, name)
            if versions is not None:
                versions.update(named_versions(schema, incoming.versions))
            yield incoming.events(_of_symbols(batch, only) if only else batch)
    except DataError as error:
        text = str(error).removeprefix(": ")
        raise DataError(text if name in text else f"{name}: {text}", hint=error.hint) from None
    except (MdcError, MemoryError):
        raise
    # A stranger's format may raise anything at all of a file that is damaged.
    except Exception as error:
        if is_refusal(error):
            raise unreadable(name, error) from None
        said = f"{type(error).__name__}: {error}"
        raise DataError(f"{name}: not a whole {form.suffix} file: {said}") from error


def _of_symbols(batch: pa.RecordBatch, symbols: Collection[str]) -> pa.RecordBatch:
    column = batch.column(batch.schema.get_field_index("symbol"))
    return batch.filter(pc.is_in(column, pa.array(symbols, pa.string())))


def _read(form: PartFormat, source: Any) -> Iterator[pa.RecordBatch]:
    """What a format reads; what it prints meanwhile is no answer of ours."""
    with reserved():
        batches = iter(form.read(source))
    while True:
        with reserved():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def write_with(form: PartFormat, part: Part, metadata: Mapping[bytes, bytes], file: Any) -> None:
    """Have a format write a part; what it prints is no answer of ours."""
    with reserved():
        form.write(part, metadata, file)


class PartReader:
    """A file that is named to be read, and is of a format of a third party."""

    rejected = 0
    first_rejection: str | None = None
    damage: str | None = None

    def __init__(self, path: Path, form: PartFormat) -> None:
        self.name = str(path)
        self._path, self._form = path, form

    def __iter__(self) -> Iterator[Chunk]:
        try:
            for batch in read_part_file(self._path, self._form):
                yield Chunk(batch)
        except DataError as error:
            self.damage = str(error)


def part_reader(path: Path) -> PartReader | None:
    """What reads a file whose suffix is that of a third party's format; else None."""
    form = format_of(suffix_of(path.name))
    return None if form in (JSONL, PARQUET) else PartReader(path, part_format(form))


def read_part_file(
    path: Path, form: PartFormat | None = None, versions: Versions | None = None
) -> Iterator[pa.RecordBatch]:
    """The events of a part's file, by the format that its suffix says where none is given."""
    if _ARROW.search(path.name):
        yield from read_events(path)
        return
    form = form or part_format(format_of(suffix_of(path.name)))
    with reading(path), path.open("rb") as file:
        yield from read_part(form, file, str(path), None, versions)
