"""The account of a feed: what a server has said in full, against what is stored or declared."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import count, pairwise
from typing import Any, NamedTuple

from mdc_core.plugin import Trade, from_ns, to_ns

ALWAYS = 2**63  # the end of a gap that is open


class Hole(NamedTuple):
    """A gap that was declared: of a symbol, or of all."""

    symbol: str | None
    start: int
    end: int

    @classmethod
    def of(cls, symbol: str | None, start: str | None, end: str | None, first: int = 0) -> "Hole":
        """The hole of a `gap` event; without a start it reaches from the `first` moment on."""
        return cls(symbol, to_ns(start) if start else first, to_ns(end) if end else ALWAYS)

    def has(self, time: int, symbol: str | None) -> bool:
        """Whether what happened to this symbol at this time lies in it."""
        return self.start <= time <= self.end and self.symbol in (None, symbol)


def check_turns(told: Iterable[tuple[bool, Any]]) -> None:
    """Raise AssertionError unless a connection goes down and up by turns.

    Each is whether it is down, and why: down once more is news for another cause, or as the last.
    """
    for before, after in pairwise(told):
        assert before != after and (before[0] or after[0]), "up and down by turns"


class Made(NamedTuple):
    """A trade at the venue; its price is like that of no other."""

    time: int
    trade: Trade


class Ledger:
    """All that is traded at a venue, and how often each trade was told in full."""

    def __init__(self, symbols: Sequence[str], resolution: int) -> None:
        self.trades: list[Made] = []
        self.told: Counter[int] = Counter()
        self.partly: set[int] = set()  # the frame was begun: it may have arrived, or not
        self.spoiled: dict[int, str] = {}  # the frame that nobody can read, in place of it
        self._resolution = resolution
        self._ids = {symbol: count(9_001) for symbol in symbols}
        self._lock = threading.Lock()

    def trade(self, symbol: str, now: int) -> int:
        """Something is traded now; the number of the trade."""
        with self._lock:
            number, time = len(self.trades), now // self._resolution * self._resolution
            trade = Trade(symbol=symbol, ts_event=from_ns(time))
            trade.price, trade.size = Decimal(10_001 + number * 2) / 100, Decimal(1 + number)
            trade.aggressor_side = "buy" if number % 3 else "sell"
            trade.trade_id = str(next(self._ids[symbol]))
            self.trades.append(Made(time, trade))
            return number


class Verdict(NamedTuple):
    """How a ledger balances: `told` = `stored` + `declared`, and what was never told is declared.

    `again` are copies that the server has said once more, of which `duplicates` were declared.
    """

    trades: int
    told: int
    stored: int
    declared: int
    dropped: int
    set_aside: int
    again: int
    duplicates: int
    gaps: int

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:,}" for name, value in self._asdict().items())


def judge(
    ledger: Ledger, events: Sequence[Mapping[str, Any]], aside: Iterable[str] = ()
) -> Verdict:
    """Raise AssertionError where the account does not balance.

    `events` are those that were stored, as JSON with numbers as text; `aside` the frames that
    were set aside.
    """
    numbers = {made.trade.price: number for number, made in enumerate(ledger.trades)}
    got: Counter[int] = Counter()
    for event in events:
        if event["type"] == "trade":
            number = numbers[Decimal(event["price"])]
            _check_trade(event, ledger.trades[number].trade)
            got[number] += 1
    made_up = [n for n in got if not ledger.told[n] and n not in ledger.partly]
    assert not made_up, f"nobody has said {_named(ledger, made_up)}"
    more = [n for n in got if got[n] > max(ledger.told[n] + (n in ledger.partly), 1)]
    assert not more, f"more often than said: {_named(ledger, more)}"
    missing = [n for n in range(len(ledger.trades)) if n not in got]
    dropped, unread = _check_missing(ledger, missing, events, Counter(aside))
    told = [n for n in range(len(ledger.trades)) if ledger.told[n]]
    again = got.total() - len(got)
    duplicates = sum(e["type"] == "integrity" and e.get("check") == "duplicate" for e in events)
    if any(e.get("trade_id") for e in events):  # else nobody can know a copy from another trade
        assert again == duplicates, f"{again} trades came again, and {duplicates} are declared"
    states = [e for e in events if e["type"] == "connection"]
    check_turns(
        (e["state"] == "down", (e.get("cause"), e.get("breaker"), e.get("attempt") is None))
        for e in states
    )
    return Verdict(
        trades=len(ledger.trades),
        told=len(told),
        stored=len(got),
        declared=len(missing),
        dropped=dropped,
        set_aside=unread,
        again=again,
        duplicates=duplicates,
        gaps=sum(event["type"] == "gap" for event in events),
    )


def _check_trade(got: Mapping[str, Any], said: Trade) -> None:
    found = got["symbol"], Decimal(got["size"]), got["ts_event"]
    assert found == (said.symbol, said.size, said.ts_event), f"{got} is not {said}"


def _check_missing(
    ledger: Ledger, missing: list[int], events: Sequence[Mapping[str, Any]], aside: Counter[str]
) -> tuple[int, int]:
    """Each lies in a gap, or its frame was set aside; as many were dropped as is told."""
    gaps = [event for event in events if event["type"] == "gap"]
    lost = [_hole(gap) for gap in gaps if gap["reason"] != "overflow"]
    dropped = [(_hole(gap), int(gap["count"])) for gap in gaps if gap["reason"] == "overflow"]
    silent, only_dropped, unread = [], Counter[str | None](), 0
    for number in missing:
        time, trade = ledger.trades[number]
        if any(hole.has(time, trade.symbol) for hole in lost):
            continue
        frame = ledger.spoiled.get(number)
        if frame is not None and aside[frame]:
            aside[frame] -= 1
            unread += 1
        elif any(hole.has(time, trade.symbol) for hole, _ in dropped):
            only_dropped[trade.symbol] += 1
        else:
            silent.append(number)
    assert not silent, f"missing, and in no gap: {_named(ledger, silent)}"
    told = Counter[str | None]()
    for hole, number in dropped:
        told[hole.symbol] += number
    by_symbol = Counter(ledger.trades[n].trade.symbol for n in missing)
    for symbol in by_symbol | told:
        # What lies in a gap of another kind as well may have been dropped, or may not.
        assert only_dropped[symbol] <= told[symbol] <= by_symbol[symbol], (
            f"{told[symbol]} of {symbol} are told to be dropped, "
            f"{only_dropped[symbol]} to {by_symbol[symbol]} are missing"
        )
    return told.total(), unread


def _hole(gap: Mapping[str, Any]) -> Hole:
    return Hole.of(gap.get("symbol"), gap.get("start"), gap.get("end"))


def _named(ledger: Ledger, numbers: Sequence[int]) -> str:
    some = [
        f"{n} ({made.trade.symbol} at {made.trade.ts_event}, told {ledger.told[n]} times)"
        for n in numbers
        for made in [ledger.trades[n]]
    ]
    return f"{len(numbers)} trades, {', '.join(some[:5])}"
