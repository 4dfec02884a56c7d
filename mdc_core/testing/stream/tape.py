"""The market that the suites play by a mock server: no two of its events are alike.

Each symbol has a book of fourteen levels a side, quotes with and without a bid or an offer,
trades by either side and by none, changes of one level and of several at once (the best, the
deep ones, new ones, sizes of 0, a level that comes again), a halt and its end. All prices have
two decimals, all sizes are whole, all times are whole microseconds, or what the venue has.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import count

from mdc_core.events import Book, Delta, Event, Level, Market, Quote, Status, Trade, type_of
from mdc_core.times import SECOND, from_ns

START = 1_704_205_800_000_000_000  # 2024-01-02 14:30
PRECISE = Decimal("90071992547409.93")  # no float is equal to it
DEPTH = 14
TYPES: dict[str, tuple[type[Event], ...]] = {  # what one gets by a channel of this name
    "trade": (Trade,),
    "quote": (Quote,),
    "book": (Book, Delta),
    "status": (Status,),
}
# Changes of a book: those in one line happen at once, bids first. 0 is the best place.
_CHANGES: tuple[tuple[tuple[str, int | str, str], ...], ...] = (
    (("bid", 0, "modify"),),
    (("ask", 0, "modify"),),
    (("bid", 0, "cancel"), ("bid", 2, "modify"), ("ask", 1, "modify")),
    (("ask", 0, "cancel"),),
    (("bid", "gone", "add"),),
    (("bid", 5, "cancel"), ("ask", "gone", "add"), ("ask", 4, "cancel")),
    (("bid", 10, "modify"), ("ask", 10, "modify")),
    (("bid", "worst", "add"),),
    (("ask", "worst", "add"),),
    (("bid", "best", "add"), ("ask", "best", "add")),
    (("ask", 0, "modify"),),
    (("bid", 0, "modify"),),
)
_QUOTES = ("both", "both", "no bid", "no ask", "both")
_SIDES = ("buy", "none", "sell", "sell", "buy")
_STEP = {"bid": Decimal("-0.25"), "ask": Decimal("0.25")}


class _Tape:
    """The events so far, and the books behind them."""

    def __init__(self, resolution: int) -> None:
        self._resolution = resolution
        self.rows: list[Event] = []
        self._sizes = count(1001, 2)  # never with a 0 at its end, so that its digits tell
        self._books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
        self._gone: dict[tuple[str, str], Decimal] = {}

    def time(self) -> str:
        """The time of what comes next."""
        number = len(self.rows)
        return from_ns(START + number * SECOND + self._resolution * (number + 1))

    def size(self) -> Decimal:
        """A size that nothing else has."""
        return Decimal(next(self._sizes))

    def book(self, symbol: str, middle: Decimal) -> None:
        """A whole book."""
        sides = {
            side: {middle + n * step * 4 + step: self.size() for n in range(DEPTH)}
            for side, step in _STEP.items()
        }
        self._books[symbol] = sides
        row = Book(symbol=symbol, ts_event=self.time())
        row.bids, row.asks = ([Level(*at) for at in sides[side].items()] for side in _STEP)
        self.rows.append(row)

    def change(self, symbol: str, changes: Iterable[tuple[str, int | str, str]]) -> None:
        """Levels of a book that change at the same time."""
        time = self.time()
        for side, place, action in changes:
            levels, step = self._books[symbol][side], _STEP[side]
            prices = sorted(levels, reverse=side == "bid")
            match place:
                case int():
                    price = prices[place]
                case "gone":
                    price = self._gone[symbol, side]
                case "worst":
                    price = prices[-1] + step
                case _:
                    price = prices[0] - step / 5
            size = Decimal(0) if action == "cancel" else self.size()
            row = Delta(symbol=symbol, ts_event=time, action=action, side=side)
            row.price, row.size = price, size
            self.rows.append(row)
            if size:
                levels[price] = size
            else:
                del levels[price]
            if action == "cancel" and place == 0:
                self._gone[symbol, side] = price

    def quote(self, symbol: str, price: Decimal, kind: str) -> None:
        """The best bid and offer; a side that nobody takes has the size 0 and no price."""
        row = Quote(symbol=symbol, ts_event=self.time())
        row.bid_price, row.bid_size = price, self.size()
        row.ask_price, row.ask_size = price + Decimal("0.05"), self.size()
        if kind == "no bid":
            row.bid_price, row.bid_size = None, Decimal(0)
        if kind == "no ask":
            row.ask_price, row.ask_size = None, Decimal(0)
        self.rows.append(row)

    def trade(self, symbol: str, price: Decimal, side: str) -> None:
        """A trade."""
        row = Trade(symbol=symbol, ts_event=self.time(), price=price, size=self.size())
        row.aggressor_side, row.trade_id = side, str(700_000 + len(self.rows))
        self.rows.append(row)


def tape(
    symbols: Sequence[str], precise: Decimal | None = PRECISE, resolution: int = 1_000
) -> list[Event]:
    """Two rounds of events of all kinds, those of the symbols by turns.

    One trade has a price that a float would not keep, unless the venue has none such. Times are
    whole numbers of `resolution` nanoseconds.
    """
    out = _Tape(resolution)
    middles = {symbol: Decimal("101.37") + 37 * n for n, symbol in enumerate(symbols)}
    for symbol, middle in middles.items():
        out.book(symbol, middle)
    for number in range(2):
        for turn, changes in enumerate(_CHANGES):
            for symbol, middle in middles.items():
                price = middle + Decimal(number * 12 + turn) / 100
                if turn < len(_QUOTES):
                    out.quote(symbol, price, _QUOTES[turn])
                elif turn < len(_QUOTES) + len(_SIDES):
                    side = _SIDES[turn - len(_QUOTES)]
                    odd = number == 0 and turn == len(_QUOTES) and precise is not None
                    out.trade(symbol, precise if odd and precise else price, side)
                elif turn == len(_CHANGES) - 1:
                    out.quote(symbol, price, "both")
                out.change(symbol, changes)
        for state in ("halted", "trading"):
            out.rows += [Status(symbol=s, ts_event=out.time(), status=state) for s in symbols]
    return out.rows


def sayable(rows: Iterable[Event], lacks: Sequence[str]) -> list[Event]:
    """The events that a protocol can say which lacks these: types, or values of a field."""
    return [row for row in rows if not any(is_lack(row, lack) for lack in lacks)]


def is_lack(row: Event, lack: str) -> bool:
    """Whether `trade`, or `quote.bid_price=none`, is about this event."""
    name, _, field = lack.partition(".")
    field, value, wanted = field.partition("=")
    if name != type_of(row) or (field and not value):
        return False
    return not field or str(getattr(row, field)).lower() == wanted


def books(rows: Iterable[object]) -> dict[str, dict[str, dict[Decimal, Decimal]]]:
    """The book of each symbol behind these events."""
    found: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    for row in rows:
        if isinstance(row, Book):
            both = {"bid": row.bids or [], "ask": row.asks or []}
            found[row.symbol or ""] = {s: {x.price: x.size for x in both[s]} for s in both}
        elif isinstance(row, Delta) and row.side is not None and row.price is not None:
            levels = found.setdefault(row.symbol or "", {"bid": {}, "ask": {}})[row.side]
            levels.pop(row.price, None)
            if row.action != "cancel" and row.size:
                levels[row.price] = row.size
    return found


def types_of(channels: Iterable[str]) -> set[type[Event]]:
    """The types of events that come by channels of these names, as far as the tape has them."""
    return {kind for name in channels for kind in TYPES.get(name, ())}


def market(items: Iterable[object]) -> list[Event]:
    """The events about an instrument."""
    return [item for item in items if isinstance(item, Market)]
