"""`mdc validate --check book`: what `mdc book` says of books, without the books."""

from tests.conftest import Shell
from tests.pipes.books.rows import change, event, lines, snapshot

ROWS = [
    change(0, "bid 10x1", symbol="C"),
    snapshot(1, "10x1", "11x1"),
    snapshot(1, "10x1", "11x1", symbol="B"),
    change(2, "bid 12x1"),
    change(3, "bid 9x-1", symbol="B"),
    change(3, "bid 9x1"),
    snapshot(4, "8x1", "9x1"),
    event("gap", 5, symbol="A", reason="sequence"),
    snapshot(6, "8x1", "9x1", symbol="C"),
    change(7, "bid 9.5x1", symbol="C"),
]
FIELDS = ("symbol", "ts_event", "ts_recv", "provider", "channel", "severity", "message", "about")


def test_the_verdict_is_that_of_mdc_book(shell: Shell) -> None:
    verdicts = []
    for command in ("mdc book", "mdc validate --check book"):
        done = shell(command, stdin=lines(ROWS))
        assert done.status == 0, done.err
        found = [row for row in done.events if row["type"] == "integrity"]
        verdicts.append(sorted([row.get(name) or "" for name in FIELDS] for row in found))
    assert verdicts[0] == verdicts[1]
    assert [(row[0], row[1][17:19], row[5], row[7]) for row in verdicts[0]] == [
        ("A", "02", "error", "delta"),
        ("A", "04", "info", "book"),
        ("A", "05", "warning", "gap"),
        ("B", "03", "error", "delta"),
        ("C", "00", "warning", "delta"),
        ("C", "06", "info", "book"),
        ("C", "07", "error", "delta"),
    ]


def test_events_pass_and_strict_fails(shell: Shell) -> None:
    done = shell("mdc validate --check book --strict", stdin=lines(ROWS))
    assert done.status == 1
    passed = [row for row in done.events if row["type"] != "integrity"]
    assert [row["type"] for row in passed] == [row["type"] for row in ROWS]
    assert "findings: book 3 error, book 2 info, book 2 warning" in done.err


def test_a_good_book_has_no_finding(shell: Shell) -> None:
    done = shell("mdc stream sim SPY AAPL --type delta --limit 2000 | mdc validate --strict")
    assert done.status == 0, done.err
    assert not [row for row in done.events if row["type"] == "integrity"]


def test_a_bad_change_can_be_left_out(shell: Shell) -> None:
    done = shell("mdc validate --check book --on-fail drop", stdin=lines(ROWS))
    assert [row["size"] for row in done.events if row["type"] == "delta"] == ["1", "1", "1", "1"]
