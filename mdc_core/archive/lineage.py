"""Where a file comes from: the begin events of the commands that made it."""

import hashlib
from pathlib import Path
from typing import Any

from mdc_core.archive.describe import Description
from mdc_core.errors import DataError

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
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def lineage(found: Description) -> dict[str, Any]:
    """Where a file that was described comes from, as a JSON object."""
    return {
        "path": found.name,
        "sha256": sha256(found.path),
        "bytes": found.size,
        "whole": found.whole,
        "problems": found.problems,
        "versions": found.versions,
        "runs": [{"run_id": b.get("run_id"), "stages": stages(b)} for b in found.begins],
    }
