"""`mdc frames`: what is in an archive of frames, and what is made of it."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Done, Shell

BLOCK = "mdc_core.live.frames.writer:BLOCK"
STREAM = "mdc stream alpaca SPY AAPL --mock --limit 400 --capture raw/"
SUBSCRIBED = ["SPY", "AAPL"], ["trade"]
AGAIN = "mdc -q frames decode raw"


@pytest.fixture
def live(shell: Shell) -> Done:
    """What a feed gave whose frames are in the folder `raw`, in blocks of some thousand bytes."""
    done = shell(STREAM, MDC_CONSTANTS=f"{BLOCK}=4000")
    assert done.status == 0, done.err
    return done


def frames_of(done: Done) -> list[dict[str, Any]]:
    """The lines of `frames cat`."""
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def file_of(folder: Path) -> Path:
    """The one file of frames."""
    (path,) = (folder / "raw").iterdir()
    return path


def test_what_is_decoded_is_what_the_feed_gave(shell: Shell, live: Done) -> None:
    done = shell("mdc frames decode raw")
    assert done.status == 0, done.err
    assert done.lines[: len(live.lines)] == live.lines
    begin, *_, end = done.all_events
    assert (begin["stage"], begin["provider"]) == ("frames decode", "alpaca")
    assert (end["reason"], begin["request"]["paths"]) == ("eof", ["raw"])
    some = shell("mdc frames decode raw SPY --type trade then head -n 1000000")
    wanted = [e for e in done.events if e["type"] == "trade" and e["symbol"] == "SPY"]
    assert [e for e in some.events if e["type"] != "connection"] == wanted
    few = shell("mdc frames decode raw -n 7 -o few.jsonl && mdc count few.jsonl")
    assert few.status == 0, few.err
    assert few.out.split()[-1] == "8"  # with the connection
    stored = shell("mdc frames decode raw | mdc store --root data && mdc count --root data --json")
    assert stored.status == 0, stored.err
    assert json.loads(stored.out)["total"] == len(done.lines)


def test_what_is_shown_is_a_capture_in_order_of_time(shell: Shell, live: Done) -> None:
    shown = frames_of(shell("mdc frames cat raw"))
    assert [f["dir"] for f in shown[:6]] == ["derived", "derived", "derived", "in", "out", "in"]
    times = [f["recv_ns"] for f in shown[1:]]
    assert times == sorted(times)
    whole = shell("mdc frames cat raw > c.jsonl; mdc -q stream alpaca --replay c.jsonl")
    assert whole.lines == shell(AGAIN).lines
    assert shell("mdc frames cat raw | mdc -q frames decode -").lines == whole.lines
    some = frames_of(shell("mdc frames cat raw --direction out,in --connection 'alpaca-*'"))
    assert some == [f for f in shown if f["dir"] in ("in", "out")]
    assert frames_of(shell("mdc frames cat raw --connection alpaca-2")) == []
    middle = some[len(some) // 2]["recv_ns"]
    moment = shell(f"mdc frames cat raw --from {middle}ns --direction in")
    assert frames_of(moment) == [f for f in some if f["recv_ns"] >= middle and f["dir"] == "in"]
    nothing = shell("mdc frames cat raw --to 2001-01-01 --direction in")
    assert (nothing.status, nothing.out) == (0, "")
    second = shell("mdc stream alpaca QQQ --mock --limit 20 --capture raw/")
    assert second.status == 0
    two = frames_of(shell("mdc frames cat raw --direction in"))
    assert [f["recv_ns"] for f in two] == sorted(f["recv_ns"] for f in two)
    assert len(two) > len([f for f in some if f["dir"] == "in"])
    piped = shell("mdc frames cat raw | mdc -q frames decode -")
    assert piped.lines == [*whole.lines, *shell(AGAIN).lines[len(whole.lines) :]]
    left = shell("mdc frames cat $(yes raw | head -n 40) | head -n 1; echo ${PIPESTATUS[0]}")
    assert left.out.splitlines()[-1] == "141"


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.zst"])
def test_a_capture_of_one_file_says_whose_it_is(shell: Shell, tmp_path: Path, name: str) -> None:
    feed = "mdc stream alpaca SPY AAPL --feed sip --type trade --mock --limit 40"
    live = shell(f"{feed} --capture {name}")
    assert live.status == 0, live.err
    head, first, *_ = frames_of(shell(f"mdc frames cat {name}"))
    assert (head["recv_ns"], head["dir"], first["recv_ns"] > 0) == (None, "derived", True)
    said = head["frame"]
    assert (said["provider"], said["symbols"], said["channels"]) == ("alpaca", *SUBSCRIBED)
    assert said["options"]["feed"] == "sip"
    for again in (f"frames decode {name}", f"stream alpaca --replay {name}"):
        done = shell(f"mdc -q {again}")
        assert (done.status, done.lines[: len(live.lines)]) == (0, live.lines), done.err
    assert shell(f"cat {name} | mdc -q frames decode -").lines == done.lines
    other = shell(f"mdc stream okx --replay {name}")
    assert other.status == 65 and "has no frames of okx, but of alpaca" in other.err
    taken = shell(f"mdc frames import {name} raw")
    assert taken.status == 0, taken.err
    (one,) = json.loads(shell("mdc frames ls raw --json").out)
    assert (one["provider"], one["symbols"], one["channels"]) == ("alpaca", *SUBSCRIBED)
    assert shell("mdc -q frames decode raw").lines == done.lines
    assert "is in raw already" in shell(f"mdc frames import {name} raw").err
    # One that was written before captures had a head.
    shell(f"mdc frames cat {name} | tail -n +2 > old.jsonl")
    old = shell("mdc frames decode old.jsonl")
    assert old.status == 2 and "old.jsonl does not say whose frames they are" in old.err
    old = shell("mdc -q frames decode old.jsonl --provider alpaca --option feed=sip")
    assert old.lines == done.lines


def test_what_there_is(shell: Shell, live: Done, tmp_path: Path) -> None:
    (one,) = json.loads(shell("mdc frames ls raw --json").out)
    shown = frames_of(shell("mdc frames cat raw"))
    there = [f for f in shown if f["dir"] != "derived"]
    assert (one["provider"], one["state"], one["number"]) == ("alpaca", "whole", 1)
    assert one["symbols"] == ["SPY", "AAPL"]
    assert one["frames"] == len(there)
    assert one["size"] == file_of(tmp_path).stat().st_size
    (connection,) = one["connections"]
    assert connection["connection"] == "alpaca-1"
    assert connection["received"] == len([f for f in there if f["dir"] == "in"])
    assert connection["sent"] == 2
    size = sum(len(json.dumps(f["frame"], separators=(",", ":"))) for f in there)
    assert abs(connection["bytes"] - size) < 0.1 * size  # but for the digits of numbers
    assert one["first"] < one["last"]
    table = shell("mdc frames ls raw")
    assert table.out.splitlines()[0].split()[:3] == ["FILE", "PROVIDER", "CONNECTIONS"]
    assert "alpaca-1" in table.out and "whole" in table.out


def test_a_killed_writer_and_a_torn_file_are_told_apart(
    shell: Shell, live: Done, tmp_path: Path
) -> None:
    path = file_of(tmp_path)
    whole = path.read_bytes()
    done = shell("mdc frames verify raw --json")
    frames = len([f for f in frames_of(shell("mdc frames cat raw")) if f["dir"] != "derived"])
    assert (done.status, json.loads(done.out)) == (
        0,
        {"files": 1, "frames": frames, "findings": []},
    )
    marks = [at for at in range(len(whole)) if whole[at + 8 : at + 12] == b"mdcF"]
    assert len(marks) > 4
    path.write_bytes(whole[: marks[3]])  # as it is when its writer is killed between two blocks
    done = shell("mdc frames verify raw")
    assert done.status == 0, done.err
    assert "was not finished" in done.err
    assert json.loads(shell("mdc frames ls raw --json").out)[0]["state"] == "unfinished"
    done = shell("mdc frames decode raw")
    assert done.status == 0 and "breaks off, for its writer was killed" in done.err
    down, *gaps = done.events[-3:]
    assert down["state"] == "down" and "breaks off" in down["reason"]
    assert [(e["reason"], e["symbol"]) for e in gaps] == [
        ("disconnect", s) for s in ("SPY", "AAPL")
    ]
    for cut in (marks[3] + 5, marks[3] + 100, marks[4] - 1):
        path.write_bytes(whole[:cut])
        done = shell("mdc frames verify raw --json")
        (finding,) = json.loads(done.out)["findings"]
        assert done.status == 65
        assert (finding["torn"], finding["at"]) == (True, marks[3])
        assert shell("mdc -q frames cat raw").status == 0
    path.write_bytes(whole[: marks[3]] + bytes(1000))  # a power cut
    assert json.loads(shell("mdc frames verify raw --json").out)["findings"][0]["torn"]


@pytest.mark.parametrize("where", ["head", "data", "between", "end"])
def test_what_is_damaged_is_found(shell: Shell, live: Done, tmp_path: Path, where: str) -> None:
    path = file_of(tmp_path)
    data = bytearray(path.read_bytes())
    marks = [at for at in range(len(data)) if data[at + 8 : at + 12] == b"mdcF"]
    at = {"head": marks[2] + 30, "data": marks[3] - 20, "between": marks[2], "end": len(data) - 6}
    data[at[where]] ^= 4
    path.write_bytes(data)
    whole = frames_of(shell("mdc frames cat raw")) if where == "end" else []
    done = shell("mdc frames verify raw --json")
    assert done.status == 65
    (finding,) = json.loads(done.out)["findings"]
    assert finding["file"] == f"raw/{path.name}"
    if where == "end":  # the frames are whole, what the file says of itself is not
        assert len(whole) > 30 and finding["size"] == 16
        return
    assert (finding["torn"], finding["at"]) == (False, marks[2])
    assert finding["size"] == marks[3] - marks[2]
    assert "a block is damaged" in shell("mdc frames verify raw").out


def test_what_is_missing_or_out_of_order_is_found(shell: Shell, tmp_path: Path) -> None:
    done = shell(f"{STREAM} --capture-size 1B", MDC_CONSTANTS=f"{BLOCK}=400")
    assert done.status == 0, done.err
    first, *_, third, _ = sorted((tmp_path / "raw").iterdir())
    aside = third.read_bytes()
    third.unlink()
    done = shell("mdc frames verify raw")
    assert done.status == 65 and "1 file of its run missing before number" in done.out
    again = shell("mdc frames decode raw")
    assert again.status == 65 and "missing before" in again.err
    for left in (aside[:100], b""):  # behind an end that is not there nothing can come
        third.write_bytes(left)
        done = shell("mdc frames verify raw")
        assert done.status == 65 and "breaks off" in done.out
        again = shell("mdc frames decode raw")
        assert again.status == 65 and "breaks off" in again.err
        assert [e["symbol"] for e in again.events if e["type"] == "gap"] == ["SPY", "AAPL"]
    third.write_bytes(aside)
    (third.parent / f"copy-{third.name}").write_bytes(aside)
    whole = [e for e in shell("mdc frames decode raw").events if e["type"] == "trade"]
    assert len({e["trade_id"] for e in whole}) == len(whole)
    assert "once more" in shell("mdc frames verify raw").out
    (third.parent / f"copy-{third.name}").unlink()
    os.mkfifo(third.parent / "pipe.frames.zst")  # nobody writes to it
    assert shell("mdc frames verify raw").status == 0
    assert [e for e in again.events if e["type"] == "gap"]
    third.write_bytes(aside)
    assert shell("mdc frames verify raw").status == 0
    data = first.read_bytes()
    marks = [at for at in range(len(data)) if data[at + 8 : at + 12] == b"mdcF"]
    first.write_bytes(data[: marks[1]] + data[marks[2] :])
    done = shell("mdc frames verify raw")
    assert done.status == 65 and "block 2 where 1 was expected" in done.out


def test_a_frame_that_is_no_json_is_shown_as_text(shell: Shell, tmp_path: Path) -> None:
    frames = ['{"T":"t"', "pong", '[{"T":"success","msg":"connected"}]', "a\nb", "[[[", "ä€"]
    lines = [
        json.dumps({"recv_ns": 10**18 + n, "dir": "in", "frame": f, "encoding": "text"})
        for n, f in enumerate(frames)
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(lines) + "\n")
    done = shell("mdc frames import c.jsonl raw --provider alpaca")
    assert done.status == 0 and "took 6 in of c.jsonl into raw" in done.err
    head, *shown = frames_of(shell("mdc frames cat raw"))
    assert head["frame"]["source"] == "c.jsonl"
    texts = [
        f["frame"] if f.get("encoding") else json.dumps(f["frame"], separators=(",", ":"))
        for f in shown
    ]
    assert texts == frames
    assert [f.get("encoding") for f in shown].count(None) == 1
    binary = '{"recv_ns":5,"dir":"in","frame":"AP8=","encoding":"base64"}\n'
    done = shell("mdc frames import - raw2 --provider alpaca", stdin=binary.encode())
    assert done.status == 0, done.err
    assert frames_of(shell("mdc frames cat raw2"))[1]["frame"] == "AP8="
    assert shell("mdc frames verify raw2").status == 0


HELLO = '[{"T":"success","msg":"connected"}]'
TRADE = '[{"T":"t","S":"SPY","i":%d,"p":1.50,"s":2,"t":"2024-01-02T14:30:00.00000000%dZ"}]'
CRYPTOFEED = (
    "wss://feed.invalid/v2/iex <-> 1700000000.5\n"
    f"1700000001.0208309: {HELLO}\n"
    'wss://feed.invalid/v2/iex <- 1700000001.25: {"action":"subscribe"}\n'
    f"1700000002: {TRADE % (1, 1)}\n"
    "wss://feed.invalid/v2/iex <-> 1700000003.1\n"
    f"1700000004.000000001: {TRADE % (2, 2)}\n"
)
COLLECTED = f"1700000001020830900 {HELLO}\n1700000002000000000 {TRADE % (1, 1)}\n"


def test_a_capture_of_cryptofeed(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "A.ws.1.0").write_text(CRYPTOFEED)
    done = shell("mdc stream alpaca --replay A.ws.1.0")
    assert done.status == 0, done.err
    up, first, down, again, gap, second = done.events
    assert (up["ts_recv"], first["ts_recv"]) == (
        "2023-11-14T22:13:22.000000000Z",
        "2023-11-14T22:13:22.000000000Z",
    )
    assert (first["trade_id"], first["price"], first["channel"]) == ("1", "1.50", "alpaca-1")
    assert (down["state"], down["reason"]) == ("down", "the capture connects again")
    assert again["state"] == "resubscribed"
    assert (gap["start"], gap["end"]) == (first["ts_recv"], second["ts_recv"])
    assert second["ts_recv"] == "2023-11-14T22:13:24.000000001Z"
    shown = frames_of(shell("mdc frames cat A.ws.1.0"))
    times = [f["recv_ns"] for f in shown]
    assert times[:3] == [1700000000_500000000, 1700000001_020830900, 1700000001_250000000]
    assert [f["dir"] for f in shown] == ["derived", "in", "out", "in", "derived", "derived", "in"]
    taken = shell("mdc frames import A.ws.1.0 raw --provider alpaca --option feed=sip")
    assert taken.status == 0, taken.err
    assert shell("mdc frames decode raw").lines == done.lines
    (one,) = json.loads(shell("mdc frames ls raw --json").out)
    assert [c["connection"] for c in one["connections"]] == ["alpaca-1", "alpaca-2"]
    assert frames_of(shell("mdc frames cat raw"))[0]["frame"]["options"]["feed"] == "sip"


def test_a_capture_of_a_collector(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "c.gz").write_bytes(gzip.compress(COLLECTED.encode()))
    done = shell("mdc frames decode c.gz --provider alpaca")
    assert done.status == 0, done.err
    _, trade = done.events
    assert (trade["trade_id"], trade["ts_recv"]) == ("1", "2023-11-14T22:13:22.000000000Z")
    dry = shell("mdc frames import c.gz raw --provider alpaca --dry-run")
    assert "would take 2 in" in dry.err and not (tmp_path / "raw").exists()


BOOKS = '''
"""A venue whose books begin with a question."""

import json
from decimal import Decimal

import mdc_core.plugin as mdc


class Books(mdc.Stream):
    """Its client."""

    channels = default_channels = ("book", "trade")

    def endpoints(self):
        return [mdc.Endpoint("ws://venue.invalid/")]

    def receive(self, frame, now):
        said = json.loads(frame)
        asked = mdc.Request("https://venue.invalid/depth", {"symbol": said["s"]})
        return [mdc.Fetch(asked, said["s"])]

    def fetched(self, tag, response, now):
        price = Decimal(json.loads(response.body)["lastUpdateId"])
        return [mdc.Book(symbol=tag, bids=[mdc.Level(price, Decimal(1))], asks=[])]
'''


@pytest.mark.parametrize("form", ["collector", "cryptofeed", "samples"])
def test_an_answer_by_http_in_somebody_elses_capture_meets_its_question(
    shell: Shell, tmp_path: Path, form: str
) -> None:
    (tmp_path / "books.py").write_text(BOOKS)
    ask, tell = '{"s":"%s","ask":1}', '{"lastUpdateId":%d}'
    url = "https://another.invalid/depth?limit=1000&symbol=%s"
    # An answer that comes first waits for its question, one without a URL is for the oldest.
    collected = (ask % "A", ask % "B", tell % 7, tell % 8)
    sample = '{"recv_ns":%s,"dir":"%s","url":"%s","frame":%s}'
    lines = {
        "collector": [f"170000000000000000{n} {text}" for n, text in enumerate(collected)],
        "cryptofeed": [
            "wss://venue.invalid <-> 1700000000",
            f"{url % 'B'} -> 1700000001: {tell % 8}",
            f"1700000002: {ask % 'A'}",
            f"1700000003: {ask % 'B'}",
            f"{url % 'A'} -> 1700000004: {tell % 7}",
        ],
        "samples": [
            sample % ("null", "in", "", ask % "A"),
            sample % (5, "in", "", ask % "B"),
            sample % (6, "http", url % "B", tell % 8),
            sample % (7, "http", url % "A", tell % 7),
        ],
    }
    (tmp_path / "c").write_text("\n".join(lines[form]) + "\n")
    done = shell("mdc --plugin books.py frames decode c --provider books")
    assert done.status == 0, done.err
    books = {e["symbol"]: e["bids"][0]["price"] for e in done.events if e["type"] == "book"}
    assert books == {"A": "7", "B": "8"}
    taken = shell("mdc --plugin books.py frames import c raw --provider books")
    assert taken.status == 0 and "2 http" in taken.err
    again = shell("mdc --plugin books.py frames decode raw")
    assert again.lines == done.lines


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("frames ls none", 65, "no such file or directory: none"),
        ("frames decode none --provider alpaca", 65, "no such file or directory: none"),
        ("frames cat text", 65, "line 1 is not a captured frame"),
        ("frames decode half --provider alpaca", 65, "half: line 2 is not a captured frame"),
        ("frames decode late --provider alpaca", 65, "late: line 1 is not a captured frame: "),
        ("frames decode c", 2, "c does not say whose frames they are"),
        ("frames decode c --provider sim", 2, "sim has no frames"),
        ("frames decode raw --provider kraken", 2, "has frames of alpaca, not of kraken"),
        ("frames decode raw SPX", 1, "no events of SPX in raw; did you mean SPY?"),
        ("frames decode raw SPX --allow-empty", 0, ""),
        ("frames decode raw --type bar AAPL", 1, "no bar events of AAPL in raw"),
        ("frames decode raw --date 2020-01-01", 1, "no events in raw in that time"),
        ("frames decode raw raw/2.frames.zst", 2, "raw/2.frames.zst is a file"),
        ("frames decode c --provider nobody", 2, "nobody"),
        ("frames decode c --provider alpaca --option fed=sip", 2, "fed"),
        (
            "frames decode c --provider alpaca --option feed=sup",
            2,
            "--option feed: 'sup' is not one of",
        ),
        ("frames import c", 2, "no folder to take it into"),
        ("frames verify .", 65, "no frames"),
        ("frames decode c --provider alpaca --type tea", 2, "tea"),
        ("stream alpaca --replay text", 65, "line 1 is not a captured frame"),
    ],
)
def test_what_cannot_be_done_is_said(
    shell: Shell, tmp_path: Path, line: str, status: int, said: str
) -> None:
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "half").write_text(f"1700000001.5: {HELLO}\nwhat\n")
    (tmp_path / "c").write_text('{"recv_ns":1,"dir":"in","frame":[]}\n')
    (tmp_path / "late").write_text(f'{{"recv_ns":{10**19},"dir":"in","frame":[]}}\n')
    if " raw" in line:
        assert shell(STREAM).status == 0
    done = shell(f"mdc {line}")
    assert (done.status, said in done.err) == (status, True), done.err
