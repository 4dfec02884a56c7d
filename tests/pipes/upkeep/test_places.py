"""Each place belongs to one archive: no other one reads, counts, packs, moves or deletes there."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Shell, is_control, parts_of
from tests.kit import forks
from tests.torture.every_step import Commands

COLD = '[tier.cold]\ndirectory = "../cold"\n'
EVENT = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-0{}T12:00:00Z","price":1,"size":{}}}\n'
OLD = "2024-01-09"  # everything is cold by then, and nothing is stored as new
MIGRATE = "mdc tier migrate --now 2024-06-01"
# What another archive may not do where it shares a tier directory: (the line, and its status).
VERBS = (
    "mdc store --root other < msft.jsonl",
    f"{MIGRATE} --root other",
    "mdc tier status --root other",
    "mdc tier plan --root other",
    "mdc verify --root other",
    "mdc verify --root other --deep",
    "mdc catalog rebuild --root other",
    "mdc catalog rebuild --root other --dry-run",
    "mdc recover --root other",
    "mdc compact --root other",
    "mdc retain --yes --by event --root other --keep 1d",
    "mdc schema migrate --root other",
    "mdc advise --root other",
    "mdc pack import given.zip --root other",
)
# What another archive may not do where its catalog knows the files, as that of an older version.
READING = (
    "mdc cat --root other",
    "mdc count --root other",
    "mdc ls --root other",
    "mdc du --root other",
    "mdc tail --root other",
    "mdc query 'SELECT * FROM trade' --root other",
    "mdc coverage --root other",
    "mdc pack create out.zip --root other",
    "mdc compact --root other",
    "mdc retain --yes --by event --root other --keep 1d",
    "mdc verify --root other",
    "mdc recover --root other",
    "mdc tier status --root other",
)


def trades(symbol: str, size: int = 1) -> str:
    return "".join(EVENT.format(symbol, day, size) for day in range(1, 6))


@pytest.fixture
def data(shell: Shell, tmp_path: Path) -> Path:
    """An archive whose events are in ../cold, and one beside it that has some of its own."""
    (tmp_path / "spy.jsonl").write_text(trades("SPY"))
    (tmp_path / "msft.jsonl").write_text(trades("MSFT", 7))
    for line in ("mdc store --root other < msft.jsonl", "mdc store < spy.jsonl"):
        assert shell(line).status == 0
    (tmp_path / "mdc.toml").write_text(COLD)
    assert shell(MIGRATE).status == 0
    assert len(files(tmp_path / "cold")) == 5 and not files(tmp_path / "data")
    return tmp_path / "data"


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in parts_of(root)}


def legacy(root: Path) -> None:
    """As a version left it that knew no ids."""
    (root / "_mdc/archive.json").unlink(missing_ok=True)


def counted(shell: Shell, root: str = "data") -> int:
    done = shell(f"mdc cat --root {root}")
    assert done.status == (0 if done.lines else 1), done.err
    return len(done.lines)


def refused(shell: Shell, line: str, said: str) -> None:
    done = shell(line)
    text = [
        one
        for one in done.err.splitlines()
        if not one.startswith(("hint: ", "mdc: note", "mdc store: 5 in = 0 out"))
    ]
    told = [one for one in done.out.splitlines() if not is_control(one)]
    assert (done.status, told) == (78, []), (line, done)
    assert said in text[0] and len(text) == 1, (line, done.err)
    assert "hint: " in done.err, (line, done.err)


def test_another_archive_is_refused_by_every_verb(data: Path, shell: Shell, tmp_path: Path) -> None:
    before = files(tmp_path)
    assert shell("mdc pack create given.zip").status == 0
    for line in VERBS:
        refused(shell, line, f"belongs to the archive {data}, not to other")
    shutil.rmtree(tmp_path / "other")
    refused(shell, "mdc store --root other < msft.jsonl", f"{data}, not to other")
    (tmp_path / "given.zip").unlink()
    assert {n: b for n, b in before.items() if not n.startswith("other/")} == files(tmp_path)
    # With a directory of its own it may.
    (tmp_path / "mdc.toml").write_text(COLD.replace('cold"', 'warm"'))
    assert shell("mdc store --root other < msft.jsonl").status == 0
    assert (counted(shell, "other"), counted(shell)) == (5, 5)


def test_a_catalog_that_knows_files_of_another_archive(
    data: Path, shell: Shell, tmp_path: Path
) -> None:
    """An older version has entered them; nothing of it is shown or deleted."""
    owner = (tmp_path / "cold/_mdc/archive.json").rename(tmp_path / "owner")
    legacy(tmp_path / "other")
    # One that is sound takes nothing in that it does not know; one that is lost has to.
    for dry in ("--dry-run", ""):
        refused(shell, f"mdc catalog rebuild --root other {dry}", "other does not know: SPY/trade/")
    (tmp_path / "other/_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild --root other").status == 0
    assert counted(shell, "other") == 10
    owner.replace(tmp_path / "cold/_mdc/archive.json")
    before = files(tmp_path / "cold")
    (tmp_path / "mdc.toml").unlink()
    for line in READING:
        refused(shell, line, f"belongs to the archive {data}, not to other")
    assert files(tmp_path / "cold") == before
    assert shell("mdc verify --deep").status == 0
    assert counted(shell) == 5


def test_a_place_of_an_older_version(data: Path, shell: Shell, tmp_path: Path) -> None:
    legacy(data)
    legacy(tmp_path / "cold")
    assert counted(shell) == 5  # reading takes nothing
    assert not (tmp_path / "cold/_mdc/archive.json").exists()
    refused(shell, f"{MIGRATE} --root other", "has files that other does not know: SPY/trade/")
    assert shell("mdc store < msft.jsonl").status == 0
    assert json.loads((tmp_path / "cold/_mdc/archive.json").read_text())["root"] == "../data"
    refused(shell, f"{MIGRATE} --root other", f"belongs to the archive {data}")
    assert (counted(shell), counted(shell, "other")) == (10, 5)


def test_a_new_archive_beside_a_place_of_an_older_version(
    data: Path, shell: Shell, tmp_path: Path
) -> None:
    legacy(data)
    legacy(tmp_path / "cold")
    refused(shell, "mdc store --root third < msft.jsonl", "third has none")
    assert shell("mdc catalog rebuild").status == 0
    refused(shell, "mdc store --root third < msft.jsonl", f"belongs to the archive {data}")
    assert counted(shell) == 5


def test_a_place_that_two_archives_shared(data: Path, shell: Shell, tmp_path: Path) -> None:
    """Each goes on reading what it knows, and can move it to a directory of its own."""
    cold = tmp_path / "cold"
    (cold / "SPY").rename(tmp_path / "aside")
    legacy(cold)
    assert shell(f"{MIGRATE} --root other").status == 0
    (tmp_path / "aside").rename(cold / "SPY")
    for root in (data, tmp_path / "other", cold):
        legacy(root)
    assert (counted(shell), counted(shell, "other")) == (5, 5)
    assert shell("mdc store --root other < spy.jsonl").status == 0
    refused(shell, f"{MIGRATE} --root other", "does not know: SPY/trade/")
    (tmp_path / "mdc.toml").write_text(COLD.replace("../cold", "../others"))
    assert shell(f"{MIGRATE} --root other").status == 0
    (tmp_path / "mdc.toml").write_text(COLD)
    assert shell("mdc store < msft.jsonl").status == 0
    assert (counted(shell), counted(shell, "other")) == (10, 10)
    assert (cold / "_mdc/archive.json").exists()


def test_an_id_survives_a_rebuild(data: Path, shell: Shell, tmp_path: Path) -> None:
    made = (data / "_mdc/archive.json").read_bytes()
    (data / "_mdc/catalog.sqlite").unlink()
    assert shell("mdc catalog rebuild").status == 0
    assert (data / "_mdc/archive.json").read_bytes() == made
    shutil.rmtree(data / "_mdc")
    refused(shell, "mdc store < msft.jsonl", "data has none")
    assert shell("mdc catalog rebuild").status == 0
    assert (data / "_mdc/archive.json").read_bytes() == made
    assert shell("mdc store < msft.jsonl").status == 0
    assert counted(shell) == 10


def test_an_id_that_is_lost_is_found_in_the_places(
    data: Path, shell: Shell, tmp_path: Path
) -> None:
    made = (data / "_mdc/archive.json").read_bytes()
    (data / "_mdc/archive.json").unlink()
    assert counted(shell) == 5
    assert shell("mdc store < msft.jsonl").status == 0
    assert (data / "_mdc/archive.json").read_bytes() == made
    assert shell(MIGRATE).status == 0
    assert counted(shell) == 10


def test_copies_and_moves(data: Path, shell: Shell, tmp_path: Path) -> None:
    # A copy of the root alone shares its places with the original: it is refused.
    shutil.copytree(data, tmp_path / "copy")
    refused(shell, "mdc count --root copy", f"{data}, of which copy is a copy")
    refused(shell, "mdc retain --yes --by event --root copy --keep 1d", "of which copy is a copy")
    # One of the root and its places is an archive of its own.
    (tmp_path / "sub").mkdir()
    for name in ("data", "cold"):
        shutil.copytree(tmp_path / name, tmp_path / "sub" / name)
    assert counted(shell, "sub/data") == 5
    assert shell("mdc retain --yes --by event --root sub/data --keep 1d").status == 0
    assert (counted(shell, "sub/data"), counted(shell)) == (0, 5)
    # What was moved stays what it was.
    shutil.rmtree(tmp_path / "copy")
    data.rename(tmp_path / "moved")
    assert counted(shell, "moved") == 5
    assert shell("mdc store --root moved < msft.jsonl").status == 0
    assert shell("mdc verify --root moved --deep").status == 0


def test_roots_within_places(data: Path, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").unlink()
    before = files(tmp_path)
    for verb in ("store < msft.jsonl", "count", "cat", "verify", "catalog rebuild"):
        verb, _, rest = verb.partition(" <")
        rest = f"<{rest}" if rest else ""
        refused(shell, f"mdc {verb} --root cold {rest}", f"cold belongs to the archive {data}")
        for within in ("data/sub", "data/_mdc", "cold/sub"):
            (tmp_path / within).mkdir(exist_ok=True)
            what = f"lies within the archive {(tmp_path / within).parent}"
            refused(shell, f"mdc {verb} --root {within} {rest}", what)
    assert files(tmp_path) == before
    for name in ("cold/x", "other", "other/x", "other/_mdc"):
        (tmp_path / "mdc.toml").write_text(f'[tier.cold]\ndirectory = "../{name}"\n')
        done = shell(f"{MIGRATE} --root data")
        assert done.status == 78 and "archive" in done.err, (name, done.err)
    assert counted(shell) == 5


def test_an_archive_within_another_is_not_seen_by_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "spy.jsonl").write_text(trades("SPY"))
    for root in ("data", "data/inner"):
        if root != "data":  # as an older version made it
            (tmp_path / "data/_mdc").rename(tmp_path / "aside")
        assert shell(f"mdc store --root {root} < spy.jsonl").status == 0
    (tmp_path / "aside").rename(tmp_path / "data/_mdc")
    assert shell("mdc verify").out == ""
    assert shell("mdc catalog rebuild").status == 0
    (tmp_path / "data/_mdc").rename(tmp_path / "aside")
    assert (counted(shell), counted(shell, "data/inner")) == (5, 5)


def test_nothing_is_written_into_an_archive_within(shell: Shell, tmp_path: Path) -> None:
    """A root that is called as a symbol is, below that of another archive."""
    (tmp_path / "spy.jsonl").write_text(trades("SPY"))
    assert shell("mdc store --root data/SPY < spy.jsonl").status == 0
    before = files(tmp_path / "data")
    done = shell("mdc store < spy.jsonl")
    assert done.status == 73 and "SPY is the root of another archive" in done.err, done.err
    assert files(tmp_path / "data") == before
    assert (counted(shell), counted(shell, "data/SPY")) == (5, 5)  # they are in the journal
    (tmp_path / "data/SPY").rename(tmp_path / "aside")
    assert shell("mdc recover").status == 0
    assert (counted(shell), counted(shell, "aside")) == (5, 5)
    assert shell("mdc verify --deep").out == ""


def test_one_directory_under_several_names(data: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store < msft.jsonl").status == 0
    (tmp_path / "link").symlink_to("cold")
    for name in ("../link", str(tmp_path / "cold"), "../cold/", "../data/../cold"):
        (tmp_path / "mdc.toml").write_text(f'[tier.cold]\ndirectory = "{name}"\n')
        before = files(tmp_path / "cold")
        assert shell(MIGRATE).status == 0
        assert before.items() <= files(tmp_path / "cold").items()
        assert shell("mdc verify --deep").out == ""
    (tmp_path / "mdc.toml").write_text(
        '[tier.warm]\ndirectory = "../cold"\n[tier.cold]\ndirectory = "../link"\n'
    )
    assert shell(MIGRATE).status == 0
    assert shell("mdc catalog rebuild").status == 0
    assert shell("mdc verify --deep").out == ""
    assert counted(shell) == 10
    (tmp_path / "root").symlink_to("data")
    assert counted(shell, "root") == 10
    for name in ("../root", "../root/_mdc", "_mdc"):
        (tmp_path / "mdc.toml").write_text(f'[tier.cold]\ndirectory = "{name}"\n')
        refused(shell, "mdc tier status", "lies within the archive, or around it")


def test_a_damaged_owner(data: Path, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "cold/_mdc/archive.json").write_text('{"id":')
    done = shell("mdc count --root data")
    assert done.status == 65 and "archive.json: damaged" in done.err, done.err
    assert "hint" in done.err


def test_an_import_goes_into_no_place_of_another(data: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc pack create given.zip").status == 0
    (tmp_path / "mdc.toml").unlink()
    before = files(tmp_path / "cold")
    for root in ("cold", "data/sub"):
        done = shell(f"mdc pack import given.zip --root {root}")
        assert done.status == 78, done.err
        assert shell(f"mdc pack import given.zip --root {root} --dry-run").status == 78
    assert files(tmp_path / "cold") == before


def test_lineage_of_a_file_in_a_place(data: Path, shell: Shell, tmp_path: Path) -> None:
    path = next((tmp_path / "cold/SPY/trade").iterdir())
    done = shell(f"mdc lineage --json {path}")
    assert json.loads(done.out)["stored"]["tier"] == "cold"


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
@pytest.mark.parametrize("kind", ["kill", "eio", "enospc"])
@pytest.mark.some(1)
def test_each_step_of_taking_a_place(forked_env: dict[str, str], tmp_path: Path, kind: str) -> None:
    """The place is the first archive's, or nobody's; whoever takes it then has it alone."""
    mdc = Commands(forked_env)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name, symbol in (("data", "SPY"), ("other", "MSFT")):
        (fresh / "events.jsonl").write_text(trades(symbol))
        mdc.well(f"mdc store --root {name} < events.jsonl", fresh)
    (fresh / "mdc.toml").write_text(COLD)
    shutil.copytree(fresh, tmp_path / "traced")
    mdc.run(MIGRATE, tmp_path / "traced", f"trace:{tmp_path / 'trace'}")
    steps = [step for step in (tmp_path / "trace").read_text().splitlines() if "cold/_mdc" in step]
    assert len(steps) >= 5
    for number, step in enumerate(steps, 1):
        work = tmp_path / f"work{number}"
        shutil.copytree(fresh, work)
        done = mdc.run(MIGRATE, work, f"all@cold/_mdc:{number}:{kind}")
        assert done.status in (0, 65, 73, -9), (step, done)
        second = mdc.run(f"{MIGRATE} --root other", work)
        first = mdc.run(MIGRATE, work)
        assert sorted([first.status, second.status]) == [0, 78], (step, first, second)
        for name, symbol in (("data", "SPY"), ("other", "MSFT")):
            events = mdc.run(f"mdc cat --root {name}", work).events
            assert [event["symbol"] for event in events] == [symbol] * 5, step


def test_two_archives_at_once(shell: Shell, tmp_path: Path) -> None:
    """Of those that take a place at the same moment one has it."""
    for name in "abcdef":
        (tmp_path / "events.jsonl").write_text(trades(name.upper()))
        assert shell(f"mdc store --root {name} < events.jsonl").status == 0
    (tmp_path / "mdc.toml").write_text(COLD)
    both = " & ".join(f"({MIGRATE} --root {name} -q; echo $? >> said)" for name in "abcdef")
    shell(f"{both} & wait")
    assert sorted((tmp_path / "said").read_text().split()) == ["0", *["78"] * 5]
    assert len(files(tmp_path / "cold")) == 5
    assert [counted(shell, name) for name in "abcdef"] == [5] * 6
