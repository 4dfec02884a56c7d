"""Bugs that were there when the transcript was recorded: the suite finds every one."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mdc_core.testing import StreamSuite
from tests.kit import suites
from tests.kit.many import some

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
    "refusals that are ignored": ("in refused.items()]", "in ()]"),
    "a crash on an unknown message": (
        'raise mdc.DataError(f"zephyr: an unknown message {word}")',
        'raise AttributeError(word["op"])',
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
    "a field that is not known lost": ('head["extra"] = extra', 'head["extra"] = None'),
    "a field that is not known costs the message": (
        "*self.rows.read(raw)",
        "msgspec.json.decode(raw, type=Row), None",
    ),
    "every event twice": (
        "yield from self.row(*self.rows.read(raw))",
        "yield from [*self.row(*self.rows.read(raw))] * 2",
    ),
    "a trade by nobody as a buy": ('"N": "none"}', '"N": "buy"}'),
    "the aggressor left out": (", aggressor_side=side)", ")"),
    "sides of all that has two swapped": (
        "for side in (row.b, row.a))",
        "for side in (row.a, row.b))",
    ),
    "a size of 0 that leaves the level": (
        "self.books[row.s].change(side, at)",
        "self.books[row.s].change(side, at) if at.size else None",
    ),
    "a level that goes said to be changed": ('"modify" if at.size else "cancel"', '"modify"'),
    "only the first level of a change": ("for at in levels:", "for at in levels[:1]:"),
    "a checksum of nine levels": (".checksum(DEPTH,", ".checksum(DEPTH - 1,"),
    "a checksum of all levels": (".checksum(DEPTH,", ".checksum(1000,"),
    "books that never come": (
        "yield mdc.Book(**head, bids=bids, asks=asks)",
        "yield from self.ask_again(row.s)",
    ),
    "a book of one level": ("**head, bids=bids, asks=asks", "**head, bids=bids[:1], asks=asks[:1]"),
    "nobody bids, at a price of 0": ("mdc.Level(None,", "mdc.Level(mdc.scaled(0, 0),"),
    "nobody bids, and no size": ("Level(None, mdc.scaled(0, 0))", "Level(None, None)"),
    "Up before anything is asked for": (
        'yield say("subscribe"',
        'yield mdc.Up()\n                yield say("subscribe"',
    ),
    "a wrong login is to be tried again": (
        'yield mdc.Refused(f"zephyr says: {text}")',
        'yield mdc.Busy(f"zephyr says: {text}")',
    ),
    "numbers that are not followed": (
        '(gaps := [*self.follow.gaps(row.ch, head | {"symbol": None})])',
        "(gaps := [])",
    ),
    "one too many lost": (
        'yield from (gaps := [*self.follow.gaps(row.ch, head | {"symbol": None})])',
        'for gap in (gaps := [*self.follow.gaps(row.ch, head | {"symbol": None})]):\n'
        "            gap.count += 1\n            yield gap\n",
    ),
    "numbers of each symbol by themselves": ("gaps(row.ch,", "gaps((row.ch, row.s),"),
    "numbers of all channels together": ("gaps(row.ch,", 'gaps("",'),
    "a loss after which the book is kept": (
        "yield from self.ask_again(*self.books) if gaps else ()",
        "yield from ()",
    ),
    "events without their numbers": (
        'head["extra"] = extra\n',
        'head["extra"] = extra\n        head.pop("seq")\n',
    ),
    "a checksum that is not checked": (" != row.sum:", " is None:"),
    "a wrong checksum, and nothing asked for": (
        "            yield from self.ask_again(row.s)\n\n    def",
        "\n    def",
    ),
    "a heartbeat that is answered with another": (
        'say("heartbeat", n=number)',
        'say("heartbeat", n=0)',
    ),
    "channels that nobody chose": (
        "channels = self.subscription.channels or self.default_channels",
        "channels = self.channels",
    ),
    "only the first symbols asked for": (
        "symbols=self.subscription.symbols,",
        "symbols=self.subscription.symbols[:50],",
    ),
    "a limit that is not declared": (
        "    sandbox = ZephyrSandbox\n",
        "    sandbox = ZephyrSandbox\n    limits = mdc.Limits()\n",
    ),
    "ticks without a tick": (
        "    sandbox = ZephyrSandbox\n",
        "    sandbox = ZephyrSandbox\n    every = 5.0\n",
    ),
    "a tick that never comes": (
        "    def row(self, row, extra):",
        "    def tick(self, now):\n        return [say('ping')]\n\n    def row(self, row, extra):",
    ),
    "a tick that does nothing": (
        "    def row(self, row, extra):",
        "    every = 5.0\n\n    def tick(self, now):\n        return []\n\n"
        "    def row(self, row, extra):",
    ),
    "a silence shorter than that of the venue": (
        "    sandbox = ZephyrSandbox\n",
        "    sandbox = ZephyrSandbox\n    silence = 3.0\n",
    ),
    "a quiet minute is the end": (
        "    def row(self, row, extra):",
        "    every = 30.0\n\n    def tick(self, now):\n        return [mdc.Reconnect('dead')]\n\n"
        "    def row(self, row, extra):",
    ),
    "a wrong checksum, and nothing said": (" != row.sum:", " != row.sum and not row.s:"),
    "a nonce in the code": ("signature(secret, nonce, now)", 'signature(secret, "7f3a", now)'),
    "a scale in the code": (
        "self.scales = msgspec.convert(scales, dict[str, int])",
        "self.scales = dict.fromkeys(scales, 4)",
    ),
    "the scale of the last symbol for all": (
        "self.scales = msgspec.convert(scales, dict[str, int])",
        "self.scales = dict.fromkeys(scales, [*scales.values()][-1])",
    ),
    "one book of all symbols": (
        "{symbol: mdc.Ladder() for symbol in scales}",
        "dict.fromkeys(scales, mdc.Ladder())",
    ),
    "what is under way asks again": (
        "                if self.follow.holds(row.s):",
        "                if self.follow.holds(row.s) and row.seq < 3:",
    ),
    "a book asked for without end": (
        '"snapshot", symbol, symbol=symbol',
        '"snapshot", symbol=symbol',
    ),
    "a checksum that is never right": (" != row.sum:", " == row.sum:"),
}


# The same of the provider over TCP, whose frames are single lines, and of acme's.
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
    "places exchanged": (
        "price, size = self.level(symbol, price, size)",
        "price, size = self.level(symbol, size, price)",
    ),
    "sides of a quote swapped": ("time, bid, bids, ask, asks]", "time, ask, asks, bid, bids]"),
    "a wrong signature": ("signature(secret, nonce, now)", "signature(secret, now, nonce)"),
    "numbers that are not followed": ("self.follow.gaps(channel, head)", "()"),
    "numbers of both channels together": ("gaps(channel, head)", 'gaps("", head)'),
    "nobody bids, at a price of 0": ("if price else None", "if price else mdc.scaled(0, 0)"),
    "nobody bids, and no size": (
        "return known, mdc.scaled(int(size), 0)",
        "return known, mdc.scaled(int(size), 0) if price else None",
    ),
    "a wrong login is to be tried again": (
        'yield mdc.Refused(f"zephyr says: {text}")',
        'yield mdc.Busy(f"zephyr says: {text}")',
    ),
    "a wait that is ignored": (", int(wait))", ")"),
    "a wait in milliseconds": (", int(wait))", ", int(wait) / 1000)"),
    "what patience cures is refused": (
        'mdc.Busy(f"zephyr says: {text}", int(wait))',
        "mdc.Refused(text)",
    ),
    "a nonce in the code": ("signature(secret, nonce, now)", "signature(secret, '7f3a', now)"),
    "a scale in the code": ("self.scales[symbol]) if", "4) if"),
    "the scale of the last symbol for all": (
        "{symbol: int(scale) for symbol, scale in pairs}",
        "dict.fromkeys(dict(pairs), int(pairs[-1][1]))",
    ),
    "a side that is not known is none": ("SIDES[side]", "SIDES.get(side)"),
    "only the first symbol asked for": (
        "','.join(self.subscription.symbols)",
        "self.subscription.symbols[0]",
    ),
}
BUGS_OF_ACME = {
    "sides of a quote swapped": (
        "case Best(bid=(bid, bids), ask=",
        "case Best(ask=(bid, bids), bid=",
    ),
    "an error that is swallowed": (
        "yield mdc.Refused(f\"acme says: {line.error or 'no such symbol'}\", line.unknown)",
        "yield from ()",
    ),
    "a refusal without its symbols": ("'no such symbol'}\", line.unknown)", "'no such symbol'}\")"),
    "Up, whatever the answer": ("if not line.error:", "if True:"),
    "numbers that are not followed": ("self.follow.gaps(line.symbol, head)", "()"),
    "numbers of all symbols together": ("gaps(line.symbol, head)", 'gaps("", head)'),
    "events without their numbers": (
        "match line:",
        'head.pop("seq")\n        match line:',
    ),
    "only the first symbol asked for": (
        '"symbols": self.subscription.symbols,',
        '"symbols": self.subscription.symbols[:1],',
    ),
    "the last line of a frame lost": ('.split(b"\\n")):', '.split(b"\\n")[:-1]):'),
}
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
# Example, module, class, what its suite says, its bugs.
PROVIDERS: dict[str, tuple[str, str, str, dict[str, Any], dict[str, tuple[str, str]]]] = {
    "stream": (
        "mdc-zephyr",
        "mdc_zephyr",
        "Zephyr",
        {"channels": ("trade", "quote", "book"), "lacks": ("trade.trade_id",)},
        BUGS,
    ),
    "lines": (
        "mdc-zephyr",
        "mdc_zephyr",
        "ZephyrLines",
        {"lacks": ("trade.trade_id",)},
        BUGS_OF_LINES,
    ),
    "acme": (
        "mdc-acme",
        "mdc_acme",
        "Acme",
        {"lacks": ("trade.aggressor_side", "trade.trade_id")},
        BUGS_OF_ACME,
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Path]:
    """A copy of the example's package that can be imported, and of its transcript."""
    example, package, *_ = PROVIDERS[name]
    shutil.copytree(EXAMPLES / example / "src" / package, tmp_path / package)
    tests = EXAMPLES / example / "tests" / module_of(name).replace("acme", "stream")
    shutil.copy(tests / "transcript.jsonl", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget(package)
    yield tmp_path
    forget(package)


def module_of(name: str) -> str:
    return "stream" if name == "acme" else name


def forget(package: str) -> None:
    """Let the next import of the package find another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


def failures(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[str]:
    """The tests of the suite that fail, after its transcript was recorded with this code."""
    _, package, plugin, says, _ = PROVIDERS[name]
    module = importlib.import_module(f"{package}.{module_of(name)}")
    facts = {"stream": getattr(module, plugin), "symbols": ("TEST", "MORE"), **says}
    suite = type("Suite", (StreamSuite,), facts)()
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    yield from suites.failures(suite, folder, folder / "recording", "test_transcript")
    monkeypatch.delenv("MDC_UPDATE_GOLDEN")
    yield from suites.failures(suite, folder, folder / "comparing")


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_the_example_itself_passes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert list(failures(folder, monkeypatch, name)) == []


@pytest.mark.parametrize(
    ("name", "bug"),
    some([(name, bug) for name, (*_, bugs) in PROVIDERS.items() for bug in bugs], 8),
)
def test_a_bug_from_birth_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, bug: str
) -> None:
    _, package, _, _, bugs = PROVIDERS[name]
    right, wrong = bugs[bug]
    file = folder / package / f"{module_of(name)}.py"
    assert file.read_text().count(right) == 1, f"{right} does not stand in the example once"
    file.write_text(file.read_text().replace(right, wrong))
    assert next(failures(folder, monkeypatch, name), None)
