"""Each call that docs/reading.md shows for a tool runs, and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.conftest import Shell

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "reading.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
HEAD, *REST = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {text.partition("\n")[0]: BLOCK.findall(text) for text in REST}
NEEDS = {"pandas": "pandas", "pyarrow": "pyarrow", "Polars": "polars", "DuckDB": "duckdb"}
NEEDS |= {"ClickHouse (chDB)": "chdb", "Spark": "pyspark"}


@pytest.mark.parametrize("tool", [*NEEDS])
def test_calls_of_a_tool(
    tool: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(NEEDS[tool], reason=f"{NEEDS[tool]} is not installed")
    for _, script in BLOCK.findall(HEAD):
        assert shell(script).status == 0
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    said = io.StringIO()
    shown = 0
    for kind, text in SECTIONS[tool]:
        if kind == "sh":
            assert shell(text).status == 0
        elif kind == "python":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(text, "docs/reading.md", "exec"), names)
        elif kind == "text":
            assert said.getvalue() == text
            shown += 1
    assert shown


def test_every_tool_is_run_or_said_not_to_be() -> None:
    assert SECTIONS.keys() == {*NEEDS, "R"}
    assert "not tested here" in PAGE.partition("## R\n")[2]
