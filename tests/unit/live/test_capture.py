"""Captures: what is in them, that no secret is, and that a replay gives the same events."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.contracts import Subscription
from mdc_core.errors import DataError, RefusedError, WriteError
from mdc_core.events import Connection, Event, Gap, Trade
from mdc_core.live.recorded.capture import Capture
from mdc_core.live.recorded.recording import recordings
from mdc_core.live.recorded.replay import CaptureReplay
from mdc_core.live.sandbox.faults import parse_faults
from mdc_core.live.upkeep.loss import Loss
from mdc_core.wire.lines.jsonl import encode_rows


def flat(feed: Any) -> list[Event]:
    return [event for events in feed for event in events]


def flat_records(path: Path) -> list[Any]:
    (recording,) = recordings(path)
    return list(recording.records())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz", "c.jsonl.zst"])
def test_a_replay_gives_what_the_feed_gave(desk: Any, acme: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    faults = parse_faults("disconnect-after=40,times=2,malformed-after=25")
    capture = Capture(path, desk.mask)
    with desk.server(acme.trades(130), faults) as server:
        live = flat(desk.feed(server.url(), capture=capture))
    capture.close()
    assert len([e for e in live if isinstance(e, Trade)]) == 130
    gaps = [(e.symbol, e.channel) for e in live if isinstance(e, Gap)]
    assert gaps == [(symbol, f"acme-{n}") for n in (2, 3) for symbol in ("SPY", "AAPL")]
    again = flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log))
    assert again == live
    assert encode_rows(again) == encode_rows(live)


def test_a_feed_that_was_stopped_while_it_was_down_replays_the_same(
    desk: Any, acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acme.Sandbox, "feed", lambda self, events: ["[]", "full"])
    path = tmp_path / "c.jsonl"
    capture = Capture(path, desk.mask)
    live: list[Event] = []
    with desk.server(acme.trades(1)) as server, pytest.raises(Exception, match="given up"):
        for events in desk.feed(server.url(), capture=capture, retries=1):
            live += events
    capture.close()
    assert [e.state for e in live if isinstance(e, Connection)] == [
        "up",
        "down",
        "resubscribed",
        "down",
    ]
    assert isinstance(live[-1], Gap) and live[-1].end is None
    assert flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log)) == live


def test_no_secret_is_in_a_capture(desk: Any, acme: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    capture = Capture(path, desk.mask)
    url = "/feed?token=s3cret%2F%C3%A4-value"
    with desk.server(acme.trades(3)) as server:
        flat(desk.feed(server.url(url), capture=capture))
    capture.close()
    text = path.read_text()
    for form in ("s3cret", "value", acme.secret.encode().hex()):
        assert form not in text
    tried, opened, login = lines(path)[:3]
    asked = {"symbols": ["SPY", "AAPL"], "channels": []}
    assert tried["frame"] == {"state": "connecting", **asked}
    assert opened["dir"] == "derived"
    assert opened["frame"]["url"].endswith("/feed?token=***")
    assert opened["frame"]["headers"] == {"X-Token": "***"}
    assert (login["dir"], login["frame"]) == (
        "out",
        {"token": "***", "symbols": ["SPY", "AAPL"]},
    )


def test_a_secret_that_the_vendor_repeats_is_masked_too(desk: Any, tmp_path: Path) -> None:
    capture = Capture(tmp_path / "c", desk.mask)
    secret = "s3cret/ä-value"
    capture.received(1, f'{{"hello":"{secret}"}}')
    capture.received(2, b"\xff" + secret.encode() + b"\x80")
    capture.lost(3, Loss(f"refused {secret}"), Subscription(("SPY",)))
    capture.close()
    hello, binary, lost = flat_records(tmp_path / "c")
    assert hello.content() == '{"hello":"***"}'
    told = msgspec.json.decode(lost.content())
    assert (told["state"], told["reason"], told["symbols"]) == ("lost", "refused ***", ["SPY"])
    assert binary.content() == b"\xff***\x80"


@pytest.mark.parametrize(
    "frame",
    [
        '[{"p":1.50,"s":1e3,"n":9007199254740993}]',
        '{"a": 1 , "b" :\t2}',
        '"text in quotes"',
        "1.0",
        "plain, not JSON",
        '{"broken":',
        "line\nbreak",
        "[\n1\n]",
        "",
        "Ä\u2028 \U0001f600",
        b"\x00\xff binary",
        b"",
    ],
)
def test_a_frame_comes_back_byte_for_byte(desk: Any, tmp_path: Path, frame: Any) -> None:
    capture = Capture(tmp_path / "c", desk.mask)
    capture.received(1_704_205_800_000_279_014, frame)
    capture.close()
    (record,) = flat_records(tmp_path / "c")
    assert record.content() == frame
    assert (record.recv_ns, record.dir) == (1_704_205_800_000_279_014, "in")


def test_frames_that_others_have_recorded(desk: Any, acme: Any, tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text(
        '{"dir":"out","kind":"documented","source":"x","frame":{"token":"T"}}\n'
        '{"recv_ns":null,"dir":"in","note":"n","frame":[{"s":"A","t":"2024-01-02T00:00:00Z","p":1.50}]}\n'
        "\n"
        '{"recv_ns":1704153600000000001,"dir":"derived","frame":{"sum":[1]}}\n'
        '{"recv_ns":1704153600000000002,"dir":"in","frame":[{"s":"A","t":"2024-01-02T00:00:00Z","p":2}]}\n'
    )
    up, first, second = flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log))
    assert isinstance(up, Connection) and up.ts_recv is None
    assert isinstance(first, Trade) and isinstance(second, Trade)
    assert (str(first.price), first.ts_recv, first.channel) == ("1.50", None, "acme-1")
    assert second.ts_recv == "2024-01-02T00:00:00.000000002Z"


def test_a_refusal_in_a_capture_is_one_in_the_replay(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text('{"recv_ns":1,"dir":"in","frame":"no","encoding":"text"}\n')
    with pytest.raises(RefusedError, match="acme says no"):
        flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"dir":"in"}\n', "line 1 is not a captured frame: .*frame"),
        (b'\n{"dir":"in","frame":[1}\n', "line 2 is not a captured frame"),
        (b"\xff\xfe\n", "line 1 is not a captured frame"),
        (b'{"recv_ns":9223372036854775808,"dir":"in","frame":[]}', "line 1 is .* <= 92.*recv_ns"),
        (b'{"dir":"in","frame":"?","encoding":"base64"}\n', "a captured frame is not base64"),
    ],
)
def test_a_line_that_is_no_frame_is_named(
    desk: Any, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log))


def test_a_compressed_capture_that_breaks_off(desk: Any, acme: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.gz"
    line = b'{"recv_ns":1,"dir":"in","frame":[]}\n'
    path.write_bytes(gzip.compress(line * 1000)[:-9])
    with pytest.raises(DataError, match="breaks off"):
        flat(CaptureReplay(recordings(path), desk.replayed, say=desk.log))


def test_places_that_cannot_be_used(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Not a directory"):
        Capture(tmp_path / "file" / "c", desk.mask)
    with pytest.raises(DataError, match=r"no such file or directory: .*none"):
        flat(CaptureReplay(recordings(tmp_path / "none"), desk.replayed, say=desk.log))
    full = Capture(Path("/dev/full"), desk.mask)
    with pytest.raises(WriteError, match="No space left"):
        full.received(1, "[]")
    full.close()


def test_a_capture_that_cannot_be_written_ends_the_feed(desk: Any, acme: Any) -> None:
    capture = Capture(Path("/dev/full"), desk.mask)
    with (
        desk.server(acme.trades(3)) as server,
        pytest.raises(WriteError, match="cannot go on capturing to /dev/full"),
    ):
        flat(desk.feed(server.url(), capture=capture))
    capture.close()
