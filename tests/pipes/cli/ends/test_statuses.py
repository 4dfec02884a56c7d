"""Each exit status, reached in several ways, with one line that says why and one that helps."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

TRADE = '{"type":"trade","symbol":"A","ts_event":"2024-01-02T12:00:00Z","price":1,"size":1}\n'
CROSSED = (
    '{"type":"quote","symbol":"A","ts_event":"2024-01-02T12:00:00Z","bid_price":2,'
    '"bid_size":1,"ask_price":1,"ask_size":1}\n'
)
BEGIN = '{"type":"begin","run_id":"000000000001","stage":"stream"}\n'
SIM = "mdc stream sim SPY --limit 5"


@pytest.fixture(autouse=True)
def things(shell: Shell, tmp_path: Path) -> None:
    """An archive, and files that are right, wrong, broken off and foreign."""
    shell(f"{SIM} then store")
    files = {
        "good.jsonl": TRADE,
        "bad.jsonl": TRADE + "no json\n",
        "none.jsonl": "no json\nnor this\n",
        "crossed.jsonl": CROSSED,
        "cut.jsonl": BEGIN + TRADE,
        "failed.jsonl": BEGIN
        + '{"type":"end","run_id":"000000000001","stage":"stream","counts":{},"reason":"error"}\n',
        "more.jsonl": BEGIN
        + TRADE
        + '{"type":"end","run_id":"000000000001","stage":"stream","counts":{"trade":2},'
        '"reason":"eof"}\n',
        "broken.toml": "[store\n",
        "stray.toml": "[store]\nlayot = 'flat'\n",
        "secret.toml": "[stream.alpaca]\nalpaca_key_id = 'x'\n",
        "table.csv": "time,price\n2024-01-02,1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "half.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    (tmp_path / "closed").mkdir()
    (tmp_path / "plain").write_text("a file where a directory should be")


def last_words(err: str) -> list[str]:
    """The lines that are no accounts."""
    return [line for line in err.splitlines() if " in = " not in line]


def nameless(line: str) -> str:
    """A line without the name of a quarantine file, which has the run's id."""
    return line.partition("rejected into")[0]


