"""Tables on a terminal: they fit its width, and no word of them is broken."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit.screen import Screen, shown

WIDTHS = (40, 80, 200)
TABLES = (
    "ls",
    "ls --tree",
    "du",
    "count data",
    "plugins",
    "providers list",
    "schema list",
    "tier status",
    "query 'SELECT * FROM trade'",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """A folder with an archive of two symbols, and one whose name plays with terminals."""
    folder = tmp_path_factory.mktemp("tables")
    odd = json.dumps({"type": "trade", "symbol": "\x1b[31mX", "price": 1, "size": 1})
    with_wide = json.dumps({"type": "trade", "symbol": "東京", "price": 2, "size": 1})
    (folder / "odd.jsonl").write_text(f"{odd}\n{with_wide}\n")
    line = "mdc -q stream sim SPY AAPL --limit 300 | mdc -q store; mdc -q store < odd.jsonl"
    assert shown(line, folder, forked_env).lines == []
    return folder


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.some(9)
def test_a_table_fits(table: str, width: int, data: Path, forked_env: dict[str, str]) -> None:
    screen = shown(f"mdc -q {table}", data, forked_env, width=width)
    assert screen.wrapped == set() and len(screen.lines) > 2, screen.lines
    assert "\x1b" not in "".join(screen.lines)


def test_ls_at_80_has_all_columns(data: Path, forked_env: dict[str, str]) -> None:
    head, *rows = shown("mdc ls", data, forked_env).lines
    names = "SYMBOL TYPE PERIODS FILES EVENTS BYTES FIRST LAST TIER"
    assert head.split() == names.split()
    (spy,) = [row.split() for row in rows if row.startswith("SPY") and " trade " in row]
    assert spy[-3:] == ["2024-01-02", "2024-01-02", "hot"]
    wide = shown("mdc ls", data, forked_env, width=200).lines
    assert any("2024-01-02 14:30:00" in row for row in wide)
    assert any(row.startswith(r"'\x1b[") for row in rows)
    assert len({row.index("hot") for row in [*rows] if "東" not in row}) == 1


def test_what_is_cut_is_told(data: Path, forked_env: dict[str, str]) -> None:
    narrow = shown("mdc plugins", data, forked_env, width=60).lines
    assert any(row.endswith("…") for row in narrow)
    few = shown("mdc query 'SELECT * FROM trade'", data, forked_env, width=40).lines
    assert any(row.startswith("not shown (SELECT fewer): ") for row in few)


def test_in_ascii_and_to_a_pipe(data: Path, forked_env: dict[str, str], shell: Shell) -> None:
    env = forked_env | {"PYTHONIOENCODING": "ascii"}
    narrow = shown("mdc plugins; mdc ls", data, env, width=60).lines
    assert "\n".join(narrow).isascii() and any(row.endswith("~") for row in narrow)
    assert any(r"\u6771" in row for row in narrow)
    piped = shell(f"mdc ls --root {data}/data").out
    assert "2024-01-02T14:30:00." in piped and "…" not in piped


def test_the_screen_of_the_tests() -> None:
    screen = Screen(5).feed("abcdefg\rX\n12345\n")
    assert (screen.lines, screen.wrapped) == (["abcde", "Xg", "12345"], {0})
    assert Screen(9).feed("bar 50 %\r\x1b[Ksaid\nbar").lines == ["said", "bar"]


@pytest.mark.parametrize(
    "line",
    [
        "ls",
        "du",
        "count data",
        "plugins",
        "providers list",
        "schema list",
        "schema show trade --json-schema",
        "schema show trade",
        "query 'SELECT symbol, price, ts_event FROM trade'",
        "query 'SELECT symbol FROM trade' --format json",
        "query 'SELECT symbol FROM trade LIMIT 0'",
        "tier status",
        "verify",
        "coverage --format json",
        "inspect data/SPY/trade/*.parquet",
        "lineage data/SPY/trade/*.parquet",
        "compact --dry-run",
        "advise",
        "recover --dry-run",
        "catalog rebuild --dry-run",
    ],
)
def test_json_has_one_style(line: str, data: Path, shell: Shell) -> None:
    flag = "" if "json" in line else "--json"
    out = shell(f"mdc -q {line} {flag}", cwd=data).out
    assert out == json.dumps(json.loads(out), indent=2, ensure_ascii=False) + "\n"
