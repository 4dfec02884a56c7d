"""What a provider declares, kept to by `mdc stream`: scopes, limits, shares, secrets, refusals."""

import json
import queue
import socket
import struct
import time
from pathlib import Path

import pytest

from mdc_core.times import to_ns
from tests.kit.deadline import DEADLINE
from tests.kit.installed import Run
from tests.pipes.live import venues
from tests.pipes.live.venues import rows

TOKEN = {"LINES_TOKEN": "s3cret-token"}


def trade(seq: int, symbol: str = "SPY") -> str:
    return f"T {seq} {symbol} {1_704_205_800_000_000_000 + seq} {seq} 1"


def capture(folder: Path, *connections: list[str]) -> Path:
    """A capture of these lines; each connection but the last is lost."""
    lines, ns = [], 1_704_205_900_000_000_000
    for frames in connections:
        if lines:
            lost = {"state": "lost", "reason": "cut"}
            lines.append({"recv_ns": ns, "dir": "derived", "frame": lost})
        lines.append({"recv_ns": ns, "dir": "derived", "frame": {"state": "open"}})
        for frame in frames:
            ns += 1_000_000
            lines.append({"recv_ns": ns, "dir": "in", "frame": frame, "encoding": "text"})
    file = folder / "c.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.parametrize(
    ("name", "numbers", "channels", "findings"),
    [
        ("lines", (1, 2, 3, 4), {"lines-1", "lines-2"}, 4),
        ("by-connection", (1, 2, 3, 4), {"by-connection-1/*", "by-connection-2/*"}, 0),
        ("by-connection", (1, 2, 4, 5), {"by-connection-1/*", "by-connection-2/*"}, 2),
        (
            "by-channel",
            (1, 101, 2, 102),
            {f"by-channel-{n}/board{b}" for n in "12" for b in "01"},
            0,
        ),
    ],
)
def test_numbers_are_followed_within_what_the_provider_declares(
    mdc: Run,
    installed: Path,
    tmp_path: Path,
    name: str,
    numbers: tuple[int, ...],
    channels: set[str],
    findings: int,
) -> None:
    symbols = ("SPY", "AAPL") * 2
    frames = ["OK", *(trade(n, s) for n, s in zip(numbers, symbols, strict=True))]
    file = capture(tmp_path, frames, frames)  # after a reconnection they count from 1 again
    words = f"stream {name} SPY AAPL --replay {file} then validate --check sequence"
    done = mdc(*words.split(), path=installed)
    assert done.returncode == 0, done.stderr
    assert {row["channel"] for row in rows(done.stdout, "trade")} == channels
    assert len([r for r in rows(done.stdout, "integrity") if r["check"] == "sequence"]) == findings


