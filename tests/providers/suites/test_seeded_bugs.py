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
        'SIDES = {"B": "buy", "S": "sell",',
        'SIDES = {"B": "sell", "S": "buy",',
    ),
    "a price that is ten times too large": (
        "mdc.scaled(pair[0], scale)",
        "mdc.scaled(pair[0], scale - 1)",
    ),
    "bids for offers": (
        '**best("bid", bids), **best("ask", asks)',
        '**best("bid", asks), **best("ask", bids)',
    ),
    "no trades at all": ('case "trade":', 'case "trade" if row.seq < 0:'),
    "every event twice": (
        "yield from self.row(self.decode_row(raw))",
        "yield from [*self.row(self.decode_row(raw))] * 2",
    ),
}


# The same of the provider over TCP, whose frames are single lines.
BUGS_OF_LINES = {
    "a price by way of a float": (
        "mdc.scaled(int(price), self.scales[symbol]) if",
        "type(mdc.scaled(0, 0))(str(int(price) / 10 ** self.scales[symbol])) if",
    ),
    "a wrong unit of time": ("mdc.from_ns(int(time))", "mdc.from_ns(int(time) // 1000)"),
    "a heartbeat that is not answered": ('yield mdc.Send(f"H|{number}")', "yield from ()"),
    "an error that is swallowed": ('yield mdc.Refused(f"zephyr says: {text}")', "yield from ()"),
    "a sequence number that is off by one": ("int(seq)", "int(seq) + 1"),
    "refusals that are ignored": ('filter(None, refused.split(","))', "()"),
    "a crash on an unknown message": ("raise ValueError(", "raise RuntimeError("),
    "sides that are taken for each other": (
        'SIDES = {"B": "buy", "S": "sell",',
        'SIDES = {"B": "sell", "S": "buy",',
    ),
    "no trades at all": ('case ["T", seq, symbol', 'case ["t", seq, symbol'),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example's package that can be imported."""
    shutil.copytree(ZEPHYR / "src" / "mdc_zephyr", tmp_path / "mdc_zephyr")
    for name in ("stream", "lines"):
        (tmp_path / name).mkdir()
        shutil.copy(ZEPHYR / "tests" / name / "transcript.jsonl", tmp_path / name)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Let the next import of the package find another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mdc_zephyr"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def failures(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "stream") -> set[str]:
    """The tests of the suite that fail, after its transcript was recorded with this code."""
    module = importlib.import_module(f"mdc_zephyr.{name}")
    code, channels = (module.Zephyr, ALL) if name == "stream" else (module.ZephyrLines, ALL[:2])
    facts = {"stream": code, "channels": channels, "lacks": ("trade.trade_id",)}
    suite = type("Suite", (StreamSuite,), facts)()
    given = {"request": SimpleNamespace(path=folder / name / "test_it.py")}
    found = set()
    tests = [name for name in dir(suite) if name.startswith("test_")]
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    for test in ["test_transcript", *tests]:
        method = getattr(suite, test)
        words = {n: given[n] for n in inspect.signature(method).parameters}
        try:
            method(**words)
        except Exception:
            found.add(test)
        monkeypatch.delenv("MDC_UPDATE_GOLDEN", raising=False)
    return found


@pytest.mark.parametrize("name", ["stream", "lines"])
def test_the_example_itself_passes(
    package: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert failures(package, monkeypatch, name) == set()


@pytest.mark.parametrize(
    ("name", "bug"),
    [*(("stream", bug) for bug in BUGS), *(("lines", bug) for bug in BUGS_OF_LINES)],
)
def test_a_bug_from_birth_is_found(
    package: Path, monkeypatch: pytest.MonkeyPatch, name: str, bug: str
) -> None:
    right, wrong = (BUGS if name == "stream" else BUGS_OF_LINES)[bug]
    file = package / "mdc_zephyr" / f"{name}.py"
    assert file.read_text().count(right) == 1, f"{right} does not stand in the example once"
    file.write_text(file.read_text().replace(right, wrong))
    assert failures(package, monkeypatch, name)
