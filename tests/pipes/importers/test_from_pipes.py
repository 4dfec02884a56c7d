"""Importers read their files more than once, so what comes by a pipe is kept for them."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell

HEADER = "type,symbol,ts_event,price,size\n"
ROW = "trade,SPY,2024-01-02T14:30:00Z,{},1\n"
ROWS = [ROW.format(f"{n}.5") for n in range(40_000)]  # more than a pipe holds
IMPORT = "mdc import --profile csv --quarantine aside"


@pytest.fixture
def prices(tmp_path: Path) -> list[float]:
    (tmp_path / "x.csv").write_text(HEADER + "".join(ROWS) + ROW.format("wrong"))
    return [n + 0.5 for n in range(40_000)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("cat x.csv | {} /dev/stdin", "/dev/stdin"),
        ("cat x.csv | {} -", "<stdin>"),
        ("{} - < x.csv", "<stdin>"),
        ("cat x.csv | {} /dev/fd/0", "/dev/fd/0"),
        ("mkfifo feed; cat x.csv > feed & {} feed", "feed"),
    ],
)
@pytest.mark.some(2)
def test_csv_from_a_pipe(
    line: str, name: str, shell: Shell, prices: list[float], tmp_path: Path
) -> None:
    done = shell(line.format(IMPORT))
    assert done.status == 0, done.err
    events = [json.loads(text) for text in done.lines]
    assert [event["price"] for event in events if event["type"] == "trade"] == prices
    assert f"{name} row 40002: price: 'wrong' is not a number" in done.err
    assert json.loads((tmp_path / "aside").read_text())["where"] == f"{name} row 40002"


def test_rows_are_set_aside_in_the_order_of_the_file(shell: Shell, tmp_path: Path) -> None:
    bad = ["trade,SPY,2024-01-02T14:30:00Z,5\n", ROW.format("x"), ROW.format("y"), "a,b\n"]
    (tmp_path / "x.csv").write_text(HEADER + "".join([*ROWS[:4], *bad, ROWS[4], *bad, *ROWS]))
    done = shell(f"{IMPORT} x.csv | mdc -q count")
    assert "x.csv row 6: 4 fields, not 5; and 7 more: rejected into aside" in done.err
    aside = [json.loads(text) for text in (tmp_path / "aside").read_text().splitlines()]
    numbers = [6, 7, 8, 9, 11, 12, 13, 14]
    assert [one["where"] for one in aside] == [f"x.csv row {n}" for n in numbers]


def test_a_pipe_that_is_left_half_read_gives_nothing(shell: Shell, tmp_path: Path) -> None:
    """Its last line could be a part of one, and say a wrong price."""
    (tmp_path / "part.csv").write_text(HEADER + ROWS[0] + ROWS[1][:-6])
    done = shell(
        f"mkfifo feed; {IMPORT} feed > out & exec 3> feed; cat part.csv >&3; kill $!; wait $!"
    )
    assert done.status == 0, done.err
    out = (tmp_path / "out").read_text()
    assert [json.loads(text)["type"] for text in out.splitlines()] == ["begin", "end"]
    assert json.loads(out.splitlines()[-1])["reason"] == "signal"


def test_a_pipe_cannot_be_followed(shell: Shell) -> None:
    done = shell("mkfifo feed; mdc cat --follow feed")
    assert done.status == 2
    assert "--follow takes a file, and feed is a pipe" in done.err
