"""What a run says of itself is kept once, and found again from each of its parts."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from mdc_core.archive.write.archive import Archive
from tests.conftest import Shell, parts_of

SYMBOLS = [f"S{number}" for number in range(1_500)]
NAME = "mdc.origin"


@pytest.fixture
def data(shell: Shell, tmp_path: Path) -> Path:
    """An archive of a run that was asked for many symbols."""
    (tmp_path / "symbols.txt").write_text("\n".join(SYMBOLS))
    line = "mdc stream sim --symbols-file symbols.txt --limit 60 | mdc store"
    assert shell(line).status == 0
    return tmp_path / "data"


def metadata(file: Path) -> dict[str, bytes]:
    return {key.decode(): value for key, value in (pq.read_metadata(file).metadata or {}).items()}


def runs(shell: Shell, file: Path, *options: str) -> Any:
    done = shell(f"mdc lineage {file} --json {' '.join(options)}")
    assert done.status == 0, done.err
    return json.loads(done.out)["runs"]


def origin_files(root: Path) -> list[Path]:
    return sorted((root / "_mdc" / "origins").iterdir())


def make_heavy(root: Path) -> None:
    """Give the parts all that their run says of itself, as older versions did."""
    archive = Archive.open(root)
    with archive.catalog() as catalog:
        old, new = list(catalog.parts()), []
        for part in old:
            file = root / part.path
            table = pq.read_table(file)
            said = {k: v for k, v in table.schema.metadata.items() if k != b"mdc.origin_key"}
            said[b"mdc.origin"] = catalog.origin_of(part.origin)
            pq.write_table(table.replace_schema_metadata(said), file, compression="zstd")
            text = file.read_bytes()
            digest = sha256(text).hexdigest()
            new.append(msgspec.structs.replace(part, bytes=len(text), sha256=digest, slim=False))
        catalog.commit(new, old)


def test_it_is_kept_once(data: Path, shell: Shell) -> None:
    parts = parts_of(data)
    assert len(parts) > 30
    (file,) = origin_files(data)
    kept = json.loads(file.read_bytes())
    assert kept["request"]["symbols"] == SYMBOLS
    assert file.stem == sha256(file.read_bytes()).hexdigest()[:24]
    for part in parts:
        said = metadata(part)
        assert said["mdc.origin_key"].decode() == file.stem
        assert sum(len(key) + len(value) for key, value in said.items()) < 3_000
        assert part.stat().st_size < 9_000  # it has more columns than rows
    (run,) = runs(shell, parts[0])
    assert [stage["stage"] for stage in run["stages"]] == ["stream"]
    assert run["stages"][0]["request"]["symbols"] == SYMBOLS
    looked = shell(f"mdc inspect {parts[0]} --json")
    assert json.loads(looked.out)["runs"] == 1
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_it_is_found_without_the_catalog(data: Path, shell: Shell) -> None:
    part = parts_of(data)[5]
    before = runs(shell, part)
    shutil.rmtree(data / "_mdc" / "journal", ignore_errors=True)
    (data / "_mdc" / "catalog.sqlite").unlink()
    assert runs(shell, part) == before
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc verify --deep")[:2] == (0, "")
    shutil.rmtree(data / "_mdc" / "origins")
    assert runs(shell, part) == before  # from the catalog, now
    shutil.rmtree(data / "_mdc")
    done = shell("mdc catalog rebuild")
    assert done.status == 0
    assert f"the origin of {len(parts_of(data))} files is no longer known" in done.err
    assert runs(shell, part) == []
    assert shell("mdc verify --deep")[:2] == (0, "")


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_damage_is_found_and_mended(damage: str, data: Path, shell: Shell) -> None:
    (file,) = origin_files(data)
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:99] + bytes([whole[99] ^ 1]) + whole[100:])
    done = shell("mdc verify")
    assert done.status == 1
    assert f"data/_mdc/origins/{file.name}: missing or damaged" in done.out
    assert len(done.out.splitlines()) == 1
    assert shell("mdc catalog rebuild").status == 0
    assert file.read_bytes() == whole
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_parts_of_older_versions_are_slimmed(data: Path, shell: Shell) -> None:
    parts = parts_of(data)
    events = shell("mdc cat --root data").lines
    before = runs(shell, parts[3])
    make_heavy(data)
    assert shell("mdc verify --deep")[:2] == (0, "")
    assert runs(shell, parts[3]) == before
    heavy = sum(part.stat().st_size for part in parts)
    advice = json.loads(shell("mdc advise --json").out)
    (one,) = [one for one in advice if one["kind"] == "origin"]
    assert one["files"] == len(parts)
    assert one["bytes"] == heavy
    assert one["saved"] > heavy // 2
    assert one["command"] == "mdc compact --root data"
    done = shell("mdc compact")
    assert done.status == 0, done.err
    slim = parts_of(data)
    assert len(slim) == len(parts)
    assert sum(part.stat().st_size for part in slim) < heavy // 3
    assert all(NAME not in metadata(part) for part in slim)
    assert shell("mdc cat --root data").lines == events
    (run,) = runs(shell, slim[3])
    assert [run] == before
    assert "origin" not in {one["kind"] for one in json.loads(shell("mdc advise --json").out)}
    assert shell("mdc compact").out == ""
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_a_catalog_made_again_of_older_parts(data: Path, shell: Shell) -> None:
    make_heavy(data)
    before = runs(shell, parts_of(data)[3])
    shutil.rmtree(data / "_mdc")
    assert shell("mdc catalog rebuild").status == 0
    assert len(origin_files(data)) == 1
    assert shell("mdc compact").status == 0
    assert runs(shell, parts_of(data)[3]) == before
    assert shell("mdc verify --deep")[:2] == (0, "")


def test_parts_of_several_runs(data: Path, shell: Shell) -> None:
    """A part names the list, and the list names each run; none is kept twice."""
    line = "mdc stream sim --symbols-file symbols.txt --limit 60 --seed 9 | mdc store"
    for _ in range(2):
        assert shell(line).status == 0
    assert len(origin_files(data)) == 3
    assert shell("mdc compact").status == 0
    lists = [f for f in origin_files(data) if f.stat().st_size < 200]
    assert lists
    several = [
        part
        for part in parts_of(data)
        if metadata(part)["mdc.origin_key"].decode() == lists[0].stem
    ]
    said = runs(shell, several[0])
    names = json.loads(lists[0].read_bytes())["origins"]
    assert len(said) == len(names) > 1
    assert {run["stages"][0]["request"]["symbols"] == SYMBOLS for run in said} == {True}
    (data / "_mdc" / "catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild").status == 0
    assert runs(shell, several[0]) == said
    assert shell("mdc verify --deep")[:2] == (0, "")
    assert shell("mdc pack create all.zip --root data").status == 0
    assert shell("mdc pack import all.zip --root other").status == 0
    other = data.parent / "other" / several[0].relative_to(data)
    assert runs(shell, other) == said
    (data.parent / "other" / "_mdc" / "catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root other").status == 0
    assert runs(shell, other) == said
    assert shell("mdc verify --deep --root other")[:2] == (0, "")


def test_what_no_part_comes_from_is_forgotten(data: Path, shell: Shell) -> None:
    (first,) = origin_files(data)
    event = '{"type":"trade","symbol":"NEW","ts_event":"2035-01-02T14:30:00.000000000Z","price":1}'
    assert shell("mdc store", stdin=event.encode()).status == 0
    (known,) = {*origin_files(data)} - {first}  # of a plain file, its first event
    (first.parent / f".{first.stem}.1").write_bytes(b"half of")
    assert shell("mdc retain --yes --by event --keep 30d --now 2035-01-03").status == 0
    assert origin_files(data) == [known]
    assert shell("mdc verify --deep")[:2] == (0, "")
    with Archive.open(data).catalog(read_only=True) as catalog:
        assert catalog.origin_of(first.stem) is None
        assert [part.symbol for part in catalog.parts()] == ["NEW"]
