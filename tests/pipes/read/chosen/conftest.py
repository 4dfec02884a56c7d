"""An archive of five symbols, to be chosen from."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

SYMBOLS = ["SPY", "SAP", "AAPL", "BTC/USD", "[X]"]


@pytest.fixture(scope="session")
def made_market(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """An archive in which each symbol has two parts, and files that name some."""
    folder = tmp_path_factory.mktemp("made")
    stream = f"mdc -q stream sim {' '.join(map(shlex.quote, SYMBOLS))} --limit 300"
    for _ in range(2):
        line = f"{stream} then store --root data"
        subprocess.run(["bash", "-c", line], cwd=folder, env=forked_env, check=True)
    (folder / "few.txt").write_text("# some\nS*\n\n  BTC/*  # a pair\n")
    (folder / "spy.txt").write_text("SPY, SAP\n")
    return folder


@pytest.fixture
def market(made_market: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(made_market, tmp_path, dirs_exist_ok=True)
    return tmp_path / "data"
