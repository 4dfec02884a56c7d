"""Packs: made of an archive, listed, verified, unpacked, loaded, imported."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import py7zr
import pytest

from tests.conftest import Shell, parts_of
from tests.kit.kills import killed, kills
from tests.pipes.store.storing import storing

FORMATS = ("zip", "tar.gz", "tar.zst", "7z")
EVENTS = "mdc stream sim SPY AAPL 'BTC/USD' --limit 3000 --seed 3"
MIXED = f"{EVENTS} > e.jsonl && mdc store < e.jsonl"


@pytest.fixture
def archive(shell: Shell, tmp_path: Path) -> Path:
    """An archive of three symbols in Parquet."""
    done = shell(MIXED)
    assert done.status == 0, done.err
    return tmp_path / "data"


def tree(root: Path) -> dict[str, bytes]:
    """The parts below a root, without the state directory."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in parts_of(root)}


def unpacked(pack: Path, folder: Path) -> Path:
    """A pack unpacked by other programs than mdc."""
    folder.mkdir(exist_ok=True)
    if pack.suffix == ".7z":
        with py7zr.SevenZipFile(pack) as file:
            file.extractall(folder)
    else:
        line = ["unzip", "-q", "-o", pack, "-d", folder]
        if pack.suffix != ".zip":
            line = ["tar", "-xf", pack, "-C", folder]
        subprocess.run(line, check=True, capture_output=True)
    return folder


def sums_hold(folder: Path) -> int:
    """How many files `sha256sum -c` finds as they were packed."""
    lists = sorted(path.name for path in folder.glob("SHA256SUMS*"))
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", *lists],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.count(": OK\n")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("store", ["parquet", "jsonl", "jsonl --compression gzip"])
@pytest.mark.some(3)
def test_from_one_archive_to_another(form: str, store: str, shell: Shell, tmp_path: Path) -> None:
    """Out come the bytes that went in, by mdc and by other programs, in a new archive too."""
    made = shell(f"{EVENTS} | mdc store --format {store} && mdc pack create pack.{form}")
    assert made.status == 0, made.err
    assert "3,000 events in 6 files" in made.err
    done = shell(f"mdc pack verify pack.{form} && mdc pack import pack.{form} --root copy")
    assert (done.status, done.out) == (0, ""), done.err
    assert "3,000 events in 6 files went into copy" in done.err
    source, copy = tree(tmp_path / "data"), tree(tmp_path / "copy")
    assert copy == source
    assert shell("mdc verify --deep --root copy").status == 0
    assert len(source) == 6
    events = shell("mdc cat --root data").lines
    assert (len(events), shell("mdc cat --root copy").lines) == (3000, events)
    folder = unpacked(tmp_path / f"pack.{form}", tmp_path / "unpacked")
    assert sums_hold(folder) == 6 + 6
    assert tree(folder / "data") == source


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.some(1)
def test_the_same_content_gives_the_same_bytes(
    form: str, archive: Path, shell: Shell, tmp_path: Path
) -> None:
    """At another time, in another place, of a copy of the archive, with other hashes."""
    assert shell(f"mdc pack create one.{form}", PYTHONHASHSEED="1").status == 0
    assert shell(f"mdc pack import one.{form} --root deep/copy").status == 0
    for path in archive.rglob("*.parquet"):
        os.utime(path, (1, 1))
    folder = tmp_path / "other"
    folder.mkdir()
    again = f"mdc pack create two.{form} --root ../deep/copy"
    elsewhere = shell(again, cwd=folder, PYTHONHASHSEED="2", TZ="Asia/Tokyo")
    assert elsewhere.status == 0, elsewhere.err
    one = (tmp_path / f"one.{form}").read_bytes()
    assert (tmp_path / "other" / f"two.{form}").read_bytes() == one
    assert shell(f"mdc pack create one.{form} --force --description other").status == 0
    assert (tmp_path / f"one.{form}").read_bytes() != one


