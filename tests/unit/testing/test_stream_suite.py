"""What the suite for streaming providers asks, seen at a venue that is made for it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mdc_core.plugin import Endpoint, Refused, Sandbox, Send, Stream, Up
from mdc_core.testing import StreamSuite


class ZooServer(Sandbox):
    """Says of each symbol that it has it, and gives a book as often as it is asked for one."""

    subscribed = False

    def receive(self, frame):
        self.subscribed = True
        return [frame.replace("add", "has") if frame.startswith("add") else "book"]


class Zoo(Stream):
    """Asks for each symbol by itself, and is up when there is an answer for each."""

    sandbox = ZooServer
    hurry = asks_again = False

    def endpoints(self):
        return [Endpoint("wss://zoo.example")]

    def opened(self, now):
        self.waiting = set(self.subscription.symbols)
        return [Send(f"add {symbol}") for symbol in self.subscription.symbols]

    def receive(self, frame, now):
        match frame.split():
            case ["no", *_]:
                return [Refused(frame)]
            case ["has", symbol]:
                self.waiting.discard(symbol)
                up = [Up()] if self.hurry or not self.waiting else []
                return [*up, Send("book?")] if self.asks_again else up
            case ["book"] if self.asks_again:
                return [Send("book?")]
        return []


class ZooSuite(StreamSuite):
    stream = Zoo


def beside(folder: Path, *lines: dict[str, Any]) -> Any:
    """What a test of the suite takes: where its file lies, beside a transcript of these lines."""
    rows = [{"dir": "in", "encoding": "text", **line} for line in lines]
    (folder / "transcript.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SimpleNamespace(path=folder / "test_it.py")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"frame": "no"}, {"frame": "pong", "silent": True}], ""),
        ([{"frame": "pong", "silent": True}, {"frame": "pong"}], 'put "silent":true into'),
        ([{"frame": "pong", "silent": False}], 'put "silent":true into this line'),
        ([{"frame": "no", "silent": True}], "is silent, and leads to something"),
    ],
)
def test_frames_of_which_nothing_comes(tmp_path, lines, said):
    place = beside(tmp_path, *lines)
    if not said:
        ZooSuite().test_no_frame_is_passed_over(place)
        return
    with pytest.raises(AssertionError, match=said):
        ZooSuite().test_no_frame_is_passed_over(place)


def suite(**facts: Any) -> ZooSuite:
    return type("Changed", (ZooSuite,), {"stream": type("Changed", (Zoo,), facts)})()


def test_up_is_said_when_there_is_an_answer_for_each_symbol():
    talk = suite().agree()
    assert [item.frame for item in talk.given[:2]] == ["add TEST", "add TEST2"]
    assert isinstance(talk.given[2], Up)
    with pytest.raises(
        AssertionError, match="says Up before the mock server has answered for TEST2"
    ):
        suite(hurry=True).agree()


def test_a_codec_that_asks_again_and_again_is_told_in_a_line():
    with pytest.raises(AssertionError, match=r"^the codec asks .* at last by 'book\?': .*") as told:
        suite(asks_again=True).agree()
    assert "\n" not in str(told.value)
