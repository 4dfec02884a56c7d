"""What is no regular file, in an archive: nobody waits for it, and it is no part."""

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of

VERBS = [
    "ls",
    "cat",
    "count",
    "du",
    "verify --deep",
    "advise",
    "recover",
    "query 'SELECT count(*) FROM trade'",
    "catalog rebuild",
    "compact",
    "pack create p.zip",
]


def _special(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place / "2024-01-03.parquet")
    os.mkfifo(place / "2024-01-03.jsonl")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(place / "s.parquet"))
    (place / "d.parquet").symlink_to("/dev/zero")


@pytest.fixture
def lines(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    assert shell("mdc stream sim SPY --limit 40 | mdc store").status == 0
    found = shell("mdc cat --root data").lines
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    for place in ("data", "data/SPY/trade", "data/AAPL/quote"):
        _special(tmp_path / place)
    os.mkfifo(tmp_path / "data/_mdc/journal/x.journal")
    return found


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.some(5)
def test_nobody_waits_for_what_is_no_file(verb: str, shell: Shell, lines: list[str]) -> None:
    done = shell(f"timeout 60 mdc {verb} --root data")
    assert done.status == 0, done
    assert shell("timeout 60 mdc cat --root data").lines == lines
    assert "parquet" not in shell("mdc verify --root data").out


def test_without_a_catalog(shell: Shell, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "data/_mdc/catalog.sqlite").unlink()
    assert shell("timeout 60 mdc catalog rebuild --root data").status == 0
    assert shell("timeout 60 mdc cat --root data").lines == lines


@pytest.mark.parametrize("verb", ["cat", "verify --deep", "compact --sort", "catalog rebuild"])
def test_a_part_that_became_a_fifo(verb: str, shell: Shell, tmp_path: Path) -> None:
    for seed in (1, 2):  # a file that is alone in its period is not compacted
        assert shell(f"mdc stream sim SPY --limit 40 --seed {seed} | mdc store").status == 0
    part = next(path for path in parts_of(tmp_path / "data") if "trade" in path.parts)
    part.unlink()
    os.mkfifo(part)
    done = shell(f"timeout 60 mdc {verb} --root data")
    assert done.status in (1, 65), done
    assert part.name in done.out + done.err
