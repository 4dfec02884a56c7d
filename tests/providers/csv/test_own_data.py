"""Each command that docs/own-data.md shows runs, and prints what it says."""

import re
from pathlib import Path

import pytest

from tests.conftest import Shell

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "own-data.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def test_the_page_runs_as_it_stands(shell: Shell) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    shown, said = 0, ""
    for kind, text in BLOCK.findall(PAGE):
        if kind == "sh":
            done = shell(text)
            assert done.status == 0, done.err
            said = done.out
        else:
            assert said == text
            shown += 1
    assert shown == 3
