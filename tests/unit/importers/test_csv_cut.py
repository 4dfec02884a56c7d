"""A CSV file cut anywhere gives the rows before, and is told as broken off; damage as well."""

import gzip
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from mdc_core.contracts import BadRow, ImportRequest
from mdc_core.errors import DataError
from mdc_exporters.csv.importer import Csv

HEAD = "type,symbol,ts_event,price,size,trade_id\n"
TEXTS = ['"a ""b"", c"', "d", '"e\nf"', "", '"ghi"', '5" pipe']
ROWS = [f"trade,A,2024-01-02T14:30:{n:02d}Z,1.25,{n + 1},{text}\n" for n, text in enumerate(TEXTS)]
WHOLE = (HEAD + "".join(ROWS)).encode()
ENDS = [len(HEAD) + len("".join(ROWS[: n + 1])) for n in range(len(ROWS))]


def read(path: Path, data: bytes) -> tuple[int, list[BadRow]]:
    """How many rows came, which are the first ones, and what was set aside."""
    path.write_bytes(data)
    items = list(Csv(ImportRequest(path), Csv.Options()).batches())
    bad = [item for item in items if isinstance(item, BadRow)]
    batches = [item for item in items if not isinstance(item, BadRow)]
    sizes = [int(size) for batch in batches for size in batch.column("size").to_pylist()]
    assert sizes == list(range(1, len(sizes) + 1))
    return len(sizes), bad


def test_at_each_byte(tmp_path: Path) -> None:
    for at in range(len(HEAD), len(WHOLE) + 1):
        rows, bad = read(tmp_path / "t.csv", WHOLE[:at])
        before = sum(end <= at for end in ENDS)
        if bad:
            assert [row.breaks_off for row in bad] == [True], at
            assert rows == before, at
            assert bad[0].where.endswith(f"t.csv row {before + 2}")
        else:  # a last row of all its fields may be whole
            assert rows == before + (at not in ENDS and at > len(HEAD)), at
            start = (len(HEAD), *ENDS)[before]
            assert at == start or WHOLE[:at].count(b",", start) >= 5


@pytest.mark.parametrize("name", ["gz", "zst", "lz4"])
def test_packed(tmp_path: Path, name: str) -> None:
    many = HEAD + "".join(f"trade,A,2024-01-02T14:30:00Z,1,{n + 1},{n:x}\n" for n in range(5000))
    pack = {"gz": gzip.compress, "zst": zstandard.compress, "lz4": lz4.frame.compress}[name]
    data = pack(many.encode())
    path = tmp_path / f"t.csv.{name}"
    assert read(path, data) == (5000, [])
    rows, (bad,) = read(path, data[: len(data) // 2])
    assert bad.breaks_off and "breaks off" in bad.reason and rows < 5000
    assert bad.where == f"{path}" + (f" row {rows + 2}" if bad.raw else "")
    assert b"\n" not in bad.raw
    rows, (bad,) = read(path, data[: len(data) // 2] + b"\xff" * 99 + data[len(data) // 2 + 99 :])
    assert bad.breaks_off and rows < 5000
    folder = Csv(ImportRequest(tmp_path), Csv.Options()).batches()
    assert any(isinstance(item, BadRow) for item in folder)  # found among others


@pytest.mark.parametrize(
    ("hole", "rows", "told"),
    [
        (bytes(40), 6, ["row 8"]),  # behind the last row
        (b"trade,A," + bytes(40) + b"7,x\n", 6, ["row 8"]),
        (b"trade,A,2024-01-02T14:31:00Z,1,7,x" + bytes(999) + b"y\n", 6, ["row 8"]),
        (f"trade,A,2024-01-02T14:31:00Z,1,7,x{chr(0)}\n".encode(), 7, []),
        (b"trade,A,2024-01-02T14:31:00Z,1,7,\\u0000\n", 7, []),
    ],
)
def test_a_hole(tmp_path: Path, hole: bytes, rows: int, told: list[str]) -> None:
    found, bad = read(tmp_path / "t.csv", WHOLE + hole)
    assert (found, [row.where[-5:] for row in bad]) == (rows, told)
    assert all(row.breaks_off for row in bad)


def test_a_bad_row_elsewhere_is_a_bad_row(tmp_path: Path) -> None:
    for last in (b"trade,A,2024-01-02T14:31:00Z,1,7,x", b""):
        rows, bad = read(tmp_path / "t.csv", WHOLE + b"trade,A,oops,1,7,x\n1,2\n" + last)
        assert (rows, [row.breaks_off for row in bad]) == (6 + bool(last), [False, False])


def test_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv: it is empty"):
        read(tmp_path / "t.csv", b"")
    for packed in (b"\xfd7zXZ\x00\x00", b"BZh91AY", b"PK\x03\x04"):
        with pytest.raises(DataError, match="it is packed: "):
            read(tmp_path / "t.csv.xz", packed)