WAYS: dict[int, list[tuple[str, str, str]]] = {
    0: [
        ("mdc cat good.jsonl > /dev/null", "", ""),
        ("mdc validate crossed.jsonl > /dev/null", "", ""),
        ("mdc convert < bad.jsonl > /dev/null", "rejected into", ""),
        ("mdc validate cut.jsonl --partial > /dev/null", "", ""),
        ("mdc verify --deep", "0 findings", ""),
        ("mdc --version", "", ""),
    ],
    1: [
        ("mdc validate crossed.jsonl --strict > /dev/null", "crossed 1 error", ""),
        ("mdc convert bad.jsonl --strict > /dev/null", "bad.jsonl", ""),
        ("rm data/SPY/trade/*; mdc verify > /dev/null", "1 finding", ""),
        ("mdc coverage --strict --from 2024-01-02 --to 2024-01-04 > /dev/null", "", ""),
        ("echo x > data/SPY/trade/y.parquet; mdc catalog rebuild > /dev/null", "", ""),
    ],
    2: [
        ("mdc nosuch", "no such command: 'nosuch'", "mdc --help"),
        ("mdc cat --typ trade", "no such option: --typ;", "mdc cat --help"),
        ("mdc cat --from yesteryear", "not a time", "mdc cat --help"),
        ("mdc stream", "mdc stream: the name of a provider is missing", "known: alpaca"),
        ("mdc validate --check crossd good.jsonl", "did you mean crossed?", ""),
        ("mdc cat --type traed", "did you mean trade?", ""),
        ("mdc query 'SELECT * FROM nosuch'", "Table with name nosuch does not exist", ""),
        ("mdc retain", "nothing says what may go", "--keep 30d"),
        ("mdc --root x inspect good.jsonl", "mdc inspect: takes no --root", ""),
        ("mdc import --profile csv table.csv --map time=ts", "no such field", ""),
        ("mdc import --profile csv table.csv > /dev/null", "no column 'type'", "--guess"),
        ("mdc pack create x.rar", "end it in .zip", ""),
    ],
    65: [
        ("mdc validate cut.jsonl > /dev/null", "", ""),
        ("mdc cat none.jsonl > /dev/null", "", ""),
        ("mdc cat failed.jsonl > /dev/null", "", ""),
        ("mdc validate more.jsonl --strict > /dev/null", "", ""),
        ("mdc cat half.parquet > /dev/null", "half.parquet", ""),
        ("mdc cat nosuch.jsonl > /dev/null", "nosuch.jsonl", ""),
        ("mdc ls --root nowhere", "no archive at nowhere", "mdc store --root nowhere FILE"),
        ("mdc inspect half.parquet", "half.parquet", ""),
        ("mdc query 'SELECT 1' --root nowhere", "nowhere", ""),
        ("mdc pack list plain", "plain", ""),
        ("mdc validate crossed.jsonl --fail-on warning --on-fail stop > /dev/null", "", ""),
    ],
    73: [
        (f"{SIM} | mdc store --root plain", "plain", ""),
        (f"{SIM} > /dev/full", "No space left", ""),
        ("mdc export good.jsonl --profile csv --output plain/x.csv", "plain", ""),
        ("mdc pack create good.jsonl/x.zip", "cannot write in good.jsonl", ""),
        ("mdc schema export plain/x", "plain", ""),
    ],
    77: [],
    78: [
        ("mdc --config broken.toml ls", "broken.toml: not TOML", ""),
        ("mdc --config stray.toml store < good.jsonl", "did you mean layout?", "known: "),
        ("mdc --config nosuch.toml ls", "no such file or directory: nosuch.toml", ""),
        ("MDC_STREAM_SIM_SEED=x mdc stream sim SPY", "MDC_STREAM_SIM_SEED (environment)", ""),
        ("mdc stream alpaca SPY", "missing secret: A", "export A"),
        ("mdc --config secret.toml stream alpaca SPY", "is a secret", "set ALPACA_KEY_ID"),
    ],
    141: [
        ("mdc stream sim SPY --limit 100000 | true", "", ""),
        ("mdc schema doc | true", "", ""),
        ("mdc stream sim SPY --limit 100000 | mdc validate | true", "", ""),
    ],
}


@pytest.mark.parametrize(
    ("status", "line", "said", "hint"),
    [(status, *way) for status, ways in WAYS.items() for way in ways],
)
def test_a_status(status: int, line: str, said: str, hint: str, shell: Shell) -> None:
    done = shell(line)
    assert done.status == status, done.err
    words = last_words(done.err)
    assert said in done.err, words
    hints = [text.removeprefix("hint: ") for text in words if text.startswith("hint: ")]
    assert all(re.match(r"mdc( [a-z]+){0,2}: |hint: ", text) for text in words)
    if hint:
        (found,) = hints
        assert hint in found
    if status in (2, 78):
        # What cannot be done says so in one line, with at most one that helps.
        assert len(words) == 1 + len(hints) and len(hints) <= 1
        assert says_nothing(done.out)


@pytest.mark.parametrize("status", [2, 65, 78])
def test_the_same_is_said_as_json(status: int, shell: Shell) -> None:
    for line, _, _ in WAYS[status][:4]:
        plain = shell(line)
        told = shell(line.replace("mdc ", "mdc --log-format json ", 1))
        assert told.status == status
        records = [json.loads(text) for text in told.err.splitlines()]
        said = []
        for one in records:
            who = f"mdc {one['stage']}" if one["stage"] else "mdc"
            said += [f"{who}: {one['message']}"]
            said += [f"hint: {one['hint']}"] if "hint" in one else []
        # Programs are always told the counts; people where numbers differ.
        said = [text for text in said if not text.endswith("out + 0 rejected + 0 dropped")]
        assert list(map(nameless, said)) == list(map(nameless, plain.err.splitlines()))
        assert {one["level"] for one in records} & {"warning", "error"}


def test_every_status_of_the_design_is_here_or_elsewhere() -> None:
    """69, 70, 75, 77, 130 and 143 need a vendor, a bug or a signal: see their own tests."""
    assert {status for status, ways in WAYS.items() if len(ways) >= 3} == {
        0,
        1,
        2,
        65,
        73,
        78,
        141,
    }
