"""Lean files as they should not be: odd line ends, broken rows, broken zips."""

from io import BytesIO
from pathlib import Path
from typing import Any, TypeGuard
from zipfile import ZipFile

import pytest

from mdc_core.contracts import BadRow, ImportRequest
from mdc_core.errors import DataError
from mdc_exporters.lean.importer import Lean
from tests.unit.importers.lean_folder import IBM_QUOTES, IBM_TRADES, LeanFolder, read, rows_in


def is_bad(item: Any) -> TypeGuard[BadRow]:
    return isinstance(item, BadRow)


@pytest.mark.parametrize(
    "text",
    [
        "1,1,1\r\n2,1,2\r\n",
        "1,1,1\n2,1,2",
        "\n\r\n1,1,1\n\n2,1,2\n\n",
        b"1,1,1\n 2,1,2.000000000000000000000000000000000000000000\n",
    ],
)
def test_line_ends(lean: LeanFolder, text: str | bytes) -> None:
    path = lean.zip_of(IBM_TRADES, {"x.csv": text})
    assert [int(r["size"]) for r in rows_in(path)] == [1, 2]


@pytest.mark.parametrize("text", ["", "\n", "\r\n\r\n", " \n"])
def test_an_empty_file_has_no_rows(lean: LeanFolder, text: str) -> None:
    lean.zip_of(IBM_TRADES, {"x.csv": text})
    lean.zip(IBM_QUOTES, "1,1,1,0,0,P,1,0")
    assert [r["type"] for r in rows_in(lean.root)] == ["quote"]


BROKEN = [
    ("1,1,1,P", "4 fields, not 3 or 6"),
    ("1,1,1,P,,0,0", "7 fields, not 3 or 6"),
    ("1", "1 fields, not 3 or 6"),
    ("x,1,1", "time 'x' is not a number"),
    (",1,1", "no time"),
    ("1,,1", "no price"),
    ("1,1,", "no size"),
    ("1,nan,1", "price 'nan' is not a number"),
    ("1,1,Infinity", "size 'Infinity' is not a number"),
    ("1,1_0,1", "price '1_0' is not a number"),
    ("1,\u0661,1", "is not a number"),
    ("1,1.000000000000001,1", "price '1.000000000000001' is finer than 14 decimal places"),
    ("1,1,0.0000000000000000001", "is finer than 18 decimal places"),
    ("1,1,1e-9999999", "is finer than 18 decimal places"),
    ("1.0000001,1,1", "time '1.0000001' is finer than 6 decimal places"),
    ("1,1,1000000000000000000", "size '1000000000000000000' is too large"),
    ("1,1,1e999", "size '1e999' is too large"),
    ("-1,1,1", "time is not in the milliseconds of a day"),
    ("86400000,1,1", "time is not in the milliseconds of a day"),
    ("1e25,1,1", "time is not in the milliseconds of a day"),
    ("1,1,1,P,,2", "suspicious is neither 0 nor 1"),
    (b"1,1,1,\xff,,0", "not UTF-8"),
]


@pytest.mark.parametrize(("line", "message"), BROKEN)
def test_a_broken_row_is_named(lean: LeanFolder, line: str | bytes, message: str) -> None:
    text = line.encode() if isinstance(line, str) else line
    good = b"1,1,1,P,,0\r\n"
    path = lean.zip_of(IBM_TRADES, {"x.csv": good + b"\r\n" + good + text + b"\n" + good})
    rows, [(where, reason, raw)] = read(path)
    assert where == f"{path}#x.csv line 4"
    assert message in reason
    assert raw == text
    assert [row["size"] for row in rows] == [1, 1, 1]


def test_every_bad_line_is_set_aside_by_itself(lean: LeanFolder) -> None:
    lines = [f"{i},10000,{i}" for i in range(20_000)]
    bad = {0: "?", 1: "1,2", 9_999: "1,1,x", 10_000: "-1,1,1", 19_999: "19999,1"}
    for place, line in bad.items():
        lines[place] = line
    path = lean.zip(IBM_TRADES, *lines)
    rows, aside = read(path)
    assert [int(row["size"]) for row in rows] == [i for i in range(20_000) if i not in bad]
    assert [(where, raw.decode()) for where, _, raw in aside] == [
        (f"{path}#rows.csv line {place + 1}", line) for place, line in bad.items()
    ]


def test_the_line_is_right_far_into_a_file(lean: LeanFolder) -> None:
    path = lean.zip_of(IBM_TRADES, {"x.csv": b"1,1,1\n" * 50_000 + b"1,1,?\n"})
    rows, bad = read(path)
    assert bad == [(f"{path}#x.csv line 50001", "size '?' is not a number", b"1,1,?")]
    assert len(rows) == 50_000


def test_a_line_without_end(lean: LeanFolder) -> None:
    path = lean.zip_of(IBM_TRADES, {"x.csv": b"1,1,1\n" * 20_000 + b"1" * 5_000_000})
    rows, [(where, reason, _)] = read(path)
    assert (where, len(rows)) == (f"{path}#x.csv", 20_000)
    assert reason == ("cannot be read beyond line 20000: a line of more than 1048576 bytes")


