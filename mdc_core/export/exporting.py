"""Driving an exporter: names, temporary files, syncs, renames, and a manifest.

All files are written and synced under other names before the first gets its own, and the
manifest comes last: a directory with a manifest holds all that it names.
"""

import os
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from mdc_core import __version__
from mdc_core.archive.catalog.layout import encode_symbol
from mdc_core.contracts import Exporter
from mdc_core.disk import check_place, must_be_new, refused, sync_path
from mdc_core.export.spool import FileKey, PartsSpool
from mdc_core.schema import version_of

MANIFEST = "manifest.json"


class Export:
    """Events on their way to files: one file, or one for each symbol, type and day."""

    def __init__(self, exporter: Exporter, target: Path, *, one_file: bool, force: bool) -> None:
        self.rows = 0
        self._exporter = exporter
        self._target = target
        self._one_file = one_file
        self._force = force
        last = target if one_file else target / MANIFEST
        self._refuse(last)
        check_place(last)
        self._spool = PartsSpool(apart=not one_file)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the events of a batch."""
        if batch.num_rows:
            self.rows += batch.num_rows
            self._spool.add(batch)

    def write(self, said: dict[str, Any]) -> int:
        """Write the files; the manifest has `said` as well; how many files there are."""
        paths = {key: self._path(key) for key in sorted(self._spool.rows, key=_order)}
        temporary: dict[Path, Path] = {}
        try:
            for path in paths.values():
                self._refuse(path)
            facts = []
            for key, path in paths.items():
                temporary[path] = path.with_name(f".{path.name}.{os.getpid()}.part")
                facts.append(self._write(key, path, temporary[path]))
            if not self._one_file:
                path = self._target / MANIFEST
                temporary[path] = path.with_name(f".{path.name}.{os.getpid()}.part")
                self._manifest(temporary[path], {**said, "files": facts})
            for path, written in temporary.items():
                written.replace(path)
            for folder in {path.parent for path in temporary}:
                sync_path(folder)
        except OSError as error:
            raise refused(path, error) from None
        finally:
            for written in temporary.values():
                with suppress(OSError):
                    written.unlink()
            self._spool.close()
        return len(paths)

    def _path(self, key: FileKey) -> Path:
        if self._one_file:
            return self._target
        name = f"{key.day}{self._exporter.suffix}"
        return self._target / encode_symbol(key.symbol) / str(key.type) / name

    def _refuse(self, path: Path) -> None:
        must_be_new(path, force=self._force)

    def _write(self, key: FileKey, path: Path, temporary: Path) -> dict[str, Any]:
        """Write a file, and say what is in it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self._spool.part(key)
        with temporary.open("wb") as file:
            self._exporter.write(part, file)
        with temporary.open("rb") as file:  # a format may go back in its file, or close it
            digest, size = file_digest(file, "sha256").hexdigest(), file.tell()
            os.fsync(file.fileno())
        facts = {
            "path": path.relative_to(self._target).as_posix() if not self._one_file else path.name,
            "symbol": key.symbol,
            "type": key.type,
            "day": key.day,
            "rows": part.rows,
            "bytes": size,
            "sha256": digest,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _manifest(self, path: Path, said: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        types = sorted({str(key.type) for key in self._spool.rows})
        versions = {name: version_of(name) for name in types}
        manifest = {"mdc": __version__, "versions": versions, "rows": self.rows, **said}
        with path.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _order(key: FileKey) -> tuple[str, ...]:
    return tuple(value or "" for value in key)
