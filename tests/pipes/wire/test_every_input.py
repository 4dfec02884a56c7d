"""Every command that takes events, with every kind of input that is little or odd."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Shell

AT = '"ts_event":"2024-01-0%dT12:00:00Z"'
TRADE = '{"type":"trade","symbol":"A",' + AT % 2 + ',"price":1.5,"size":2}\n'
LATER = TRADE.replace("01-02", "01-03")
QUOTE = '{"type":"quote","symbol":"B","bid_price":1,"ask_price":2}\n'
BEGIN = '{"type":"begin","run_id":"0000000000ab","stage":"stream"}\n'
END = '{"type":"end","run_id":"0000000000ab","stage":"stream","counts":{%s},"reason":"eof"}\n'
GAP = '{"type":"gap","symbol":"A",' + AT % 2 + ',"reason":"disconnect"}\n'
# By name: the text, and how many events of it are data, about the market or about the data.
INPUTS: dict[str, tuple[str, int]] = {
    "nothing": ("", 0),
    "an empty line": ("\n", 0),
    "blank lines": ("\n\n  \n\r\n", 0),
    "one event": (TRADE, 1),
    "without its line's end": (TRADE.rstrip("\n"), 1),
    "a run of nothing": (BEGIN + END % "", 0),
    "a run of one": (BEGIN + TRADE + END % '"trade":1', 1),
    "two runs": ((BEGIN + TRADE + END % '"trade":1') * 2, 2),
    "a heartbeat": ('{"type":"heartbeat"}\n', 0),
    "only a gap": (GAP, 1),
    "no time": (QUOTE, 1),
    "not in order": (LATER + TRADE + QUOTE, 3),
    "of several types": (TRADE + QUOTE + GAP + TRADE, 4),
    "a marker of bytes' order": ("\ufeff" + TRADE, 1),
    "other fields": (TRADE.replace('"size"', '"Größe":{"a":[1,null]},"size"'), 1),
}
STAGES = {
    "validate": "mdc validate {} {}",
    "validate arrow": "mdc validate --format arrow {} {}",
    "convert": "mdc convert {} {}",
    "convert arrow": "mdc convert --format arrow {} {}",
    "head": "mdc head {} {}",
    "tail": "mdc tail {} {}",
    "cat": "mdc cat {} {}",
    "replay": "mdc replay --speed max {} {}",
    "count": "mdc count --json {} {}",
    "store": (
        "mdc store -q --root $(mktemp -d -p .) {} {} && "
        "mdc -q cat --allow-empty --root $(ls -td tmp.* | head -1)"
    ),
    "export": "mdc export --profile csv --force -o out.csv {} {}",
}
ANSWERS = ("count", "store", "export")  # write no events
SOME = ("nothing", "blank lines", "a run of one", "only a gap", "not in order", "other fields")
ACCOUNT = re.compile(
    r"mdc (\w+): ([\d,]+) in = ([\d,]+) out \+ ([\d,]+) rejected \+ ([\d,]+) dropped"
    r"(?: \+ ([\d,]+) used)?(?: \+ ([\d,]+) skipped)?(?: \(\+ ([\d,]+) derived\))?"
)


def accounts(err: str) -> list[tuple[int, ...]]:
    """The numbers of the accounting lines: in, out, rejected, dropped, used, skipped."""
    found = ACCOUNT.findall(err)
    assert len(found) == err.count(" in = ")
    return [tuple(int(n.replace(",", "") or 0) for n in line[1:7]) for line in found]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A file of each input."""
    made = {}
    for number, (name, (text, _)) in enumerate(INPUTS.items()):
        made[name] = tmp_path / f"in{number}.jsonl"
        made[name].write_bytes(text.encode())
    return made


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.some(3)
def test_from_a_pipe(stage: str, files: dict[str, Path], shell: Shell, tmp_path: Path) -> None:
    for name, path in files.items():
        line = STAGES[stage].format("", f"< {path.name}")
        done = shell(
            f"{line} > out; status=$?; mdc -q convert out 2> /dev/null; exit $status",
            MDC_VERBOSE="1",
        )
        assert done.status == 0, (name, done.err)
        count = INPUTS[name][1]
        if stage == "count":
            assert json.loads((tmp_path / "out").read_text())["total"] == count, name
        elif stage == "export":
            rows = len((tmp_path / "out.csv").read_text().splitlines()) - 1 if count else 0
            assert rows == count, name
        else:
            # What validate finds goes out as well.
            data = [event for event in done.events if event["type"] != "integrity"]
            assert len(data) == count, name
        books = accounts(done.err)
        assert books or stage == "store", name
        for line_in, out, rejected, *others in books:
            assert line_in == out + rejected + sum(others), (name, done.err)
            assert rejected == 0, name
        if stage not in ANSWERS:
            ends = [e for e in done.all_events if e["type"] == "end"]
            assert [end["reason"] for end in ends][-1:] == ["eof"], name


@pytest.mark.parametrize("stage", ["validate", "head", "tail", "cat", "count"])
@pytest.mark.some(2)
def test_by_name_and_compressed(stage: str, files: dict[str, Path], shell: Shell) -> None:
    """The same comes of a file, of a compressed one, and of a pipe; cat puts files in order."""
    for name in SOME:
        path, line = files[name], STAGES[stage]
        piped = shell(line.format("", f"< {path.name}"))
        named = shell(line.format(path.name, ""))
        packed = shell(f"gzip -kf {path.name}; {line.format(f'{path.name}.gz', '')}")
        assert (named.status, packed.status) == (piped.status, piped.status), name
        assert packed.lines == named.lines, (name, packed.err)
        if name != "not in order" or stage != "cat":
            assert named.lines == piped.lines, (name, named.err)


@pytest.mark.parametrize("stage", ["validate", "head", "tail", "store"])
@pytest.mark.some(1)
def test_as_arrow(stage: str, files: dict[str, Path], shell: Shell) -> None:
    for name in SOME:
        assert (
            shell(f"mdc -q convert --format arrow < {files[name].name} > in.arrow").status == 0
        ), name
        text, arrow = (
            shell(f"({STAGES[stage].format('', f'< {file}')}) | mdc -q convert")
            for file in (files[name].name, "in.arrow")
        )
        assert (text.status, arrow.status) == (0, 0), (name, arrow.err)
        assert arrow.lines == text.lines, name


def test_cut_at_every_byte(shell: Shell, tmp_path: Path) -> None:
    """A run that breaks off is told from one that ended, wherever it is cut."""
    text = (BEGIN + TRADE + END % '"trade":1').encode()
    ends = len(text) - 1
    for size in (*range(len(BEGIN), len(text), 23), ends, len(text)):
        (tmp_path / "cut.jsonl").write_bytes(text[:size])
        done = shell("mdc convert cut.jsonl --quarantine aside.jsonl")
        whole = size >= ends
        assert done.status == (0 if whole else 65), (size, done.err)
        trades = [event for event in done.events if event["type"] == "trade"]
        assert len(trades) == (size >= len(BEGIN + TRADE) - 1), size
        reasons = [event["reason"] for event in done.events if event["type"] == "gap"]
        assert reasons == ([] if whole else ["truncated"]), size
