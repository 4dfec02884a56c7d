"""What a simulated venue says beside trades, quotes and books: bars, funding, halts, news.

All is made of the trades and quotes of a simulated market, in its time and by no chance of its
own, so that the same market has the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct, field

from mdc_core.events import (
    Bar,
    Event,
    Funding,
    Imbalance,
    Indicator,
    Liquidation,
    News,
    OpenInterest,
    Quote,
    Status,
    Trade,
)
from mdc_core.times import SECOND, from_ns, parse_span, to_ns

_CENT = Decimal("0.01")
_MINUTE = 60 * SECOND
_FUNDED = 8 * 3600 * SECOND  # from one funding to the next


class SimulatedSymbol(Struct):
    """What was last said of a symbol, and how often each thing was."""

    symbol: str
    time: str = ""
    ns: int = 0
    price: Decimal = Decimal(0)
    size: Decimal = Decimal(100)
    said: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)

    def see(self, event: Event) -> bool:
        """Take an event of the market in; False: it has no price."""
        price = event.price if isinstance(event, Trade) else None
        if isinstance(event, Quote):
            price = event.bid_price
        if price is None or event.ts_event is None:
            return False
        self.time, self.ns, self.price = event.ts_event, to_ns(event.ts_event), price
        if isinstance(event, Trade) and event.size is not None:
            self.size = event.size
        return True


def _funding(s: SimulatedSymbol, number: int) -> list[Event]:
    due = from_ns((s.ns // _FUNDED + 1) * _FUNDED)
    row = Funding(symbol=s.symbol, ts_event=s.time, next_funding=due, interval="8h")
    row.funding_rate = Decimal(100 + number % 7) / 1_000_000
    row.mark_price, row.index_price = s.price + _CENT * (number % 5), s.price
    return [row]


def _open_interest(s: SimulatedSymbol, number: int) -> list[Event]:
    count = Decimal(10_000 + 25 * (number % 40))
    row = OpenInterest(symbol=s.symbol, ts_event=s.time, open_interest=count)
    row.notional = count * s.price
    return [row]


def _liquidation(s: SimulatedSymbol, number: int) -> list[Event]:
    row = Liquidation(symbol=s.symbol, ts_event=s.time, side=("sell", "buy")[number % 2])
    row.price = row.average_price = s.price
    row.size = row.filled_size = s.size
    return [row]


def _halt(s: SimulatedSymbol, number: int) -> list[Event]:
    """It trades; later on, it is halted for no time, as nobody keeps the market from trading."""
    states = ("halted", "trading") if number else ("trading",)
    return [Status(symbol=s.symbol, ts_event=s.time, status=state) for state in states]


def _band(s: SimulatedSymbol, number: int) -> list[Event]:
    row = Status(symbol=s.symbol, ts_event=s.time, status="limit_band")
    row.limit_up = (s.price * Decimal("1.05")).quantize(_CENT)
    row.limit_down = (s.price * Decimal("0.95")).quantize(_CENT)
    return [row]


def _imbalance(s: SimulatedSymbol, number: int) -> list[Event]:
    row = Imbalance(symbol=s.symbol, ts_event=s.time, auction="close", price=s.price)
    row.side = ("buy", "sell")[number % 2]
    row.imbalance_size, row.paired_size = s.size, s.size * (10 + number % 5)
    row.indicative_price, row.seq = s.price, number + 1
    return [row]


def _news(s: SimulatedSymbol, number: int) -> list[Event]:
    headline = f"{s.symbol} is at {s.price} in a simulated market"
    row = News(symbol=s.symbol, ts_event=s.time, headline=headline, summary="Nobody said so.")
    row.news_id, row.source, row.author = str(1_000 + number), "simulation", "mdc"
    row.symbols, row.created, row.updated = [s.symbol], s.time, s.time
    return [row]


Say = Callable[[SimulatedSymbol, int], list[Event]]
_SAYS: Mapping[str, tuple[int, Say]] = MappingProxyType(  # each so many seconds
    {
        "funding": (5, _funding),
        "open_interest": (10, _open_interest),
        "liquidation": (20, _liquidation),
        "status": (60, _halt),
        "luld": (30, _band),
        "imbalance": (5, _imbalance),
        "news": (60, _news),
    }
)
OCCASIONS = ("bar", "indicator", *_SAYS)


class Occasions:
    """Tells what the market gives occasion to: of these kinds, such as `funding` or `bar:5m`.

    `bar:1m:revised` is a bar that is said once more; `indicator:NAME` a value at each trade.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        self._says = [kind for kind in kinds if kind in _SAYS]
        self._bars = [kind for kind in kinds if kind.startswith("bar")]
        self._values = [kind.partition(":")[2] for kind in kinds if kind.startswith("indicator")]
        self._symbols: dict[str, SimulatedSymbol] = {}

    def after(self, event: Event) -> Iterator[Event]:
        """What is said behind an event of the market."""
        name = event.symbol or ""
        known = self._symbols.get(name)
        if known is None:
            known = self._symbols[name] = SimulatedSymbol(name)
        if not known.see(event):
            return
        for kind in self._bars:
            yield from _bar(known, kind, is_trade=isinstance(event, Trade))
        for value in self._values:
            yield Indicator(symbol=name, ts_event=known.time, name=value, value=float(known.price))
        for kind in self._says:
            every, say = _SAYS[kind]
            if known.ns >= known.due.get(kind, 0):
                known.due[kind] = known.ns + every * SECOND
                number = known.said[kind] = known.said.get(kind, -1) + 1
                yield from say(known, number)


def _bar(s: SimulatedSymbol, kind: str, *, is_trade: bool) -> Iterator[Event]:
    """The bar that is over, or that of a long interval each minute, before it takes more in."""
    _, _, said = kind.partition(":")
    interval, _, revised = (said or "1m").partition(":")
    length = parse_span(interval)
    start = from_ns(s.ns // length * length)
    bar = s.bars.get(kind)
    if bar is not None and bar.ts_event != start:
        yield _copy(bar, is_final=True, revision=1 if revised else 0)
        bar = None
    elif bar is not None and length > _MINUTE and s.ns >= s.due.get(kind, 0):
        yield _copy(bar, is_final=False, revision=None)
    if length > _MINUTE and s.ns >= s.due.get(kind, 0):
        s.due[kind] = (s.ns // _MINUTE + 1) * _MINUTE
    if bar is None:
        close = from_ns(s.ns // length * length + length)
        bar = Bar(symbol=s.symbol, ts_event=start, interval=interval, ts_close=close)
        bar.open = bar.high = bar.low = s.price
        bar.volume, bar.trade_count = Decimal(0), 0
        s.bars[kind] = bar
    assert bar.high is not None and bar.low is not None
    bar.high, bar.low = max(bar.high, s.price), min(bar.low, s.price)
    bar.close = bar.vwap = s.price
    if is_trade:
        bar.volume = (bar.volume or 0) + s.size
        bar.trade_count = (bar.trade_count or 0) + 1


def _copy(bar: Bar, *, is_final: bool, revision: int | None) -> Bar:
    names = ("symbol", "ts_event", "interval", "ts_close", "open", "high", "low", "close")
    row = Bar(**{name: getattr(bar, name) for name in names})
    row.volume, row.trade_count, row.vwap = bar.volume, bar.trade_count, bar.vwap
    row.is_final, row.revision = is_final, revision
    return row
