"""`mdc retain` and `mdc store --keep`: what is too old or too much goes, and nothing else."""

import json
import os
from pathlib import Path
from time import time_ns
from typing import Any

import pytest

from mdc_core.times import DAY, from_ns
from tests.conftest import Shell
from tests.pipes.upkeep.compacting import parts

NOW = "2024-02-01T12:00:00Z"
SYMBOLS = ("BTC/USD", "ETH/USD", "SPY")


def event(kind: str, symbol: str | None, at: str | None, **more: Any) -> dict[str, Any]:
    fields = {"symbol": symbol, "ts_event": at, **more}
    return {"type": kind} | {name: value for name, value in fields.items() if value is not None}


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """An archive of trades and quotes, each day at noon, and events that have no time."""
    rows = [
        event(kind, symbol, f"2024-01-{day:02d}T12:00:00Z", seq=day)
        for day in (1, 10, 20, 30)
        for symbol in SYMBOLS
        for kind in ("trade", "quote")
    ]
    rows += [event("trade", "SPY", None), event("gap", None, None, reason="test")]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert shell("mdc store", stdin=text.encode()).status == 0
    found = shell("mdc cat --root data").lines
    assert len(found) == 26
    return found


def left(lines: list[str], *gone: tuple[str, str, str]) -> list[str]:
    """The lines without those of some symbols, types and days."""
    return [
        line
        for line in lines
        if not any(
            f'"type":"{kind}"' in line
            and f'"symbol":"{symbol}"' in line
            and f'"ts_event":"2024-01-{day}' in line
            for symbol, kind, day in gone
        )
    ]


def all_of(day: str) -> list[tuple[str, str, str]]:
    return [(symbol, kind, day) for symbol in SYMBOLS for kind in ("trade", "quote")]


