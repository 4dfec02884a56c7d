"""JSONL parts grow, frame by frame: what is in them, what is cut off, what is shown of them."""

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from mdc_core.archive.read.snapshot import snapshot
from mdc_core.wire.lines.jsonl import encode_batch
from tests.conftest import Shell, parts_of
from tests.pipes.store.storing import Storing, storing, trade, trades

Start = Callable[..., Storing]


def unzstd(data: bytes) -> bytes:
    """All frames, as zstdcat shows them."""
    out = b""
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        out += frame.decompress(data)
        data = frame.unused_data
    return out


READ: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", bytes),
    "gzip": (".gz", gzip.decompress),
    "zstd": (".zst", unzstd),
    "lz4": (".lz4", lambda data: lz4.frame.open(BytesIO(data)).read()),
}


@pytest.fixture
def start(tmp_path: Path, quiet_env: dict[str, str]) -> Iterator[Start]:
    """Start a store into `data`."""
    with ExitStack() as stack:
        yield lambda options: stack.enter_context(storing(options, tmp_path, quiet_env))


def only(root: Path) -> Path:
    (path,) = parts_of(root)
    return path


@pytest.mark.parametrize("sealing", ["--seal-size 1B", "--seal-every 1ms"])
@pytest.mark.parametrize("codec", READ)
@pytest.mark.some(3)
def test_seals_of_one_run_are_frames_of_one_file(
    codec: str, sealing: str, start: Start, shell: Shell, tmp_path: Path
) -> None:
    store = start(f"--format jsonl --compression {codec} {sealing}")
    suffix, read = READ[codec]
    for number in range(3):
        store.write(trades(number * 2, number * 2 + 2))
        store.wait_for(number * 2 + 2)
    status, err = store.end()
    assert status == 0, err
    path = only(tmp_path / "data")
    assert path.name.endswith(f"-0001.jsonl{suffix}")
    lines = trades(0, 6)
    assert read(path.read_bytes()).decode().splitlines() == lines
    assert shell("mdc cat --root data").lines == lines
    assert shell(f"mdc cat {path}").lines == lines
    (row,) = json.loads(shell("mdc ls --json").out)
    assert (row["events"], row["files"], row["bytes"]) == (6, 1, path.stat().st_size)
    span = "--from 2024-01-02T14:30:00.002 --to 2024-01-02T14:30:00.005"
    assert shell(f"mdc cat --root data {span}").lines == lines[2:5]
    assert json.loads(shell(f"mdc count --root data --json {span}").out)["total"] == 3


def test_frames_that_are_not_in_order(start: Start, shell: Shell, tmp_path: Path) -> None:
    store = start("--format jsonl --seal-size 1B")
    for number in (4, 0, 2):
        store.write([trade(number + 1), trade(number)])
        store.wait_for({4: 2, 0: 4, 2: 6}[number])
    assert store.end()[0] == 0
    written = only(tmp_path / "data").read_text().splitlines()
    assert written == [trade(n) for n in (4, 5, 0, 1, 2, 3)]
    assert shell("mdc cat --root data").lines == trades(0, 6)
    assert shell("mdc tail -n 3 --root data").lines == trades(3, 6)
    assert shell("mdc replay --speed max --root data --from 2024-01-02T14:30:00.003").lines == (
        trades(3, 6)
    )
    assert json.loads(shell("mdc count --root data --json").out)["total"] == 6


def killed_after_a_seal(start: Start, shell: Shell, codec: str) -> None:
    """A store that was killed when 400 trades were sealed, and one was not."""
    store = start(f"--format jsonl --compression {codec} --seal-size 20000B")
    store.write(trades(0, 400))
    store.wait_for(400)
    store.write([trade(400)])
    store.wait_for(401)
    assert shell("while ls data/_mdc/journal/*-0001.journal; do sleep .02; done").status == 0
    store.kill()


