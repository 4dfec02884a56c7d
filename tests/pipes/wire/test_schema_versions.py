"""Archives and files of earlier schema versions, read and rewritten by the real commands."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.part_formats import read_part_file
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.storage import COLUMNS
from mdc_core.archive.upkeep import rewrite
from mdc_core.archive.upkeep.migration import migrate, outdated
from mdc_core.archive.upkeep.recover import prepare
from mdc_core.archive.write import replace
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import rewriting
from mdc_core.versions import history
from tests.conftest import Shell
from tests.kit.kills import killed, kills
from tests.unit.wire.older import (
    WRITERS,
    Row,
    chosen,
    current,
    jsonl,
    write_jsonl,
    write_parquet,
)

DAY = "2024-01-02"
PARTS = [
    (f"SPY/trade/{DAY}.a.parquet", "trade", "0.8.0", write_parquet),
    (f"SPY/trade/{DAY}.b.jsonl", "trade", "0.9.0", write_jsonl),
    (f"SPY/quote/{DAY}.a.parquet", "quote", "0.8.0", write_parquet),
    (f"SPY/quote/{DAY}.b.jsonl.gz", "quote", "0.9.0", write_jsonl),
    (f"SPY/book/{DAY}.parquet", "book", "0.9.0", write_parquet),
    (f"SPY/bar/{DAY}.jsonl", "bar", "0.9.0", write_jsonl),
]
TODAY = {"trade": "1.0.0", "quote": "1.0.0", "book": "1.1.0", "bar": "1.0.0"}
KILLS, PARTS_TO_KILL = 5, 4
NEW = f"SPY/trade/{DAY}.c.jsonl"
NOW = current("trade", f'"ts_event":"{DAY}T14:30:09.000000001Z","price":5,"size":1')


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive without a catalog: parts of old versions, and one of today."""
    root = tmp_path / "data"
    for path, type_name, version, write in PARTS:
        rows, _ = chosen(type_name, version)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write(root / path, rows, {type_name: version})
    (root / NEW).write_text(NOW)
    return root


def expected() -> list[str]:
    """Every event of the archive as it is today."""
    texts = [chosen(type_name, version)[1] for _, type_name, version, _ in PARTS]
    return sorted("".join([*texts, NOW]).splitlines())


def files_of(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and path.name != COLUMNS)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "command",
    ["mdc convert {} -", "mdc cat {}", "mdc validate --check schema {}", "mdc head -n 99 {}"],
)
def test_commands_give_current_events(
    name: str, command: str, shell: Shell, tmp_path: Path
) -> None:
    rows, text = chosen("trade", "0.9.0")
    WRITERS[name](tmp_path / name, rows, {"trade": "0.9.0"})
    done = shell(command.format(name))
    assert done.status == 0, done.err
    trades = [line for line in done.lines if '"type":"trade"' in line]
    assert trades == text.splitlines()


def test_old_and_current_lines_in_one_pipe(shell: Shell, tmp_path: Path) -> None:
    rows, text = chosen("quote", "0.8.0")
    old = jsonl(rows, {"quote": "0.8.0"}).decode()
    (tmp_path / "x.jsonl").write_text((NOW + old) * 200)
    done = shell(
        "mdc convert x.jsonl x.arrows && mdc convert x.arrows x.parquet && mdc convert x.parquet -"
    )
    assert done.lines == (NOW + text).splitlines() * 200
    passed = shell("mdc validate --check schema < x.jsonl")
    assert [e["v"] for e in passed.events if e["type"] != "integrity"] == ["1.0.0"] * 600


def test_what_is_stored_is_current(shell: Shell, tmp_path: Path) -> None:
    rows, text = chosen("book", "0.9.0")
    write_jsonl(tmp_path / "x.jsonl", rows, {"book": "0.9.0"})
    assert shell("mdc store < x.jsonl").status == 0
    (path,) = tmp_path.glob("data/SPY/book/*.parquet")
    assert pq.read_schema(path).metadata[b"mdc.versions"] == b'{"book": "1.1.0"}'
    assert shell("mdc cat --root data").lines == text.splitlines()


