"""`mdc compact` where very many symbols share parts: few files, the same events, in order."""

import json
from pathlib import Path

import pytest

from mdc_core.archive.write.archive import Archive
from tests.conftest import Shell
from tests.pipes.store.sharing import DAYS, SYMBOLS, events, sharing_soon, symbol_of, text
from tests.pipes.upkeep.compacting import parts

LAYOUTS = ("by-symbol", "by-date", "by-type", "flat")
SHARED = [f"~mixed/{kind}/{day}.parquet" for kind in ("quote", "trade") for day in DAYS]
GAPS = [f"_/gap/{day}.parquet" for day in DAYS[:2]]


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """Any shell, where fewer symbols share a part."""
    return sharing_soon(shell)


def stored(shell: Shell, *runs: list[str], options: str = "") -> list[str]:
    """An archive of several runs, and the lines of its events."""
    for lines in runs:
        done = shell(f"mdc store --again {options}", stdin=text(lines))
        assert done.status == 0, done.err
    return shell("mdc cat --root data").lines


def rich(number: int, rows: int, mark: str) -> list[str]:
    """Trades of one symbol and one moment."""
    head = f'"v":"1.0.0","symbol":"{symbol_of(number)}"'
    head += ',"ts_event":"2024-01-02T14:30:01.000000000Z"'
    return [f'{{"type":"trade",{head},"price":1,"trade_id":"{mark}{n}"}}' for n in range(rows)]


def compacted(shell: Shell, lines: list[str], options: str = "") -> None:
    """Compact an archive: the same events in the same order, and sound."""
    done = shell(f"mdc compact {options}")
    assert done.status == 0, done.err
    assert shell("mdc cat --root data").lines == lines
    assert shell("mdc verify --deep").status == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.some(1)
def test_the_shared_parts_of_a_period_become_one(layout: str, shell: Shell, tmp_path: Path) -> None:
    every = events()
    lines = stored(shell, every[100:], every[:100], every, options=f"--layout {layout}")
    assert sorted(lines) == sorted([*every, *every])
    compacted(shell, lines)
    before = parts(tmp_path / "data")
    assert len(before) == len(SHARED) + len(GAPS)
    if layout == "by-symbol":
        assert sorted(before) == sorted([*GAPS, *SHARED])
    again = shell("mdc compact")
    assert (again.status, again.out, again.err) == (0, "", "mdc compact: nothing to do\n")
    # Whoever has no catalog finds the same.
    for file in (tmp_path / "data/_mdc").glob("catalog*"):
        file.unlink()
    assert shell("mdc compact").err == "mdc compact: nothing to do\n"
    assert shell("mdc cat --root data").lines == lines
    # And so it is night after night.
    lines = stored(shell, every, options=f"--layout {layout}")
    compacted(shell, lines)
    assert sorted(parts(tmp_path / "data")) == sorted(before)


@pytest.mark.parametrize("layout", ["by-symbol", "flat"])
@pytest.mark.some(1)
def test_a_symbol_that_is_worth_it_gets_a_part_of_its_own(
    layout: str, shell: Shell, tmp_path: Path
) -> None:
    """It has few rows in each seal, or parts of its own beside: ties stay where they are."""
    every = events()
    runs = (
        [*rich(20, 2_500, "a"), *every],
        [*rich(20, 2_500, "b"), *rich(25, 5_000, "c"), *every],
        [*rich(25, 10, "d"), *every, *rich(20, 10, "e")],
    )
    lines = stored(shell, *runs, options=f"--layout {layout}")
    compacted(shell, lines)
    with Archive.open(tmp_path / "data").catalog(read_only=True) as catalog:
        own = [p for p in catalog.parts() if not p.shares and p.type_name == "trade"]
    assert [(p.symbol, p.rows) for p in own] == [("S020", 5_019), ("S025", 5_019)]
    # More of it comes, in few rows again.
    lines = stored(shell, [*rich(20, 10, "f"), *every], options=f"--layout {layout}")
    compacted(shell, lines)
    found = shell("mdc cat --root data --symbol S020 --type trade").lines
    assert found == [line for line in lines if '"S020"' in line and '"trade"' in line]


