"""Events in files: JSONL, Arrow and Parquet, plain or compressed, whatever their names."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mdc_core.disk import writing
from mdc_core.errors import DataError, TruncatedError
from mdc_core.schema import NAMED_KEY
from mdc_core.wire.chunk import Chunk
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.reader import Reader
from mdc_core.wire.sniff import CHUNK, Unbuffered
from mdc_core.wire.unpack import unpacked

if TYPE_CHECKING:
    import pyarrow as pa


def read_events(path: Path) -> "Iterator[pa.RecordBatch]":
    """The events of a file, in batches; raises DataError for anything that is not whole."""
    with path.open("rb", buffering=0) as file:
        for chunk in _chunks(file, str(path), path):
            yield chunk.batch


def decode_batches(file: Unbuffered) -> "Iterator[pa.RecordBatch]":
    """The events of an open file of JSONL, or of an Arrow stream, plain or compressed.

    The schema of a batch says which versions its lines named.
    """
    for chunk in _chunks(file, ""):
        metadata = chunk.batch.schema.metadata or {}
        named = json.dumps(sorted(chunk.versions or ())).encode()
        yield chunk.batch.replace_schema_metadata({**metadata, NAMED_KEY: named})


def named_versions(schema: "pa.Schema", declared: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The types and versions that a file names: in its lines, or else for the whole table."""
    named = (schema.metadata or {}).get(NAMED_KEY)
    return declared.items() if named is None else map(tuple, json.loads(named))


def _chunks(file: Unbuffered, name: str, path: Path | None = None) -> Iterator[Chunk]:
    with closing(Quarantine(keeps=False)) as aside:
        reader = Reader(file, name, aside, path)
        yield from reader
        if reader.damage or reader.rejected:
            raise DataError(reader.damage or str(reader.first_rejection))


@contextmanager
def plain_file(path: Path) -> Iterator[tuple[Path, str | None]]:
    """A file, or a temporary one of what it unpacks to; and why that is not all, if so."""
    with path.open("rb", buffering=0) as file:
        plain = unpacked(file, path.name)
        if plain.compression is None:
            yield path, None
            return
        room = writing("a temporary file", "TMPDIR names another directory")
        from tempfile import TemporaryDirectory

        with room, TemporaryDirectory(prefix="mdc-") as folder:
            copy, damage = Path(folder) / "plain", None
            with copy.open("wb") as kept:
                try:
                    while data := plain.read(CHUNK):
                        kept.write(data)
                except TruncatedError as error:
                    damage = str(error).removeprefix(f"{path.name}: ")
            yield copy, damage
