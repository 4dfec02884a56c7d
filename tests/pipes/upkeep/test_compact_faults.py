"""`mdc compact` where something is wrong, and killed at any step."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Shell, is_control
from tests.kit.kills import killed, kills
from tests.pipes.store.storing import storing
from tests.pipes.upkeep.compacting import parts, stored


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_damaged_file_stops_its_period_alone(form: str, shell: Shell, tmp_path: Path) -> None:
    stored(shell, f"--format {form}", symbols="SPY AAPL")
    file = sorted(tmp_path.glob("data/SPY/trade/*"))[1]
    data = bytearray(file.read_bytes())
    # The last nanosecond of a time: only the hash of the file can tell.
    place = data.rindex(b'Z"') - 1 if form == "jsonl" else len(data) // 2
    data[place] ^= 1
    file.write_bytes(data)
    before = parts(tmp_path / "data")
    done = shell("mdc compact")
    assert done.status == 65
    assert f"SPY trade 2024-01-02: left as it is: data/SPY/trade/{file.name}" in done.err
    after = parts(tmp_path / "data")
    spared = {path: data for path, data in before.items() if path.startswith("SPY/trade")}
    assert {path: data for path, data in after.items() if path in before} == spared
    assert sorted(path for path in after if path not in before) == [
        f"AAPL/quote/2024-01-02.{form}",
        f"AAPL/trade/2024-01-02.{form}",
        f"SPY/quote/2024-01-02.{form}",
    ]
    found = json.loads(shell("mdc compact --json").out)["groups"]
    assert [(g["type"], file.name in g["problem"]) for g in found if g["problem"]] == [
        ("trade", True)
    ]


def test_a_missing_file_is_named(shell: Shell, tmp_path: Path) -> None:
    stored(shell, symbols="SPY")
    file = sorted(tmp_path.glob("data/SPY/trade/*"))[0]
    file.unlink()
    done = shell("mdc compact")
    assert (done.status, file.name in done.err) == (65, True)


def test_a_foreign_file_under_the_name_is_not_touched(shell: Shell, tmp_path: Path) -> None:
    lines = stored(shell, symbols="SPY")
    file = tmp_path / "data/SPY/trade/2024-01-02.parquet"
    file.write_text("mine")
    assert shell("mdc compact").status == 0
    assert file.read_text() == "mine"
    assert (file.parent / "2024-01-02.1.parquet").exists()
    assert shell("mdc cat --root data").lines == lines
    assert shell("mdc compact").err == "mdc compact: nothing to do\n"


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc compact", 65, "no archive at data"),
        ("mkdir data; mdc compact --target-size 0", 2, "--target-size: 1MB is the least"),
        ("mkdir data; mdc compact --target-size 1B", 2, "--target-size: 1MB is the least"),
        ("mkdir data; mdc compact --target-size 1", 2, "'1' has no unit (say 1B or 1MB)"),
        ("mkdir data; mdc compact --target-size 999KB", 2, "--target-size: 1MB is the least"),
        ("mkdir data; mdc compact --target-size much", 2, "'much' is no size"),
        ("mkdir data; mdc compact --row-group 0", 2, "--row-group"),
        ("mkdir data; mdc compact --type trad", 2, "did you mean trade?"),
        ("mkdir data; touch data/_mdc; mdc compact", 73, "cannot write below data"),
        ("touch data; mdc compact", 65, "no archive at data"),
        ("mkdir data; mdc compact", 0, "nothing to do"),
        ("mkdir data; mdc compact --dry-run", 0, "nothing to do"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_a_catalog_that_is_none(shell: Shell, tmp_path: Path) -> None:
    stored(shell, runs=1)
    before = parts(tmp_path / "data")
    (tmp_path / "data/_mdc/catalog.sqlite").write_bytes(b"no catalog at all" * 999)
    done = shell("mdc compact")
    assert (done.status, parts(tmp_path / "data")) == (65, before)
    assert "mdc catalog rebuild" in done.err


def test_one_at_a_time(shell: Shell, tmp_path: Path) -> None:
    stored(shell, runs=1)
    done = shell("flock data/_mdc/maintenance.lock mdc compact")
    assert done.status == 75
    assert "is being rewritten by another command" in done.err


def test_a_full_disk(shell: Shell, tmp_path: Path) -> None:
    """Where a file cannot be written, nothing changes, and nothing is left behind."""
    stored(shell, "--format jsonl", symbols="SPY")
    before = parts(tmp_path / "data")
    done = shell("ulimit -f 20; trap '' XFSZ; mdc compact")
    assert done.status == 73
    assert "cannot write" in done.err
    assert parts(tmp_path / "data") == before
    assert not list((tmp_path / "data/_mdc/tmp").iterdir())


def test_beside_a_store_that_goes_on(
    shell: Shell, tmp_path: Path, forked_env: dict[str, str]
) -> None:
    """A file that is still appended to is left alone, as long as its run has a journal."""
    lines = shell("mdc stream sim SPY --limit 900 --seed 1").lines
    options = "--format jsonl --seal-size 30KB --fsync always"
    with storing(options, tmp_path, forked_env) as feed:
        # More than a seal is made of, and then less than that.
        for first, stop in ((0, 300), (300, 330)):
            feed.write(lines[first:stop])
            feed.wait_for(stop)
        assert shell("while ls data/_mdc/journal/*-0001.journal; do sleep .02; done").status == 0
        before = parts(tmp_path / "data")
        assert before
        assert list((tmp_path / "data/_mdc/journal").iterdir())
        assert shell("mdc compact").err == "mdc compact: nothing to do\n"
        assert parts(tmp_path / "data") == before
        feed.write(lines[330:])
        assert feed.end()[0] == 0
        assert feed.acknowledged.total() == 900
    shell("mdc compact")
    assert sorted(parts(tmp_path / "data")) == [
        "SPY/quote/2024-01-02.jsonl",
        "SPY/trade/2024-01-02.jsonl",
    ]
    assert sorted(shell("mdc cat --root data").lines) == sorted(lines)


@pytest.fixture(scope="module")
def many(
    tmp_path_factory: pytest.TempPathFactory, quiet_env: dict[str, str]
) -> tuple[Path, list[str]]:
    """An archive with many groups of several parts each, and the lines of its events."""
    folder = tmp_path_factory.mktemp("many")
    symbols = " ".join(f"S{n}" for n in range(6))
    for seed in range(3):
        line = f"mdc stream sim {symbols} --limit 900 --seed {seed} | mdc store"
        subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=quiet_env,
            check=True,
            stderr=subprocess.DEVNULL,
        )
    cat = ["mdc", "cat", "--root", "data"]
    read = subprocess.run(cat, cwd=folder, env=quiet_env, check=True, capture_output=True)
    lines = read.stdout.decode().splitlines()
    return folder / "data", [line for line in lines if not is_control(line)]


def test_killed_at_any_step(many: tuple[Path, list[str]], shell: Shell, tmp_path: Path) -> None:
    """Wherever it is killed: `cat` gives the same, before and after."""
    whole, lines = many

    def again() -> None:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        shutil.copytree(whole, tmp_path / "data")

    again()
    for fault in kills(shell, "mdc compact", 6, after=again):
        killed(shell, "mdc compact", fault)
        assert shell("mdc cat --root data").lines == lines, fault
        assert shell("mdc ls").status == 0, fault  # what is on its way is not missing
        assert shell("mdc recover").status == 0
        assert shell("mdc cat --root data").lines == lines, fault
        assert shell("mdc compact").status == 0
        assert shell("mdc cat --root data").lines == lines, fault
        assert len(parts(tmp_path / "data")) == 12
        again()


@pytest.mark.parametrize("fault", ["link@2024-01-02.jsonl:1", "rename@1.part:1"])
def test_what_was_sorted_is_read_sorted_before_it_is_in_its_place(
    shell: Shell, tmp_path: Path, fault: str
) -> None:
    """The new file has the path and the size of the old one."""
    folder = tmp_path / "data" / "SPY" / "trade"
    folder.mkdir(parents=True)
    line = '{"type":"trade","v":"1.0.0","symbol":"SPY","ts_event":"2024-01-02T14:30:0%d.000000000Z"'
    text = "".join(f'{line % second},"price":{second},"size":1}}\n' for second in (3, 1, 2))
    (folder / "2024-01-02.jsonl").write_text(text)
    assert shell("mdc catalog rebuild").status == 0
    killed(shell, "mdc compact --sort", fault)
    assert (folder / "2024-01-02.jsonl").read_text() == text
    asked = shell("mdc query --root data 'SELECT price FROM trade'")
    assert asked.lines == ['{"price":1}', '{"price":2}', '{"price":3}'], asked
    for verb in ("cat", "tail", "cat"):
        done = shell(f"mdc {verb} --root data")
        assert [event["price"] for event in done.events] == ["1", "2", "3"], done
        if verb == "tail":  # it reads what is last, of the same file
            assert shell("mdc recover").status == 0
    assert sorted((folder / "2024-01-02.jsonl").read_text().splitlines()) != text.splitlines()
    assert shell("mdc verify").status == 0
