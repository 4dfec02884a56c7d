"""A codec and its sandbox in conversation, in memory, and a tape whose every field tells.

What the sandbox is fed has to come out of the codec as it went in: a price that was scaled
wrongly, a side taken for the other, an event that was lost or said twice, a time in the
wrong unit differ from the tape however the codec's own transcript was recorded.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from mdc_core.contracts import HangUp, Sandbox, Send, Stream
from mdc_core.events import Book, Delta, Event, Level, Market, Quote, Trade
from mdc_core.testing.transcript import START, Step, answer
from mdc_core.times import SECOND, from_ns

_COMPARED = ["symbol", "ts_event", "price", "size", "side", "action", "aggressor_side"]
_COMPARED += ["bid_price", "bid_size", "ask_price", "ask_size", "bids", "asks"]
_SECONDS = 60  # of a quiet feed, in which both sides may speak by themselves


PRECISE = Decimal("90071992547409.93")  # no float is equal to it


def tape(symbols: Sequence[str], precise: Decimal | None = PRECISE, count: int = 24) -> list[Event]:
    """Trades and quotes, and a book with its changes, no two of which are alike.

    One trade has a price that a float would not keep, unless the venue has none such.
    """
    rows: list[Event] = []
    for number in range(count):
        symbol = symbols[number % len(symbols)]
        time = from_ns(START + number * 1_000_000_000 + 1000 * (number + 1))
        cents = Decimal(number) / 100
        price = Decimal("101.37") + cents
        if number % 4 == 0:
            side = ("buy", "sell")[number // 4 % 2]
            rows.append(Trade(symbol=symbol, ts_event=time, price=price, size=Decimal(number + 3)))
            rows[-1].aggressor_side = side  # type: ignore[attr-defined]
            rows[-1].trade_id = str(7000 + number)  # type: ignore[attr-defined]
            if number == 12 and precise is not None:
                rows[-1].price = precise  # type: ignore[attr-defined]
        elif number % 4 == 1:
            row = Quote(symbol=symbol, ts_event=time, bid_price=price, bid_size=Decimal(number))
            row.ask_price, row.ask_size = price + Decimal("0.05"), Decimal(number + 40)
            rows.append(row)
        elif number < len(symbols) * 4:
            book = Book(symbol=symbol, ts_event=time)
            book.bids = [Level(price - n, Decimal(n + 1)) for n in range(3)]
            book.asks = [Level(price + n + 1, Decimal(n + 5)) for n in range(3)]
            rows.append(book)
        else:
            delta = Delta(symbol=symbol, ts_event=time, action="modify", side="bid")
            delta.price, delta.size = price - 2, Decimal(number)
            rows.append(delta)
    return rows


class Conversation:
    """Client and server, and what the client has given so far."""

    def __init__(self, stream: Stream, sandbox: Sandbox) -> None:
        self.stream, self.sandbox = stream, sandbox
        self.now = START
        self.given: list[Any] = []
        self.hung_up = False

    def open(self) -> None:
        """The connection opens, and both say what they have to."""
        first = list(answer(self.stream, Step("open", self.now)))
        greeting = list(self.sandbox.greet())
        self._take(first)
        self._exchange(greeting)

    def feed(self, events: Sequence[Event]) -> int:
        """Let the server play these at once; returns the number of its frames."""
        frames = list(self.sandbox.feed(events))
        self._exchange(frames)
        return len(frames)

    def quiet(self, seconds: int = _SECONDS) -> None:
        """Let time pass in which nothing is played."""
        for _ in range(seconds):
            self.now += SECOND
            if self.stream.every:
                self._take(list(answer(self.stream, Step("tick", self.now))))
            if self.sandbox.every and not self.hung_up:
                self._exchange(self._said(lambda: self.sandbox.tick(self.now)))

    def _take(self, found: Iterable[Any]) -> None:
        found = list(found)
        self.given += found
        for send in found:
            if isinstance(send, Send) and not self.hung_up:
                self._exchange(self._said(partial(self.sandbox.receive, send.frame)))

    def _said(self, speak: Callable[[], Iterable[str | bytes]]) -> list[str | bytes]:
        """What the server says, also if it is the last."""
        try:
            return list(speak())
        except HangUp as last:
            self.hung_up = True
            return list(last.frames)

    def _exchange(self, frames: Iterable[str | bytes]) -> None:
        for frame in frames:
            self._take(answer(self.stream, Step("in", self.now, frame)))


def compared(event: Event) -> dict[str, Any]:
    """The fields by which an event of the tape and one of the codec are compared."""
    return {n: v for n in _COMPARED if (v := getattr(event, n, None)) is not None}


def differences(played: Sequence[Event], given: Sequence[Any]) -> list[str]:
    """How what came out differs from what went in, for the kinds of events that came out."""
    out = [event for event in given if isinstance(event, Market)]
    kinds = {type(event) for event in out}
    wanted = [event for event in played if type(event) in kinds]
    found = []
    if len(out) != len(wanted):
        found.append(f"{len(wanted)} events of these types were played, {len(out)} came out")
    for number, (was, now) in enumerate(zip(wanted, out, strict=False)):
        before, after = compared(was), compared(now)
        for name in before.keys() & after.keys():
            if type(was) is type(now) and before[name] != after[name]:
                found.append(f"event {number}: {name} was {before[name]}, and is {after[name]}")
        if type(was) is not type(now):
            found.append(f"event {number}: a {type(was).__name__} became a {type(now).__name__}")
        missing = sorted((before.keys() - after.keys()) & {"price", "size", "ts_event"})
        found += [f"event {number}: {name} is gone" for name in missing]
    return found