def test_nothing_in_a_pack_tells_who_made_it_when(
    archive: Path, shell: Shell, tmp_path: Path
) -> None:
    assert shell("mdc pack create p.zip && mdc pack create p.tar.gz").status == 0
    with zipfile.ZipFile(tmp_path / "p.zip") as packed:
        infos = packed.infolist()
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {0o100644}
    stored = {info.filename.endswith(".parquet"): info.compress_type for info in infos}
    assert stored == {True: zipfile.ZIP_STORED, False: zipfile.ZIP_DEFLATED}
    data = (tmp_path / "p.tar.gz").read_bytes()
    assert data[3:8] == bytes(5)  # no name, no time
    with gzip.open(tmp_path / "p.tar.gz") as plain, tarfile.open(fileobj=plain) as packed_tar:
        said = {(i.mtime, i.uid, i.gid, i.uname, i.gname, i.mode) for i in packed_tar}
    assert said == {(0, 0, 0, "", "", 0o644)}


def manifest_of(pack: Path) -> dict[str, Any]:
    with zipfile.ZipFile(pack) as packed:
        assert packed.namelist()[0].startswith("manifest")
        found: dict[str, Any] = json.loads(packed.read(packed.namelist()[0]))
    return found


def test_the_manifest_and_the_list(archive: Path, shell: Shell, tmp_path: Path) -> None:
    done = shell("mdc pack create p.zip --symbol SPY --symbol BTC/USD --description 'Two of them'")
    assert done.status == 0, done.err
    manifest = manifest_of(tmp_path / "p.zip")
    held = json.loads(shell("mdc ls --tree --json --symbol SPY --symbol BTC/USD").out)
    keys = ("symbol", "type", "events", "bytes", "first", "last")
    files = [{**f, "events": f["rows"]} for f in manifest["files"]]
    found = {f["path"]: tuple(f[key] for key in keys) for f in files}
    assert found == {f"data/{h['path']}": tuple(h[key] for key in keys) for h in held}
    for file in manifest["files"]:
        data = (archive / file["path"].removeprefix("data/")).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert (file["version"], file["codec"], file["period"]) == (
            "1.0.0",
            "zstd",
            "2024-01-02",
        )
        assert manifest["origins"][file["origin"]]["stage"] == "stream"
    events = [e for e in shell("mdc cat e.jsonl").events if e["symbol"] != "AAPL"]
    totals = manifest["totals"]
    types = {name: sum(e["type"] == name for e in events) for name in ("quote", "trade")}
    assert (totals["rows"], totals["types"]) == (len(events), types)
    assert totals["symbols"] == ["BTC/USD", "SPY"]
    times = [e["ts_event"] for e in events]
    assert (totals["first"], totals["last"]) == (min(times), max(times))
    assert sorted(manifest["schemas"]) == ["quote", "trade"]
    schema = json.loads(shell("mdc schema show trade --json-schema").out)
    assert manifest["schemas"]["trade"] == schema
    (listed,) = json.loads(shell("mdc pack list p.zip --json").out)
    listed["totals"]["rows"] = listed["totals"].pop("events")
    assert (listed["totals"], listed["id"]) == (totals, manifest["id"])
    assert listed["description"] == "Two of them"
    lines = shell("mdc pack list p.zip").out.splitlines()
    assert "Two of them" in lines
    assert [line.split()[0] for line in lines[3:]] == ["BTC/USD", "BTC/USD", "SPY", "SPY"]
    with zipfile.ZipFile(tmp_path / "p.zip") as packed:
        assert packed.read("README.md").startswith(b"# Two of them\n")
        assert b"| `aggressor_side` |" in packed.read("data_dictionary.md")


def test_a_time_chooses_whole_files(shell: Shell, tmp_path: Path) -> None:
    days = "".join(
        f'{{"type":"trade","symbol":"SPY","ts_event":"2024-01-0{day}T12:00:00Z","price":{day}}}\n'
        for day in (2, 3, 4)
    )
    assert shell("mdc store", stdin=days.encode()).status == 0
    done = shell("mdc pack create p.zip --from 2024-01-03 --to 2024-01-03T13:00 --dry-run")
    assert (done.status, "1 event in 1 file" in done.out) == (0, True), done.err
    assert not (tmp_path / "p.zip").exists()
    assert shell("mdc pack create p.zip --from 2024-01-03").status == 0
    assert [f["period"] for f in manifest_of(tmp_path / "p.zip")["files"]] == [
        "2024-01-03",
        "2024-01-04",
    ]
    late = shell("mdc pack create q.zip --from 2024-01-04T12:00:01")
    assert (late.status, "no events in data from 2024-01-04T12:00:01Z" in late.err) == (1, True)


