"""What a pipe writes between its commands does not show in the files that it ends in."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, parts_of

FAULTS = "gap=40,duplicate=40,crossed=200,late=200,bad=40"
SOURCE = f"mdc -q stream sim SPY AAPL MSFT --limit 30000 --defects {FAULTS} --defect-window 30000"


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
def test_findings_between_events_cost_no_row_groups(
    shell: Shell, tmp_path: Path, wire: str
) -> None:
    """Hundreds of findings, each behind its event: one row group a file, and all in order."""
    done = shell(
        f"{SOURCE} > events.jsonl && mdc -q validate --format {wire} events.jsonl > checked"
        " && mdc -q store --root data < checked && mdc -q cat --root data"
    )
    assert done.status == 0, done.err
    files = parts_of(tmp_path / "data")
    assert len(files) >= 9
    groups = {path: pq.read_metadata(path).num_row_groups for path in files}
    assert groups == dict.fromkeys(files, 1)
    kinds = [event["type"] for event in done.events]
    assert kinds.count("integrity") > 400
    assert len(kinds) == 30_000 + kinds.count("integrity")
