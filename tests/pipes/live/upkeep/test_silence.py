"""A channel, or a symbol, that has gone silent while others go on, through the command line."""

import socket
from pathlib import Path

from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
FRESHNESS = "mdc_core.live.session.freshness"
# Time says nothing here: what counts is how many others have come.
AT_ONCE = {
    "MDC_CONSTANTS": " ".join(
        f"{FRESHNESS}:{name}=0" for name in ("BETWEEN", "CHECK", "EACH", "SHORTEST", "FACTOR")
    )
}
USUAL = "Q A\nQ B\nT 1 A 1704205800000000000 1 1\n" * 40


def play(*texts: str) -> venues.Script:
    def script(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall("".join(texts).encode())
        connection.recv(1)

    return script


def test_a_silent_channel_leads_to_another_connection(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    quotes = "Q A\nQ B\n" * 300
    with venues.tcp(
        play("OK\n", USUAL, quotes), play("OK\n", "Q A\nT 2 A 1 1 1\nNO more\n")
    ) as url:
        words = ("stream", "counted", "A", "B", "--url", url, "--backoff", "1ms..1ms")
        capture = str(tmp_path / "c")
        done = mdc(
            *(*words, "--capture", capture),
            path=installed,
            **TOKEN,
            **AT_ONCE,
        )
    assert done.returncode == 77, done.stderr
    up, down, again = rows(done.stdout, "connection")[:3]
    assert (up["state"], down["state"], again["state"]) == ("up", "down", "resubscribed")
    assert down["cause"] == "stall"
    assert down["reason"].startswith("no trade at all for ")
    found = [r for r in rows(done.stdout, "integrity") if "symbol" not in r]
    assert [f["severity"] for f in found] == ["warning", "error", "info"]
    silent, _, over = found
    assert (silent["check"], silent["severity"], silent["about"]) == (
        *("freshness", "warning", "trade"),
    )
    assert over["severity"] == "info" and over["message"].startswith("trade at all again, after ")
    assert "mdc stream: counted: no trade at all for " in done.stderr
    again = mdc("stream", "counted", "A", "B", "--replay", capture, path=installed, **AT_ONCE)
    lines = again.stdout.splitlines()[1:-1]
    assert lines == done.stdout.splitlines()[1 : len(lines) + 1]
    assert sum('"check":"freshness"' in line for line in lines) >= 2


def test_a_silent_symbol_is_told_and_the_connection_stays(mdc: Run, installed: Path) -> None:
    only = "Q A\nT 1 A 1704205800000000000 1 1\n" * 100
    with venues.tcp(play("OK\n", USUAL, only, "NO more\n")) as url:
        words = ("stream", "counted", "A", "B", "--url", url)
        done = mdc(*words, path=installed, **TOKEN, **AT_ONCE)
    assert done.returncode == 77, done.stderr
    assert [c["state"] for c in rows(done.stdout, "connection")] == ["up", "down"]
    (silent,) = rows(done.stdout, "integrity")
    assert (silent["check"], silent["symbol"], silent["about"]) == ("freshness", "B", "quote")
    assert silent["message"].startswith("no quote of B for ")
