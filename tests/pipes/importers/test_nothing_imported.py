"""Importing nothing of what is asked for is told, with status 1."""

from pathlib import Path

import pytest

from tests.conftest import Shell

TRADES = """symbol,ts_event,price,size
SPY,2024-01-02T14:30:00Z,470.01,100
AAPL,2024-01-02T14:30:01Z,185.5,10
"""
LINE = "mdc -q import --profile csv t.csv --type trade"


@pytest.mark.parametrize(
    ("chosen", "status", "found", "words"),
    [
        ("--symbol SPY", 0, ["SPY"], ""),
        ("--symbol 'S*'", 0, ["SPY"], ""),
        ("--symbols-file some.txt", 1, ["AAPL"], "no such symbol in t.csv: 'spy'"),
        ("--symbol spy,QQQ", 1, [], "no such symbols in t.csv: 'spy', 'QQQ'"),
        ("--symbol 'Q*'", 1, [], "no events of Q* in t.csv"),
        ("--date 2031-01-01", 1, [], "no events in t.csv"),
        ("--symbol spy,QQQ --allow-empty", 0, [], ""),
    ],
)
def test_of_a_table(
    shell: Shell, tmp_path: Path, chosen: str, status: int, found: list[str], words: str
) -> None:
    (tmp_path / "t.csv").write_text(TRADES)
    (tmp_path / "some.txt").write_text("AAPL\nspy\n")
    done = shell(f"{LINE} {chosen}")
    assert (done.status, [event["symbol"] for event in done.events]) == (status, found), done.err
    assert words in done.err and done.all_events[-1]["reason"] == "eof"


def test_of_a_lean_folder(shell: Shell, shared: Path) -> None:
    line = f"mdc -q import --profile lean {shared / 'data/lean'} --resolution daily"
    spy = shell(f"{line} --symbol SPY --security-type equity")
    assert spy.status == 0 and {event["symbol"] for event in spy.events} == {"SPY"}
    case = shell(f"{line} --symbol spy --security-type equity")
    assert case.status == 1 and "'spy'; did you mean SPY" in case.err
    some = shell(f"{line} --symbol SPY,NOSUCH --security-type equity")
    assert some.status == 1 and some.lines == spy.lines and "'NOSUCH'" in some.err
