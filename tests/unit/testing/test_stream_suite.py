"""What the suite for streaming providers asks of a transcript, seen at one that is made for it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mdc_core.plugin import Refused, Stream
from mdc_core.testing import StreamSuite


class Zoo(Stream):
    """Says a refusal of what begins with `no`, and nothing of anything else."""

    def receive(self, frame, now):
        return [Refused(frame)] if frame.startswith("no") else []


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
