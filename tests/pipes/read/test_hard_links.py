"""Programs that read the files themselves while `compact` replaces them: `mdc ls --links`."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit import forks
from tests.torture.every_step import Commands, lines

FILES = "SPY/trade/*.parquet"
NARROW = '[tier.warm]\ndirectory = "../warm"\n'


def ids(folder: Path) -> list[str]:
    """The trades in the files that a program lists and then opens, one by one."""
    parquet = pytest.importorskip("pyarrow.parquet")
    found: list[str] = []
    for path in sorted(folder.glob(FILES)):
        found += parquet.read_table(path, columns=["trade_id"]).column(0).to_pylist()
    return sorted(found)


def test_links_stay_what_they_are(shell: Shell, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    for writer in "ab":
        assert shell("mdc store", stdin=lines(writer)).status == 0
    done = shell("mdc ls --links snap --type trade")
    assert done.status == 0 and "4 files" in done.err, done
    root, links = tmp_path / "data", tmp_path / "snap"
    listed = {path.relative_to(root): path.stat().st_ino for path in root.glob(FILES)}
    assert listed == {path.relative_to(links): path.stat().st_ino for path in links.glob(FILES)}
    want = ids(root)
    assert len(want) == 24
    assert shell("mdc compact").status == 0
    assert shell("mdc retain --yes --by event --keep 1d --now 2024-01-04T12:00").status == 0
    assert not any((root / path).exists() for path in listed)
    assert ids(links) == want
    ((rows, size),) = duckdb.sql(f"SELECT count(*), sum(size) FROM '{links}/{FILES}'").fetchall()
    assert (rows, size) == (24, 2 * sum(range(1, 13)))


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
def test_links_beside_a_compaction_that_stands_still_at_any_move(
    forked_env: dict[str, str], tmp_path: Path
) -> None:
    """Killed, it leaves what it would have passed through: files twice, or not there yet."""
    mdc = Commands(forked_env)
    for writer in "ab":
        mdc.fed("mdc store --ack", [lines(writer)], tmp_path)
    mdc.well("mdc compact", tmp_path)  # whose files are replaced by others of their names
    mdc.fed("mdc store --ack", [lines("c")], tmp_path)
    want = ids(tmp_path / "data")
    doubled = 0
    for number in range(1, 30):
        mdc.well(f"cp -r data {number}", tmp_path)
        command = f"mdc compact --root {number}"
        if mdc.run(command, tmp_path, f"rename:{number}:kill").status == 0:
            break
        doubled += len(ids(tmp_path / str(number))) > len(want)
        mdc.well(f"mdc ls --root {number} --links {number}.links", tmp_path)
        assert ids(tmp_path / f"{number}.links") == want, number
        mdc.well(f"mdc recover --root {number}", tmp_path)
        assert ids(tmp_path / str(number)) == want
    assert number > 4 and doubled  # what README says of it


def test_what_is_copied_and_what_has_one_name(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(NARROW)
    for writer, starts in (("a", (0, 6)), ("b", (12, 18))):
        for start in starts:  # two parts a day: one that is alone is left as it is
            assert shell("mdc store", stdin=lines(writer, 6, start)).status == 0
        assert shell("mdc compact").status == 0
        if writer == "a":
            assert shell("mdc tier migrate --now 2024-03-01").status == 0
    assert shell("mdc store --format jsonl", stdin=lines("c")).status == 0
    assert shell("mdc ls --links snap").status == 0
    names = sorted(path.name for path in (tmp_path / "snap/SPY/trade").iterdir())
    assert [n for n in names if n.endswith(".parquet")] == [
        f"2024-01-0{day}{tier}.parquet" for day in (2, 3) for tier in ("", ".warm")
    ]
    jsonl = list((tmp_path / "snap").rglob("*.jsonl"))
    grown = [
        json.loads(line)["trade_id"] for path in jsonl for line in path.read_text().splitlines()
    ]
    assert sorted(grown) == sorted(f"c{number}" for number in range(12))
    # A file that grows is no longer the one in the archive.
    for path in jsonl:
        own = tmp_path / "data" / path.relative_to(tmp_path / "snap")
        assert own.stat().st_ino != path.stat().st_ino


@pytest.mark.parametrize("folder", ["there", "data/snap"])
def test_a_directory_that_may_not_be_made(folder: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert shell("mdc store", stdin=lines("a")).status == 0
    done = shell(f"mdc ls --links {folder}")
    assert done.status == (73 if folder == "there" else 2) and folder in done.err
    assert not (tmp_path / "data/snap").exists() and not list((tmp_path / "there").iterdir())
