"""Many symbols of three types in one run: memory, files, and what a read touches."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of

WIDE, OWN, EACH = 1_000, 20, 12  # so few as OWN do not share parts
MEMORY = 400 << 20
DAY = "2024-01-02"
# In a process of its own, whose children are these two alone.
MEASURED = """
import resource, subprocess
for name in ("one", "two"):
    subprocess.run(f"mdc -q store < {name}.jsonl", shell=True, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def events(symbols: int) -> list[str]:
    """Trades, quotes and bars of all symbols in turns."""
    return [line(number, symbols) for number in range(symbols * EACH)]


def line(number: int, symbols: int) -> str:
    symbol, turn = number % symbols, number // symbols
    clock = f"14:{turn:02d}:00.{number:09d}"
    head = f'"symbol":"S{symbol:04d}","ts_event":"{DAY}T{clock}Z"'
    return (
        f'{{"type":"trade",{head},"price":{number}.01,"size":1,"trade_id":"{number}"}}\n',
        f'{{"type":"quote",{head},"bid_price":{number},"ask_price":{number}.5}}\n',
        f'{{"type":"bar",{head},"interval":"1m","close":{number}.25,"volume":{turn}}}\n',
    )[turn % 3]


def halves(folder: Path, symbols: int) -> None:
    """Two files: what two runs store."""
    lines = events(symbols)
    (folder / "one.jsonl").write_text("".join(lines[: len(lines) * 3 // 4]))
    (folder / "two.jsonl").write_text("".join(lines[len(lines) * 3 // 4 :]))


def test_memory_is_bounded(tmp_path: Path, quiet_env: dict[str, str]) -> None:
    halves(tmp_path, WIDE)
    measured = [sys.executable, "-c", MEASURED]
    done = subprocess.run(measured, check=True, cwd=tmp_path, env=quiet_env, capture_output=True)
    assert int(done.stdout) < MEMORY


@pytest.fixture
def own(tmp_path: Path, shell: Shell) -> Path:
    """An archive of two runs, where each symbol has files of its own."""
    halves(tmp_path, OWN)
    for name in ("one", "two"):
        assert shell(f"mdc -q store < {name}.jsonl").status == 0
    return tmp_path / "data"


def test_a_read_touches_its_partition_alone(own: Path, shell: Shell) -> None:
    """All other files could as well be rubbish."""
    want = shell("mdc cat one.jsonl two.jsonl").lines
    mine = [text for text in want if '"symbol":"S0015"' in text]
    for path in own.glob("S*/*/*.parquet"):
        if path.parts[-3] != "S0015":
            path.write_bytes(b"rubbish")
    got = shell(f"mdc cat --root data --symbol S0015 --date {DAY}")
    assert got.status == 0, got.err
    assert got.lines == mine and len(mine) == EACH
    assert shell("mdc cat --root data --symbol S0016").status == 65


def test_one_file_a_partition_after_compaction(own: Path, shell: Shell) -> None:
    want = shell("mdc cat --root data").lines
    assert len(want) == OWN * EACH
    done = shell("mdc compact --root data")
    assert done.status == 0, done.err
    places = [file.relative_to(own).parts for file in own.glob("*/*/*.parquet")]
    partitions = Counter((symbol, kind, name[:10]) for symbol, kind, name in places)
    assert set(partitions.values()) == {1}
    assert len(partitions) == OWN * 3
    assert shell("mdc cat --root data").lines == want


@pytest.mark.parametrize(("symbols", "files"), [(256, 256), (257, 1)])
def test_from_how_many_symbols_on_they_share_a_part(
    symbols: int, files: int, shell: Shell, tmp_path: Path
) -> None:
    lines = "".join(line(number, symbols) for number in range(symbols))
    assert shell("mdc -q store", stdin=lines.encode()).status == 0
    assert len(parts_of(tmp_path / "data")) == files
    assert sorted(shell("mdc cat --root data --type trade").lines) == sorted(
        shell("mdc convert", stdin=lines.encode()).lines
    )
