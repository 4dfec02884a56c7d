"""The simulated market: prices that walk together, and what is quoted and traded at them."""

import bisect
import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec import Struct, field

from mdc_core.plugin import Delta, Event, Quote, Trade, from_ns

SESSION = 23_400.0  # seconds: 6.5 hours
_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_DEPTH = 10  # levels of a side of the book
_VOLATILITY = 0.015 / math.sqrt(SESSION)  # 1.5 % a session
_COMMON, _OWN = math.sqrt(0.6), math.sqrt(0.4)  # two symbols correlate by 0.6
_TRADES = 2 / 3  # with a quote behind each trade: 40 % trades, 60 % quotes
_SIZES = (1, 5, 10, 25, 50, 100, 100, 100, 100, 200, 200, 300, 400, 500, 1000)
_LEAST = 100.0  # no price falls below this number of cents


class Clock:
    """Simulated time: weekday sessions, busiest at their begin and end."""

    def __init__(self, start: int, rate: float, rng: random.Random) -> None:
        self.traded = 0.0  # seconds of all sessions so far
        self._start, self._rate, self._random = start, rate, rng.random
        self._time = 0.0  # seconds since the session's begin
        self._second, self._text = -1, ""

    def tick(self) -> str:
        """The time of the next event."""
        place = 2.0 * self._time / SESSION - 1.0
        # The curve's mean is 1, so that `rate` is the mean of the session.
        step = -math.log(1.0 - self._random()) / (self._rate * (0.55 + 1.35 * place * place))
        self._time += step
        self.traded += step
        while self._time >= SESSION:
            self._time -= SESSION
            self._start += _DAY
            while self._start // _DAY % 7 in (2, 3):  # day 0, in 1970, was a Thursday
                self._start += _DAY
        second, rest = divmod(self._start + int(self._time * 1e9), _SECOND)
        if second != self._second:
            self._second, self._text = second, from_ns(second * _SECOND)[:20]
        return f"{self._text}{rest:09d}Z"


class Cents(dict[int, Decimal]):
    """Prices by their number of cents, as the wire writes them: 12.5, not 12.50."""

    def __missing__(self, cents: int) -> Decimal:
        text = f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")
        price = self[cents] = Decimal(text)
        return price


class Stock(Struct):
    """One symbol: its price, in cents, and what was last said of it."""

    symbol: str
    price: float
    common: float = 0.0  # the common factor when the price last moved
    moved: float = 0.0  # and the time
    bid: int = 0
    ask: int = 0
    seq: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class Market:
    """All symbols of one simulation."""

    def __init__(
        self, symbols: Iterable[str], channels: Sequence[str], seed: int, clock: Clock
    ) -> None:
        rng = random.Random(f"{seed}/market")
        self.stocks: dict[str, Stock] = {}
        for symbol in symbols:
            own = random.Random(f"{seed}/{symbol}")
            self.stocks[symbol] = Stock(symbol, 100.0 * math.exp(own.uniform(3.0, 6.2)))
        self._list = list(self.stocks.values())
        weights = (1.0 / math.sqrt(rank) for rank in range(1, len(self._list) + 1))
        self._weights = list(itertools.accumulate(weights))
        self._clock, self._random = clock, rng.random
        self._normals = [rng.gauss(0.0, 1.0) for _ in range(4096)]
        self._common = self._common_time = 0.0
        self._ids = itertools.count(1)
        self._cents = Cents()
        self._units = {size: Decimal(size) for size in (0, *_SIZES)}
        self._trades, self._quotes, self._deltas = (
            name in channels for name in ("trade", "quote", "delta")
        )
        self._share = _TRADES if self._quotes or self._deltas else 1.0

    def events(self) -> Iterator[Event]:
        """The events of the market, without end."""
        for stock in self._list:
            self._requote(stock)
        while True:
            place = self._random() * self._weights[-1]
            stock = self._list[bisect.bisect_right(self._weights, place)]
            if self._trades and self._random() < self._share:
                yield self._trade(stock)
            self._move(stock)
            bid_size, ask_size = self._size(), self._size()
            if self._deltas:
                yield from self._level_changes(stock, bid_size, ask_size)
            if self._quotes:
                yield self._quote(stock, bid_size, ask_size)

    def _move(self, stock: Stock) -> None:
        """Let the price walk for the time since it last did, and quote around it."""
        now = self._clock.traded
        self._common += self._normal() * math.sqrt(now - self._common_time)
        self._common_time = now
        walk = _COMMON * (self._common - stock.common)
        walk += _OWN * self._normal() * math.sqrt(now - stock.moved)
        stock.price = max(stock.price * (1.0 + _VOLATILITY * walk), _LEAST)
        stock.common, stock.moved = self._common, now
        self._requote(stock)

    def _requote(self, stock: Stock) -> None:
        width = 1 + int(3.0 * self._random() * self._random())
        stock.bid = int(stock.price) - width // 2
        stock.ask = stock.bid + width

    def _normal(self) -> float:
        return self._normals[int(self._random() * 4096)]

    def _size(self) -> int:
        return _SIZES[int(self._random() * len(_SIZES))]

    def _trade(self, stock: Stock) -> Trade:
        buy = self._random() < 0.5
        stock.seq += 1
        return Trade(
            symbol=stock.symbol,
            ts_event=self._clock.tick(),
            seq=stock.seq,
            price=self._cents[stock.ask if buy else stock.bid],
            size=self._units[self._size()],
            aggressor_side="buy" if buy else "sell",
            trade_id=str(next(self._ids)),
        )

    def _quote(self, stock: Stock, bid_size: int, ask_size: int) -> Quote:
        stock.seq += 1
        return Quote(
            symbol=stock.symbol,
            ts_event=self._clock.tick(),
            seq=stock.seq,
            bid_price=self._cents[stock.bid],
            bid_size=self._units[bid_size],
            ask_price=self._cents[stock.ask],
            ask_size=self._units[ask_size],
        )

    def _level_changes(self, stock: Stock, bid_size: int, ask_size: int) -> Iterator[Delta]:
        """What gives the book these best levels; cancels first, so that it never crosses."""
        sides = (
            ("bid", stock.bids, stock.bid, -1, bid_size),
            ("ask", stock.asks, stock.ask, 1, ask_size),
        )
        if not stock.bids:
            yield self._delta(stock, "clear", None, None, None)
        for side, levels, best, step, _ in sides:
            for price in [p for p in levels if not 0 <= (p - best) * step < _DEPTH]:
                del levels[price]
                yield self._delta(stock, "cancel", side, price, 0)
        for side, levels, best, step, size in sides:
            for price in range(best, best + step * _DEPTH, step):
                if price == best or price not in levels:
                    action = "modify" if price in levels else "add"
                    levels[price] = size if price == best else self._size()
                    yield self._delta(stock, action, side, price, levels[price])

    def _delta(
        self, stock: Stock, action: str, side: str | None, price: int | None, size: int | None
    ) -> Delta:
        stock.seq += 1
        return Delta(
            symbol=stock.symbol,
            ts_event=self._clock.tick(),
            seq=stock.seq,
            action=action,
            side=side,
            price=None if price is None else self._cents[price],
            size=None if size is None else self._units[size],
        )
