"""A feed's frames in an archive of their own: `mdc stream NAME --capture DIR/`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.kit.deadline import DEADLINE
from tests.pipes.live.test_stream_command import KEYS, environment, mdc, mock_server
from tests.pipes.live.venues import rows

BLOCK = "mdc_core.live.frames.writer:BLOCK"
STREAM = "mdc stream alpaca SPY AAPL --mock --limit 400 --capture frames/"
REPLAY = "mdc stream alpaca --replay frames"


@pytest.fixture(scope="module", autouse=True)
def forked(forked_env: dict[str, str]) -> Iterator[None]:
    """The `mdc` of this file is forked, and not started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", forked_env["PATH"])
        yield


def files(folder: Path) -> list[Path]:
    """The files of frames, in order."""
    return sorted((folder / "frames").glob("*.frames.zst"))


def feed(folder: Path, events: str, *fault: str) -> str:
    """What a feed of these events gave that was captured to its end."""
    with mock_server(folder, events, *fault) as (url, _):
        words = ("alpaca", "SPY", "AAPL", "--mock", "--url", url, "--capture", "frames/")
        done = mdc(folder, "stream", *words, MDC_CONSTANTS=f"{BLOCK}=4000")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def events(tmp_path: Path) -> str:
    """A file of simulated events."""
    made = mdc(tmp_path, "stream", "sim", "SPY", "AAPL", "--limit", "500", "-o", "e.jsonl")
    assert made.returncode == 0, made.stderr
    return "e.jsonl"


def said(text: str) -> list[str]:
    """The lines of the events between `begin` and `end`."""
    return text.splitlines()[1:-1]


def test_a_folder_of_frames_replays_to_the_same_bytes(
    tmp_path: Path, events: str, shell: Shell
) -> None:
    first = feed(tmp_path, events, "--fault", "disconnect-after=200,malformed-after=70")
    (one,) = files(tmp_path)
    before = one.read_bytes()
    second = feed(tmp_path, events)
    assert len(files(tmp_path)) == 2 and one.read_bytes() == before
    again = shell(REPLAY)
    assert again.status == 0, again.err
    assert said(again.out) == said(first) + said(second)
    assert {row["state"] for row in rows(first, "connection")} == {"up", "down", "resubscribed"}
    for secret in ("sandbox-key", "sandbox-secret"):
        assert secret not in again.out + unpacked(files(tmp_path)[0])


def unpacked(path: Path) -> str:
    """What any tool for zstd makes of a file."""
    import zstandard

    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return reader.read().decode()


def test_a_file_of_frames_is_lines_of_json_for_any_tool(tmp_path: Path, events: str) -> None:
    feed(tmp_path, events)
    head, *notes = map(json.loads, unpacked(files(tmp_path)[0]).splitlines())
    assert head["frame"]["options"].pop("feed") == "iex"
    assert head["frame"] | {"run": "", "mdc": "", "options": {}} == {
        "state": "file",
        "format": 1,
        "run": "",
        "number": 1,
        "provider": "alpaca",
        "options": {},
        "symbols": ["SPY", "AAPL"],
        "channels": [],
        "mdc": "",
    }
    assert {note["connection"] for note in notes} == {"alpaca-1"}
    times = [note["recv_ns"] for note in notes]
    assert times == sorted(times) and times[0] > 1_700_000_000 * 10**9
    assert [n["dir"] for n in notes[:4]] == ["derived", "derived", "in", "out"]
    assert notes[1]["frame"]["state"] == "open"
    assert notes[2]["frame"] == [{"T": "success", "msg": "connected"}]


def test_files_are_followed_by_others(shell: Shell, tmp_path: Path) -> None:
    live = shell(f"{STREAM} --capture-size 1B", MDC_CONSTANTS=f"{BLOCK}=4000")
    assert live.status == 0, live.err
    assert len(files(tmp_path)) > 1
    names = [path.name.removesuffix(".frames.zst").rpartition("-") for path in files(tmp_path)]
    assert [int(number) for _, _, number in names] == list(range(1, len(names) + 1))
    again = shell(REPLAY)
    assert again.status == 0, again.err
    assert again.lines[: len(live.lines)] == live.lines
    shell(
        f"{STREAM.replace('frames/', 'frames/timed/')} --capture-every 1ns",
        MDC_CONSTANTS=f"{BLOCK}=4000",
    )
    assert len(list((tmp_path / "frames" / "timed").iterdir())) > 1


