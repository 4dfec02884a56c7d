"""Storing the same run or file again: nothing is doubled, nothing is missing, and it is said."""

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Shell, is_control
from tests.kit.kills import killed, kills

EVENTS = 300
FORMATS = ("parquet", "jsonl")


@pytest.fixture
def lines(shell: Shell) -> list[str]:
    """A run in `e.jsonl`, the same without `begin` and `end` in `plain.jsonl`; its events."""
    made = shell(f"mdc -q stream sim SPY AAPL --limit {EVENTS} > e.jsonl; mdc -q cat e.jsonl")
    lines = made.lines
    assert len(lines) == EVENTS
    shell('grep -v -e \'"type":"begin"\' -e \'"type":"end"\' e.jsonl > plain.jsonl')
    return lines


def held(shell: Shell, root: str = "data") -> Counter[str]:
    return Counter(shell(f"mdc -q cat --root {root}").lines)


def without_gaps(found: Counter[str]) -> Counter[str]:
    return Counter({line: n for line, n in found.items() if '"type":"gap"' not in line})


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("file", ["e.jsonl", "plain.jsonl"])
@pytest.mark.some(1)
def test_again_is_told_and_nothing_is_stored(
    file: str, form: str, lines: list[str], shell: Shell, tmp_path: Path
) -> None:
    line = f"mdc store --format {form} < {file}"
    assert "already stored" not in shell(line).err
    before = sorted(tmp_path.glob("data/*/*/*"))
    again = shell(line, MDC_VERBOSE="1")
    assert (again.status, again.out) == (0, "")
    assert f"{EVENTS} in = 0 out + 0 rejected + 0 dropped + {EVENTS} skipped\n" in again.err
    assert f", {EVENTS} events; --again stores them once more" in again.err
    assert held(shell) == Counter(lines)
    assert sorted(tmp_path.glob("data/*/*/*")) == before
    assert shell("mdc verify --deep").status == 0
    # On purpose.
    assert "already stored" not in shell(f"{line.replace('store', 'store --again')}").err
    assert held(shell) == Counter(lines * 2)
    assert f"{EVENTS} events; --again" in shell(line).err
    assert held(shell) == Counter(lines * 2)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("file", ["e.jsonl", "plain.jsonl"])
@pytest.mark.some(1)
def test_what_broke_off_is_completed(file: str, form: str, lines: list[str], shell: Shell) -> None:
    shell(f"head -n 101 {file} | mdc store --partial --format {form}")
    shell(f"head -n 173 {file} | mdc store --partial --format {form}")
    done = shell(f"mdc store --format {form} < {file}")
    assert done.status == 0
    stored = 172 if file == "e.jsonl" else 173
    assert "already stored: run" in done.err
    assert f", {stored} of {EVENTS} events; --again" in done.err
    assert without_gaps(held(shell)) == Counter(lines)


def test_slices_of_a_run_make_the_whole(lines: list[str], shell: Shell) -> None:
    assert shell("mdc -q cat e.jsonl --symbol AAPL | mdc -q store").err == ""
    assert held(shell) == Counter(line for line in lines if '"symbol":"AAPL"' in line)
    assert shell("mdc -q cat e.jsonl --symbol SPY | mdc -q store").err == ""
    assert held(shell) == Counter(lines)
    # What a filter has changed is something else.
    shell('sed \'s/"price":/"price":1/\' e.jsonl | mdc -q store')
    trades = sum('"price":' in line for line in lines)
    assert 0 < trades < EVENTS
    assert held(shell).total() == EVENTS + trades
    # Findings of a check are new, the events are not.
    done = shell("mdc validate --check sequence e.jsonl | mdc store")
    assert "already stored" in done.err
    assert held(shell).total() == EVENTS + trades


def test_equal_events_of_a_run_are_all_there(lines: list[str], shell: Shell) -> None:
    begin, end = shell("head -n 1 e.jsonl; tail -n 1 e.jsonl").out.splitlines()
    text = "\n".join([lines[0], lines[0], lines[1], lines[0]])
    Path(shell("pwd").out.strip(), "twins.jsonl").write_text(f"{text}\n")
    shell("head -n 1 twins.jsonl | mdc -q store")
    assert held(shell) == Counter(lines[:1])
    shell("mdc -q store < twins.jsonl")
    shell("mdc -q store < twins.jsonl")
    assert held(shell) == Counter({lines[0]: 3, lines[1]: 1})
    assert is_control(begin) and is_control(end)


def test_two_at_once(lines: list[str], shell: Shell) -> None:
    done = shell("for i in 1 2 3; do mdc -q store < e.jsonl & done; wait")
    assert done.status == 0, done.err
    assert held(shell) == Counter(lines)
    assert shell("mdc verify --deep").status == 0


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_known_after_compact_rebuild_tier_and_pack(
    form: str, lines: list[str], shell: Shell, tmp_path: Path
) -> None:
    shell("mdc -q stream sim SPY --limit 20 --seed 5 > other.jsonl")
    make = "; ".join(f"mdc -q store --format {form} < {name}.jsonl" for name in ("e", "other"))
    shell(make)
    known = held(shell)
    assert known.total() == EVENTS + 20
    rebuilt = "rm data/_mdc/catalog.sqlite; mdc catalog rebuild"
    for step in (
        # Files of other formats name their run only as long as they are not compacted.
        *([] if form == "parquet" else [rebuilt, "rm -r data; " + make]),
        "mdc compact",
        "mdc tier migrate --now 2030-01-01",
        *([rebuilt] if form == "parquet" else []),
        "mdc pack create p.zip; rm -r data; mdc pack import p.zip",
    ):
        (tmp_path / "mdc.toml").write_text('[tier.warm]\nafter = "1d"\n')
        assert shell(step).status == 0, step
        again = shell(f"mdc store --format {form} < e.jsonl")
        assert f"{EVENTS} events; --again" in again.err, (step, again.err)
        assert held(shell) == known, step


