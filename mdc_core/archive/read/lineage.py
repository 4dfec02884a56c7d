"""Where a file comes from: the begin events of the commands that made it."""

import hashlib
from pathlib import Path
from typing import Any

from mdc_core import times
from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.origins import runs
from mdc_core.archive.ownership import owner_in
from mdc_core.archive.read.describe import Description
from mdc_core.archive.storage import STATE, Directory
from mdc_core.archive.write.archive import Archive
from mdc_core.disk import reading

_SAID = ("stage", "provider", "request", "ts_recv", "mdc", "run_id")


def stages(begin: dict[str, Any]) -> list[dict[str, Any]]:
    """The commands from the source on, out of a begin event and those nested in it."""
    chain = []
    current: Any = begin
    while isinstance(current, dict) and current:
        chain.append({name: current.get(name) for name in _SAID})
        current = current.get("origin")
    return chain[::-1]


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lineage(found: Description, root: Path | str | None = None) -> dict[str, Any]:
    """Where a file that was described comes from, as a JSON object.

    What the catalog of its archive knows is added: that of the root, or of the directories
    above the file.
    """
    digest = sha256(found.path)
    said, stored = found.begins, None
    archive = Archive.open(root) if root is not None else _around(found.path)
    if archive is not None and archive.has_catalog:
        with archive.catalog(read_only=True) as catalog:
            row = _row(archive, catalog, found.path)
            if row is not None:
                stored = _stored(row, digest)
            key = row.origin if row is not None else found.origin_key
            said = said or runs(key, catalog.origin_of)
    return {
        "path": found.name,
        "sha256": digest,
        "bytes": found.size,
        "whole": found.whole,
        "problems": found.problems,
        "versions": found.versions,
        "runs": [{"run_id": b.get("run_id"), "stages": stages(b)} for b in said],
        "stored": stored,
    }


def _around(path: Path) -> Archive | None:
    """The archive whose root, or the directory of whose tier, is above a file."""
    for folder in path.absolute().parents:
        if (folder / STATE).is_dir():
            owner = owner_in(folder / STATE)
            return Archive(owner.root_from(Directory(folder)) if owner else folder)
    return None


def _row(archive: Archive, catalog: Catalog, path: Path) -> PartRow | None:
    """What the catalog says of a file."""
    full = str(path.resolve())
    for part in catalog.named(path.name):
        if str(Path(archive.path_of(part)).resolve()) == full:
            return part
    return None


def _stored(row: PartRow, digest: str) -> dict[str, Any]:
    """What the catalog says of a part as a JSON object, and whether the file is what it was."""
    return {
        "symbol": row.symbol,
        "symbols": len(row.symbols),
        "type": row.type_name,
        "period": row.period,
        "events": row.rows,
        "tier": row.tier,
        "version": row.version,
        "made_by": row.made_by,
        "made_at": times.from_ns(row.made_at),
        "segment": row.segment,
        "unchanged": digest == row.sha256,
        "inputs": [{"path": path, "sha256": hashed} for path, hashed in row.inputs],
    }
