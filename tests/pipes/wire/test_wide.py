"""A thousand symbols of three types in one run: memory, files, and what a read touches."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Shell

SYMBOLS, EACH = 1_000, 12
MEMORY = 400 << 20
DAY = "2024-01-02"
# In a process of its own, whose children are these two alone.
MEASURED = """
import resource, subprocess
for name in ("one", "two"):
    subprocess.run(f"mdc -q store < {name}.jsonl", shell=True, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def line(number: int) -> str:
    """Trades, quotes and bars of all symbols in turns."""
    symbol, turn = number % SYMBOLS, number // SYMBOLS
    clock = f"14:{turn:02d}:00.{number:09d}"
    head = f'"symbol":"S{symbol:04d}","ts_event":"{DAY}T{clock}Z"'
    return (
        f'{{"type":"trade",{head},"price":{number}.01,"size":1,"trade_id":"{number}"}}\n',
        f'{{"type":"quote",{head},"bid_price":{number},"ask_price":{number}.5}}\n',
        f'{{"type":"bar",{head},"interval":"1m","close":{number}.25,"volume":{turn}}}\n',
    )[turn % 3]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, quiet_env: dict[str, str]) -> Path:
    """An archive of two runs, the first of which was measured."""
    folder = tmp_path_factory.mktemp("wide")
    lines = [line(number) for number in range(SYMBOLS * EACH)]
    (folder / "one.jsonl").write_text("".join(lines[: len(lines) * 3 // 4]))
    (folder / "two.jsonl").write_text("".join(lines[len(lines) * 3 // 4 :]))
    measured = [sys.executable, "-c", MEASURED]
    done = subprocess.run(measured, check=True, cwd=folder, env=quiet_env, capture_output=True)
    (folder / "peak").write_bytes(done.stdout)
    return folder


def test_memory_is_bounded(wide: Path) -> None:
    peak = int((wide / "peak").read_text())
    print(f"peak {peak / 1e6:.0f} MB")
    assert peak < MEMORY


def test_a_read_touches_its_partition_alone(wide: Path, shell: Shell, tmp_path: Path) -> None:
    """All other files could as well be rubbish, once each symbol has its own."""
    assert shell(f"rm -rf data && cp -r {wide}/data data && mdc compact").status == 0
    want = shell(f"mdc cat {wide}/one.jsonl {wide}/two.jsonl").lines
    mine = [text for text in want if '"symbol":"S0500"' in text and f'"{DAY}T' in text]
    for path in (tmp_path / "data").glob("S*/*/*.parquet"):
        if not (path.parts[-3] == "S0500" and path.name.startswith(DAY)):
            path.write_bytes(b"rubbish")
    got = shell(f"mdc cat --root data --symbol S0500 --date {DAY}")
    assert got.status == 0, got.err
    assert got.lines == mine and len(mine) == EACH
    assert shell("mdc cat --root data --symbol S0501").status == 65


def test_one_file_a_partition_after_compaction(wide: Path, shell: Shell) -> None:
    shell(f"rm -rf data && cp -r {wide}/data data")
    want = shell("mdc cat --root data").lines
    assert len(want) == SYMBOLS * EACH
    done = shell("mdc compact --root data")
    assert done.status == 0, done.err
    files = shell("cd data && find . -name '*.parquet'").out.splitlines()
    places = [file.split("/")[1:] for file in files]
    partitions = Counter((symbol, kind, name[:10]) for symbol, kind, name in places)
    assert set(partitions.values()) == {1}
    assert len(partitions) == SYMBOLS * 3
    assert shell("mdc cat --root data").lines == want
