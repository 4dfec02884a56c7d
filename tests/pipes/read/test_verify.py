"""`mdc verify` and `mdc catalog rebuild`: what is wrong is found, named, and mended."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.health.verify import Verification
from mdc_core.archive.upkeep.recover import prepare
from mdc_core.archive.write import replace
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.intake import Intake, header_of
from mdc_core.archive.write.replace import Replacement, rewriting
from mdc_core.wire.files import read_events
from tests.conftest import Shell
from tests.kit.many import many
from tests.pipes.store.storing import storing
from tests.unit.archive.catalog.old_catalog import make_old, sum_of, values_of

EVENTS = "mdc stream sim SPY AAPL --limit 300 --seed 3 > events.jsonl"
FORMS = [
    "parquet",
    "jsonl",
    "jsonl --compression gzip",
    "jsonl --compression zstd",
    "jsonl --compression lz4",
]


@pytest.fixture
def events(shell: Shell, tmp_path: Path) -> Path:
    assert shell(EVENTS).status == 0
    return tmp_path / "events.jsonl"


@pytest.fixture
def data(events: Path, shell: Shell) -> Path:
    """An archive of SPY and AAPL."""
    assert shell("mdc store < events.jsonl").status == 0
    return events.parent / "data"


def rows(root: Path) -> list[dict[str, Any]]:
    """The catalog, without the moments at which it was made."""
    with Archive.open(root).catalog(read_only=True) as catalog:
        return [msgspec.to_builtins(part) | {"made_at": 0} for part in catalog.parts()]


def found(root: Path, *, deep: bool = True) -> list[str]:
    return [str(one) for one in Verification(Archive.open(root), {}, deep=deep).findings()]


def flips(path: Path, count: int, seed: int = 1) -> Iterator[int]:
    """Flip one bit at a time, at places spread over a file; it is whole again in the end."""
    whole, rng = path.read_bytes(), random.Random(seed)
    for number in range(count):
        at = (len(whole) * number + rng.randrange(len(whole))) // count
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        yield at
    path.write_bytes(whole)


def store_and_kill(env: dict[str, str], cwd: Path, text: bytes, options: str = "") -> None:
    """Store events, and kill the command when they are acknowledged and not yet sealed."""
    with storing(f"--fsync always --seal-every 1h {options}", cwd, env) as store:
        store.write(text.decode().splitlines())
        store.wait_for(text.count(b'"symbol"'))
        store.kill()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.some(2)
def test_a_sound_archive(form: str, events: Path, shell: Shell, tmp_path: Path) -> None:
    for _ in range(2):
        assert shell(f"mdc store --again --format {form} < events.jsonl").status == 0
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("data/**/*.*")}
    for options in ("", "--deep"):
        done = shell(f"mdc verify {options}")
        assert (done.status, done.out) == (0, ""), done.out
        assert "8 files with 600 events: 0 findings" in done.err
    assert shell("mdc verify --deep --json").out == "[]\n"
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("data/**/*.*")}
    assert after == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.some(2)
def test_a_flipped_bit_in_a_part(form: str, events: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell(f"mdc store --format {form} < events.jsonl").status == 0
    other = shell("mdc cat --root data --symbol AAPL").lines
    (path,) = tmp_path.glob("data/SPY/trade/*")
    for at in flips(path, 8 if form == "parquet" else 30):
        said = found(tmp_path / "data")
        assert len(said) >= 1, at
        assert all(str(path) in line for line in said), said
        if at % 7 == 0:
            assert shell("mdc cat --root data --symbol AAPL").lines == other
    assert found(tmp_path / "data") == []


def test_where_a_file_is_damaged(data: Path, shell: Shell, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (path,) = data.glob("SPY/trade/*.parquet")
    meta = pq.read_metadata(path).row_group(0)
    (index,) = (i for i in range(meta.num_columns) if meta.column(i).path_in_schema == "price")
    start = meta.column(index).dictionary_page_offset or meta.column(index).data_page_offset
    stop = start + meta.column(index).total_compressed_size
    damaged = bytearray(path.read_bytes())
    damaged[stop - 2] ^= 1
    path.write_bytes(damaged)
    done = shell("mdc verify --deep --json")
    assert done.status == 1
    (one,) = json.loads(done.out)
    assert (one["file"], one["start"], one["stop"]) == (
        str(path.relative_to(tmp_path)),
        start,
        stop,
    )
    assert "row group 0, column price" in one["text"]
    assert shell("mdc verify").status == 0  # its size is right


def test_which_frame_is_damaged(events: Path, shell: Shell, tmp_path: Path) -> None:
    """A file that grew: the frame is named, not the whole file."""
    archive, intake = jsonl_intake(tmp_path / "data")
    for batch in read_events(events):
        for at in range(0, batch.num_rows, 100):
            piece = batch.slice(at, 100)
            intake.write(piece, {})
            intake.seal()
    intake.close()
    with archive.catalog(read_only=True) as catalog:
        (part,) = (p for p in catalog.parts() if p.path.startswith("SPY/trade"))
    assert len(part.frames) > 2
    path = tmp_path / "data" / part.path
    frames = [frame.bytes for frame in part.frames]
    assert found(tmp_path / "data") == []
    whole = path.read_bytes()
    broken = whole[: frames[0] + 5] + b"\x00" + whole[frames[0] + 6 :]
    path.write_bytes(broken)
    (said,) = found(tmp_path / "data")
    assert f"bytes {frames[0]} to {frames[0] + frames[1]}: not the bytes" in said


def test_flipped_bits_in_a_journal(
    events: Path, shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    assert shell("mdc store < events.jsonl").status == 0
    store_and_kill(quiet_env, tmp_path, events.read_bytes(), "--again")
    (path,) = tmp_path.glob("data/_mdc/journal/*.journal")
    done = shell("mdc verify")
    assert done.status == 1
    assert done.out == (
        f"{path.relative_to(tmp_path)}: a journal that was left behind, with 300 events "
        "(mdc recover)\n"
    )
    for at in flips(path, 80):
        said = [line for line in found(tmp_path / "data") if "left behind" not in line]
        assert said, at
        assert all(line.startswith(f"{path}: bytes ") for line in said), said
        for line in said:
            start, stop = line.split("bytes ")[1].partition(":")[0].split(" to ")
            assert int(start) <= at < int(stop), (at, line)
    assert shell("mdc recover").status == 0
    assert shell("mdc verify --deep").status == 0
    assert len(shell("mdc cat --root data").lines) == 600


def test_flipped_bits_in_the_catalog(data: Path) -> None:
    """Each one is found that changes anything of what the catalog says."""
    path = data / "_mdc" / "catalog.sqlite"
    values = values_of(path)
    told = 0
    for at in flips(path, many(80)):
        said = found(data)
        assert said or values_of(path) == values, at
        assert not said or str(path) in said[0], (at, said)
        told += bool(said)
    assert told > many(8)
    assert found(data) == []


def test_a_catalog_of_an_older_version(data: Path, shell: Shell) -> None:
    """It is read as it is, and brought up to date by whatever writes."""

    def seen() -> list[object]:
        room = json.loads(shell("mdc du --json").out)["files"]  # the catalog's own size changes
        return [shell(f"mdc {verb}").lines for verb in ("ls --json", "cat --root data")] + [room]

    looked = seen()
    path = make_old(data / "_mdc")
    before = path.read_bytes()
    assert seen() == looked
    assert shell("mdc verify --deep")[:2] == (0, "")
    assert path.read_bytes() == before
    assert shell("mdc recover").status == 0
    assert path.read_bytes() != before
    assert not sum_of(path).exists()
    assert seen() == looked
    assert shell("mdc verify --deep")[:2] == (0, "")


@pytest.mark.parametrize("damage", ["header", "page", "empty"])
@pytest.mark.some(1)
def test_a_catalog_that_cannot_be_read(damage: str, data: Path, shell: Shell) -> None:
    lines = shell("mdc cat --root data").lines
    before = rows(data)
    path = data / "_mdc" / "catalog.sqlite"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "header": b"\xff" * 64 + whole[64:],
            "page": whole[:4096] + b"\xff" * (len(whole) - 4096),
            "empty": b"no database",
        }[damage]
    )
    done = shell("mdc verify --deep")
    assert done.status == 1
    assert "data/_mdc/catalog.sqlite: " in done.out
    assert "mdc catalog rebuild" in done.out
    dry = shell("mdc catalog rebuild --dry-run --json")
    assert (dry.status, json.loads(dry.out)["events"]) == (0, 300)
    assert path.read_bytes() != whole
    done = shell("mdc catalog rebuild")
    assert done.status == 0, done.err
    assert "catalog.sqlite.damaged-1" in done.err
    assert len((data / "_mdc" / "catalog.sqlite.damaged-1").read_bytes()) > 0
    assert rows(data) == before
    assert shell("mdc cat --root data").lines == lines
    assert shell("mdc verify --deep")[:2] == (0, "")


@pytest.mark.parametrize(
    ("layout", "partition"),
    [
        ("by-symbol", "none"),
        ("by-symbol", "hourly"),
        ("by-date", "daily"),
        ("by-date", "none"),
        ("by-type", "monthly"),
        ("flat", "daily"),
        ("flat", "none"),
        ("hive", "hourly"),
        ("hive", "none"),
    ],
)
@pytest.mark.some(3)
def test_a_lost_catalog(
    layout: str, partition: str, events: Path, shell: Shell, tmp_path: Path
) -> None:
    """From Parquet alone, every field comes back."""
    undated = b'{"type":"trade","symbol":"SPY","price":1}\n{"type":"status","state":"halted"}\n'
    events.write_bytes(undated + b"".join(events.read_bytes().splitlines(True)[1:-1]))
    stored = shell(f"mdc store --layout {layout} --partition {partition} < events.jsonl")
    assert stored.status == 0, stored.err
    before = rows(tmp_path / "data")
    said = json.loads(shell(f"mdc lineage data/{before[0]['path']} --json").out)
    (tmp_path / "data/_mdc/catalog.sqlite").unlink()
    done = shell("mdc catalog rebuild")
    assert (done.status, done.out) == (0, ""), done.err
    assert "no longer known" not in done.err
    assert rows(tmp_path / "data") == before
    again = json.loads(shell(f"mdc lineage data/{before[0]['path']} --json").out)
    assert again["runs"] == said["runs"]
    shutil.rmtree(tmp_path / "data" / "_mdc")
    done = shell("mdc catalog rebuild")
    assert (done.status, done.out) == (0, ""), done.err
    assert "no longer known" in done.err
    assert rows(tmp_path / "data") == before
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_what_only_the_catalog_knows_is_kept(events: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store --format jsonl --preset warm < events.jsonl").status == 0
    before = rows(tmp_path / "data")
    assert all(row["origin"] and row["frames"] for row in before)
    done = shell("mdc catalog rebuild")
    assert done.status == 0
    assert "4 as the old catalog knew them" in done.err
    assert rows(tmp_path / "data") == before
    # An entry of it is damaged: the others are kept, this one comes from its file.
    path = tmp_path / "data" / "_mdc" / "catalog.sqlite"
    whole = path.read_bytes()
    at = whole.rindex(before[0]["sha256"].encode())
    path.write_bytes(whole[:at] + b"\0" + whole[at + 1 :])
    done = shell("mdc catalog rebuild")
    assert (done.status, "3 as the old catalog knew them" in done.err) == (0, True), done.err
    after = rows(tmp_path / "data")
    assert after[1:] == before[1:]
    said = (
        "path",
        "rows",
        "begins",
        "ends",
        "sha256",
        "bytes",
        "symbol",
        "type_name",
        "period",
    )
    assert [after[0][name] for name in said] == [before[0][name] for name in said]
    assert shell("mdc verify --deep").status == 0


def jsonl_intake(root: Path) -> tuple[Archive, Intake]:
    archive = Archive.create(root)
    prepare(archive)
    formats = Formats.load("jsonl", {"compression": "none"})
    header = header_of(formats, "0123456789ab-abcdef", "by-symbol", "daily", b'{"a":1}')
    return archive, Intake(archive, formats, header, fsync="none")


@pytest.mark.parametrize("appended", ["nothing", "a piece", "one byte", "all"])
@pytest.mark.parametrize("catalog", ["lost", "as before"])
@pytest.mark.parametrize("next_one", ["", "and the next journal"])
@pytest.mark.some(5)
def test_a_journal_beside_what_was_sealed(
    appended: str, catalog: str, next_one: str, events: Path, shell: Shell, tmp_path: Path
) -> None:
    """A kill while a seal appends, and the catalog is made again: each event is there once."""
    root = tmp_path / "data"
    _, intake = jsonl_intake(root)
    batch = next(b for b in read_events(events) if b.num_rows > 200)
    first, second = batch.slice(0, 150), batch.slice(150)
    intake.write(first, {})
    intake.seal()
    before = {p: p.read_bytes() for p in root.rglob("*") if p.suffix in (".jsonl", ".sqlite")}
    intake.write(second, {})
    (path,) = root.glob("_mdc/journal/*.journal")
    kept = path.read_bytes()
    intake.seal()
    if next_one:
        intake.write(first, {})
    intake.close()
    expected = shell("mdc cat --root data").lines
    assert len(expected) == batch.num_rows + (first.num_rows if next_one else 0)
    path.write_bytes(kept)
    for name, text in before.items():
        if name.suffix == ".jsonl":
            grown = name.read_bytes()
            more = {
                "nothing": 0,
                "a piece": (len(grown) - len(text)) // 2,
                "one byte": 1,
                "all": len(grown) - len(text),
            }[appended]
            name.write_bytes(grown[: len(text) + more])
    for name in root.glob("_mdc/catalog*"):
        name.unlink()
    if catalog == "as before":
        name = root / "_mdc" / "catalog.sqlite"
        name.write_bytes(before[name])
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc recover").status == 0
    assert sorted(shell("mdc cat --root data").lines) == sorted(expected)
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_parquet_of_a_seal_that_was_not_committed(
    events: Path, shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """The files are there, the journal too: recovery after a rebuild does not double them."""
    store_and_kill(quiet_env, tmp_path, events.read_bytes())
    (path,) = tmp_path.glob("data/_mdc/journal/*.journal")
    kept = path.read_bytes()
    assert shell("mdc recover").status == 0
    lines = shell("mdc cat --root data").lines
    path.write_bytes(kept)
    for name in tmp_path.glob("data/_mdc/catalog*"):
        name.unlink()
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc recover").status == 0
    assert shell("mdc cat --root data").lines == lines
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_the_catalog_against_the_disk(data: Path, shell: Shell, tmp_path: Path) -> None:
    (spy,) = data.glob("SPY/trade/*.parquet")
    (quotes,) = data.glob("SPY/quote/*.parquet")
    (aapl,) = data.glob("AAPL/trade/*.parquet")
    spy.rename(spy.with_name("2024-01-02.parquet"))
    with quotes.open("ab") as file:
        file.write(b"\0")
    (data / "_mdc" / "tmp" / "rewrite-999999999").mkdir()
    (data / "SPY" / "trade" / ".x.parquet.part").touch()
    (data / "_mdc" / "journal" / "x.999999999.new").touch()
    said = set(shell("mdc verify").out.splitlines())
    size = quotes.stat().st_size
    trades = sum(
        '"type":"trade"' in e and '"SPY"' in e
        for e in (tmp_path / "events.jsonl").read_text().splitlines()
    )
    assert said == {
        f"{spy.relative_to(tmp_path)}: missing, with {trades} events",
        "data/SPY/trade/2024-01-02.parquet: not in the catalog (mdc catalog rebuild takes it in)",
        f"{quotes.relative_to(tmp_path)}: {size:,} bytes, the catalog says {size - 1:,}",
        "data/_mdc/tmp/rewrite-999999999: left over by a killed command (mdc recover)",
        "data/_mdc/journal/x.999999999.new: left over by a killed command (mdc recover)",
        "data/SPY/trade/.x.parquet.part: left over by a killed command (remove it)",
    }
    (data / "AAPL" / "notes.txt").write_text("mine")
    aapl.unlink()
    done = shell("mdc catalog rebuild")
    assert done.status == 1
    assert done.out.splitlines() == [
        "data/AAPL/notes.txt: not a part by its name",
        f"{quotes.relative_to(tmp_path)}: damaged: its footer cannot be read: "
        + done.out.partition("cannot be read: ")[2].splitlines()[0],
        f"{aapl.relative_to(tmp_path)}: gone; the old catalog knew it",
        f"{quotes.relative_to(tmp_path)}: gone; the old catalog knew it",
        f"{spy.relative_to(tmp_path)}: gone; the old catalog knew it",
    ]
    assert {row["path"] for row in rows(data)} >= {"SPY/trade/2024-01-02.parquet"}


def test_a_tail_that_was_never_committed(events: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store --format jsonl < events.jsonl").status == 0
    lines = shell("mdc cat --root data").lines
    (path,) = tmp_path.glob("data/SPY/trade/*.jsonl")
    size = path.stat().st_size
    with path.open("a") as file:
        file.write('{"type":"trade"')
    (said,) = found(tmp_path / "data")
    tail = "a tail of 15 bytes that was never committed"
    assert said == f"{path}: bytes {size} to {size + 15}: {tail} (mdc catalog rebuild)"
    assert shell("mdc cat --root data").lines == lines


def test_events_that_are_not_where_their_path_says(
    data: Path, shell: Shell, tmp_path: Path
) -> None:
    (spy,) = data.glob("SPY/trade/*.parquet")
    (data / "MSFT" / "trade").mkdir(parents=True)
    spy.rename(data / "MSFT" / "trade" / "2024-01-03.parquet")
    assert shell("mdc catalog rebuild").status == 1
    (said,) = shell("mdc verify").out.splitlines()
    assert said.partition(": ")[2] == "holds trade events of SPY, its path says trade of MSFT"


def test_what_the_catalog_says_of_the_rows(data: Path, shell: Shell) -> None:
    """The entry is sound, the file is sound, and they do not agree."""
    archive = Archive.open(data)
    with archive.catalog() as catalog:
        part, *_ = catalog.parts()
        wrong: PartRow = msgspec.structs.replace(part, rows=part.rows + 1, last_seq=1)
        catalog.commit([wrong], [part])
    assert shell("mdc verify").status == 0
    said = [line.partition(": ")[2] for line in shell("mdc verify --deep").out.splitlines()]
    assert said == [
        f"bytes 0 to {part.bytes}: {part.rows} events, and the catalog says {part.rows + 1}",
        f"rows is {part.rows}, the catalog says {part.rows + 1}",
        f"last_seq is {part.last_seq}, the catalog says 1",
    ]
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc verify --deep").status == 0


def test_moves_that_were_not_finished(
    data: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill behind the commit: the files are not in their places yet."""
    lines = shell("mdc cat --root data").lines
    archive = Archive.open(data)
    with rewriting(archive) as catalog:
        part, *_ = catalog.parts()
        change = Replacement(archive, catalog)
        file = change.stage()
        shutil.copyfile(data / part.path, file)
        change.add(file, msgspec.structs.replace(part, path="AAPL/quote/2024-01-02.parquet"))
        change.remove(part)
        with monkeypatch.context() as patched:
            patched.setattr(replace, "finish_moves", lambda *_: 0)
            change.commit()
    said = shell("mdc verify").out
    assert "AAPL/quote/2024-01-02.parquet: a put that was not finished (mdc recover)" in said
    assert f"{part.path}: a drop that was not finished (mdc recover)" in said
    assert "missing" not in said
    assert shell("mdc catalog rebuild").status == 0  # what is on its way stays so
    assert shell("mdc recover").status == 0
    assert shell("mdc verify --deep")[:2] == (0, "")
    assert shell("mdc cat --root data").lines == lines


