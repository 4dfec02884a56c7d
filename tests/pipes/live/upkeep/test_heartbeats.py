"""How a feed is, told by heartbeat events and with -v."""

import socket
import time
from decimal import Decimal
from pathlib import Path

from mdc_core.live.heartbeat import HeartbeatMaker, told
from mdc_core.plugin import Trade, from_ns
from mdc_core.times import SECOND
from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}
NOW = 1_700_000_000 * SECOND


def ago(number: int, seconds: int) -> bytes:
    return f"T {number} SPY {time.time_ns() - seconds * SECOND} 1 1\n".encode()


def test_rate_lag_and_the_clock_of_the_venue(mdc: Run, installed: Path) -> None:
    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        connection.sendall(b"OK\n" + ago(1, 7) + ago(2, 7) + ago(3, 7))
        assert venues.line_of(connection) == "TICK"
        connection.sendall(ago(4, -900))  # the venue's clock goes before ours
        for _ in range(2):
            assert venues.line_of(connection) == "TICK"
        connection.sendall(ago(5, 7))

    with venues.tcp(play) as url:
        words = ("-v", "stream", "beating", "SPY", "--heartbeat", "10ms", "--limit", "5")
        done = mdc(*words, "--url", url, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    beats = rows(done.stdout, "heartbeat")
    assert {(b["provider"], b["v"], b["buffered"], b["dropped"]) for b in beats} == {
        ("beating", "1.1.0", 0, 0)
    }
    assert sum(b["count"] for b in beats) == 4 and beats[-1]["connections"] == 1
    first, second = (b for b in beats if b["count"])
    assert 7 <= first["lag_p50"] <= first["lag_p99"] < 800
    assert first["clock_offset"] == first["lag_p50"]
    assert -900 <= second["lag_p50"] == second["lag_p99"] == second["clock_offset"] < 0
    assert beats[-1]["clock_offset"] == second["clock_offset"], "of the last minutes"
    assert all(b["rate"] == int(b["count"] / b["seconds"] * 1000) / 1000 for b in beats)
    said = [line for line in done.stderr.splitlines() if "events/s" in line]
    assert len(said) == len(beats)
    assert said[-1].endswith("; 0 buffered, 0 dropped; 1 up") and "clock offset -" in said[-1]
    assert "5 in = 5 out + 0 rejected + 0 dropped" in done.stderr, "beats are no data"


def test_none_is_told_where_none_is_wanted(mdc: Run, installed: Path) -> None:
    def play(connection: socket.socket) -> None:
        assert venues.line_of(connection).startswith("LOGIN")
        assert venues.line_of(connection) == "TICK"
        connection.sendall(b"OK\n" + ago(1, 7))

    with venues.tcp(play) as url:
        words = ("-v", "stream", "beating", "SPY", "--heartbeat", "0s", "--limit", "1")
        done = mdc(*words, "--url", url, path=installed, **TOKEN)
    assert done.returncode == 0 and "events/s" not in done.stderr
    assert rows(done.stdout, "heartbeat") == []


def trade(number: int, lag: int) -> Trade:
    recv = NOW + number * SECOND
    return Trade(ts_event=from_ns(recv - lag), ts_recv=from_ns(recv))


def test_percentiles_and_the_least_lag_of_the_last_beats() -> None:
    maker = HeartbeatMaker("sim", 300 * SECOND, NOW)
    for number in range(200):
        is_due = maker.look_at(
            [trade(0, 0), trade(number, (number + 1) * 1000)], NOW + number * 10**9
        )
        assert not is_due
    assert maker.look_at([], NOW + 300 * SECOND)
    beat = maker.beat(4321, NOW + 300 * SECOND)
    assert (beat.seconds, beat.count, beat.rate) == (300, 4321, Decimal("14.403"))
    assert (beat.lag_p50, beat.lag_p99) == (Decimal("0.0001"), Decimal("0.000198"))
    assert beat.clock_offset == Decimal("0.000001")
    beat.buffered = beat.dropped = beat.connections = 0
    assert told(beat).startswith(
        "14.4 events/s; lag 0.10 ms p50, 0.20 ms p99; clock offset 0.00 ms"
    )
    for number in range(1, 11):
        now = NOW + (300 + number) * SECOND
        maker.look_at([trade(0, 5_000_000)], now)
        beat = maker.beat(4321, now)
        assert beat.clock_offset == (Decimal("0.000001") if number < 10 else Decimal("0.005"))
        assert (beat.count, beat.rate) == (0, 0)


def test_times_that_are_none_cost_nothing() -> None:
    maker = HeartbeatMaker("sim", SECOND, NOW)
    same = from_ns(NOW)
    odd = [
        Trade(ts_event="yesterday", ts_recv=same),
        Trade(ts_event=same, ts_recv=same),  # the venue has no times
        Trade(ts_recv=same),
    ]
    for number, event in enumerate(odd, 2):
        assert maker.look_at([event], NOW + number * SECOND)
        beat = maker.beat(0, NOW + number * SECOND)
        assert (beat.lag_p50, beat.clock_offset) == (None, None)