@pytest.mark.parametrize("codec", READ)
@pytest.mark.some(1)
def test_a_torn_tail_is_cut_when_its_run_is_recovered(
    codec: str, start: Start, shell: Shell, tmp_path: Path
) -> None:
    killed_after_a_seal(start, shell, codec)
    (left,) = (tmp_path / "data" / "_mdc" / "journal").iterdir()
    path = only(tmp_path / "data")
    sound = path.read_bytes()
    assert READ[codec][1](sound).decode().splitlines() == trades(0, 400)
    with path.open("ab") as file:
        file.write(sound[: len(sound) // 2])
    assert shell("mdc cat --root data").lines == trades(0, 401)
    done = shell("mdc recover")
    assert (done.status, done.out) == (0, f"recovered {left.stem}: 1 event\n")
    assert only(tmp_path / "data") == path
    assert path.read_bytes().startswith(sound)
    assert READ[codec][1](path.read_bytes()).decode().splitlines() == trades(0, 401)
    assert shell("mdc cat --root data").lines == trades(0, 401)


def test_following_a_file_that_grows(
    start: Start, shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """Each frame once; another run's file as well."""
    assert shell("mdc store --format jsonl", stdin=trade(0).encode()).status == 0
    store = start("--format jsonl --seal-size 1B")
    with subprocess.Popen(
        ["mdc", "-q", "cat", "--root", "data", "--follow"],
        cwd=tmp_path,
        env=quiet_env,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as cat:
        assert cat.stdout is not None

        def following() -> str:
            assert cat.stdout is not None
            return cat.stdout.readline().rstrip("\n")

        assert json.loads(following())["type"] == "begin"
        assert following() == trade(0)
        for number in range(1, 4):
            store.write([trade(number)])
            assert following() == trade(number)
        other = start("--format parquet --seal-size 1B --seal-after 0s")
        other.write([trade(4, "B")])
        assert following() == trade(4, "B")
        store.write([trade(5)])
        assert following() == trade(5)
        assert (store.end()[0], other.end()[0]) == (0, 0)
        cat.terminate()
        end = json.loads(following())
        assert (end["counts"], end["reason"]) == ({"trade": 6}, "signal")
    assert cat.returncode == 0


@pytest.mark.parametrize("codec", READ)
@pytest.mark.some(1)
def test_what_is_behind_the_last_frame_is_not_read(
    codec: str, start: Start, shell: Shell, tmp_path: Path
) -> None:
    """While a killed run is not recovered, and where it was but the file has a tail again."""
    killed_after_a_seal(start, shell, codec)
    lines = trades(0, 401)
    path = only(tmp_path / "data")
    for unsealed in (1, 0):
        assert len(list((tmp_path / "data" / "_mdc" / "journal").iterdir())) == unsealed
        size = path.stat().st_size
        with path.open("r+b") as file:
            torn = file.read()[: size // 2]
            file.write(torn)
        assert shell("mdc cat --root data").lines == lines
        assert shell("mdc cat --root data --from 2024-01-02T14:30:00.399").lines == lines[399:]
        assert shell("mdc tail -n 3 --root data").lines == lines[-3:]
        assert shell("mdc replay --speed max --root data").lines == lines
        assert json.loads(shell("mdc count --root data --json").out)["total"] == 401
        asked = "SELECT count(*), sum(price)::int FROM trade"
        summed = shell(f"mdc query --root data --format csv '{asked}'")
        assert summed.out.splitlines()[1:] == [f"401,{sum(range(401))}"], summed.err
        name = f"{unsealed}.zip"
        packed = shell(f"mdc pack create {name} --root data && mdc pack verify {name}")
        assert packed.status == 0, packed.err
        verified = shell("mdc verify --deep --root data").out
        assert ("damaged" in verified, "a tail of" in verified) == (False, not unsealed)
        if unsealed:
            assert shell("mdc recover").status == 0
    assert shell("mdc compact --root data").status == 0
    assert only(tmp_path / "data") != path
    assert shell("mdc cat --root data").lines == lines
    assert shell("mdc verify --deep --root data").status == 0


def test_a_reader_of_a_file_that_has_grown_since_and_then_was_compacted(
    start: Start, shell: Shell, tmp_path: Path
) -> None:
    store = start("--format jsonl --seal-size 1B")
    store.write(trades(0, 2))
    store.wait_for(2)
    assert shell("while ls data/_mdc/journal/*-0001.journal; do sleep .02; done").status == 0
    looked = snapshot(tmp_path / "data")
    try:
        store.write(trades(2, 4))
        assert store.end()[0] == 0
        name = only(tmp_path / "data")
        assert shell("mdc compact").status == 0
        assert only(tmp_path / "data") != name
        for _ in range(2):
            batches = [batch for piece in looked.stored() for batch in piece.batches()]
            assert b"".join(map(encode_batch, batches)).decode().splitlines() == trades(0, 2)
            name.write_text(f"{trade(9)}\n" * 9)  # something else has its name now
    finally:
        looked.close()
