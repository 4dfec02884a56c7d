"""Events of an archive do not come into it a second time."""

from pathlib import Path

import pytest

from tests.conftest import Shell


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """What is in the archive `data`."""
    line = "mdc stream sim SPY AAPL --limit 60 | mdc store --format jsonl"
    assert shell(line).status == 0
    return shell("mdc cat --root data").lines


@pytest.mark.parametrize(
    "line",
    [
        "mdc cat --root data then store --root data",
        "mdc cat --root data | mdc store --root $PWD/other/../data",
        "mdc cat --root data --format arrow | mdc validate | mdc store",
        "mdc cat data then validate then store",
        "cd data; mdc replay --speed max --root . | mdc store --root ../data",
        "ln -s data link; mdc cat --root link then store",
        "mdc cat --symbol SPY data/SPY/*/*.jsonl | mdc convert | mdc store",
        "mdc validate data/SPY/*/*.jsonl then store",
        "mdc head < $(ls data/SPY/*/*.jsonl | head -1) then store",
        "mdc store < $(ls data/SPY/*/*.jsonl | head -1)",
        "(mdc stream sim MSFT --limit 1; mdc cat --root data) | mdc store",
    ],
)
def test_refused(line: str, shell: Shell, lines: list[str]) -> None:
    done = shell(f"mkdir other; {line}; exit ${{PIPESTATUS[-1]}}")
    assert done.status == 2, done.err
    assert "would be twice in it" in done.err
    after = [line for line in shell("mdc cat --root data").lines if "MSFT" not in line]
    assert after == lines


def test_a_tier_belongs_to_its_archive(shell: Shell, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text('[tier.cold]\ndirectory = "../cold"\n')
    assert shell("mdc tier migrate --now 2030-01-01").status == 0
    done = shell("mdc cat cold/SPY/*/* then store")
    assert (done.status, "would be twice in it" in done.err) == (2, True), done.err
    assert shell("mdc cat --root data").lines == lines


def test_other_archives_are_stored(shell: Shell, lines: list[str]) -> None:
    assert shell("mdc cat --root data then store --root copy").status == 0
    assert shell("mdc cat --root copy").lines == lines
    assert shell("cp -r data twin; mdc cat --root twin | mdc store --root more").status == 0
    assert shell("mdc cat --root more").lines == lines


def test_what_a_filter_derives_comes_in(shell: Shell, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text(
        "from mdc_core import plugin as mdc\n"
        "class Ends(mdc.Filter):\n"
        '    """The first of each batch, as something new."""\n'
        "    derives = True\n"
        "    def __call__(self, batch):\n"
        "        return [batch.slice(0, 1)]\n"
    )
    filtered = "mdc --plugin ends.py cat --root data then ends then store"
    done = shell(filtered)
    assert done.status == 0, done.err
    assert len(shell("mdc cat --root data").lines) > len(lines)
    (tmp_path / "ends.py").write_text((tmp_path / "ends.py").read_text().replace("True", "False"))
    assert shell(filtered).status == 2
