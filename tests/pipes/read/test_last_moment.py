"""The first and the last moment that a number of nanoseconds can be."""

import pytest

from tests.conftest import Shell

FIRST, LAST = "1677-09-21T00:12:43.145224193Z", "2262-04-11T23:47:16.854775807Z"
DAY = LAST[:10]
LINE = '{"type":"trade","symbol":"SPY","ts_event":"%s","price":1}\n'


@pytest.fixture
def stored(shell: Shell) -> Shell:
    lines = LINE % FIRST + LINE % LAST
    assert shell("mdc store --root d", stdin=lines.encode()).status == 0
    return shell


def test_an_event_at_the_edge_of_time(stored: Shell) -> None:
    wanted = {
        "": [FIRST, LAST],
        f"--date {DAY}": [LAST],
        f"--to {DAY}": [FIRST, LAST],
        f"--from {DAY} --to {DAY}": [LAST],
        f"--from {FIRST}": [FIRST, LAST],
        "--from 1677-09-22": [LAST],
        "--to 2262-04-10": [FIRST],
    }
    for chosen, moments in wanted.items():
        done = stored(f"mdc cat --root d {chosen}")
        assert [event["ts_event"] for event in done.events] == moments, done
    for words in (f"count --root d --date {DAY}", "compact --root d", "pack create p.zip --root d"):
        done = stored(f"mdc {words}")
        assert done.status == 0 and "Traceback" not in done.err, done
    done = stored(f"mdc query --root d --date {DAY} 'select ts_event from trade'")
    assert LAST in done.out and FIRST not in done.out


def test_the_coverage_of_the_last_day(shell: Shell) -> None:
    assert shell("mdc store --root d", stdin=(LINE % LAST).encode()).status == 0
    done = shell("mdc coverage --root d")
    assert done.status == 0 and "of 1 open days" in done.out + done.err, done