def test_few_symbols_get_parts_of_their_own(shell: Shell, tmp_path: Path) -> None:
    every = [line for line in events() if '"trade"' in line and "ts_event" in line]
    stored(shell, every)
    gone = ",".join(symbol_of(number) for number in range(20, 30))
    assert (
        shell(f"mdc retain --yes --by event --keep 1d --now 2024-01-09 --symbol {gone}").status == 0
    )
    assert {path.partition("/")[0] for path in parts(tmp_path / "data")} == {"~mixed"}
    compacted(shell, shell("mdc cat --root data").lines)
    assert len(parts(tmp_path / "data")) == 40


def test_many_small_files_become_one(shell: Shell, tmp_path: Path) -> None:
    """Each seal had so few of the symbols that these got files of their own."""
    every = [line for line in events() if '"trade"' in line and "ts_event" in line]
    first = [line for line in every if '"S02' in line]
    lines = stored(shell, first, [line for line in every if line not in first])
    assert len(parts(tmp_path / "data")) == 60
    dry = shell("mdc compact --dry-run --json")
    advised = shell("mdc advise --root data")
    compacted(shell, lines)
    assert sorted(parts(tmp_path / "data")) == [f"~mixed/trade/{day}.parquet" for day in DAYS[:2]]
    assert json.loads(dry.out)["files_after"] == 2
    assert "60 files where 2 would do, one for each period" in advised.out
    assert "nothing to be said" in shell("mdc advise --root data").err


def test_one_symbol_brings_what_it_shares_with(shell: Shell, tmp_path: Path) -> None:
    first, second = events(range(29)), events(range(1, 30))
    lines = stored(shell, first, second, events(range(3)))
    assert shell("mdc compact --symbol B/C --type trade --to 2024-01-02").status == 0
    assert shell("mdc cat --root data").lines == lines
    names = [path for path in parts(tmp_path / "data") if "trade/" in path]
    of_day = [path for path in names if f"/{DAYS[0]}" in path]
    assert of_day == [f"~mixed/trade/{DAYS[0]}.parquet"]
    assert len([path for path in names if f"~mixed/trade/{DAYS[1]}" in path]) == 2


def test_what_is_twice_is_dropped_of_each_symbol(shell: Shell, tmp_path: Path) -> None:
    every = events()
    lines = stored(shell, every, [x for x in every if '"S017"' in x or '"S018"' in x])
    done = shell("mdc compact --dedup --type trade --json")
    said = json.loads(done.out)["duplicates"]
    assert {(one["symbol"], one["events"]) for one in said} == {("S017", 6), ("S018", 6)}
    left = shell("mdc cat --root data --type trade").lines
    assert left == list(dict.fromkeys(x for x in lines if '"trade"' in x))
    assert f"~mixed/trade/{DAYS[0]}.parquet" in parts(tmp_path / "data")


def test_a_damaged_shared_part_and_what_lies_beside_it_stay(shell: Shell, tmp_path: Path) -> None:
    stored(shell, events(), [*rich(20, 5_000, "a"), *events()], rich(20, 10, "b"))
    (first, *_) = (tmp_path / "data/~mixed/trade").glob(f"{DAYS[0]}.*")
    damaged = bytearray(first.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    first.write_bytes(damaged)
    before = parts(tmp_path / "data")
    done = shell("mdc compact")
    assert done.status == 65
    assert f"{SYMBOLS} symbols: trade {DAYS[0]}: left as it is: data/~mixed" in done.err
    after = parts(tmp_path / "data")
    kept = [path for path in before if "trade" in path and DAYS[0] in path]
    assert kept == [path for path in after if "trade" in path and DAYS[0] in path]
    assert f"~mixed/trade/{DAYS[1]}.parquet" in after


def test_a_profile_of_a_symbol_gives_it_a_part_of_its_own(shell: Shell, tmp_path: Path) -> None:
    lines = stored(shell, [line for line in events() if "ts_event" in line])
    (tmp_path / "mdc.toml").write_text('[compression.symbols]\nS017 = "realtime"\n')
    compacted(shell, lines)
    names = {path.partition("/")[0] for path in parts(tmp_path / "data")}
    assert names == {"_", "~mixed", "S017"}
