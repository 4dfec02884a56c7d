"""What both of Coinbase's mock servers know: books, trade ids, and the words of the wire."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby

from mdc_core.plugin import Book, Delta, Event, Ladder, Level, Trade, from_ns, to_ns

_STEP = Decimal("0.01")
_ALL = 1_000_000


def wire_time(text: str | None) -> str:
    """A time as Coinbase writes it: without the zeros at its end."""
    seconds, _, digits = (text or from_ns(0)).removesuffix("Z").partition(".")
    digits = digits.rstrip("0")
    return f"{seconds}.{digits}Z" if digits else f"{seconds}Z"


def go_time(ns: int, uptime: int) -> str:
    """A time as Go prints it by itself, and for how many seconds the server is up."""
    date, _, clock = from_ns(ns).removesuffix("Z").partition("T")
    return f"{date} {clock.rstrip('0').rstrip('.')} +0000 UTC m=+{uptime}.000000001"


def plain(number: Decimal | None) -> str:
    """A number as text; of none it is 0, as where nobody bids."""
    return "0" if number is None else f"{number:f}"


def messages_of(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events of one message: trades of a product, or changes of a book, that follow."""
    for (kind, *_), group in groupby(events, lambda e: (type(e), e.symbol)):
        if kind in (Trade, Delta):
            yield [*group]
        else:
            yield from ([event] for event in group)


class Venue:
    """Books and trade ids of a connection's products, as of the events that have passed."""

    def __init__(self, depth: int) -> None:
        self._depth = depth  # levels of a side that a snapshot has at the least
        self._books: dict[str, Ladder] = {}
        self.times: dict[str, str | None] = {}
        self.last_ids: dict[str, int] = {}

    def see(self, event: Event) -> None:
        """An event passes."""
        symbol = event.symbol or ""
        if isinstance(event, Book):
            self._books[symbol] = Ladder()
            self._books[symbol].snapshot(event.bids or (), event.asks or ())
            self.times[symbol] = event.ts_event
        elif isinstance(event, Delta) and symbol in self._books and event.price is not None:
            size = Decimal(0) if event.action == "cancel" else event.size or Decimal(0)
            self._books[symbol].change(
                "bid" if event.side == "bid" else "ask", Level(event.price, size)
            )
            self.times[symbol] = event.ts_event

    def book(self, symbol: str) -> tuple[list[Level], list[Level]] | None:
        """Bids and asks, best first; None before there is a book."""
        ladder = self._books.get(symbol)
        if ladder is None:
            return None
        bids, asks = ladder.top("bid", _ALL), ladder.top("ask", _ALL)
        return bids + self._deep(bids, -_STEP), asks + self._deep(asks, _STEP)

    def _deep(self, levels: list[Level], step: Decimal) -> list[Level]:
        """More levels behind the worst, as many as the snapshot is short of."""
        if not levels:
            return []
        missing, worst = self._depth - len(levels), levels[-1].price
        prices = (worst + step * number for number in range(1, missing + 1))
        return [Level(price, Decimal("0.00000001")) for price in prices if price > 0]

    def number(self, trade: Trade) -> int:
        """The id of a trade: its own, if that is the next of its product."""
        symbol, own = trade.symbol or "", trade.trade_id or ""
        given = int(own) if own.isascii() and own.isdigit() and len(own) < 19 else None
        last = self.last_ids.get(symbol)
        if last is not None and given != last + 1:
            given = last + 1
        elif given is None:  # so that no later connection says it again
            given = to_ns(trade.ts_event or from_ns(0)) // 1000
        self.last_ids[symbol] = given
        return given