@pytest.mark.parametrize("name", WRITERS)
def test_a_newer_major_version_is_refused(name: str, shell: Shell, tmp_path: Path) -> None:
    row: Row = {"type": "trade", "symbol": "A", "price": "1.5"}
    WRITERS[name](tmp_path / name, [row], {"trade": "2.0.0"})
    done = shell(f"mdc cat {name}")
    assert (done.status, done.lines) == (65, [])
    assert "2.0.0 is newer than" in done.err
    assert "update mdc to read it" in done.err
    WRITERS[name](tmp_path / name, [row], {"trade": "0.1.0"})
    done = shell(f"mdc cat {name}")
    assert (done.status, done.lines) == (65, [])
    assert f"{name}" in done.err
    assert "trade version 0.1.0: no migration leads from it to 1.0.0" in done.err


def test_an_archive_is_read_as_if_it_were_of_today(shell: Shell, archive: Path) -> None:
    assert sorted(shell("mdc cat --root data").lines) == expected()
    counts = json.loads(shell("mdc count --root data --json").out)
    assert counts["total"] == len(expected())
    listed = json.loads(shell("mdc ls --json").out)
    assert {(r["type"], r["events"]) for r in listed} == {
        ("trade", 5),
        ("quote", 4),
        ("book", 2),
        ("bar", 1),
    }
    trades = next(r for r in listed if r["type"] == "trade")
    assert trades["first"] == f"{DAY}T14:30:00.000000001Z"  # was called timestamp
    last = shell("mdc tail --root data -n 1").lines
    assert last == [NOW.rstrip()]


@pytest.mark.parametrize(("path", "type_name", "version", "_"), PARTS)
def test_inspect_tells_the_version_of_the_file(
    path: str, type_name: str, version: str, _: object, shell: Shell, archive: Path
) -> None:
    said = json.loads(shell(f"mdc inspect data/{path} --limit 9 --json").out, parse_float=str)
    rows, text = chosen(type_name, version)
    assert said["types"] == [{"type": type_name, "events": len(rows), "versions": [version]}]
    assert said["whole"]
    assert said["sample"] == [json.loads(t, parse_float=str) for t in text.splitlines()]
    times = sorted(row["ts_event"] for row in map(json.loads, text.splitlines()))
    assert (said["first"], said["last"]) == (times[0], times[-1])


def test_the_log_of_a_type(shell: Shell) -> None:
    done = shell("mdc schema log trade")
    numbers = [line.split()[0] for line in done.out.splitlines() if line[0] != " "]
    assert numbers == ["1.0.0", "0.9.0", "0.8.0"]
    assert "       from 0.9.0: side is called aggressor_side" in done.out.splitlines()
    said = json.loads(shell("mdc schema log trade --json").out)
    assert [entry["version"] for entry in said] == numbers
    assert said[0]["migrations"][0]["from"] == "0.9.0"
    assert [entry["date"] for entry in said] == [v.date for v in history("trade")[::-1]]
    assert json.loads(shell("mdc schema log gap --json").out)[0]["migrations"] == []
    wrong = shell("mdc schema log trad")
    assert (wrong.status, "did you mean trade" in wrong.err) == (2, True)


@pytest.mark.parametrize("catalog", [False, True])
def test_migrate(catalog: bool, shell: Shell, archive: Path) -> None:
    if catalog:
        prepare(Archive.open(archive))
    before = files_of(archive)
    dry = json.loads(shell("mdc schema migrate --dry-run --json").out)
    assert [(p["path"], p["version"], p["current"]) for p in dry] == sorted(
        (path, version, TODAY[type_name]) for path, type_name, version, _ in PARTS
    )
    assert {p: b for p, b in files_of(archive).items() if not p.startswith("_mdc")} == {
        p: b for p, b in before.items() if not p.startswith("_mdc")
    }
    done = shell("mdc schema migrate --json")
    assert (done.status, json.loads(done.out)) == (0, dry)
    after = files_of(archive)
    assert {p for p in after if not p.startswith("_mdc")} == {
        *dict.fromkeys(r[0] for r in PARTS),
        NEW,
    }
    assert after[NEW] == before[NEW]
    assert not [p for p in after if p.startswith(("_mdc/tmp/", "_mdc/trash/"))]
    assert sorted(shell("mdc cat --root data").lines) == expected()
    _check_files(after, archive)
    again = shell("mdc schema migrate")
    assert (again.status, again.out) == (0, "")
    assert files_of(archive) | _state(archive) == after | _state(archive)


def _state(root: Path) -> dict[str, bytes]:
    return {path: data for path, data in files_of(root).items() if path.startswith("_mdc")}


