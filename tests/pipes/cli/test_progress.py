"""The progress bar: on a terminal, by the last command of a pipe, after a moment."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.kit.screen import Screen, written
from tests.kit.terminal import CTRL_C, Terminal

PROGRESS = "mdc_core.pipelines.progress"
AT_ONCE = {"MDC_CONSTANTS": f"{PROGRESS}:AFTER=0 {PROGRESS}:EVERY=0"}
NEVER = {"MDC_CONSTANTS": f"{PROGRESS}:AFTER=3600"}
TRADE = {"type": "trade", "symbol": "SPY", "ts_event": "2024-01-02T15:00:00Z", "price": 1}


@pytest.fixture(scope="module")
def eager(forked_env: dict[str, str]) -> dict[str, str]:
    """An environment in which a bar does not wait for its moment."""
    return forked_env | AT_ONCE


@pytest.mark.parametrize(
    ("line", "bars"),
    [
        ("mdc stream sim SPY --limit 3000 > events.jsonl", {"stream"}),
        ("mdc stream sim SPY --limit 3000 | mdc validate | mdc store --root data", {"store"}),
        ("mdc stream sim SPY --limit 3000 | mdc convert > e.jsonl", {"convert"}),
        ("mdc -q stream sim SPY --limit 9 > e.jsonl; mdc cat e.jsonl > f.jsonl", {"cat"}),
        ("mdc -q stream sim SPY --limit 3000 > events.jsonl", set()),
        ("mdc stream sim SPY --limit 3000 | cat > events.jsonl", set()),
        ("mdc --log-format json stream sim SPY --limit 3000 > events.jsonl", set()),
        ("TERM=dumb mdc stream sim SPY --limit 3000 > events.jsonl", set()),
    ],
)
def test_the_last_command_shows_a_bar(
    line: str, bars: set[str], tmp_path: Path, eager: dict[str, str]
) -> None:
    status, said = written(line, tmp_path, eager, out=False)
    assert status == 0, said
    for stage in ("stream", "validate", "convert", "store", "cat"):
        bar = rf"\r\x1b\[Kmdc {stage}: .*?[\d.]+k? events"
        assert bool(re.search(bar, said)) == (stage in bars), said


def test_no_bar_before_its_moment(tmp_path: Path, forked_env: dict[str, str]) -> None:
    line = "mdc stream sim SPY --limit 3000 > events.jsonl && mdc store events.jsonl"
    status, said = written(line, tmp_path, forked_env | NEVER, out=False)
    assert status == 0 and "%" not in said and "/s" not in said


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_bar_and_messages_do_not_collide(
    width: int, tmp_path: Path, eager: dict[str, str]
) -> None:
    """Those of the other stages of a pipe as well; nothing is left of the bar."""
    line = "mdc stream sim SPY --limit 3000 -v | mdc validate | mdc store; mdc head -n 1 nothing"
    _, said = written(line, tmp_path, eager, width=width, out=False)
    assert re.search(r"\r\x1b\[Kmdc store: .*?events", said)
    text = "".join(Screen(width).feed(said).rows)
    assert "mdc stream: 3000 in = 3000 out + 0 rejected + 0 dropped" in text
    assert "mdc store: 2 files in data" in text and "events," not in text
    assert "events [" not in text and text.endswith("mdc head: no such file or directory: nothing")
    bars = [one for one in said.split("\r\x1b[K") if re.match(r"mdc store: .*events", one)]
    assert bars and all(len(one) <= width - 3 for one in bars)


def test_no_bar_without_a_terminal(tmp_path: Path, eager: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "mdc stream sim SPY --limit 3000 > events.jsonl"],
        cwd=tmp_path,
        env=eager,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, forked_env: dict[str, str]) -> Path:
    """A folder with a file of events, a CSV, an archive with work to do, and a pack of it."""
    folder = tmp_path_factory.mktemp("bars")
    rows = "".join(f"2024-01-02T15:00:{i % 60:02}Z,SPY,{i}.5,1\n" for i in range(5000))
    for name in ("t.csv", "u.csv"):
        (folder / name).write_text(f"ts_event,symbol,price,size\n{rows}")
    line = """mdc -q stream sim SPY AAPL --limit 3000 > e.jsonl
        for i in 1 2; do mdc -q store e.jsonl --again --root data; done
        mdc -q store e.jsonl --root old; mdc -q pack create old p.zip"""
    status, said = written(line, folder, forked_env)
    assert (status, said) == (0, "")
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "import t.csv u.csv --type trade --yes -o new.jsonl --force",
        "store e.jsonl --root new",
        "store --root new2 < e.jsonl",
        "convert e.jsonl -o new.arrow --force",
        "validate e.jsonl -o checked.jsonl --force",
        "cat --root data -o cat.jsonl --force",
        "export --root data --profile csv -o out",
        "verify --root data",
        "verify --root data --deep",
        "compact --root data",
        "pack create data new.zip --force",
        "catalog rebuild --root old",
        "tier migrate --root old",
    ],
)
@pytest.mark.some(4)
def test_a_bar_knows_its_end(line: str, archive: Path, eager: dict[str, str]) -> None:
    status, said = written(f"mdc {line}", archive, eager, out=False, width=100)
    assert status == 0, said
    name = " ".join(word for word in line.split()[:2] if word.isalpha())
    bar = rf"\r\x1b\[Kmdc {name}: +(\d+)% \[(#*)-*\] (?:\d+:\d\d|\?) left"
    shares = [(int(share), len(cells)) for share, cells in re.findall(bar, said)]
    assert shares and shares[-1][0] > 0, said
    assert all(abs(share / 5 - cells) <= 1 for share, cells in shares)
    assert not Screen(100).feed(said).lines or "%" not in "".join(Screen(100).feed(said).lines)


@pytest.mark.parametrize(
    ("width", "rest"), [(40, r"\d:\d\d left"), (80, r"\[.{20}\] \d:\d\d left, ")]
)
def test_what_fits_is_shown(width: int, rest: str, archive: Path, eager: dict[str, str]) -> None:
    _, said = written("mdc verify --root data --deep", archive, eager, width=width, out=False)
    assert re.search(rf"mdc verify: +[1-9]\d*% .*{rest}", said), said


def held(folder: Path) -> int:
    """A pipe with events that go on: as long as it is open, who reads it has to wait."""
    os.mkfifo(folder / "held")
    pipe = os.open(folder / "held", os.O_RDWR)
    os.write(pipe, (json.dumps(TRADE) + "\n").encode() * 100)
    return pipe


@pytest.mark.parametrize("width", [40, 80])
def test_a_bar_is_drawn_while_nothing_comes(
    width: int, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    pipe = held(tmp_path)
    line = "mdc store --root data < held; mdc count data"
    with Terminal(line, tmp_path, quiet_env, width=width) as terminal:
        terminal.until(r"\r\x1b\[Kmdc store: 100 events, [^\r]*\d:\d\d", count=2)
        os.close(pipe)
        assert terminal.end() == 0
    lines = Screen(width).feed(terminal.text).lines
    assert lines[0].startswith("mdc store: 1 file in data") and "trade" in "".join(lines)


@pytest.mark.parametrize("width", [40, 80])
def test_ctrl_c_leaves_nothing_of_a_bar(
    width: int, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """A sink goes on to the end of its input, the second Ctrl-C ends it on the spot."""
    pipe = held(tmp_path)
    line = 'mdc store --root data < held; echo "status $?"'
    with Terminal(line, tmp_path, quiet_env, width=width) as terminal:
        terminal.until(r"mdc store: 100 events")
        terminal.press(CTRL_C)
        terminal.until(r"\^C\r\x1b\[Kmdc store: 100 events")
        terminal.press(CTRL_C)
        terminal.end()
    os.close(pipe)
    assert Screen(width).feed(terminal.text).lines == ["status 130"]


@pytest.mark.parametrize("width", [40, 80])
def test_ctrl_c_with_two_stages_in_one_terminal(
    width: int, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    slow = "mdc stream sim SPY --rate 50 --speed 1x -v"  # below a thousand the bar tells each event
    line = f'{slow} | mdc store --root data; echo "${{PIPESTATUS[*]}}"'
    with Terminal(line, tmp_path, quiet_env, width=width) as terminal:
        terminal.until(r"mdc store: \d+ events, ")
        terminal.press(CTRL_C)
        terminal.end()
    text = "".join(Screen(width).feed(terminal.text).rows)
    assert re.fullmatch(r".*mdc stream: (\d+) in = \1 out .*mdc store: 2 files in data.*0 0", text)
    assert "events," not in text


def test_ctrl_c_ends_a_query(archive: Path, quiet_env: dict[str, str]) -> None:
    sql = "SELECT count(*) FROM trade a, trade b, trade c, trade d WHERE a.price < d.price"
    line = f"mdc query --root data '{sql}'; echo \"status $?\""
    with Terminal(line, archive, quiet_env, width=40) as terminal:
        terminal.until(r"mdc query: +\d+% .*left")
        terminal.press(CTRL_C)
        terminal.end()
    assert Screen(40).feed(terminal.text).lines == ["status 130"]