def test_what_is_killed_leaves_all_that_was_written(tmp_path: Path) -> None:
    words = ["mdc", "stream", "alpaca", "SPY", "--capture", "frames/", "--url"]
    env = environment(**KEYS, XDG_STATE_HOME=str(tmp_path))
    with mock_server(tmp_path, "--symbol", "SPY") as (url, _):
        client = subprocess.Popen(
            [*words, url], cwd=tmp_path, env=env, stdout=subprocess.PIPE, bufsize=0
        )
        assert client.stdout is not None
        live = b""
        while not files(tmp_path) or files(tmp_path)[0].stat().st_size < 50_000:
            live += client.stdout.read(65536)
        client.kill()
        while more := client.stdout.read(65536):
            live += more
        client.wait(DEADLINE)
        client.stdout.close()
    again = mdc(tmp_path, "stream", "alpaca", "--replay", "frames")
    assert again.returncode == 0, again.stderr
    *got, down, gap = said(again.stdout)
    assert '"state":"down"' in down and '"type":"gap"' in gap
    whole = live.decode().split("\n")[1:-1]
    both = min(len(got), len(whole))
    assert both > 500
    assert got[:both] == whole[:both]


@pytest.mark.parametrize("kind", ["kill", "enospc"])
def test_a_file_that_breaks_off_is_read_up_to_there(
    shell: Shell, tmp_path: Path, kind: str
) -> None:
    live = shell(STREAM, MDC_CONSTANTS=f"{BLOCK}=4000", MDC_FAIL=f"write@frames.zst:4:{kind}+")
    assert live.status == (73 if kind == "enospc" else -9)
    again = shell(REPLAY)
    assert again.status == 0, again.err
    data = [row for row in again.events if row["type"] in ("trade", "quote")]
    assert len(data) > 10
    if kind == "enospc":  # what could not be written whole is cut off
        assert "cannot go on capturing to frames/" in live.err
        assert "No space left on device" in live.err
        assert "the file breaks off, for its writer was killed or could not go on" in again.err
    else:
        assert "the file breaks off within a block" in again.err
    down, *gaps = again.events[-3:]
    assert (down["type"], down["state"]) == ("connection", "down")
    assert "breaks off" in down["reason"]
    assert [(gap["type"], gap["symbol"], gap.get("end")) for gap in gaps] == [
        ("gap", "SPY", None),
        ("gap", "AAPL", None),
    ]
    next_run = shell(STREAM)
    assert next_run.status == 0 and len(files(tmp_path)) == 2
    both = shell(REPLAY)
    assert both.lines[len(again.lines) :][: len(next_run.lines)] == next_run.lines


def test_damage_within_a_file_costs_what_it_hits_and_is_told(shell: Shell, tmp_path: Path) -> None:
    live = shell(STREAM, MDC_CONSTANTS=f"{BLOCK}=4000")
    assert live.status == 0, live.err
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    marks = [at for at in range(len(data)) if data[at + 8 : at + 12] == b"mdcF"]
    data[marks[5] - 20] ^= 1  # within the third block of frames or so
    path.write_bytes(data)
    again = shell(REPLAY)
    assert again.status == 65
    assert "a block is damaged" in again.err
    kept = [row for row in again.events if row["type"] in ("trade", "quote")]
    sent = [row for row in shell_rows(live) if row["type"] in ("trade", "quote")]
    identity = [(row["ts_event"], row["symbol"], row["ts_recv"]) for row in kept]
    before = [(row["ts_event"], row["symbol"], row["ts_recv"]) for row in sent]
    common = set(identity) & set(before)
    assert 100 < len(common) < len(before)
    gap, other = [row for row in again.events if row["type"] == "gap"]
    assert (gap["symbol"], other) == ("SPY", {**gap, "symbol": "AAPL"})
    lost = sorted(set(before) - common)
    assert gap["start"] <= lost[0][2] and lost[-1][2] <= gap["end"]


def shell_rows(done: Any) -> list[dict[str, Any]]:
    """The events of a command."""
    found: list[dict[str, Any]] = done.events
    return found


def test_places_that_cannot_be_used(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = shell("mdc stream alpaca SPY --mock --limit 1 --capture file/")
    assert done.status == 73
    assert "cannot capture to file" in done.err
    (tmp_path / "empty").mkdir()
    done = shell("mdc stream alpaca --replay empty")
    assert done.status == 65
    assert "empty has no frames" in done.err and "--capture empty/" in done.err
    assert shell(STREAM).status == 0
    done = shell("mdc stream sim SPY --capture frames/")
    assert done.status == 2