def _check_files(after: dict[str, bytes], root: Path) -> None:
    """The files are of today, compressed as they were, and say what they were made from."""
    for path, type_name, version, write in PARTS:
        text = chosen(type_name, version)[1]
        if write is write_jsonl:
            data = gzip.decompress(after[path]) if path.endswith(".gz") else after[path]
            assert data.decode() == text
            continue
        schema = pq.read_schema(root / path)
        metadata = schema.metadata or {}
        assert json.loads(metadata[b"mdc.versions"]) == {type_name: TODAY[type_name]}
        assert metadata[b"mdc.made_by"] == b"migrate"
        codecs = pq.read_metadata(root / path).row_group(0).column(0).compression
        assert codecs == "SNAPPY"
    with Archive.open(root).catalog(read_only=True) as catalog:
        for part in catalog.parts():
            rewritten = part.path != NEW
            now = TODAY[part.path.split("/")[1]]
            assert (part.version, part.made_by == "migrate") == (now, rewritten)
            assert [path for path, _ in part.inputs] == [part.path] * rewritten


def test_migrate_keeps_what_it_was_made_from(shell: Shell, archive: Path) -> None:
    opened = Archive.open(archive)
    prepare(opened)
    with opened.catalog(read_only=True) as catalog:
        hashes = {part.path: part.sha256 for part in catalog.parts()}
    assert shell("mdc schema migrate --type trade").status == 0
    with opened.catalog(read_only=True) as catalog:
        parts = {part.path: part for part in catalog.parts()}
    for path, type_name, version, _ in PARTS:
        if type_name == "trade":
            assert parts[path].inputs == ((path, hashes[path]),)
        else:
            assert (parts[path].version, parts[path].inputs) == (version, ())


def test_rows_out_of_order_are_sorted(shell: Shell, tmp_path: Path) -> None:
    rows = [
        {"type": "bar", "symbol": "A", "ts_event": f"{DAY}T00:00:0{n}.000000000Z", "trades": n}
        for n in (3, 1, 2)
    ]
    path = tmp_path / f"data/A/bar/{DAY}.jsonl"
    path.parent.mkdir(parents=True)
    write_jsonl(path, rows, {"bar": "0.9.0"})
    assert shell("mdc schema migrate --root data").status == 0
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["trade_count"], row["adjustment"]) for row in found] == [
        (1, "raw"),
        (2, "raw"),
        (3, "raw"),
    ]


def test_a_damaged_part_is_named_and_left_as_it_is(shell: Shell, archive: Path) -> None:
    assert shell("mdc schema migrate --type gap --allow-empty").status == 0  # makes the catalog
    path = archive / PARTS[0][0]
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 0xFF
    path.write_bytes(data)
    broken = archive / PARTS[1][0]
    broken.write_bytes(broken.read_bytes().replace(b'"side":"S"', b'"side":"X"'))
    done = shell("mdc schema migrate")
    assert done.status == 65
    assert PARTS[1][0] in done.err
    assert "not the bytes that were written" in done.err
    assert b'"side":"X"' in broken.read_bytes()
    migrated = {line.split()[1].rstrip(":") for line in done.out.splitlines()}
    assert migrated >= {row[0] for row in PARTS[2:]}
    assert PARTS[1][0] not in migrated


def test_a_version_without_a_way_is_named(shell: Shell, archive: Path) -> None:
    prepare(Archive.open(archive))
    with Archive.open(archive).catalog() as catalog:
        (part,) = [p for p in catalog.parts() if p.path == NEW]
        newer = _with_version(part, "3.0.0")
        catalog.commit([newer], [part])
    done = shell("mdc schema migrate --dry-run")
    assert done.status == 65
    assert f"{NEW}: trade version 3.0.0 is newer than 1.0.0; update mdc to read it" in done.err
    assert len(done.out.splitlines()) == len(PARTS)


def _with_version(part: PartRow, version: str) -> PartRow:
    return msgspec.structs.replace(part, version=version)


