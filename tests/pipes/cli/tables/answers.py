"""The commands that answer, and a small folder to ask them about."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.kit.screen import shown

ANSWERS = (
    "ls",
    "ls --tree",
    "du",
    "count data",
    "tier status",
    "tier plan",
    "tier migrate --dry-run",
    "verify",
    "coverage",
    "inspect data/A/trade/*.parquet",
    "inspect e.jsonl",
    "lineage data/A/trade/*.parquet",
    "lineage e.jsonl",
    "compact --dry-run",
    "retain --keep 1s --by event --dry-run",
    "rm --symbol A --dry-run",
    "advise",
    "recover --dry-run",
    "catalog rebuild --dry-run",
    "schema migrate --dry-run",
    "compress --format parquet e.jsonl",
    "pack list p.zip",
    "pack verify p.zip",
    "pack import p.zip --dry-run",
)
EVENT = {"type": "trade", "symbol": "A", "ts_event": "2024-01-02T14:30:00.000000001Z"}
BEGIN = {"type": "begin", "ts_recv": "2024-01-02T14:30:00Z", "run_id": "0123456789ab"}


def answering(folder: Path, env: Mapping[str, str]) -> Path:
    """A folder with an archive of one event, `data`, its file `e.jsonl`, and a pack of it."""
    lines = [BEGIN | {"stage": "stream"}, EVENT | {"price": 1, "size": 1}]
    lines.append({"type": "end", "stage": "stream", "counts": {"trade": 1}, "reason": "eof"})
    (folder / "e.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    line = "mdc -q store < e.jsonl; mdc -q pack create data -o p.zip"
    assert shown(line, folder, env).lines == []
    return folder