@pytest.mark.parametrize(
    "time",
    [
        "20131007",
        "20131007 9:30",
        "20131307 00:00",
        "20131007 25:00",
        "99990101 00:00",
        "20131007 00:00:00",
        "x",
        "00010101 00:00",
    ],
)
def test_a_broken_time_of_a_bar(lean: LeanFolder, time: str) -> None:
    path = lean.zip("equity/usa/daily/ibm.zip", "20131004 00:00,1,1,1,1,1", f"{time},1,1,1,1,1")
    rows, bad = read(path)
    assert len(rows) == 1
    assert [where for where, _, _ in bad] == [f"{path}#rows.csv line 2"]
    assert bad[0][1] == "time is not yyyyMMdd HH:mm"


def _many(lean: LeanFolder) -> tuple[Path, bytes]:
    path = lean.zip(IBM_TRADES, *(f"{i},{i * 7919 % 10007},{i}" for i in range(50_000)))
    return path, path.read_bytes()


def _whole_rows(path: Path, reason: str, at_least: int, at_most: int = 50_000) -> None:
    """Everything before the damage comes, and nothing that is not so; the damage is told."""
    rows, [(where, told, _)] = read(path)
    assert [int(row["size"]) for row in rows] == list(range(len(rows)))
    assert where == f"{path}#rows.csv"
    assert told == f"cannot be read beyond line {len(rows)}: {reason}"
    assert at_least <= len(rows) <= at_most


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_zip_that_breaks_off_gives_the_lines_before(lean: LeanFolder, share: float) -> None:
    path, whole = _many(lean)
    path.write_bytes(whole[: int(len(whole) * share)])
    _whole_rows(path, "the zip breaks off", int(50_000 * share * 0.9))
    with ZipFile(path, "w") as archive:  # not packed, and without the end of the zip
        archive.writestr("rows.csv", "".join(f"{i},1,{i}\n" for i in range(20_000)))
    path.write_bytes(path.read_bytes()[: int(200_000 * share)])
    _whole_rows(path, "the zip breaks off", int(20_000 * share * 0.5), 20_000)


def test_a_zip_that_is_damaged_gives_the_lines_before(lean: LeanFolder) -> None:
    path, whole = _many(lean)
    with ZipFile(BytesIO(whole)) as archive:
        checksum = archive.getinfo("rows.csv").CRC.to_bytes(4, "little")
    start, _, end = whole.rpartition(checksum)
    path.write_bytes(start + bytes(4) + end)
    _whole_rows(path, "damaged: its checksum is another one", 50_000)
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * 40 + whole[half + 40 :])
    rows, [*_, (where, told, _)] = read(path)
    right = next((n for n, row in enumerate(rows) if int(row["size"]) != n), len(rows))
    assert (where, right > 20_000) == (f"{path}#rows.csv", True)
    assert "damaged: " in told


@pytest.mark.parametrize("size", [0, 3, 29, 35])
def test_a_zip_of_which_hardly_anything_is_there(lean: LeanFolder, size: int) -> None:
    path, whole = _many(lean)
    path.write_bytes(whole[:size])
    assert read(path) == (
        [],
        [(str(path), "not a zip that can be read: File is not a zip file", b"")],
    )


@pytest.mark.parametrize(("text", "cut"), [("2,1,2\n3,1", True), ("2,1\n3,1,3", False)])
def test_a_last_line_that_is_not_whole_breaks_off(lean: LeanFolder, text: str, cut: bool) -> None:
    path = lean.zip_of(IBM_TRADES, {"x.csv": f"1,1,1\n{text}"})
    bad = [row for row in Lean(ImportRequest(path), Lean.Options()).batches() if is_bad(row)]
    assert [row.breaks_off for row in bad] == [cut]


def test_a_hole_in_a_file(lean: LeanFolder) -> None:
    path = lean.zip_of(
        IBM_TRADES, {"x.csv": b"1,1,1\n2,1," + bytes(900) + b",1\n3,1,3,N\0,,0\n4,1,4\n"}
    )
    items = list(Lean(ImportRequest(path), Lean.Options()).batches())
    bad = [item for item in items if is_bad(item)]
    assert [row.where[-6:] for row in bad] == ["line 2", "line 3"]
    assert all(row.breaks_off and "zero bytes" in row.reason for row in bad)
    assert [int(row["size"]) for row in read(path)[0]] == [1, 4]


def test_zips_of_not_one_file(lean: LeanFolder) -> None:
    path = lean.root / IBM_TRADES
    lean.zip_of(IBM_TRADES, {})
    assert read(path) == ([], [(str(path), "0 files in it, not one", b"")])
    lean.zip_of(IBM_TRADES, {"a.csv": "1,1,1", "b.csv": "1,1,1"})
    assert read(path) == ([], [(str(path), "2 files in it, not one", b"")])


def test_what_a_mac_packs_beside_a_file_is_no_file(lean: LeanFolder) -> None:
    path = lean.zip_of(IBM_TRADES, {"x.csv": "1,1,1\n", "__MACOSX/._x.csv": "x", "._x.csv": "x"})
    assert len(rows_in(path)) == 1
    (path.parent / f"._{path.name}").write_bytes(b"x")
    foreign = lean.root / "__MACOSX" / IBM_TRADES
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x")
    assert len(rows_in(lean.root)) == 1


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or directory"):
        rows_in(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no Lean data file in it"):
        rows_in(tmp_path)
