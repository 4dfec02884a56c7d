"""A format that fails, or is not installed any more, costs no event and stops no store."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell, parts_of

FORMAT = '''\
"""A format of somebody else's, which fails."""
from mdc_core.plugin import PartFormat

class Odd(PartFormat):
    suffix = ".odd"

    def write(self, part, metadata, file):
        for table in part.tables():
            file.write(b"some")
            raise RuntimeError("boom")

    def read(self, file):
        return ()
'''
EVENTS = "mdc stream sim SPY --limit 10 --seed {}"


@pytest.fixture
def odd(tmp_path: Path, install: Callable[..., None]) -> str:
    """The import path of a package with the format `odd`."""
    folder = tmp_path / "packages"
    install(folder, "mdc-odd", "[mdc.store]\nodd = odd_format:Odd\n")
    (folder / "odd_format.py").write_text(FORMAT)
    return str(folder)


def test_a_format_that_fails_is_replaced_by_parquet(shell: Shell, tmp_path: Path, odd: str) -> None:
    done = shell(f"{EVENTS.format(1)} | mdc store --format odd --root data", PYTHONPATH=odd)
    assert done.status == 0, done.err
    assert "the format odd failed: RuntimeError: boom" in done.err
    assert "is sealed as parquet" in done.err
    assert {path.suffix for path in parts_of(tmp_path / "data")} == {".parquet"}
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    assert (
        shell("mdc cat --root data").lines
        == shell(EVENTS.format(1) + " | mdc convert --to jsonl").lines
    )
    assert shell("mdc verify --deep --root data").status == 0


def test_a_journal_of_a_format_that_is_gone(shell: Shell, tmp_path: Path, odd: str) -> None:
    line = (
        "mkfifo in; mdc store --format odd --root data --ack < in > acks & store=$!; "
        f"exec 3> in; {EVENTS.format(1)} >&3; "
        "until grep -q ack acks; do sleep .02; done; kill -9 $store; wait $store; true"
    )
    assert shell(line, PYTHONPATH=odd).status == 0
    assert parts_of(tmp_path / "data") == []
    done = shell(f"{EVENTS.format(2)} | mdc store --root data")
    assert done.status == 0, done.err
    assert "no such format to store: 'odd'" in done.err
    assert "are sealed as parquet" in done.err
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    assert len(shell("mdc cat --root data").events) == 20