BREAK_OFF = """
import os, signal, sqlite3
db = sqlite3.connect("data/_mdc/catalog.sqlite", isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE parts SET entry = zeroblob(20000), crc = 0")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_that_was_broken_off(data: Path, shell: Shell, tmp_path: Path) -> None:
    before = rows(data)
    subprocess.run([sys.executable, "-c", BREAK_OFF], cwd=tmp_path, check=False)
    journal = data / "_mdc" / "catalog.sqlite-journal"
    kept = journal.read_bytes()
    done = shell("mdc verify --deep")
    assert done.status == 1
    assert done.out == ("data/_mdc/catalog.sqlite: a transaction was broken off (mdc recover)\n")
    assert journal.read_bytes() == kept
    assert shell("mdc recover").status == 0
    assert shell("mdc verify --deep")[:2] == (0, "")
    assert rows(data) == before


def test_a_live_store_is_not_disturbed(
    data: Path, shell: Shell, tmp_path: Path, forked_env: dict[str, str]
) -> None:
    with storing("--fsync always --seal-every 1h", tmp_path, forked_env) as store:
        store.write(['{"type":"trade","symbol":"X","price":1}'])
        store.wait_for(1)
        assert shell("mdc verify --deep")[:2] == (0, "")
        # A damaged catalog is not taken away under it.
        path = data / "_mdc" / "catalog.sqlite"
        whole = path.read_bytes()
        path.write_bytes(b"\xff" + whole[1:])
        done = shell("mdc catalog rebuild")
        assert done.status == 75
        assert "is being written" in done.err
        path.write_bytes(whole)
        assert store.end()[0] == 0
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_files_without_a_catalog(data: Path, shell: Shell) -> None:
    shutil.rmtree(data / "_mdc")
    for options in ("", "--deep"):
        done = shell(f"mdc verify {options}")
        assert (done.status, done.out) == (0, "")
        assert "data has no catalog: the files alone are read" in done.err
    (path,) = data.glob("SPY/trade/*.parquet")
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    done = shell("mdc verify --deep")
    assert done.status == 1
    assert [path.name in line for line in done.out.splitlines()] == [True]
    (data / "SPY" / "x.jsonl").write_text('{"type":"trade"\n')
    path.write_bytes(path.read_bytes()[:-9])
    done = shell("mdc verify --deep --json")
    assert {Path(one["file"]).name for one in json.loads(done.out)} == {path.name, "x.jsonl"}
    assert shell("mdc verify").status == 1  # the footer is enough for that


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc verify", 65, "no archive at data"),
        ("mdc catalog rebuild", 65, "no archive at data"),
        ("mdc catalog", 2, ""),
        ("mkdir data; mdc verify", 0, "0 findings"),
        ("mkdir data; mdc catalog rebuild", 0, "0 files"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert done.status == status
    assert said in done.err


def test_somebody_rewrites(data: Path, shell: Shell) -> None:
    with Archive.open(data).maintained():
        done = shell("mdc catalog rebuild")
    assert (done.status, "try again" in done.err) == (75, True)
