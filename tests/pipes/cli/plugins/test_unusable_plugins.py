"""A plugin whose verb there is no command for is not listed as if it could be used."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Shell


def test_a_plugin_without_a_command(
    shell: Shell, tmp_path: Path, install: Callable[..., None]
) -> None:
    install(tmp_path / "p", "mdc-late", "[mdc.backfill]\nlate = late:Late\n")
    done = shell("mdc plugins --json", PYTHONPATH=str(tmp_path / "p"))
    assert done.status == 0
    assert "plugin backfill:late (mdc-late 1.2) cannot be used" in done.err
    rows = json.loads(done.out)
    assert "lean" in {row["name"] for row in rows}
    assert "late" not in {row["name"] for row in rows}
