"""What a third party's format writes is read back by every command, and no other is stored."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT, Shell, parts_of

GROWING = '''\
"""Lines in files that grow, which nobody else can read."""
import io, os
from mdc_core.plugin import PartFormat, decode_batches, encode_batch

FLIPPED = bytes(code ^ 1 for code in range(256))

class Growing(PartFormat):
    suffix = ".events"
    grows = True

    def write(self, part, metadata, file):
        for table in part.tables():
            for batch in table.to_batches():
                file.write(encode_batch(batch).translate(FLIPPED))

    def read(self, file):
        return decode_batches(io.BytesIO(file.read().translate(FLIPPED)))

class Noisy(Growing):
    suffix = ".noisy"
    grows = False

    def write(self, part, metadata, file):
        print("noise")
        os.write(1, b"noise\\n")
        super().write(part, metadata, file)

    def read(self, file):
        print("noise")
        for batch in super().read(file):
            print("noise")
            yield batch

class Mute(PartFormat):
    suffix = ".mute"

    def write(self, part, metadata, file):
        raise AssertionError("it was to be refused")
'''
SIM = "mdc stream sim SPY AAPL --limit 3000 --seed 7"
ENTRIES = """\
[mdc.store]
feather = mdc_acme.feather:AcmeFeather
growing = growing_format:Growing
noisy = growing_format:Noisy
mute = growing_format:Mute
"""


@pytest.fixture
def acme(tmp_path: Path, install: Callable[..., None]) -> str:
    """The import path of packages with formats of their own."""
    folder = tmp_path / "packages"
    install(folder, "mdc-others", ENTRIES)
    (folder / "growing_format.py").write_text(GROWING)
    return f"{folder}:{ROOT / 'examples/mdc-acme/src'}"


@pytest.fixture
def sh(shell: Shell, acme: str) -> Shell:
    return partial(shell, PYTHONPATH=acme)


@pytest.fixture(params=["feather", "growing"])
def form(request: pytest.FixtureRequest, sh: Shell, tmp_path: Path) -> str:
    """A format, in which the directory `data` has the events of `events.jsonl`."""
    name = str(request.param)
    assert sh(f"{SIM} | tee events.jsonl | mdc store --root data --format {name}").status == 0
    suffix = {"feather": ".feather", "growing": ".events"}[name]
    assert {path.suffix for path in parts_of(tmp_path / "data")} == {suffix}
    assert list((tmp_path / "data/_mdc/journal").iterdir()) == []
    assert sh("mdc store --root plain < events.jsonl").status == 0
    return name


def test_all_that_read_an_archive(sh: Shell, form: str, tmp_path: Path) -> None:
    for line in (
        "mdc cat --root {}",
        "mdc cat --root {} --symbol SPY --type quote",
        "mdc tail -n 7 --root {}",
        "mdc count --root {} --json",
        "mdc query --root {} --format jsonl 'select count(*) n, sum(price * size) v from trade'",
        "mdc ls --root {}",
    ):
        of_it, plain = (sh(line.format(root)) for root in ("data", "plain"))
        assert of_it.status == plain.status == 0, of_it.err
        assert of_it.out.strip()
        if "ls" in line:  # bytes and suffixes are others
            assert len(of_it.out.splitlines()) == len(plain.out.splitlines())
        elif "cat" in line or "tail" in line:
            assert of_it.lines == plain.lines
        else:
            assert of_it.out == plain.out
    deep = sh("mdc verify --deep --root data")
    assert deep.status == 0, deep.out + deep.err
    path = parts_of(tmp_path / "data")[0]
    seen = json.loads(sh(f"mdc inspect --json {path}").out)
    counted = len(sh("mdc cat --root data --symbol AAPL --type quote").lines)
    assert seen["events"] == counted
    assert [(kind["type"], kind["events"]) for kind in seen["types"]] == [("quote", counted)]
    assert seen["encoding"] == form


def test_files_that_are_named(sh: Shell, form: str, tmp_path: Path) -> None:
    path = next(p for p in parts_of(tmp_path / "data") if "SPY" in str(p) and "trade" in str(p))
    whole = sh("mdc cat --root plain --symbol SPY --type trade").lines
    assert sh(f"mdc cat {path}").lines == whole
    assert sh(f"mdc convert {path} --format jsonl").lines == whole
    assert sh(f"mdc tail -n 3 {path}").lines == whole[-3:]
    assert sh(f"mdc head -n 3 {path}").lines == whole[:3]
    assert sh(f"cat {path} | mdc count").status == 65  # a pipe has no name to tell it by
    assert f"{len(whole)} in" in sh(f"mdc -v count {path}").err
    path.write_bytes(path.read_bytes()[:-40])
    assert sh(f"mdc count {path}").status == 65


def test_no_pack_of_them(sh: Shell, form: str) -> None:
    done = sh("mdc pack create --root data out.zip")
    assert done.status == 2
    assert f"is of the format {form}, and a pack is of Parquet and JSONL" in done.err


def test_compact(sh: Shell, form: str, tmp_path: Path) -> None:
    assert sh(f"{SIM} --seed 8 | mdc store --root data --format {form}").status == 0
    before, files = sh("mdc cat --root data").lines, parts_of(tmp_path / "data")
    done = sh("mdc compact --root data")
    assert done.status == 0, done.err
    after = parts_of(tmp_path / "data")
    assert len(after) < len(files)
    assert {p.suffix for p in after} == {files[0].suffix}
    assert sh("mdc cat --root data").lines == before
    assert sh("mdc verify --deep --root data").status == 0


def test_without_a_catalog(sh: Shell, form: str, tmp_path: Path) -> None:
    whole = sh("mdc cat --root data").lines
    shutil.rmtree(tmp_path / "data/_mdc")
    assert sh("mdc cat --root data").lines == whole
    assert sh("mdc verify --deep --root data").status == 0
    done = sh("mdc catalog rebuild --root data")
    assert done.status == 0, done.err
    assert sh("mdc cat --root data").lines == whole
    deep = sh("mdc verify --deep --root data")
    assert deep.status == 0, deep.err + deep.out


def test_recover(sh: Shell, acme: str, tmp_path: Path) -> None:
    line = (
        "mkfifo in; mdc store --format growing --root data --ack < in > acks & store=$!; "
        f"exec 3> in; {SIM} >&3; until grep -q ack acks; do sleep .02; done; kill -9 $store; "
        "wait $store; true"
    )
    assert sh(line).status == 0
    done = sh("mdc recover --root data")
    assert done.status == 0, done.err
    assert {path.suffix for path in parts_of(tmp_path / "data")} == {".events"}
    assert len(sh("mdc cat --root data").lines) == 3000


def test_damage_is_told(sh: Shell, form: str, tmp_path: Path) -> None:
    path = parts_of(tmp_path / "data")[0]
    path.write_bytes(path.read_bytes()[:-300])
    done = sh("mdc verify --deep --root data")
    assert done.status == 1
    assert path.name in done.out
    assert sh("mdc cat --root data").status == 65


def test_a_format_that_does_not_read_is_refused(sh: Shell, tmp_path: Path) -> None:
    done = sh(f"{SIM} | mdc store --root data --format mute")
    assert done.status == 78
    assert "the format mute cannot read what it writes" in done.err
    assert "hint: " in done.err
    assert not (tmp_path / "data").exists()


def test_parts_of_a_format_that_is_gone(shell: Shell, form: str) -> None:
    done = shell("mdc cat --root data")
    assert done.status == 78
    assert f"parts of the format {form}, which is not installed" in done.err


@pytest.mark.parametrize(
    "line",
    [
        "mdc ls --json --root d",
        "mdc count --json --root d",
        "mdc verify --deep --json --root d",
        "mdc advise --json --root d",
        "mdc compact --json --root d",
        "mdc catalog rebuild --json --root d",
        "mdc inspect --json $(ls d/SPY/trade/*.noisy | head -1)",
    ],
)
def test_what_a_format_prints_is_no_answer(line: str, sh: Shell, tmp_path: Path) -> None:
    """In verbs that are no stage as well, while it reads and while it writes."""
    for _ in range(2):
        assert sh(f"{SIM} | mdc store --root d --format noisy").status == 0
    done = sh(line)
    assert done.status == 0, done.err
    json.loads(done.out)
    assert "noise" not in done.out
    shutil.rmtree(tmp_path / "d/_mdc")
    done = sh("mdc ls --json --root d")
    assert json.loads(done.out) and "noise" in done.err and "noise" not in done.out
