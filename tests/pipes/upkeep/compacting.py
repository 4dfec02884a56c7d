"""An archive to compact, and what lies in it."""

from pathlib import Path

from tests.conftest import Shell, parts_of

SYMBOLS = "SPY AAPL 'BTC/USD'"


def parts(root: Path) -> dict[str, bytes]:
    """The files of an archive, by their paths."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in parts_of(root)}


def stored(shell: Shell, options: str = "", runs: int = 3, symbols: str = SYMBOLS) -> list[str]:
    """An archive of several runs at the same time, and the lines of its events."""
    for seed in range(runs):
        line = f"mdc stream sim {symbols} --limit 600 --seed {seed} | mdc store {options}"
        done = shell(line)
        assert done.status == 0, done.err
    lines = shell("mdc cat --root data").lines
    assert len(lines) == 600 * runs
    return lines
