"""Memory is bounded by what is read, not by what a header or a dictionary promises."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

LIMIT = 500 << 20
LONG = "x" * (1 << 20)
ROWS = 600
MUCH = pa.RecordBatch.from_pydict({"type": ["trade"], "symbol": ["x" * (40 << 20)]})


def _of_rows(rows: int, **columns: Any) -> pa.RecordBatch:
    zeros = pa.repeat(pa.scalar(0, pa.int32()), rows)
    kinds = pa.DictionaryArray.from_arrays(zeros, ["trade"])
    return pa.RecordBatch.from_pydict({"type": kinds, **columns})


def _long_texts(rows: int) -> Any:
    zeros = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(zeros, [LONG])


def _stream(path: Path, batch: pa.RecordBatch, compression: str | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(path, batch.schema, options=options) as stream:
        stream.write_batch(batch)


def _nested(path: Path) -> None:
    lists = pa.ListArray.from_arrays(pa.array(range(ROWS + 1), pa.int32()), _long_texts(ROWS))
    _stream(path, _of_rows(ROWS, conditions=lists))


def _promise(path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"type": ["trade"]})
    data = bytes(batch.serialize())
    size = len(data) - 8 - int.from_bytes(data[4:8], "little")
    at = data.index(size.to_bytes(8, "little"))
    promised = data[:at] + (1 << 40).to_bytes(8, "little") + data[at + 8 :]
    path.write_bytes(bytes(batch.schema.serialize()) + promised)


def _zeros(path: Path) -> None:
    table = pa.table({"type": ["trade"], "symbol": ["\0" * (520 << 20)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)


def _runs(path: Path) -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array([LONG]))
    _stream(path, _of_rows(ROWS, symbol=runs))


def _bomb(path: Path) -> None:
    line = b'{"type":"trade","symbol":"' + bytes(520 << 20) + b'"}\n'
    path.write_bytes(zstandard.compress(line))


def _repeated(path: Path, batch: pa.RecordBatch, times: int, compression: str | None) -> None:
    """The same batch again and again, as a message each."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(path, batch.schema, options=options) as stream:
        for _ in range(times):
            stream.write_batch(batch)


READ: dict[str, Callable[[Path], None]] = {
    "a dictionary": lambda path: _stream(path, _of_rows(ROWS, symbol=_long_texts(ROWS))),
    "lists of a dictionary": _nested,
    "a dictionary in Parquet": lambda path: pq.write_table(
        pa.table({"type": ["trade"] * ROWS, "symbol": _long_texts(ROWS)}), path
    ),
    "an event a batch": lambda path: _repeated(path, _of_rows(1), 100_000, None),
    "small batches that unpack to much": lambda path: _repeated(path, MUCH, 20, "zstd"),
    "the same with a dictionary": lambda path: _repeated(
        path, MUCH.set_column(0, "type", MUCH.column(0).dictionary_encode()), 20, "zstd"
    ),
    "millions of rows": lambda path: _stream(path, _of_rows(1_000_000, price=pa.nulls(1_000_000))),
}
REFUSED: dict[str, Callable[[Path], None]] = {
    "a promise": _promise,
    "runs": _runs,
    "a compressed batch": lambda path: _stream(
        path, _of_rows(1, symbol=pa.array(["\0" * (520 << 20)])), "zstd"
    ),
    "a compressed column": _zeros,
    "an endless line": _bomb,
    "an object of millions": lambda path: path.write_bytes(
        b'{"type":"trade","extra":{"a":[' + b"[]," * 8_000_000 + b"[]]}}\n"
    ),
}

# In a process of its own: the most memory of a child is told of all children together.
MEASURE = (
    "import resource, subprocess, sys; "
    "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
    "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def _converted(path: Path, tmp_path: Path) -> tuple[int, int, str]:
    return _measured(
        ["-v", "convert", "--format", "jsonl", "--quarantine", str(tmp_path / "aside"), str(path)]
    )


def _measured(words: list[str], stdin: Path = Path("/dev/null")) -> tuple[int, int, str]:
    """The status of mdc with these words, the most memory it took, and what it said."""
    mdc = shutil.which("mdc", path=str(Path(sys.executable).parent)) or "mdc"
    command = [sys.executable, "-c", MEASURE, mdc, *words]
    with stdin.open("rb") as source:
        done = subprocess.run(command, stdin=source, capture_output=True, text=True, check=True)
    status, kib = map(int, done.stdout.split())
    return status, kib << 10, done.stderr


@pytest.mark.parametrize("make", READ.values(), ids=READ)
@pytest.mark.some(3)
def test_what_is_packed_is_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "in")
    status, memory, err = _converted(tmp_path / "in", tmp_path)
    assert status == 0 and " 0 rejected" in err
    assert memory < LIMIT


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
@pytest.mark.some(3)
def test_what_is_too_much_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "in")
    status, memory, err = _converted(tmp_path / "in", tmp_path)
    assert status == 65 and "Traceback" not in err, err
    assert memory < LIMIT


KEEPS = {
    "unknown types": '{"type":"%s","strange":1}',
    "symbols": '{"type":"trade","symbol":"%s"}',
    "ids": '{"type":"trade","symbol":"A","trade_id":"%s","price":1,"size":1}',
}


@pytest.mark.parametrize("line", KEEPS.values(), ids=KEEPS)
@pytest.mark.some(1)
def test_long_texts_that_are_all_different_are_not_kept(tmp_path: Path, line: str) -> None:
    packed = zstandard.ZstdCompressor().compressobj()
    with (tmp_path / "in").open("wb") as file:
        for number in range(ROWS):
            file.write(packed.compress((line % f"{number:06}{LONG}").encode() + b"\n"))
        file.write(packed.flush())
    words = ["validate", "--quarantine", str(tmp_path / "aside"), "--quarantine-size", "1MB"]
    status, memory, err = _measured([*words, str(tmp_path / "in")])
    assert status == (65 if "strange" in line else 0) and f"{ROWS} in" in err
    assert "duplicate" not in err
    assert memory < LIMIT


def _of_any_order(path: Path) -> None:
    """400 MB of one symbol, every slice of which overlaps with all others in time."""
    rows = 400
    zeros = pa.repeat(pa.scalar(0, pa.int32()), rows)
    moments = [1_704_205_800_000_000_000 + number * 167 % rows for number in range(rows)]
    times = pa.array(moments, pa.timestamp("ns", "UTC"))
    symbols = pa.DictionaryArray.from_arrays(zeros, ["SPY"])
    _stream(path, _of_rows(rows, symbol=symbols, ts_event=times, trade_id=_long_texts(rows)))


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.some(1)
def test_long_texts_are_sealed_read_and_merged_piece_by_piece(tmp_path: Path, form: str) -> None:
    _of_any_order(tmp_path / "in")
    root = str(tmp_path / "data")
    storing = ["store", "--again", "--root", root, "--format", form]
    for _ in range(2 if form == "parquet" else 1):  # two files, which `compact` merges
        status, memory, err = _measured(storing, tmp_path / "in")
        assert status == 0, err
        assert memory < LIMIT
    for words in ("cat", "compact") if form == "parquet" else ("cat",):
        status, memory, err = _measured(["-v", words, "--root", root])
        assert status == 0, err
        assert memory < LIMIT
    assert "2 files to 1" in err or "400 in = 400 out" in err