@pytest.mark.parametrize("wrong", ["events", "number"])
def test_a_part_that_does_not_give_the_same_events_is_not_taken(
    wrong: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Archive.open(archive)
    prepare(opened)
    before = files_of(archive)

    def misread(path: Path, *more: Any) -> Iterator[pa.RecordBatch]:
        for batch in read_part_file(path, *more):
            yield batch.take(pa.array([0, 0])) if wrong == "events" else batch.slice(1)

    with rewriting(opened) as catalog:
        parts = [p for p in outdated(catalog.parts())[0] if p.path == PARTS[0][0]]
        monkeypatch.setattr(rewrite, "read_part_file", misread)
        said = "differ" if wrong == "events" else "2 read, 1 written"
        migrated = migrate(opened, catalog, parts, Profiles())
        assert migrated.done == []
        assert re.search(f"{PARTS[0][0]}: .*{said}", migrated.problems[0])
        assert next(catalog.parts(Query(types=("trade",)))).version == "0.8.0"
    assert files_of(archive)[PARTS[0][0]] == before[PARTS[0][0]]


def test_parts_are_migrated_in_a_few_transactions(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another command has changed one of them since it was looked up."""
    opened = Archive.open(archive)
    prepare(opened)
    commits: list[int] = []
    commit = Catalog.commit

    def counted(catalog: Catalog, add: Any = (), remove: Any = (), **more: Any) -> None:
        commits.append(len(add))
        commit(catalog, add, remove, **more)

    with rewriting(opened) as catalog:
        parts = outdated(catalog.parts())[0]
        changed = msgspec.structs.replace(parts[1], made_at=1)
        catalog.commit([changed], [parts[1]])
        monkeypatch.setattr(Catalog, "commit", counted)
        migrated = migrate(opened, catalog, parts, Profiles())
        assert migrated.done == [part for part in parts if part is not parts[1]]
        assert migrated.problems == [
            f"{parts[1].path} was changed by another command: it stays for the next time"
        ]
        assert commits == [len(parts)] + [1] * len(parts)
        commits.clear()
        assert migrate(opened, catalog, [changed], Profiles()).done == [changed]
        assert outdated(catalog.parts())[0] == []


class Killed(BaseException):
    """Stands for a kill at a certain moment."""


@pytest.mark.parametrize("moment", ["commit", "moves"])
def test_after_a_kill_each_part_is_old_or_new(
    moment: str, shell: Shell, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Archive.open(archive)
    prepare(opened)

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with pytest.raises(Killed), rewriting(opened) as catalog, monkeypatch.context() as patch:
        first, *_ = outdated(catalog.parts())[0]
        # A kill cleans up nothing either.
        patch.setattr(replace.Replacement, "abandon", lambda self: None)
        if moment == "commit":
            patch.setattr(Catalog, "commit", die)
        else:
            patch.setattr(replace, "finish_moves", die)
        migrate(opened, catalog, [first], Profiles())
    assert sorted(shell("mdc cat --root data").lines) == expected()
    done = shell("mdc schema migrate")
    assert done.status == 0
    left = len(PARTS) - (moment == "moves")
    assert len(done.out.splitlines()) == left
    assert sorted(shell("mdc cat --root data").lines) == expected()
    assert not list((archive / "_mdc" / "tmp").iterdir())


def test_killed_at_any_step(shell: Shell, tmp_path: Path) -> None:
    """Until it gets through: wherever it is killed, each event is there once."""
    rows, _ = chosen("trade", "0.8.0")
    for number in range(PARTS_TO_KILL):
        path = tmp_path / f"fresh/S{number}/trade/{DAY}.parquet"
        own = [{**row, "symbol": f"S{number}"} for row in rows]
        write_parquet(path, own, {"trade": "0.8.0"})
    prepare(Archive.open(tmp_path / "fresh"))
    wanted = sorted(shell("mdc cat --root fresh").lines)
    assert len(wanted) == PARTS_TO_KILL * len(rows)

    def again() -> None:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        shutil.copytree(tmp_path / "fresh", tmp_path / "data")

    again()
    for fault in kills(shell, "mdc schema migrate", KILLS, after=again):
        killed(shell, "mdc schema migrate", fault)
        assert sorted(shell("mdc cat --root data").lines) == wanted, fault
        assert shell("mdc schema migrate").status == 0
        assert sorted(shell("mdc cat --root data").lines) == wanted, fault
        for path in tmp_path.glob("data/S*/trade/*.parquet"):
            metadata = pq.read_schema(path).metadata or {}
            assert json.loads(metadata[b"mdc.versions"]) == {"trade": "1.0.0"}
        assert not list(tmp_path.glob("data/_mdc/tmp/*"))
        again()


def test_old_parts_taken_in_by_another_command_are_still_known(shell: Shell, archive: Path) -> None:
    """The catalog that `store` makes knows their versions, so migrate finds them later."""
    done = shell("mdc stream sim AAPL --limit 10 | mdc store")
    assert done.status == 0, done.err
    found = json.loads(shell("mdc schema migrate --dry-run --json").out)
    assert {part["path"] for part in found} == {row[0] for row in PARTS}
