"""A plugin for a command that this mdc does not have: a package may be for several versions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell


@pytest.mark.parametrize("verb", ["backfill", "metamorphosis"])
def test_a_plugin_without_a_command_is_unused(
    verb: str, shell: Shell, tmp_path: Path, install: Callable[..., None]
) -> None:
    install(tmp_path / "p", "mdc-late", f"[mdc.{verb}]\nlate = late:Late\n")
    path = {"PYTHONPATH": str(tmp_path / "p")}
    done = shell("mdc plugins --json", **path)
    assert (done.status, done.err) == (0, "")
    found = {(row["verb"], row["name"]): row["status"] for row in json.loads(done.out)}
    assert (found[verb, "late"], found["import", "lean"]) == ("unused", "")
    done = shell("mdc plugins", COLUMNS="200", **path)
    assert (done.status, done.err) == (0, "")
    assert [verb, "late", "mdc-late", "1.2", "unused"] in [
        line.split()[:5] for line in done.out.splitlines()
    ]
    done = shell("mdc plugins --load", **path)
    assert done.status == 0
    assert done.err == (
        f"mdc plugins: plugin {verb}:late (mdc-late 1.2) is unused: "
        f"there is no command mdc {verb}\n"
    )


def test_a_misspelt_group_is_broken(
    shell: Shell, tmp_path: Path, install: Callable[..., None]
) -> None:
    install(tmp_path / "p", "mdc-late", "[mdc.backfil]\nlate = late:Late\n")
    done = shell("mdc plugins", PYTHONPATH=str(tmp_path / "p"))
    assert done.status == 78 and "did you mean mdc.backfill?" in done.err
