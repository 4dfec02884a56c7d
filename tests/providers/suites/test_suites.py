"""The conformance suites find what is wrong with a plugin."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mdc_core.plugin import (
    Busy,
    Check,
    Effect,
    Endpoint,
    Event,
    Finding,
    Options,
    Send,
    Stream,
    Trade,
)
from mdc_core.testing import CheckSuite, StreamSuite
from mdc_core.testing.golden import GoldenChanged, check_golden, line_of
from mdc_core.testing.stream.transcript import as_line
from mdc_core.testing.suites.plugin_suite import check_wire, damaged, impurities

TIME = "2024-01-02T14:30:00.000000000Z"
TRADE = Trade(symbol="TEST", ts_event=TIME, price=Decimal("1.5"), size=Decimal(2))


class Careless(Stream):
    """Breaks on what it does not expect, and tells its secret."""

    secrets = ("CARELESS_KEY",)
    default_channels = ("trade", "gossip")

    class Options(Options, frozen=True, kw_only=True):
        depth: int = 5

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("wss://careless.example/" + self.credentials["CARELESS_KEY"])]

    def receive(self, frame: str | bytes, now: int) -> Sequence[Event | Effect]:
        size = int(frame.split(":")[1])  # type: ignore[arg-type]
        return [Trade(symbol="TEST", ts_event=TIME, price=Decimal(1), size=Decimal(size))]


class CarelessSuite(StreamSuite):
    stream = Careless


class OddSuite(CarelessSuite):
    class stream(Careless):  # noqa: N801 - the name of the suite's attribute
        class Options(Options, frozen=True, kw_only=True):
            odd: dict[str, int] | None = None


class Forgetful(Check):
    """Judges a batch as if there were no other, and not by row."""

    def __call__(self, batch: Any) -> list[Finding]:
        return [Finding(0, "the first")] if batch.num_rows else []


class ForgetfulSuite(CheckSuite):
    check = Forgetful


def beside(folder: Path) -> Any:
    """What the suites take from pytest's request: where the test file lies."""
    return SimpleNamespace(path=folder / "test_it.py")


def test_a_careless_stream_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = CarelessSuite()
    (tmp_path / "transcript.jsonl").write_text('{"dir":"in","frame":"size:3","encoding":"text"}\n')
    with pytest.raises(AssertionError, match="no description"):
        suite.test_documented()
    with pytest.raises(AssertionError, match="option odd has a type that cannot be an option"):
        OddSuite().test_documented()
    with pytest.raises(AssertionError, match="test-secret-1"):
        suite.test_endpoints()
    with pytest.raises(AssertionError):
        suite.test_channels()
    suite.test_damaged_frames(beside(tmp_path))  # what it raises, the driver sets aside
    monkeypatch.setattr(Careless, "receive", lambda self, frame, now: self.missing)
    with pytest.raises(AttributeError, match="missing"):
        suite.test_damaged_frames(beside(tmp_path))
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        suite.test_bytes(beside(tmp_path))
    with pytest.raises(AssertionError, match="never says Up"):
        suite.test_transcript_says_enough(beside(tmp_path))


def test_a_transcript_is_compared_frame_by_frame_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wanted = tmp_path / "transcript.jsonl", beside(tmp_path)
    lines = [f'{{"dir":"in","frame":"size:{n}","encoding":"text"}}\n' for n in (3, 4)]
    path.write_text("".join(lines))
    suite = CarelessSuite()
    monkeypatch.delenv("MDC_UPDATE_GOLDEN", raising=False)
    with pytest.raises(AssertionError, match=r"step 1 .*\n  .*size:3(.|\n)*\+ .*"):
        suite.test_transcript(wanted)
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    with pytest.warns(GoldenChanged, match=r"written anew(.|\n)*size:3(.|\n)*size:4(.|\n)*\+ "):
        suite.test_transcript(wanted)
    suite.test_transcript(wanted)
    monkeypatch.delenv("MDC_UPDATE_GOLDEN")
    suite.test_transcript(wanted)
    path.write_text(path.read_text().replace('"size":4', '"size":5'))
    with pytest.raises(AssertionError) as caught:
        suite.test_transcript(wanted)
    said = str(caught.value)
    assert "step 2" in said and "size:4" in said and "size:3" not in said
    busy = as_line(Busy("later", 3.0), {})
    assert busy == {"dir": "error", "error": "Busy", "text": "later", "after": 3.0}
    assert as_line(Send('{"key":"test-K"}'), {"K": "test-K"})["frame"] == {"key": "***"}