LOAD = """
import sys
sys.path.insert(0, "scripts")
from load_data import frame, load
table = load("trade")
first = min(time.value for time in load("quote", "SPY")["ts_event"])
print(table.num_rows, sum(table["price"].to_pylist()), first)
print(frame("trade", "SPY")["price"].sum())
"""
QUERY = """
import duckdb
db = duckdb.connect()
db.execute(open("scripts/load_data.sql").read())
print(*db.execute("SELECT count(*), sum(price), sum(size) FROM trade").fetchone())
print(db.execute("SELECT count(*) FROM quote WHERE symbol = 'SPY'").fetchone()[0])
"""


@pytest.mark.parametrize("store", ["parquet", "jsonl", "jsonl --compression zstd"])
@pytest.mark.some(1)
def test_the_scripts_load_it(store: str, shell: Shell, tmp_path: Path) -> None:
    """Python and SQL; R is not run, for there is none here."""
    made = shell(
        f"{EVENTS} | tee e.jsonl | mdc store --format {store} --layout hive "
        "&& mdc pack create p.tar.zst"
    )
    assert made.status == 0, made.err
    folder = unpacked(tmp_path / "p.tar.zst", tmp_path / "unpacked")
    events = shell("mdc cat e.jsonl").events
    trades = [e for e in events if e["type"] == "trade"]
    price = sum(Decimal(e["price"]) for e in trades)

    def run(code: str) -> list[list[str]]:
        what = ["-c", code] if "\n" in code else [code]
        done = subprocess.run(
            [sys.executable, *what], cwd=folder, capture_output=True, text=True, check=True
        )
        return [line.split() for line in done.stdout.splitlines()]

    counts = {(name, str(sum(e["type"] == name for e in events))) for name in ("quote", "trade")}
    assert {tuple(line) for line in run("scripts/load_data.py")} == counts
    (rows, total, first), (spy,) = run(LOAD)
    assert (int(rows), Decimal(total)) == (len(trades), price)
    assert Decimal(spy) == sum(Decimal(e["price"]) for e in trades if e["symbol"] == "SPY")
    quotes = [e["ts_event"] for e in events if e["type"] == "quote" and e["symbol"] == "SPY"]
    found = subprocess.run(
        ["date", "-u", "-d", min(quotes), "+%s%N"], capture_output=True, text=True, check=True
    )
    assert first == found.stdout.strip()
    (rows, total, sizes), (number,) = run(QUERY)
    assert (int(rows), Decimal(total), int(number)) == (len(trades), price, len(quotes))
    assert Decimal(sizes) == sum(Decimal(e["size"]) for e in trades)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.some(1)
