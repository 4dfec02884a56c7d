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
        == shell(EVENTS.format(1) + " | mdc convert --format jsonl").lines
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


@pytest.mark.parametrize("body", ["pass", "next(part.tables())", "return 5"])
def test_a_format_that_does_not_take_all_rows(
    shell: Shell, tmp_path: Path, odd: str, body: str
) -> None:
    start, end = FORMAT.index("        for table"), FORMAT.index("    def read")
    code = f"{FORMAT[:start]}        {body}\n\n{FORMAT[end:]}"
    Path(odd, "odd_format.py").write_text(code)
    done = shell(f"{EVENTS.format(1)} | mdc store --format odd --root data", PYTHONPATH=odd)
    assert done.status == 0, done.err
    assert "the format odd failed: DataError: it does not take all rows of a part" in done.err
    assert {path.suffix for path in parts_of(tmp_path / "data")} == {".parquet"}
    assert len(shell("mdc cat --root data").events) == 10


def test_a_format_that_wants_to_exit(shell: Shell, tmp_path: Path, odd: str) -> None:
    code = FORMAT.replace('RuntimeError("boom")', "SystemExit(3)")
    Path(odd, "odd_format.py").write_text(code)
    done = shell(f"{EVENTS.format(1)} | mdc store --format odd --root data", PYTHONPATH=odd)
    assert (done.status, "the format odd failed: SystemExit: 3" in done.err) == (0, True), done.err
    assert len(shell("mdc cat --root data").events) == 10


GOES_BACK = '''\
"""A format of somebody else's, with a head that is written last."""
from mdc_core.plugin import PartFormat, decode_batches, encode_batch

class Odd(PartFormat):
    suffix = ".odd"

    def write(self, part, metadata, file):
        file.write(b"    ")
        for table in part.tables():
            for batch in table.to_batches():
                file.write(encode_batch(batch))
        file.seek(0)
        file.write(b"HEAD")

    def read(self, file):
        assert file.read(4) == b"HEAD"
        return decode_batches(file)
'''


def test_a_format_may_go_back_in_its_file(shell: Shell, tmp_path: Path, odd: str) -> None:
    Path(odd, "odd_format.py").write_text(GOES_BACK)
    done = shell(f"{EVENTS.format(1)} | mdc store --format odd --root data", PYTHONPATH=odd)
    assert (done.status, "failed" in done.err) == (0, False), done.err
    assert {path.suffix for path in parts_of(tmp_path / "data")} == {".odd"}
    assert shell("mdc verify --deep --root data", PYTHONPATH=odd).status == 0
    assert len(shell("mdc cat --root data", PYTHONPATH=odd).events) == 10