class Logins:
    """Scripts of a server that keeps what clients say first, and plays each a trade."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, connection: socket.socket) -> None:
        said = venues.line_of(connection)
        self._said.put(said)
        symbols = said.split()[-1].split(",")
        lines = ["OK", *(trade(n + 1, symbol) for n, symbol in enumerate(symbols))]
        connection.sendall("".join(f"{line}\n" for line in lines).encode())
        connection.recv(1)

    def said(self, count: int) -> set[str]:
        """What so many clients said first."""
        return {self._said.get(timeout=DEADLINE) for _ in range(count)}


def test_a_subscription_beyond_the_limit_of_one_connection_takes_several(
    mdc: Run, installed: Path
) -> None:
    logins = Logins()
    with venues.tcp(logins, logins) as url:
        words = ("stream", "narrow", "SPY", "AAPL", "QQQ", "--limit", "3", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert logins.said(2) == {"LOGIN s3cret-token SPY,AAPL", "LOGIN s3cret-token QQQ"}
    told = {(row["symbol"], row["channel"]) for row in rows(done.stdout, "trade")}
    assert told == {("SPY", "narrow-1.1"), ("AAPL", "narrow-1.1"), ("QQQ", "narrow-2.1")}
    ups = rows(done.stdout, "connection")
    assert {(up["state"], up["channel"]) for up in ups} == {
        *(("up", "narrow-1.1"), ("up", "narrow-2.1"))
    }


def test_several_connections_are_captured_and_replayed(mdc: Run, installed: Path) -> None:
    logins = Logins()

    def cut(connection: socket.socket) -> None:
        said = venues.line_of(connection)
        connection.sendall(f"OK\n{trade(7, said[-3:])}\nT".encode())

    with venues.tcp(cut, cut, logins, logins) as url:
        words = ("narrow", "SPY", "QQQ", "DIA", "--limit", "5", "--url", url)
        done = mdc("stream", *words, "--capture", "c.jsonl", path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    again = mdc("stream", *words[:4], "--limit", "5", "--replay", "c.jsonl", path=installed)
    assert again.returncode == 0, again.stderr
    for number in "12":
        of_line = [
            [r for r in rows(text) if str(r.get("channel")).startswith(f"narrow-{number}.")]
            for text in (done.stdout, again.stdout)
        ]
        assert of_line[0] == of_line[1]
        assert sum(row["type"] == "connection" for row in of_line[0]) == 3
    gaps = {(row["channel"], row["symbol"]) for row in rows(again.stdout, "gap")}
    assert gaps == {("narrow-1.2", "SPY"), ("narrow-1.2", "QQQ"), ("narrow-2.2", "DIA")}
    assert len(rows(again.stdout, "gap")) == 3


def test_what_a_connection_loses_before_its_first_event_is_through_is_in_a_gap(
    mdc: Run, installed: Path
) -> None:
    served: list[int] = []

    def dies(connection: socket.socket) -> None:
        venues.line_of(connection)
        served.append(time.time_ns())  # from here on the venue takes it for subscribed
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def late(connection: socket.socket) -> None:
        """What happened three seconds ago comes now, what did two seconds ago never."""
        venues.line_of(connection)
        now = time.time_ns()
        served.append(now - 2 * 10**9)
        connection.sendall(f"OK\nT 1 SPY {now - 3 * 10**9} 1 1\nT".encode())

    with venues.tcp(dies, late, Logins()) as url:
        words = ("stream", "lines", "SPY", "--limit", "2", "--url", url, "--capture", "c.jsonl")
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    again = mdc("stream", "lines", "SPY", "--limit", "2", "--replay", "c.jsonl", path=installed)
    told = rows(done.stdout)[1:-1]
    assert rows(again.stdout)[1:-1] == told
    kinds = ["connection", "connection", "gap", "trade", "connection", "connection", "gap", "trade"]
    assert [row["type"] for row in told] == kinds
    for gap, lost in zip([row for row in told if row["type"] == "gap"], served, strict=True):
        assert to_ns(gap["start"]) <= lost <= to_ns(gap["end"])


def test_more_connections_than_the_vendor_allows(mdc: Run, installed: Path) -> None:
    done = mdc("stream", "narrow", *"ABCDE", "--url", "tcp://127.0.0.1:1", path=installed, **TOKEN)
    assert done.returncode == 2, done.stderr
    assert "this needs 3 connections, and the vendor allows 2" in done.stderr
    assert "at most 2 symbols for each connection" in done.stderr


def test_each_endpoint_has_its_share(mdc: Run, installed: Path) -> None:
    logins = Logins()
    with venues.tcp(logins, logins) as url:
        words = ("stream", "split", "SPY", "AAPL", "QQQ", "--limit", "3", "--url", url)
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert logins.said(2) == {"LOGIN s3cret-token SPY,QQQ", "LOGIN s3cret-token AAPL"}


@pytest.mark.parametrize(("secrets", "word"), [(TOKEN, "s3cret-token"), ({}, "nobody")])
def test_a_secret_that_one_can_do_without(
    mdc: Run, installed: Path, secrets: dict[str, str], word: str
) -> None:
    logins = Logins()
    with venues.tcp(logins) as url:
        words = ("stream", "open", "SPY", "--limit", "1", "--url", url)
        done = mdc(*words, path=installed, **secrets)
    assert done.returncode == 0, done.stderr
    assert logins.said(1) == {f"LOGIN {word} SPY"}
    help_text = mdc("stream", "open", "--help", path=installed).stdout
    assert "optional secret" in help_text and "LINES_TOKEN" in help_text


def test_frames_beyond_the_limit_are_told_and_counted_and_not_kept(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    file, aside = capture(tmp_path, ["OK", *["?" * 100] * 90, trade(1)]), tmp_path / "q.jsonl"
    words = f"stream lines SPY --replay {file} --quarantine {aside} --quarantine-size 2000B"
    done = mdc(*words.split(), path=installed)
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout, "integrity")) == 90 and len(rows(done.stdout, "trade")) == 1
    kept = sum("text" in row for row in rows(aside.read_text()))
    assert 0 < kept < 10 and aside.stat().st_size < 2100
    assert f"90 unreadable frames rejected into {aside} ({90 - kept} of them only" in done.stderr


def test_a_symbol_that_is_refused_is_told_and_the_others_come(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    file = capture(tmp_path, ["OK", "SKIP AAPL", trade(1)])
    done = mdc("stream", "lines", "SPY", "AAPL", "--replay", str(file), path=installed)
    assert done.returncode == 0, done.stderr
    assert "lines has no AAPL" in done.stderr
    assert [t["symbol"] for t in rows(done.stdout, "trade")] == ["SPY"]
    (told,) = rows(done.stdout, "integrity")
    assert (told["check"], told["severity"]) == ("subscription", "warning")
    assert told["extra"] == {"symbols": ["AAPL"]}


def test_when_all_symbols_are_refused_the_feed_is(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    file = capture(tmp_path, ["OK", trade(1), "SKIP AAPL", "SKIP SPY", trade(2)])
    done = mdc("stream", "lines", "SPY", "AAPL", "--replay", str(file), path=installed)
    assert done.returncode == 77, done.stderr
    assert "lines has no SPY" in done.stderr
    assert [t["seq"] for t in rows(done.stdout, "trade")] == [1]
    assert rows(done.stdout)[-1]["reason"] == "error"


def test_what_a_codec_does_wrong_costs_that_and_nothing_else(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    frames = ["OK", trade(1), "NAN", "WHEN", "FLOAT", "SPLIT"]
    frames += ["EXIT", "CANCEL", "HALF", trade(2)]
    file, aside = capture(tmp_path, frames), tmp_path / "q.jsonl"
    words = f"stream wild SPY --replay {file} --quarantine {aside}"
    done = mdc(*words.split(), path=installed)
    assert done.returncode == 0, done.stderr
    assert [t["price"] for t in rows(done.stdout, "trade")] == [1, 7, 2]
    assert rows(done.stdout)[-1]["counts"]["trade"] == 3  # what was written, and no more
    assert "10 in = 3 out + 7 rejected" in done.stderr
    reasons = [row["message"] for row in rows(done.stdout, "integrity")]
    who = "plugin stream:wild (mdc-venues 1.2)"
    assert reasons == [
        f"{who} makes a Trade whose size is NaN, not a finite number",
        f"{who} makes a Trade whose ts_event is 'yesterday', not a time with nine digits in UTC "
        "(see utc and from_ns)",
        f"{who} makes a Trade whose price is 0.1, not a Decimal",
        rf"{who} makes a Trade whose symbol is '\ud800', not Unicode text",
        f"{who} fails: SystemExit: 3",
        f"{who} fails: BaseException: cancelled",
        f"{who} fails: RuntimeError: half a frame",
    ]
    assert all(reason in done.stderr for reason in reasons)
    kept = [row["text"] for row in rows(aside.read_text())]
    assert kept[4:] == ["EXIT", "CANCEL", "HALF"]
    assert [json.loads(text)["type"] for text in kept[:2]] == ["trade"] * 2


def test_a_venue_writes_no_lines_of_ours_and_asks_for_no_endless_wait(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    """What it says stands on one line, with its control characters shown."""
    file = capture(tmp_path, ["NO done"])
    done = mdc(*f"stream wild SPY --replay {file}".split(), path=installed)
    assert done.returncode == 77
    assert done.stderr.splitlines()[-1] == r"mdc stream: \x1b[31mno\nmdc: done\ud800"
    with venues.tcp(lambda line: line.sendall(b"WAIT a moment\n")) as url:
        words = ["stream", "wild", "SPY", "--url", url, "--duration", "1s"]
        done = mdc(*words, path=installed, **TOKEN)
    assert done.returncode in (69, 75) and "a moment; trying again in" in done.stderr


def test_a_gap_of_which_the_codec_does_not_say_when_is_at_the_longest_since_it_is_up(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    at = 1_704_205_900_000_000_000
    frames = ["OK", trade(1), "MISSING SPY 3", f"MISSING SPY 2 {at + 2_500_000}", trade(2)]
    file = capture(tmp_path, frames)
    done = mdc(*f"stream holes SPY --replay {file}".split(), path=installed)
    assert done.returncode == 0, done.stderr
    up, *_ = rows(done.stdout, "connection")
    first, second = rows(done.stdout, "gap")
    assert first["start"] == second["start"] == first["ts_event"] == up["ts_event"]
    assert (first["end"], first["count"]) == (first["ts_recv"], 3)
    assert (second["end"], second["count"]) == (second["ts_event"], 2)
    assert second["end"] == "2024-01-02T14:31:40.002500000Z"


def test_a_feed_that_reads_nothing_ends_and_says_why(
    mdc: Run, installed: Path, tmp_path: Path
) -> None:
    frames = ["OK", *(f"WHAT idea{n}" for n in range(1_100))]
    done = mdc(*f"stream holes SPY --replay {capture(tmp_path, frames)}".split(), path=installed)
    who = "plugin stream:holes (mdc-venues 1.2) cannot read"
    assert done.returncode == 65
    assert f"{who} a frame, which is set aside: no idea0" in done.stderr
    assert f"{who} what the vendor sends: no idea999" in done.stderr
    assert done.stderr.count("set aside: no idea") == 1
    assert "1000 in = 0 out + 1000 rejected" in done.stderr
    # One that has given something goes on, however much is new to it.
    frames.insert(1, trade(1))
    done = mdc(*f"stream holes SPY --replay {capture(tmp_path, frames)}".split(), path=installed)
    assert done.returncode == 0, done.stderr
    assert "1101 in = 1 out + 1100 rejected" in done.stderr
