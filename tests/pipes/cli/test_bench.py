"""The bench runs, and has a figure for everything that it promises one for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("duckdb")
ROOT = Path(__file__).resolve().parents[3]
ROWS = {
    "start": ["click", "help", "version"],
    "corpus": [
        "duckdb",
        "duckdb-auto",
        "validate",
        "store",
        "pipe",
        "then",
        "then-arrow",
        "pipe-arrow",
        "store-arrow",
        "cat",
        "cat-arrow",
        "to-arrow",
        "to-jsonl",
        "head",
    ],
    "find": ["hive", "find"],
    "find-type": ["hive-type", "find-type"],
    "stream": ["loop", "stream"],
    "capture": ["not-kept", "capture"],
}
STAGES = {"pipe": 3, "pipe-arrow": 2}


def bench(out: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bench" / "run.py"), "--quick", *args]
    command += ["--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_row_has_its_figures(tmp_path: Path) -> None:
    done = bench(tmp_path, "--events", "5000")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    found: dict[str, list[str]] = {}
    for row in results["rows"]:
        found.setdefault(row["group"], []).append(row["name"])
        assert min(row["wall"], row["cpu"], row["ratio"], *row["ratios"].values()) > 0
        assert len(row["stages"]) == STAGES.get(row["name"], 1)
        assert all(stage["cpu"] > 0 and stage["rss"] > 0 for stage in row["stages"])
        assert row["reference"] == (
            row["name"]
            in (
                "click",
                "duckdb",
                "duckdb-auto",
                "hive",
                "hive-type",
                "loop",
                "not-kept",
            )
        )
    assert found == ROWS
    (kept,) = [row for row in results["rows"] if row["bytes_per_frame"] is not None]
    assert kept["name"] == "capture" and kept["bytes_per_frame"] > 10
    assert f"{kept['bytes_per_frame']:.0f} bytes a frame on the disk" in done.stdout
    assert results["memory"]["rss"] == max(
        stage["rss"]
        for row in results["rows"]
        if not row["reference"]
        for stage in row["stages"]
        if stage["command"].startswith("mdc ")
    )
    assert results["machine"]["cores"] > 0
    assert (tmp_path / "results.md").read_text() == done.stdout
    assert sum(line.startswith("| ") for line in done.stdout.splitlines()) == 25 + 3


def test_a_command_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    tmp_path.joinpath("x-10.jsonl").write_text('{"type":"trade"\n')
    tmp_path.joinpath("archive").write_text("a file where a folder has to be")
    done = bench(tmp_path, "--events", "10", "--only", "cat")
    assert done.returncode == 1
    assert done.stderr.startswith("bench: ") and "exit status" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results.json").exists()
