"""`mdc stream` and `mdc mock` as they are run: real processes, real pipes."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import only_says_error, says_nothing
from tests.kit.deadline import DEADLINE
from tests.pipes.live.venues import rows

KEYS = {"ALPACA_KEY_ID": "sandbox-key", "ALPACA_SECRET_KEY": "sandbox-secret"}


@pytest.fixture(scope="module", autouse=True)
def forked(forked_env: dict[str, str]) -> Iterator[None]:
    """The `mdc` of this file is forked, and not started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", forked_env["PATH"])
        yield


def streaming(*words: str) -> "subprocess.Popen[str]":
    """A `mdc stream alpaca` that runs; its output is read while it does."""
    return subprocess.Popen(
        ["mdc", "stream", "alpaca", *words],
        env=environment(**KEYS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment(**more: str) -> dict[str, str]:
    ours = ("MDC_", "ALPACA_", "PYTHON")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, **more}


def mdc(folder: Path, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mdc", *args],
        cwd=folder,
        env=environment(XDG_STATE_HOME=str(folder), **more),
        capture_output=True,
        text=True,
        check=False,
    )


def in_shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a pipe in a folder; it has to end well."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def played(text: str) -> list[tuple[Any, ...]]:
    names = ("type", "symbol", "ts_event", "price", "size", "bid_price", "ask_price")
    return [tuple(row.get(n) for n in names) for row in rows(text, "trade", "quote")]


@contextmanager
def mock_server(folder: Path, *args: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    server = subprocess.Popen(
        ["mdc", "mock", "alpaca", *args],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdout is not None and server.stderr is not None
    with server:
        try:
            yield server.stdout.readline().strip(), server
        finally:
            server.kill()


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 500 simulated events."""
    folder = tmp_path_factory.mktemp("events")
    made = mdc(folder, "stream", "sim", "SPY", "AAPL", "--limit", "500")
    assert made.returncode == 0, made.stderr
    file = folder / "events.jsonl"
    file.write_text(made.stdout)
    return file


def test_a_limit_counts_events_about_instruments(tmp_path: Path) -> None:
    done = mdc(tmp_path, "stream", "alpaca", "SPY", "AAPL", "--mock", "--limit", "1000")
    assert done.returncode == 0, done.stderr
    begin, up, *rest, end = rows(done.stdout)
    assert (begin["type"], begin["provider"], begin["stage"]) == ("begin", "alpaca", "stream")
    assert begin["request"] == {
        "provider": "alpaca",
        "symbols": ["SPY", "AAPL"],
        "channels": ["trade", "quote"],
    }
    assert (up["type"], up["state"]) == ("connection", "up")
    assert len(rest) == 1000
    assert {row["provider"] for row in rest} == {"alpaca"}
    assert all(row["ts_recv"] for row in rest)
    assert end["reason"] == "limit"
    assert sum(end["counts"].values()) == 1001
    assert "1000 in = 1000 out + 0 rejected + 0 dropped (+ 1 derived)" in done.stderr


def test_arrow_between_commands(tmp_path: Path) -> None:
    args = ("stream", "alpaca", "SPY", "--mock", "--limit", "50", "--format", "arrow")
    script = f"mdc {' '.join(args)} | mdc head -n 1000"
    done = in_shell(script, tmp_path)
    assert len(rows(done.stdout, "trade", "quote")) == 50


def test_what_a_mock_server_plays_arrives_exactly_and_ends(tmp_path: Path, events: Path) -> None:
    with mock_server(tmp_path, str(events), "--once") as (url, server):
        assert url.startswith("ws://127.0.0.1:") and url.endswith("/v2/iex")
        done = mdc(tmp_path, "stream", "alpaca", "SPY", "AAPL", "--mock", "--url", url)
        assert server.wait(DEADLINE) == 0
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)[-1]["reason"] == "eof"
    assert played(done.stdout) == played(events.read_text())


def test_a_pipe_and_an_archive_are_played_as_well(tmp_path: Path, events: Path) -> None:
    stored = subprocess.run(
        ["mdc", "store", "--root", "data"],
        input=events.read_bytes(),
        cwd=tmp_path,
        env=environment(),
        check=False,
        capture_output=True,
    )
    assert stored.returncode == 0, stored.stderr
    client = "mdc stream alpaca SPY AAPL --mock --url $url"
    copies = []
    for server in (
        f"cat {events} | mdc mock alpaca - --once",
        "mdc mock alpaca --root data --once",
    ):
        script = f"{server} | {{ read url; {client}; }}"
        done = in_shell(script, tmp_path)
        copies.append(played(done.stdout))
    assert copies[0] == played(events.read_text())
    assert sorted(copies[1]) == sorted(copies[0])  # type: ignore[type-var]


def test_a_disconnect_is_a_gap_and_nothing_else_is_lost(tmp_path: Path, events: Path) -> None:
    fault = ("--fault", "disconnect-after=100,skip=30", "--fault", "malformed-after=50")
    with mock_server(tmp_path, str(events), *fault) as (url, _):
        done = mdc(
            tmp_path,
            "stream",
            "alpaca",
            "SPY",
            "AAPL",
            "--url",
            url,
            "--limit",
            "470",
            "--quarantine",
            "aside.jsonl",
            **KEYS,
        )
    assert done.returncode == 0, done.stderr
    sent = played(events.read_text())
    assert played(done.stdout) == sent[:100] + sent[130:]
    states = [row["state"] for row in rows(done.stdout, "connection")]
    assert states == ["up", "down", "resubscribed"]
    spy, aapl = rows(done.stdout, "gap")
    assert (spy["symbol"], spy["reason"], spy["channel"]) == ("SPY", "disconnect", "alpaca-2")
    assert spy["start"] < spy["end"] and aapl == {**spy, "symbol": "AAPL"}
    (finding, *_) = rows(done.stdout, "integrity")
    assert finding["check"] == "frame"
    assert len((tmp_path / "aside.jsonl").read_text().splitlines()) == len(
        rows(done.stdout, "integrity")
    )
    assert "trying again in" in done.stderr


def test_a_server_that_is_killed_is_given_up_after_the_retries(tmp_path: Path) -> None:
    with mock_server(tmp_path, "--symbol", "SPY") as (url, server):
        client = subprocess.Popen(
            ["mdc", "stream", "alpaca", "SPY", "--url", url, "--retries", "1"],
            env=environment(**KEYS),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert client.stdout is not None
        head = b""
        while b'"type":"trade"' not in head:
            head += client.stdout.read(65536)
        server.kill()
        out, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 69, err
    text = (head + out).decode()
    assert b"given up after 2 tries" in err
    down, gap, end = rows(text)[-3:]
    assert (down["type"], down["state"]) == ("connection", "down")
    assert (gap["type"], gap["reason"], "end" in gap) == ("gap", "disconnect", False)
    assert (end["type"], end["reason"]) == ("end", "error")
    assert sum(end["counts"].values()) == len(rows(text)) - 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_stream_with_its_end(tmp_path: Path, number: int) -> None:
    with mock_server(tmp_path, "--symbol", "SPY", "--fault", "stall-after=20") as (url, server):
        client = streaming("SPY", "--url", url)
        lines = [client.stdout.readline() for _ in range(22)]
        client.send_signal(number)
        out, err = client.communicate(timeout=DEADLINE)
        assert client.returncode == 0, err
        server.send_signal(number)
        assert server.wait(DEADLINE) == 0
    end = rows("".join(lines) + out)[-1]
    assert (end["reason"], sum(end["counts"].values())) == ("signal", 21)


def test_hanging_up_reads_the_symbols_again(tmp_path: Path) -> None:
    file = tmp_path / "symbols.txt"
    file.write_text("# what we follow\nSPY   # the index\n\n")
    with mock_server(tmp_path, "--symbol", "SPY", "--symbol", "MSFT", "--speed", "1x") as (url, _):
        client = streaming("--symbols-file", str(file), "--url", url)
        lines = [client.stdout.readline() for _ in range(3)]
        file.write_text("MSFT\n")
        client.send_signal(signal.SIGHUP)
        while '"MSFT"' not in (line := client.stdout.readline()):
            assert line
            lines.append(line)
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0, err
    assert "SIGHUP: asks for 1 symbol now" in err
    assert {row["symbol"] for row in rows("".join(lines), "trade", "quote")} == {"SPY"}
    assert not rows("".join(lines), "gap")  # the connection stays
    assert [row["state"] for row in rows("".join(lines), "connection")] == ["up"]


def test_a_change_that_the_vendor_refuses_leaves_the_old_subscription(tmp_path: Path) -> None:
    file = tmp_path / "symbols.txt"
    file.write_text("".join(f"S{n}\n" for n in range(30)))
    with mock_server(tmp_path, "--symbol", "S1", "--speed", "1x") as (url, _):
        client = streaming("--symbols-file", str(file), "--url", url)
        lines = [client.stdout.readline() for _ in range(3)]
        file.write_text(file.read_text() + "S31\n")
        client.send_signal(signal.SIGHUP)
        while "integrity" not in (line := client.stdout.readline()):
            assert line
        lines += [line, *(client.stdout.readline() for _ in range(3))]
        client.send_signal(signal.SIGINT)
        _, err = client.communicate(timeout=DEADLINE)
    assert client.returncode == 0, err
    said = "alpaca says: symbol limit exceeded (error 405); the old subscription goes on"
    assert f"mdc stream: {said}" in err
    (finding,) = rows("".join(lines), "integrity")
    assert (finding["check"], finding["message"]) == ("subscription", said)
    assert [row["symbol"] for row in rows("".join(lines[-3:]), "trade", "quote")] == ["S1"] * 3


def test_a_long_subscription_goes_out_in_pieces_that_the_vendor_takes(tmp_path: Path) -> None:
    from websockets.sync.server import ServerConnection, serve

    sizes: list[int] = []

    def vendor(ws: ServerConnection) -> None:
        ws.send('[{"T":"success","msg":"connected"}]')
        ws.recv()
        ws.send('[{"T":"success","msg":"authenticated"}]')
        sizes.extend(len(part) for part in ws.recv_streaming())
        if len(sizes) > 1:
            ws.send('[{"T":"subscription","trades":["*"],"quotes":["*"]}]')
        else:
            ws.close(1009, "message too big")

    (tmp_path / "symbols").write_text("".join(f"SY{n:05}\n" for n in range(5000)))
    with serve(vendor, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v2/sip"
        args = ("--symbols-file", "symbols", "--mock", "--url", url)
        done = mdc(tmp_path, "stream", "alpaca", *args)
        assert (done.returncode, max(sizes)) == (0, 32768), done.stderr
        assert sum(sizes) > 100_000
        sizes.clear()
        (tmp_path / "symbols").write_text("SPY\n")
        done = mdc(tmp_path, "stream", "alpaca", *args)  # refused by 1009: not for ever
        assert done.returncode == 77, done.stderr
        assert "does not take a frame of this size" in done.stderr
        server.shutdown()


def test_a_message_that_cannot_be_an_event_is_set_aside_alone(tmp_path: Path) -> None:
    trade = '{"T":"t","S":"A","i":%d,"p":%s,"s":1,"t":"%s"}'
    times = ["2024-01-02T14:30:01Z", "2016-12-31T23:59:60.5Z", "2024-02-30T00:00:00Z"]
    times += ["2024-01-02T14:30:03Z", "2024-01-02T14:30:04Z"]
    prices = ["1", "1", "1", '"NaN"', "1"]
    parts = [trade % (n, *x) for n, x in enumerate(zip(prices, times, strict=True))]
    (tmp_path / "c").write_text(f'{{"recv_ns":1,"dir":"in","frame":[{",".join(parts)}]}}\n')
    for wire in ("jsonl", "arrow"):
        script = f"mdc stream alpaca --replay c --format {wire} --quarantine q-{wire} | mdc head"
        done = in_shell(script, tmp_path)
        assert [row["trade_id"] for row in rows(done.stdout, "trade")] == ["0", "4"]
        assert [row["check"] for row in rows(done.stdout, "integrity")] == ["frame"] * 3
        assert "5 in = 2 out + 3 rejected" in done.stderr
        aside = rows((tmp_path / f"q-{wire}").read_text())
        assert ["NaN" in aside[2]["text"], "23:59:60" in aside[0]["text"]] == [True, True]


def test_a_capture_replays_to_the_same_bytes(tmp_path: Path, events: Path) -> None:
    fault = ("--fault", "disconnect-after=200,malformed-after=70")
    with mock_server(tmp_path, str(events), *fault) as (url, _):
        live = mdc(
            tmp_path,
            "stream",
            "alpaca",
            "SPY",
            "AAPL",
            "--mock",
            "--url",
            url,
            "--capture",
            "raw.jsonl",
        )
    again = mdc(tmp_path, "stream", "alpaca", "SPY", "AAPL", "--replay", "raw.jsonl")
    assert (live.returncode, again.returncode) == (0, 0), live.stderr + again.stderr
    assert again.stdout.splitlines()[1:-1] == live.stdout.splitlines()[1:-1]
    assert rows(again.stdout)[-1]["reason"] == "eof"
    text = (tmp_path / "raw.jsonl").read_text()
    assert '"dir":"out"' in text
    assert not [value for value in KEYS.values() if value in text + live.stdout + live.stderr]


def test_a_duration_ends_a_quiet_feed(tmp_path: Path) -> None:
    with mock_server(tmp_path, "--symbol", "SPY", "--fault", "stall-after=5") as (url, _):
        done = mdc(tmp_path, "stream", "alpaca", "SPY", "--url", url, "--duration", "3s", **KEYS)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)[-1]["reason"] == "limit"


def test_wrong_credentials_are_refused(tmp_path: Path) -> None:
    wrong = {**KEYS, "ALPACA_SECRET_KEY": "wrong-secret"}
    with mock_server(tmp_path) as (url, _):
        done = mdc(tmp_path, "stream", "alpaca", "SPY", "--url", url, **wrong)
    assert done.returncode == 77
    assert "auth failed" in done.stderr
    assert "wrong-secret" not in done.stderr
    assert rows(done.stdout)[-1]["reason"] == "error"
    (down,) = (row for row in rows(done.stdout) if row["type"] == "connection")
    assert (down["state"], down["cause"]) == ("down", "login") and "retry_at" not in down


def test_missing_secrets_are_a_matter_of_configuration(tmp_path: Path) -> None:
    done = mdc(tmp_path, "stream", "alpaca", "SPY")
    assert done.returncode == 78
    assert only_says_error(done.stdout)
    assert "missing secret: ALPACA_KEY_ID, ALPACA_SECRET_KEY" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["stream", "alpaca"], "no symbols"),
        (["stream", "alpaca", "SPY", "--type", "trade,tea"], "tea"),
        (["stream", "alpaca", "SPY", "--replay", "x", "--mock"], "--replay goes without"),
        (["stream", "sim", "SPY", "--mock"], "no socket"),
        (["stream", "sim", "SPY", "--capture", "x"], "no --capture"),
        (["stream", "sim", "SPY", "--overflow", "pray"], "pray"),
        (["stream", "sim", "SPY", "--limit", "-1"], "--limit"),
        (["mock", "sim"], "sim has no mock server"),
        (["mock", "alpaca", "--speed", "fast"], "'fast' is not a speed"),
        (["mock", "alpaca", "--speed", "0x"], "'0x' is not a speed"),
        (["mock", "alpaca", "--fault", "explode"], "no such fault"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, args: list[str], said: str) -> None:
    done = mdc(tmp_path, *args)
    assert done.returncode == 2
    assert says_nothing(done.stdout)
    assert said in done.stderr


def test_files_that_are_not_there(tmp_path: Path) -> None:
    replayed = mdc(tmp_path, "stream", "alpaca", "--replay", "none.jsonl")
    assert replayed.returncode == 65
    assert "no such file or directory: none.jsonl" in replayed.stderr
    symbols = mdc(tmp_path, "stream", "sim", "--symbols-file", "none.txt", "--limit", "1")
    assert symbols.returncode == 65
    data = mdc(tmp_path, "mock", "alpaca", "none")
    assert data.returncode == 65
    assert "no such file or directory: none" in data.stderr


def test_data_that_is_not_whole_is_not_played_as_if_it_were(tmp_path: Path, events: Path) -> None:
    whole = events.read_text().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(whole[:-1]))
    with mock_server(tmp_path, "cut.jsonl") as (url, server):
        done = mdc(tmp_path, "stream", "alpaca", "SPY", "AAPL", "--mock", "--url", url)
        assert server.wait(DEADLINE) == 65
        assert server.stderr is not None
        assert "truncated" in server.stderr.read()
    assert len(played(done.stdout)) <= 500


def test_the_reader_of_the_output_may_leave(tmp_path: Path) -> None:
    script = "mdc stream alpaca SPY --mock | head -n 3; echo ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "141"
    assert "Traceback" not in done.stderr


def test_mdc_toml_is_read_again_and_what_is_wrong_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "mdc.toml"
    config.write_text('[stream]\ntype = "trade"\n')
    with mock_server(tmp_path, "--symbol", "SPY", "--speed", "1x") as (url, _):
        client = subprocess.Popen(
            ["mdc", "stream", "alpaca", "SPY", "--url", url],
            cwd=tmp_path,
            env=environment(**KEYS),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None and client.stderr is not None
        lines = [client.stdout.readline() for _ in range(3)]
        config.write_text("[stream\n")
        client.send_signal(signal.SIGHUP)
        assert "going on as before" in client.stderr.readline()
        config.write_text('[stream.alpaca]\ntype = "quote"\n')
        client.send_signal(signal.SIGHUP)
        while '"type":"quote"' not in (line := client.stdout.readline()):
            assert line
            lines.append(line)
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=DEADLINE)
    assert client.returncode == 0
    assert rows("".join(lines), "trade")
    first, *_ = rows("".join(lines), "connection")
    assert first["state"] == "up"


def test_symbols_of_a_file(tmp_path: Path) -> None:
    from mdc_core.errors import DataError
    from mdc_core.pipelines.symbols import read_symbols

    file = tmp_path / "s"
    file.write_text("# all\nSPY\n  BRK.B # class B\n\nBTC/USD\nA#B\n")
    assert read_symbols(file) == ["SPY", "BRK.B", "BTC/USD", "A#B"]
    file.write_text("SPY\nAAPL MSFT\n")
    with pytest.raises(DataError, match="line 2 has more than one symbol"):
        read_symbols(file)
    file.write_bytes(b"\xff")
    with pytest.raises(DataError, match="not UTF-8"):
        read_symbols(file)


def replayed(folder: Path, *frames: str, asked: str = "SPY") -> subprocess.CompletedProcess[str]:
    """What Alpaca's codec makes of these frames, judged by the check `crossed`."""
    file = folder / "c.jsonl"
    file.write_text("".join(f'{{"recv_ns":1,"dir":"in","frame":[{f}]}}\n' for f in frames))
    words = f"stream alpaca {asked} --replay {file} then validate --check crossed"
    return mdc(folder, *words.split())


def test_a_side_that_is_gone_is_told_and_crosses_nothing(tmp_path: Path) -> None:
    head = '"T":"q","S":"SPY","t":"2024-01-02T14:30:00Z"'
    done = replayed(
        tmp_path,
        f'{{{head},"bp":10.00,"bs":1,"ap":10.01,"as":2}}',
        f'{{{head},"bp":10.05,"bs":1,"ax":" ","ap":0,"as":0}}',
        f'{{{head},"bp":10.06,"bs":1}}',
    )
    assert done.returncode == 0, done.stderr
    assert [q.get("ask_price") for q in rows(done.stdout, "quote")] == [10.01, None, None]
    assert [q.get("ask_size") for q in rows(done.stdout, "quote")] == [2, 0, None]
    assert rows(done.stdout, "integrity") == []


def test_fields_that_nobody_here_knows_are_kept(tmp_path: Path) -> None:
    head = '"T":"t","S":"SPY","t":"2024-01-02T14:30:00Z","s":1'
    done = replayed(
        tmp_path,
        f'{{{head},"p":1.5,"u":"corrected","pt":1.10}},{{{head},"p":2.5}}',
        f'{{{head},"p":"x","u":"corrected"}}',
    )
    assert done.returncode == 0, done.stderr
    first, second = rows(done.stdout, "trade")
    assert (first["price"], first["extra"]) == (1.5, {"u": "corrected", "pt": 1.1})
    assert second["price"] == 2.5 and "extra" not in second
    assert '"pt":1.10' in done.stdout  # digit for digit
    assert len(rows(done.stdout, "integrity")) == 1  # the third, which no field explains


def test_fields_of_a_level_that_nobody_here_knows_are_kept(tmp_path: Path) -> None:
    """A level has no `extra`, so that of its event has the side as it came."""
    asked, head = "BTC/USD --feed crypto --type book", '"T":"o","S":"BTC/USD"'
    head += ',"t":"2024-01-02T14:30:00Z"'
    ask = '{"p":2.50,"s":1,"n":3}'
    done = replayed(tmp_path, f'{{{head},"r":true,"b":[{{"p":1,"s":1}}],"a":[{ask}]}}', asked=asked)
    (book,) = rows(done.stdout, "book")
    assert [len(book[side]) for side in ("bids", "asks")] == [1, 1]
    assert book["asks"] == [{"price": 2.5, "size": 1}]
    assert f'"extra":{{"a":[{ask}]}}' in done.stdout
    done = replayed(tmp_path, f'{{{head},"b":[],"a":[{ask}],"zz":7}}', asked=asked)
    (delta,) = rows(done.stdout, "delta")
    assert (delta["price"], delta["extra"]) == (2.5, {"zz": 7, "a": [{"p": 2.5, "s": 1, "n": 3}]})