@pytest.mark.parametrize("form", FORMATS)
def test_a_plain_file_is_known_by_the_files_alone(
    form: str, lines: list[str], shell: Shell, tmp_path: Path
) -> None:
    shell(f"mdc -q store --format {form} < plain.jsonl")
    shutil.rmtree(tmp_path / "data/_mdc")
    assert shell("mdc catalog rebuild").status in (0, 1)
    again = shell("mdc store < plain.jsonl")
    assert f"{EVENTS} events; --again" in again.err
    assert held(shell) == Counter(lines)


@pytest.mark.parametrize("form", FORMATS)
def test_killed_at_any_step(form: str, lines: list[str], shell: Shell, tmp_path: Path) -> None:
    shell(f"head -n 100 e.jsonl | mdc -q store --partial --format {form}")
    line = f"mdc -q store --format {form} < e.jsonl"
    begun = tmp_path / "begun"
    shutil.copytree(tmp_path / "data", begun)

    def fresh() -> None:
        shutil.rmtree(tmp_path / "data")
        shutil.copytree(begun, tmp_path / "data")

    for fault in kills(shell, line, 12, after=fresh):
        fresh()
        killed(shell, line, fault)
        seen = without_gaps(held(shell))  # also of what it has left in a journal
        assert seen <= Counter(lines), fault
        shell("mdc -q recover")
        assert without_gaps(held(shell)) == seen, fault
        assert shell(line).status == 0
        assert without_gaps(held(shell)) == Counter(lines), fault
        assert shell("mdc verify").status == 0


def test_what_is_acknowledged_of_what_is_there(lines: list[str], shell: Shell) -> None:
    shell("mdc -q store < e.jsonl")
    acks = [e for e in shell("mdc -q store --ack < e.jsonl").all_events if e["type"] == "ack"]
    assert sum(map(int, acks[-1]["counts"].values())) == EVENTS
    teed = shell("mdc -q store --tee < e.jsonl")
    assert teed.lines == lines


def test_an_import_that_comes_again(shell: Shell, tmp_path: Path) -> None:
    day = tmp_path / "lean/equity/usa/minute/spy"
    day.mkdir(parents=True)
    rows = "34200000,4700000,4710000,4690000,4700000,100\n"

    def write(text: str) -> None:
        with zipfile.ZipFile(day / "20240102_trade.zip", "w") as file:
            file.writestr("20240102_spy_minute_trade.csv", text)

    write(rows)
    line = "mdc import --profile lean lean | mdc store"
    first = shell(line)
    assert first.status == 0, first.err
    assert "already stored" in shell(line).err
    assert held(shell).total() == 1
    write(rows + rows.replace("34200000", "34260000"))
    grown = shell(line)
    assert "1 of 2 events" in grown.err
    assert held(shell).total() == 2


def test_runs_that_are_alike_are_two(shell: Shell) -> None:
    line = "mdc -q stream sim SPY --limit 20 --seed 3 | mdc -q store"
    shell(f"{line}; {line}")
    assert held(shell).total() == 40


def test_the_log_says_it_as_json(lines: list[str], shell: Shell) -> None:
    shell("mdc -q store < e.jsonl")
    said = shell("mdc --log-format json store < e.jsonl").err.splitlines()
    assert any("already stored" in json.loads(line)["message"] for line in said)


def test_an_input_without_events_makes_no_archive_and_says_so(shell: Shell) -> None:
    done = shell("mdc store --root er < /dev/null")
    assert (done.status, done.out) == (0, "")
    assert "no events came, so nothing is stored in er" in done.err
    missing = shell("mdc ls --root er")
    assert missing.status == 65
    assert "hint: mdc store --root er FILE" in missing.err


def test_the_last_line_tells_of_rejected_lines(shell: Shell) -> None:
    good = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T15:00:00Z","price":1}'
    text = "\n".join([good, "nonsense", good, "{}", good])
    done = shell("mdc store --quarantine bad.jsonl", stdin=text.encode())
    assert done.status == 0
    said = "<stdin>: line 2: not JSON: it begins with 'nonsense'; and 1 more: rejected into"
    assert done.err.splitlines()[-1] == f"mdc store: {said} bad.jsonl"
    assert done.err.count("bad.jsonl") == 1 and done.err.count("nonsense") == 1


def test_files_that_have_grown_moved_or_come_with_others(shell: Shell, tmp_path: Path) -> None:
    """Of an import only new rows come in; equal rows of a file are all there."""

    def write(name: str, seconds: str) -> None:
        rows = "".join(f"2024-01-02 14:30:0{second},SPY,470.01,100\n" for second in seconds)
        (tmp_path / name).write_text(f"ts_event,symbol,price,size\n{rows}")

    def stored(names: str) -> str:
        done = shell(f"mdc import --profile csv --type trade {names} then store")
        assert done.status == 0, done.err
        return done.err

    write("t.csv", "112")
    assert "already stored" not in stored("t.csv")
    assert ", 3 events; --again" in stored("t.csv")
    write("t.csv", "11233")
    assert ", 3 of 5 events; --again" in stored("t.csv")
    shutil.copy(tmp_path / "t.csv", tmp_path / "moved.csv")
    assert ", 5 events; --again" in stored("moved.csv")
    write("s.csv", "0")
    assert ", 5 of 6 events; --again" in stored("s.csv t.csv")
    # Another file that has the same row by chance is another file.
    write("u.csv", "42")
    assert "already stored" not in stored("u.csv")
    seconds = Counter(json.loads(line)["ts_event"][18] for line in held(shell).elements())
    assert seconds == Counter("011233" + "42")