def test_a_golden_file_is_compared_by_value_and_written_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    monkeypatch.delenv("MDC_UPDATE_GOLDEN", raising=False)
    with pytest.raises(AssertionError, match="MDC_UPDATE_GOLDEN=1"):
        check_golden(path, [TRADE])
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    with pytest.warns(GoldenChanged, match=r"\+.*1\.5"):
        check_golden(path, [TRADE])
    monkeypatch.delenv("MDC_UPDATE_GOLDEN")
    assert path.read_bytes() == line_of(TRADE) + b"\n"
    path.write_bytes(path.read_bytes().replace(b"1.5", b'"1.50"'))
    check_golden(path, [TRADE])
    with pytest.raises(AssertionError):
        check_golden(path, [TRADE, TRADE])
    path.write_bytes(path.read_bytes().replace(b"1.50", b"1.51"))
    with pytest.raises(AssertionError, match=r"events\.jsonl, line 1"):
        check_golden(path, [TRADE])


def test_a_forgetful_check_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(line_of(TRADE) + b"\n" + line_of(TRADE) + b"\n")
    suite = ForgetfulSuite()
    suite.test_batch_unchanged(beside(tmp_path))
    with pytest.raises(AssertionError):
        suite.test_batches(beside(tmp_path))
    with pytest.raises(AssertionError):
        suite.test_nothing_to_judge()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import time", "imports time"),
        ("import os.path", "imports os.path"),
        ("from urllib.request import urlopen", "imports urllib.request"),
        ("from mdc_core.times import now", "not mdc_core.plugin"),
        ("import mdc_core.events", "not mdc_core.plugin"),
        ("print(1)", "calls print()"),
        ("import sys", "imports sys"),
        ("import random\nrandom.choice([1, 2])", "chance, without a seed, in line 2"),
        ("import random\nrandom.Random()", "chance, without a seed, in line 2"),
        ("def f():\n    global seen\n    seen = 1", "outside of its instances in line 2"),
        ("SEEN = {}", "outside of its instances in line 1"),
        ("SEEN: set[str] = set()", "outside of its instances in line 1"),
        ("SEEN = defaultdict(list)", "outside of its instances in line 1"),
        ("open('x')", "calls open()"),
        ("def f():\n    return datetime.now(UTC)", "asks a clock in line 2"),
    ],
)
def test_impure(source: str, words: str) -> None:
    (found,) = impurities(source)
    assert words in found


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.Random(7).choice([1, 2])",
        "NAMES = {'a': 1}",
        "KINDS = set(NAMES)",
        "def f():\n    seen = []",
    ],
)
def test_no_state_is_kept(source: str) -> None:
    assert list(impurities(source)) == []


def test_pure() -> None:
    source = "from urllib.parse import quote\nfrom mdc_core import plugin\n"
    source += "from mdc_core.plugin import Trade\nfrom datetime import datetime\n"
    assert list(impurities(source)) == []


def test_an_event_that_does_not_fit_is_found() -> None:
    check_wire([TRADE])
    with pytest.raises(AssertionError, match="lacks size"):
        check_wire([Trade(symbol="TEST", ts_event=TIME, price=Decimal(1))])


def test_damage_is_the_same_each_time() -> None:
    frames = ['{"a":1}', b"\x00\x01"]
    first = list(damaged(frames))
    assert first == list(damaged(frames))
    assert len(first) > 100
    assert {type(frame) for frame in first} == {str, bytes}
