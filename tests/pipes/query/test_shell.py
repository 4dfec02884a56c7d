"""`mdc shell`: SQL statement after statement, from a script and on a terminal."""

import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.query.sql_archive import FINE, parsed, store

pytest.importorskip("duckdb", reason="duckdb is not installed")

SCRIPT = """\
-- a comment
.mode csv
SELECT symbol, count(*) AS n   -- not the end;
FROM trade GROUP BY symbol ORDER BY symbol; SELECT ';' AS a, 'it''s' AS "b;";
SELEC 1;
.nonsense
.schema nothing
/* a comment; */ SELECT $$;$$ AS c
;
.mode jsonl
.tables
SELECT count(*) AS n FROM quote
"""


def test_a_script_goes_on_after_errors(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    done = shell("mdc shell", stdin=SCRIPT.encode())
    lines = done.out.splitlines()
    assert lines[:3] == ["symbol,n", "AAPL,2", "SPY,3"]
    assert lines[3:7] == ["a,b;", ";,it's", "c", ";"]
    assert lines[7:9] == ["trade", "quote"]
    assert lines[-2:] == ["parts", '{"n":1}']
    errors = [line for line in done.err.splitlines() if "hint:" not in line]
    assert done.status == 2
    for said, line in zip(["syntax error", ".nonsense", "nothing"], errors, strict=True):
        assert said in line


def test_quit_is_the_end(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    done = shell("mdc shell", stdin=b"SELECT 1 AS a;\n.quit\nSELECT 2 AS a;\n")
    assert (done.status, done.out, done.err) == (0, '{"a":1}\n', "")


def test_schema(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    found = parsed(shell("mdc shell", stdin=b".schema trade\n").out)
    kinds = {row["column_name"]: row["column_type"] for row in found}
    assert kinds["ts_event"] == "TIMESTAMPTZ_NS"
    assert kinds["price"] == "DECIMAL(18,9)"
    assert kinds["conditions"] == "VARCHAR[]"


class Terminal:
    """`mdc shell` on a terminal, as somebody sees it who sits at it."""

    def __init__(self, cwd: Path, env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 60))
        self.process = subprocess.Popen(
            ["mdc", "shell"],
            cwd=cwd,
            env=env | {"TERM": "dumb", "COLUMNS": "60"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, end: str) -> str:
        """What is shown up to a text, or the end of it all."""
        shown = b""
        while not shown.endswith(end.encode()):
            try:
                shown += os.read(self._ours, 1)
            except OSError:  # the terminal is gone with its last process
                break
        return shown.decode().replace("\r", "")

    def say(self, text: str, end: str = "mdc> ") -> list[str]:
        """The lines that are shown after a line is typed, its echo and the prompt left out."""
        os.write(self._ours, text.encode() + b"\n")
        return self.until(end).split("\n")[1:-1]

    def leave(self) -> int:
        """Press Ctrl-D; the exit status."""
        os.write(self._ours, b"\x04")
        self.until("\n")
        return self.process.wait()

    def close(self) -> None:
        """Leave nothing."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(shell: Shell, tmp_path: Path, quiet_env: dict[str, str]) -> Iterator[Terminal]:
    store(shell, tmp_path)
    found = Terminal(tmp_path, quiet_env)
    found.until("mdc> ")
    yield found
    found.close()


def test_a_conversation(terminal: Terminal, shell: Shell, tmp_path: Path) -> None:
    count = "SELECT count(*) AS n, min(price) AS low FROM trade;"
    assert terminal.say(count) == ["n    low", "5  185.5"]
    # Another statement sees what is new.
    store(shell, tmp_path, FINE)
    assert terminal.say(count) == ["n                   low", "6  0.000000000000000001"]
    (error,) = terminal.say("SELECT nosuch;")
    assert '"nosuch"' in error
    assert terminal.say("SELECT", "...> ") == []
    assert terminal.say("1 AS one;") == ["one", "  1"]
    assert terminal.say(".mode jsonl") == []
    assert terminal.say("SELECT 1 AS one;") == ['{"one":1}']
    assert [line.split()[0] for line in terminal.say(".help")][:2] == [".help", ".tables"]
    assert terminal.leave() == 0


def test_wide_results_fit_the_terminal(terminal: Terminal) -> None:
    lines = terminal.say("SELECT * FROM trade LIMIT 1;")
    assert lines[0].split()[:3] == ["type", "symbol", "ts_event"]
    assert max(map(len, lines)) <= 60
    assert lines[2].startswith("not shown (SELECT fewer): seq, extra, price, size, ")
    lines = terminal.say("SELECT i FROM range(101) AS r(i);")
    assert lines[-1] == "... more than 100 rows: .mode csv shows all"


def test_tab(terminal: Terminal) -> None:
    """Tables, columns of the tables that are named, words of SQL, commands, forms."""
    (head, _) = terminal.say("SELECT max(pri\t) AS most FROM tra\t;")
    assert head.split() == ["most"]
    assert terminal.say("SELE\t count(*) AS n fr\t quot\t;")[0] == "n"
    assert terminal.say(".mo\t json\t") == []
    assert terminal.say("SELECT 1 AS one;") == ['{"one":1}']


@pytest.mark.parametrize("word", ["exit", "quit", "EXIT;", ".exit", "quit ;"])
def test_words_of_other_shells_leave(word: str, shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    done = shell("mdc shell", stdin=f"SELECT 1 AS a;\n{word}\nSELECT 2 AS a;\n".encode())
    assert (done.status, done.out, done.err) == (0, '{"a":1}\n', "")


def test_help_is_help_and_not_within_a_statement(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    helps = [shell("mdc shell", stdin=word).out for word in (b".help\n", b"help\n", b"HELP;\n")]
    assert helps[0].startswith(".help ") and helps == helps[:1] * 3
    done = shell("mdc shell", stdin=b"SELECT 1 AS\nhelp\n;\n")
    assert done.out == '{"help":1}\n'


def test_what_tab_offers(shell: Shell) -> None:
    from mdc_core.cli.shell_words import ShellWords

    words = ShellWords(
        [".help", ".mode"],
        ["csv", "jsonl"],
        ["trade", "quote"],
        {"trade": ["price", "size"], "quote": ["bid_price"]}.__getitem__,
    )
    assert words.fitting(".m", ".m") == [".mode"]
    assert words.fitting(".mode ", "") == ["csv", "jsonl"]
    assert words.fitting(".schema t", "t") == ["trade"]
    assert words.fitting("SELECT x FROM trade WHERE pr", "pr") == ["price"]
    assert words.fitting("SELECT x FROM trade, quote WHERE b", "b") == [
        "bid_price",
        "between",
        "by",
    ]
    assert words.fitting("SELECT bid_p", "bid_p") == ["bid_price"]
    assert words.fitting("SEL", "SEL") == ["SELECT"]


def test_ctrl_c(terminal: Terminal) -> None:
    """It gives up a line, and then a statement, and the shell goes on."""
    assert terminal.say("SELECT 1,", "...> ") == []
    terminal.process.send_signal(signal.SIGINT)
    # Python misses a signal that comes just before it waits for a key: hence the Enter.
    terminal.say("")
    terminal.say("SELECT 2 AS two;", "two\r\n  2\r\nmdc> ")
    terminal.say(".mode jsonl")
    terminal.say("SELECT i FROM range(100000000000) AS r(i);", '{"i":0}')
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("mdc> ")
    assert terminal.say("SELECT 3 AS three;") == ['{"three":3}']
    assert terminal.say(".quit", "\n") == []
    assert terminal.process.wait() == 0