def test_what_is_too_old_goes(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    before = parts(tmp_path / "data")
    line = f"mdc retain --yes --by event --keep 22d --now {NOW}"
    dry = shell(f"{line} --dry-run")
    assert (dry.status, parts(tmp_path / "data")) == (0, before)
    old = {path: data for path, data in before.items() if "2024-01-01" in path}
    assert dry.out.splitlines() == [
        f"would remove {path}: {len(data) / 1024:.1f} KiB, 1 event up to "
        "2024-01-01T12:00:00.000000000Z, older than 22d"
        for path, data in old.items()
    ]
    done = shell(line)
    assert done.status == 0, done.err
    assert done.out == dry.out.replace("would remove", "removed")
    assert "retain: removed 6 files" in done.err
    # The tenth is 22 days ago to the nanosecond: no more than that.
    assert shell("mdc cat --root data").lines == left(lines, *all_of("01"))
    kept = {path: data for path, data in before.items() if path not in old}
    assert parts(tmp_path / "data") == kept
    assert not list((tmp_path / "data/_mdc").glob("trash/*"))
    again = shell(line)
    assert (again.status, again.out) == (0, "")
    later = shell(
        "mdc retain --yes --by event --keep 22d --now 2024-02-01T12:00:00.000000001Z --json"
    )
    assert [one["period"] for one in json.loads(later.out)["removed"]] == ["2024-01-10"] * 6
    # What has no time has no age.
    assert shell("mdc retain --yes --by event --keep 1d --now 2100-01-01").status == 0
    assert shell("mdc cat --root data").lines == left(
        lines, *[one for day in ("01", "10", "20", "30") for one in all_of(day)]
    )


def test_only_some(lines: list[str], shell: Shell) -> None:
    done = shell(f"mdc retain --yes --by event --keep 15d --symbol SPY --type quote --now {NOW}")
    assert done.status == 0, done.err
    gone = [("SPY", "quote", "01"), ("SPY", "quote", "10")]
    assert shell("mdc cat --root data").lines == left(lines, *gone)


@pytest.mark.usefixtures("lines")
def test_the_oldest_go_until_it_fits(shell: Shell, tmp_path: Path) -> None:
    before = parts(tmp_path / "data")
    days = [[p for p in before if f"2024-01-{day}" in p] for day in ("01", "10", "20", "30")]
    undated = [path for path in before if "undated" in path]
    oldest = [*sorted(days[0]), *sorted(days[1])]
    size = sum(map(len, before.values())) - sum(len(before[path]) for path in oldest[:8])
    said = json.loads(
        shell(f"mdc retain --yes --by event --keep-size {size}B --dry-run --json").out
    )
    assert [one["path"] for one in said["removed"]] == oldest[:8]
    assert (said["files"], said["bytes_left"], said["files_left"]) == (8, size, 18)
    one_less = json.loads(
        shell(f"mdc retain --yes --by event --keep-size {size - 1}B --dry-run --json").out
    )
    assert [one["path"] for one in one_less["removed"]] == oldest[:9]
    done = json.loads(shell(f"mdc retain --yes --by event --keep-size {size}B --json").out)
    assert done == {**said, "dry_run": False}
    assert sorted(parts(tmp_path / "data")) == sorted({*before} - {*oldest[:8]})
    # What has no time goes last.
    size = sum(len(before[path]) for path in undated)
    assert shell(f"mdc retain --yes --by event --keep-size {size}B").status == 0
    assert sorted(parts(tmp_path / "data")) == sorted(undated)
    assert shell("mdc retain --yes --by event --keep-size 1B").status == 0
    assert parts(tmp_path / "data") == {}
    assert shell("mdc cat --root data").lines == []


RULES = """
[retain]
days = 25
[[retain.rules]]
symbol = "BTC/*"
type = "quote"
days = 10
[[retain.rules]]
symbol = "[BE]T[CH]/USD"
keep = true
[[retain.rules]]
type = "trade"
days = 60
"""


def test_rules_come_before_the_rest(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(RULES)
    done = shell(f"mdc retain --yes --by event --now {NOW}")
    assert done.status == 0, done.err
    gone = [("BTC/USD", "quote", day) for day in ("01", "10", "20")]
    gone += [("SPY", "quote", "01")]
    assert shell("mdc cat --root data").lines == left(lines, *gone)
    # A flag comes before the file, and no size before what is to be kept.
    done = shell(f"mdc retain --yes --by event --now {NOW} --keep 3d --keep-size 1B")
    assert done.status == 0
    assert "are left, more than 1 B: the rest is protected" in done.err
    kept = [line for line in left(lines, *gone) if '"ETH/' in line or '"trade"' in line]
    kept = [line for line in kept if '"BTC/' in line or '"ETH/' in line]
    assert shell("mdc cat --root data").lines == kept


def test_rules_alone_are_enough(lines: list[str], shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text('[[retain.rules]]\ntype = "qu*"\ndays = 25\n')
    assert shell(f"mdc retain --yes --by event --now {NOW}").status == 0
    gone = [(symbol, "quote", "01") for symbol in SYMBOLS]
    assert shell("mdc cat --root data").lines == left(lines, *gone)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('type = "trad"\nkeep = true', "no such event type: 'trad'; did you mean trade?"),
        ("days = 0", "days: "),
        ("days = -1", "days: "),
        ('days = "1"', "days: "),
        ('symbol = "A"', "says either days = N or keep = true"),
        ("days = 1\nkeep = true", "says either days = N or keep = true"),
        ("dayz = 1", "dayz"),
    ],
)
@pytest.mark.usefixtures("lines")
def test_rules_that_make_no_sense(rule: str, said: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(f"[[retain.rules]]\n{rule}\n")
    before = parts(tmp_path / "data")
    for line in ("mdc retain --yes --by event --keep 1d", "mdc store --keep 1d < /dev/null"):
        done = shell(line)
        assert (done.status, done.out) == (78, "")
        assert "mdc.toml: [retain] rule 1: " in done.err
        assert said in done.err
    assert parts(tmp_path / "data") == before


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc retain --yes --by event --keep 1d", 65, "no archive at data"),
        ("mkdir data; mdc retain --yes --by event", 2, "nothing says what may go"),
        (
            "mkdir data; mdc retain --yes --by event --keep 0d",
            2,
            "to keep nothing is not to retain",
        ),
        (
            "mkdir data; mdc retain --yes --by event --keep-size 0",
            2,
            "to keep nothing is not to retain",
        ),
        ("mkdir data; mdc retain --yes --by event --keep-size all", 2, "'all' is no size"),
        ("mkdir data; mdc retain --yes --by event --keep 1d --type trad", 2, "did you mean trade?"),
        (
            "mkdir data; touch data/_mdc; mdc retain --yes --by event --keep 1d",
            73,
            "cannot write below data",
        ),
        ("mkdir data; mdc retain --yes --by event --keep 1d", 0, "removed 0 files"),
        ("mkdir data; mdc retain --yes --by event --keep 1d --dry-run", 0, "would remove 0 files"),
        ("mdc store --keep 0d < /dev/null", 2, "to keep nothing is not to retain"),
        ("mdc store --keep-size 0 < /dev/null", 2, "to keep nothing is not to retain"),
        ("echo 'retain = 3' > mdc.toml; mdc retain --yes --by event --keep 1d", 78, "retain"),
        (
            "printf '[retain]\\nrules = 3\\n' > mdc.toml; mdc retain --yes --by event --keep 1d",
            78,
            "must be a list of tables",
        ),
        (
            "printf '[retain]\\nkep = 3\\n' > mdc.toml; mdc retain --yes --by event",
            78,
            "did you mean keep?",
        ),
        ("printf '[retain]\\nrules = []\\n' > mdc.toml; mdc retain --yes", 2, "nothing says"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert (done.status, done.out) == (status, "")
    assert said in done.err


@pytest.mark.usefixtures("lines")
def test_one_at_a_time(shell: Shell, tmp_path: Path) -> None:
    before = parts(tmp_path / "data")
    done = shell("flock data/_mdc/maintenance.lock mdc retain --yes --by event --keep 1d")
    assert (done.status, done.out, parts(tmp_path / "data")) == (75, "", before)


@pytest.mark.usefixtures("lines")
def test_journals_and_other_files_stay(shell: Shell, tmp_path: Path) -> None:
    """Only what the catalog knows goes, and nothing that is not sealed."""
    (tmp_path / "data/SPY/trade/notes.txt").write_text("mine")
    assert shell("mdc retain --yes --by event --keep 1d").status == 0
    names = {name.rpartition("/")[2].partition(".")[0] for name in parts(tmp_path / "data")}
    assert names == {"notes", "undated"}


def at(days_ago: int) -> str:
    """A line of a trade so many days before now."""
    moment = from_ns(time_ns() - days_ago * DAY)
    return json.dumps(event("trade", f"S{days_ago}", moment)) + "\n"


def test_store_with_retain(shell: Shell, tmp_path: Path) -> None:
    """After sealing, what is too old has gone of the runs before, and nothing of this one."""
    before = "".join(map(at, (100, 20))).encode()
    assert shell("mdc store", stdin=before).status == 0
    stored = "mdc -v store --by event"
    done = shell(f"{stored} --keep 30d", stdin="".join(map(at, (0, 40, 10))).encode())
    assert done.status == 0, done.err
    assert "removed 1 file that need not be kept" in done.err
    assert "3 files in data" in done.err
    symbols = [e["symbol"] for e in shell("mdc cat --root data").events]
    assert symbols == ["S40", "S20", "S10", "S0"]
    (tmp_path / "mdc.toml").write_text('[[retain.rules]]\nsymbol = "S20"\nkeep = true\n')
    done = shell(f"{stored} --keep 5d", stdin=at(1).encode())
    assert done.status == 0, done.err
    assert [e["symbol"] for e in shell("mdc cat --root data").events] == ["S20", "S1", "S0"]
    # Without the option there is no retention, whatever the rules say.
    (tmp_path / "mdc.toml").write_text("[[retain.rules]]\ndays = 1\n")
    assert shell("mdc store", stdin=at(9).encode()).status == 0
    assert len(shell("mdc cat --root data").lines) == 4


def test_journals_count_but_not_where_some_parts_are_chosen(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store", stdin="".join(map(at, (9, 8, 7))).encode()).status == 0
    size = sum(map(len, parts(tmp_path / "data").values()))
    for place in ("damaged/x.journal", "trash/0"):
        path = tmp_path / "data" / "_mdc" / place
        path.parent.mkdir()
        path.write_bytes(b"x" * (size // 4))
    said = json.loads(
        shell(f"mdc retain --yes --by event --keep-size {size}B --dry-run --json").out
    )
    assert [one["symbol"] for one in said["removed"]] == ["S9", "S8"]
    assert said["bytes_beside"] == size // 4 * 2
    some = shell(f"mdc retain --yes --by event --type trade --keep-size {size}B --dry-run --json")
    assert json.loads(some.out)["removed"] == []


def test_store_with_a_size(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store", stdin="".join(map(at, (9, 8, 7))).encode()).status == 0
    size = sum(map(len, parts(tmp_path / "data").values()))
    done = shell(f"mdc store --keep-size {size}B", stdin=at(1).encode())
    assert done.status == 0, done.err
    symbols = [e["symbol"] for e in shell("mdc cat --root data").events]
    assert symbols[-2:] == ["S7", "S1"]
    assert "S9" not in symbols
    assert sum(map(len, parts(tmp_path / "data").values())) <= size


def test_store_does_not_wait_to_remove(shell: Shell) -> None:
    """Where another command is rewriting, events are stored, and nothing goes this time."""
    assert shell("mdc store", stdin=at(100).encode()).status == 0
    line = "flock data/_mdc/maintenance.lock mdc store --keep 30d"
    done = shell(line, stdin=at(1).encode())
    assert done.status == 0
    assert "nothing removed this time" in done.err
    assert [e["symbol"] for e in shell("mdc cat --root data").events] == ["S100", "S1"]


def kept(shell: Shell, days: int, **more: str) -> int:
    """How many events `retain --keep 30d` leaves so many days from now."""
    now = from_ns(time_ns() + days * DAY)
    assert shell(f"mdc retain --yes --keep 30d --now {now}", **more).status == 0
    return len(shell("mdc cat --root data").lines)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.some(1)
def test_it_counts_from_when_it_was_stored(form: str, shell: Shell, tmp_path: Path) -> None:
    """Old history is new when it comes; merging and a lost catalog do not make it newer."""
    store = f"mdc store --keep 30d --format {form}"
    for days_ago in (4_000, 3_999):
        assert shell(store, stdin=at(days_ago).encode()).status == 0
    assert shell(store, stdin=at(4_000).replace("S4000", "S3999").encode()).status == 0
    assert kept(shell, 29) == 3
    long_ago = time_ns() - 5 * DAY
    for path in parts(tmp_path / "data"):
        os.utime(tmp_path / "data" / path, ns=(long_ago, long_ago))
    for _ in range(2):
        (tmp_path / "data/_mdc/catalog.sqlite").unlink()
        assert shell("mdc catalog rebuild").status == 0
        assert kept(shell, 24) == 3
        if form == "parquet":
            assert shell("mdc compact").status == 0
    assert kept(shell, 24) == 3
    assert kept(shell, 26) == 0


def test_it_asks_on_a_terminal(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store", stdin=at(100).encode()).status == 0
    line = "mdc retain --by event --keep 30d"
    asked = shell(f"printf 'n\\n' | script -qec '{line}' /dev/null")
    assert "Remove 1 event, " in asked.out
    assert len(parts(tmp_path / "data")) == 1
    shell(f"script -qec '{line} --yes' /dev/null < /dev/null")
    assert parts(tmp_path / "data") == {}
