"""A stretch of time out of an archive of frames, captures taken in once, old files removed."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.conftest import Shell

BLOCK = "mdc_core.live.frames.writer:BLOCK"
START = 1_700_000_000
IMPORT = "mdc frames import c.txt raw --provider binance"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """What a collector has of 300 trades, one a second."""
    frame = (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":%d000,"s":"BTCUSDT","t":%d,"p":"1.50",'
        '"q":"0.1","T":%d000,"m":true,"M":true}}'
    )
    lines = (f"{s}000000000 {frame % (s, s, s)}\n" for s in range(START, START + 300))
    (tmp_path / "c.txt").write_text("".join(lines))
    return tmp_path / "c.txt"


def files(shell: Shell) -> list[tuple[str, int]]:
    """The state of each file, and how many frames are in it."""
    found = json.loads(shell("mdc frames ls raw --json").out)
    return [(one["state"], one["frames"]) for one in found]


def test_what_came_in_a_stretch_of_time_is_decoded(shell: Shell, capture: Path) -> None:
    assert shell(IMPORT, MDC_CONSTANTS=f"{BLOCK}=4000").status == 0
    whole = shell("mdc frames decode raw")
    start, stop = (whole.events[at]["ts_recv"] for at in (100, 200))
    done = shell(f"mdc frames decode raw --from {start} --to {stop}")
    assert done.status == 0, done.err
    assert done.events == [row for row in whole.events if start <= row["ts_recv"] < stop]
    assert len(done.events) == 100
    asked = done.all_events[0]["request"]
    assert (asked["from"], asked["to"]) == (start, stop)
    same = shell(f"mdc frames decode c.txt --provider binance --from {start} --to {stop}")
    assert same.lines == done.lines
    rest = shell(f"mdc frames decode raw --from {stop}")
    assert rest.events == [row for row in whole.events if later(row, stop)]
    assert shell("mdc stream alpaca QQQ --mock --limit 20 --capture raw/").status == 0
    assert shell(f"mdc frames decode raw --to {stop} --from {start}").lines == done.lines
    assert len(files(shell)) == 2
    for span, count in ((f"--to {stop}", 1), ("--to 2001-01-01", 0), (f"--from {start}", 2)):
        assert len(json.loads(shell(f"mdc frames ls raw --json {span}").out)) == count
    nothing = shell("mdc frames decode raw --from 2101-01-01")
    assert (nothing.status, nothing.events) == (1, [])


def later(row: dict[str, str], moment: str) -> bool:
    return row["ts_recv"] >= moment


def test_a_capture_is_taken_in_once(shell: Shell, capture: Path) -> None:
    assert "took 300 in of c.txt into raw" in shell(IMPORT).err
    once = shell("mdc frames decode raw").lines
    assert len(once) == 301, "with the connection"
    shell("gzip -k c.txt")
    for again in (IMPORT, IMPORT.replace("c.txt", "c.txt.gz"), f"cat c.txt | {IMPORT}"):
        done = shell(again.replace(f"| {IMPORT}", f"| {IMPORT.replace('c.txt', '-')}"))
        assert done.status == 0, done.err
        assert "is in raw already, as run" in done.err and "--again" in done.err
    assert shell(f"{IMPORT} --dry-run").err.count("already") == 1
    assert shell("mdc frames decode raw").lines == once
    with capture.open("a") as file:
        file.write(capture.read_text().splitlines()[0].replace('"p":"1.50"', '"p":"2"') + "\n")
    assert "took 301 in" in shell(IMPORT).err, "another file"
    assert "took 301 in" in shell(f"{IMPORT} --again").err
    assert sorted(files(shell)) == [("whole", 300), ("whole", 301), ("whole", 301)]
    own = shell("mdc frames cat raw | head -n 100 | mdc frames import - raw")
    assert "is in raw already" in own.err, "a run that the archive has itself"


def test_an_import_that_was_killed_is_begun_anew(shell: Shell, capture: Path) -> None:
    killed = shell(IMPORT, MDC_CONSTANTS=f"{BLOCK}=4000", MDC_FAIL="write@frames.zst:4:kill")
    assert killed.status == -9
    ((state, count),) = files(shell)
    assert state == "unfinished" and 0 < count < 300
    assert "took 300 in" in shell(IMPORT).err
    assert files(shell) == [("whole", 300)]
    assert "already" in shell(IMPORT).err
    (path,) = (capture.parent / "raw").iterdir()
    path.write_bytes(path.read_bytes()[:-16])
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as whoever writes it
        busy = shell(IMPORT)
        assert busy.status == 75 and "being written" in busy.err
    assert path.exists()


def test_old_files_are_removed_and_none_that_is_written(shell: Shell, capture: Path) -> None:
    raw = capture.parent / "raw"
    assert shell(IMPORT).status == 0
    stream = "mdc stream alpaca SPY --mock --limit 200 --capture raw/ --capture-size 1B"
    assert shell(stream, MDC_CONSTANTS=f"{BLOCK}=2000").status == 0
    many = sorted(path for path in raw.iterdir() if "alpaca" in path.name)
    assert len(many) > 3
    refused = shell("mdc frames retain raw --keep 30d")
    assert refused.status == 2 and "--yes" in refused.err
    would = shell("mdc frames retain raw --keep 30d --dry-run")
    assert would.out.count("would remove") == 1
    assert len(files(shell)) == len(many) + 1
    done = shell("mdc frames retain raw --keep 30d --yes --json")
    assert done.status == 0, done.err
    assert [one["provider"] for one in json.loads(done.out)["removed"]] == ["binance"]
    assert sorted(raw.iterdir()) == many
    many[2].write_bytes(many[2].read_bytes()[:-16])
    with many[2].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "removed 2 files" in shell("mdc frames retain raw --keep 1ns --yes").err
    assert sorted(raw.iterdir()) == many[2:]
    left = shell("mdc frames decode raw")
    assert left.status == 0 and left.lines, left.err
    assert "removed" in shell("mdc frames retain raw --keep 1ns --yes").err
    empty = shell("mdc frames retain raw --keep 1ns --yes")
    assert empty.status == 0 and "removed 0 files" in empty.err
    assert shell("mdc frames retain nowhere --keep 1d --yes").status == 65


def test_the_oldest_files_go_beyond_a_size(shell: Shell, capture: Path) -> None:
    raw = capture.parent / "raw"
    assert shell(IMPORT).status == 0
    stream = "mdc stream alpaca SPY --mock --limit 200 --capture raw/ --capture-size 1B"
    for _ in range(2):
        assert shell(stream, MDC_CONSTANTS=f"{BLOCK}=4000").status == 0
    listed = json.loads(shell("mdc frames ls raw --json").out)
    first, *live = (Path(one["file"]) for one in sorted(listed, key=lambda one: one["last"]))
    sizes = {path: (capture.parent / path).stat().st_size for path in live}
    assert len({one["run"] for one in listed}) == 3 and len(live) > 3
    assert "nothing says what may go" in shell("mdc frames retain raw --yes").err
    room = sum(sizes.values()) - sizes[live[0]] + 1  # that much for one file fewer
    keep = f"mdc frames retain raw raw --keep-size {room}B --yes"
    would = shell(f"{keep} --dry-run")
    assert would.status == 0, would.err
    assert would.out.splitlines() == [f"would remove {path}" for path in (first, live[0])]
    assert len(files(shell)) == len(listed)
    done = shell(f"{keep} --json")
    said = json.loads(done.out)
    assert [one["file"] for one in said["removed"]] == [str(first), str(live[0])]
    assert (said["files_left"], said["bytes_left"]) == (len(live) - 1, room - 1)
    assert {path.name for path in raw.iterdir()} == {path.name for path in live[1:]}
    assert "removed 0 files" in shell(keep).err, "it fits"
    mine = raw / live[-1].name
    mine.write_bytes(mine.read_bytes()[:-16])
    with mine.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as whoever writes it
        none = shell("mdc frames retain raw --keep-size 1B --yes")
    assert none.status == 0 and "are left, more than 1 B" in none.err
    assert sorted(raw.iterdir()) == [mine]
    both = shell("mdc frames retain raw --keep 1ns --keep-size 1TB --yes")
    assert both.status == 0 and not [*raw.iterdir()], "either of them"
