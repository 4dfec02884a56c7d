"""Bugs that were there when the transcript was recorded: the suite finds every one."""

import importlib
import inspect
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mdc_core.testing import StreamSuite

ZEPHYR = Path(__file__).resolve().parents[3] / "examples" / "mdc-zephyr"
ALL = ("trade", "quote", "book")
BUGS = {
    "a price by way of a float": (
        "mdc.scaled(pair[0], scale)",
        "type(mdc.scaled(0, 0))(str(pair[0] / 10**scale))",
    ),
    "a wrong unit of time": ("mdc.from_ns(row.t)", "mdc.from_ns(row.t // 1000)"),
    "a heartbeat that is not answered": ('yield say("heartbeat", n=number)', "yield from ()"),
    "an error that is swallowed": ('yield mdc.Refused(f"zephyr says: {text}")', "yield from ()"),
    "events in another order": ("for raw in found if", "for raw in found[::-1] if"),
    "state that connections share": (
        "    def __init__(self, *args):\n        super().__init__(*args)\n"
        "        self.follow, self.books, self.scales = mdc.Follow(), {}, {}",
        "    follow = mdc.Follow()\n\n    def __init__(self, *args):\n"
        "        super().__init__(*args)\n        self.books, self.scales = {}, {}",
    ),
    "a sequence number that is off by one": ('"seq": row.seq,', '"seq": row.seq + 1,'),
    "the last message of a frame lost": ("for raw in found if", "for raw in found[:-1] if"),
    "refusals that are ignored": ("in refused.items():", "in ():"),
    "a crash on an unknown message": (
        'raise mdc.DataError(f"zephyr: an unknown message {word}")',
        'raise KeyError(word["op"])',
    ),
    "sides that are taken for each other": (
        'SIDES = {"B": "buy", "S": "sell"}',
        'SIDES = {"B": "sell", "S": "buy"}',
    ),
    "a price that is ten times too large": (
        "mdc.scaled(pair[0], scale)",
        "mdc.scaled(pair[0], scale - 1)",
    ),
    "bids for offers": ("(bid,), (ask,) = bids, asks", "(ask,), (bid,) = bids, asks"),
    "no trades at all": ('case "trade":', 'case "trade" if row.seq < 0:'),
    "every event twice": (
        "yield from self.row(self.decode_row(raw))",
        "yield from [*self.row(self.decode_row(raw))] * 2",
    ),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example's package that can be imported."""
    shutil.copytree(ZEPHYR / "src" / "mdc_zephyr", tmp_path / "mdc_zephyr")
    shutil.copy(ZEPHYR / "tests" / "stream" / "transcript.jsonl", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Let the next import of the package find another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mdc_zephyr"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def failures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The tests of the suite that fail, after its transcript was recorded with this code."""
    code = importlib.import_module("mdc_zephyr.stream").Zephyr
    suite = type("Suite", (StreamSuite,), {"stream": code, "channels": ALL})()
    given = {"request": SimpleNamespace(path=folder / "test_it.py")}
    found = set()
    tests = [name for name in dir(suite) if name.startswith("test_")]
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    for name in ["test_transcript", *tests]:
        method = getattr(suite, name)
        words = {n: given[n] for n in inspect.signature(method).parameters}
        try:
            method(**words)
        except Exception:
            found.add(name)
        monkeypatch.delenv("MDC_UPDATE_GOLDEN", raising=False)
    return found


def test_the_example_itself_passes(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(package, monkeypatch) == set()


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_from_birth_is_found(
    package: Path, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    right, wrong = BUGS[bug]
    file = package / "mdc_zephyr" / "stream.py"
    assert file.read_text().count(right) == 1, f"{right} does not stand in the example once"
    file.write_text(file.read_text().replace(right, wrong))
    assert failures(package, monkeypatch)