def test_parts_of_a_maximal_size(form: str, archive: Path, shell: Shell, tmp_path: Path) -> None:
    largest = max(map(len, tree(archive).values()))
    limit = 2 * largest + (80 << 10)
    done = shell(f"mdc pack create p.{form} --max-part-size {limit}B")
    assert done.status == 0, done.err
    parts = sorted(tmp_path.glob(f"p.*.{form}"))
    assert len(parts) >= 3
    assert [path.name for path in parts][:2] == [f"p.001.{form}", f"p.002.{form}"]
    assert all(path.stat().st_size <= limit for path in parts)
    listed = json.loads(shell(f"mdc pack list p.*.{form} --json").out)
    assert [one["part"] for one in listed] == list(range(1, len(parts) + 1))
    assert len({one["id"] for one in listed}) == 1
    assert shell(f"mdc pack verify p.*.{form}").status == 0
    assert shell(f"mdc pack verify p.002.{form}").status == 0  # complete by itself
    (tmp_path / "gone").mkdir()
    parts[1].rename(tmp_path / "gone" / parts[1].name)
    missing = shell(f"mdc pack verify p.*.{form}")
    assert (missing.status, f"{len(parts)} parts; missing: 2" in missing.out) == (1, True)
    assert shell(f"mdc pack import p.*.{form} --root copy").status == 65
    assert tree(tmp_path / "copy") == {}
    for path in [*parts[2:], tmp_path / "gone" / parts[1].name, parts[0]]:
        assert shell(f"mdc pack import {path} --root copy").status == 0
    assert tree(tmp_path / "copy") == tree(archive)
    (tmp_path / "gone" / parts[1].name).rename(parts[1])
    folder = tmp_path / "unpacked"
    for path in parts:
        unpacked(path, folder)
    assert sums_hold(folder) == 6 + 5 + len(parts)
    assert tree(folder / "data") == tree(archive)
    run = subprocess.run(
        [sys.executable, "scripts/load_data.py"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    assert sum(int(line.split()[1]) for line in run.stdout.splitlines()) == 3000


def test_a_file_larger_than_a_part(archive: Path, shell: Shell, tmp_path: Path) -> None:
    done = shell("mdc pack create p.zip --max-part-size 1000B")
    assert done.status == 0, done.err
    assert done.err.count("it gets a part of its own") == 6
    assert len(list(tmp_path.glob("p.*.zip"))) == 6
    shell("mdc pack create p.zip --max-part-size 1GB")
    assert (tmp_path / "p.zip").exists()  # one part has no number


def test_import_merges_and_overwrites_nothing(shell: Shell, tmp_path: Path) -> None:
    first = shell(f"{MIXED} && mdc pack create p.zip && mdc pack import p.zip --root copy")
    assert first.status == 0, first.err
    before = tree(tmp_path / "copy")
    again = shell("mdc pack import p.zip --root copy --json")
    assert (again.status, json.loads(again.out)["imported"]) == (0, [])
    assert json.loads(again.out)["skipped"] == 6
    assert tree(tmp_path / "copy") == before
    # Under the same name, other bytes: a file of the catalog, and one that it does not know.
    shell("mdc stream sim QQQ --limit 500 --seed 9 | mdc store --root other")
    names = sorted(tree(tmp_path / "data"))
    (tmp_path / "other" / names[0]).parent.mkdir(parents=True)
    (tmp_path / "other" / names[0]).write_bytes(b"not of mdc")
    tried = json.loads(shell("mdc pack import p.zip --root other --dry-run --json").out)
    assert (len(tried["imported"]), list(tried["renamed"])) == (6, [names[0]])
    assert not list((tmp_path / "other").glob("SPY/**/*.parquet"))
    done = shell("mdc pack import p.zip --root other --json")
    assert done.status == 0, done.err
    pack_id = manifest_of(tmp_path / "p.zip")["id"][:12]
    renamed = json.loads(done.out)["renamed"]
    assert renamed == {names[0]: names[0].replace(".parquet", f"-{pack_id}.parquet")}
    other = tree(tmp_path / "other")
    assert other[names[0]] == b"not of mdc"
    assert other[renamed[names[0]]] == before[names[0]]
    (tmp_path / "other" / names[0]).unlink()
    events = shell("mdc cat --symbol SPY --symbol AAPL --symbol BTC/USD --root other")
    assert events.lines == shell("mdc cat --root data").lines
    twice = json.loads(shell("mdc pack import p.zip --root other --json").out)
    assert (twice["imported"], twice["skipped"]) == ([], 6)


def test_lineage_comes_along(archive: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc pack create p.zip && mdc pack import p.zip --root copy").status == 0
    assert shell("mdc pack create q.zip --root copy").status == 0
    assert (tmp_path / "q.zip").read_bytes() == (tmp_path / "p.zip").read_bytes()


def test_a_file_of_several_frames(shell: Shell, tmp_path: Path) -> None:
    """JSONL that grew, its frames overlapping in time, is read in order when it is imported."""
    events = shell("mdc stream sim SPY AAPL --limit 20000 --seed 3").lines
    late_first = "".join(f"{line}\n" for line in events[9_000:] + events[:11_000])
    line = "mdc store --format jsonl --compression zstd --seal-size 1B"
    assert shell(line, stdin=late_first.encode()).status == 0
    assert shell("mdc pack create p.zip && mdc pack verify p.zip").status == 0
    assert max(len(f.get("frames", [])) for f in manifest_of(tmp_path / "p.zip")["files"]) > 1
    assert shell("mdc pack import p.zip --root copy").status == 0
    lines = shell("mdc cat --root copy").lines
    assert lines == shell("mdc cat --root data").lines
    assert sorted(lines) == sorted(late_first.splitlines())
    times = [json.loads(line)["ts_event"] for line in lines]
    assert times == sorted(times)


def test_what_is_only_in_a_journal_is_told(
    shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    assert shell("mdc stream sim SPY --limit 300 --seed 1 | mdc store").status == 0
    with storing("", tmp_path, quiet_env) as store:
        store.write(shell("mdc stream sim QQQ --limit 200 --seed 2").lines)
        store.wait_for(200)
        done = shell("mdc pack create p.zip")
        store.kill()
    assert done.status == 0
    assert "200 events still in a journal" in done.err
    assert manifest_of(tmp_path / "p.zip")["totals"]["rows"] == 300


def test_a_directory_without_a_catalog(archive: Path, shell: Shell, tmp_path: Path) -> None:
    """Parts that somebody copied are packed by what they say themselves."""
    for name, data in tree(archive).items():
        path = tmp_path / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    done = shell("mdc pack create p.zip --root plain && mdc pack verify p.zip")
    assert done.status == 0, done.err
    assert shell("mdc pack import p.zip --root copy").status == 0
    assert shell("mdc cat --root copy").lines == shell("mdc cat --root data").lines


def test_a_damaged_part_is_not_packed(archive: Path, shell: Shell, tmp_path: Path) -> None:
    path = next(archive.glob("SPY/trade/*.parquet"))
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    for form in FORMATS:
        done = shell(f"mdc pack create p.{form}")
        assert (done.status, path.name in done.err) == (65, True), done.err
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith((".", "p."))] == []


def test_a_full_disk(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc stream sim SPY --limit 5000 | mdc store --format jsonl").status == 0
    for form in FORMATS:
        done = shell(f"ulimit -f 30; mdc pack create p.{form}")
        assert (done.status, "cannot write" in done.err) == (73, True), done.err
    assert [p.name for p in tmp_path.iterdir()] == ["data"]
    assert shell("mdc pack create p.zip").status == 0
    done = shell("ulimit -f 100; mdc pack import p.zip --root copy")
    assert (done.status, "cannot write" in done.err) == (73, True), done.err
    assert tree(tmp_path / "copy") == {}
    assert shell("mdc pack import p.zip --root copy").status == 0
    assert tree(tmp_path / "copy") == tree(tmp_path / "data")


def test_an_import_that_is_killed(archive: Path, shell: Shell, tmp_path: Path) -> None:
    """Whenever it comes, a kill leaves all of a pack in sight after recovery, or nothing."""
    assert shell("mdc pack create p.zip").status == 0
    whole = shell("mdc cat --root data").lines
    seen = set()
    for number, fault in enumerate(kills(shell, "mdc pack import p.zip --root copy", 8)):
        root = f"copy{number}"
        killed(shell, f"mdc pack import p.zip --root {root}", fault)
        (tmp_path / root).mkdir(exist_ok=True)
        assert shell(f"mdc recover --root {root}").status == 0
        lines = shell(f"mdc cat --root {root}").lines
        assert lines in ([], whole), fault
        seen.add(len(lines))
        assert shell(f"mdc pack import p.zip --root {root}").status == 0
        assert tree(tmp_path / root) == tree(archive)
        assert list((tmp_path / root / "_mdc" / "tmp").iterdir()) == []
    assert seen == {0, len(whole)}  # before the commit, and behind it


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("create p.rar", 2, "end it in .zip"),
        ("create p.zip --type trad", 2, "did you mean trade?"),
        ("create p.zip --root nowhere", 65, "no archive at nowhere"),
        ("create p.zip --symbol QQQ", 1, "no such symbol in data: 'QQQ'"),
        ("create e.zip/q.zip", 73, "cannot write in e.zip"),
        ("create e.zip", 73, "e.zip exists already"),
        ("list nowhere.zip", 65, "no such file or directory: nowhere.zip"),
        ("verify nowhere.zip", 65, ""),
        ("import nowhere.zip --root made", 65, "no such file or directory: nowhere.zip"),
        ("import e.zip --root made", 65, "e.zip: no pack that can be read"),
        ("create p.zip --max-part-size large", 2, "is no size"),
    ],
)
def test_errors(
    line: str, status: int, said: str, archive: Path, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "e.zip").write_text("not a pack")
    done = shell(f"mdc pack {line}")
    assert (done.status, said in done.err) == (status, True), done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "e.jsonl", "e.zip"]
    assert (tmp_path / "e.zip").read_text() == "not a pack"


def test_a_pack_in_a_pipe_is_refused(archive: Path, shell: Shell, tmp_path: Path) -> None:
    """It is read more than once; it was told to be damaged."""
    assert shell("mdc pack create p.tar.zst").status == 0
    for verb in ("list", "verify", "import"):
        done = shell(f"mdc pack {verb} <(cat p.tar.zst)")
        assert (done.status, done.out) == (2, ""), done
        assert "is not a regular file\nhint: write it to a file first" in done.err
