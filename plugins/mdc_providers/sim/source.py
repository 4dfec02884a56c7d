"""A simulated market: seeded, realistic in shape, and the same for the same seed.

Prices walk on a grid of cents, driven by one common factor and one of each symbol's own.
Trading is heaviest at the open and the close of a session of 6.5 hours that begins at
`start` and again on every weekday after it. A trade is made at the bid or the offer and is
followed by a quote; `delta` events are the changes of a book of price levels whose best
levels are the quotes.

Events have no venue, for there is none, and no receive time, for nothing is received.
`seq` counts the events of a symbol from 1.
"""

import copy
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta

from mdc_core.plugin import (
    Delta,
    Event,
    Moment,
    Options,
    Quote,
    Source,
    Subscription,
    Trade,
    UsageError,
    from_ns,
    to_ns,
)
from mdc_providers.sim.defects import Defects, parse_defects
from mdc_providers.sim.market import Clock, Market

_BATCH = 256
_LATE = 2_000_000_000  # nanoseconds
# What `*` stands for.
_ALL = ("SPY", "QQQ", "AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "IBM", "XOM", "JPM")


class SimOptions(Options, frozen=True, kw_only=True):
    """The market's seed, time and density, and its planted defects."""

    seed: Annotated[int, Meta(description="another seed, another market")] = 1
    start: Annotated[Moment, Meta(description="when the first session opens")] = to_ns(
        "2024-01-02T14:30:00Z"
    )
    rate: Annotated[
        float,
        Meta(gt=0, description="mean number of events in a simulated second, all symbols together"),
    ] = 1_000.0
    defects: Annotated[
        str,
        Meta(
            description="what to plant: gap=3,duplicate=2,crossed=5,late=4,bad=1",
            extra={"was": ("faults",)},
        ),
    ] = ""
    defect_window: Annotated[
        int,
        Meta(
            description="the number of first events over which the defects are spread",
            extra={"was": ("fault_window",)},
        ),
    ] = 10_000


class Sim(Source):
    """A simulated market: seeded, realistic in shape, and the same for the same seed."""

    Options = SimOptions
    vendor = "mdc"
    assets = ("equity",)
    notes = ("Nothing in it has happened: the market is made of its seed.",)
    channels = ("trade", "quote", "delta")
    default_channels = ("trade", "quote")
    simulated = True

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        self._channels = subscription.channels or self.default_channels
        symbols = itertools.chain.from_iterable(
            _ALL if symbol == "*" else (symbol,) for symbol in subscription.symbols
        )
        counts = parse_defects(options.defects)
        _refuse_nonsense(subscription, self._channels, options, counts)
        rng = random.Random(f"{options.seed}/clock")
        clock = Clock(options.start, options.rate, rng)
        self._market = Market(dict.fromkeys(symbols), self._channels, options.seed, clock)
        rng = random.Random(f"{options.seed}/faults")
        self._defects = Defects(counts, options.defect_window, rng)
        self._too_high = itertools.cycle((False, True))

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """Any will do."""
        return "SPY"

    def events(self) -> Iterator[Sequence[Event]]:
        """The events of the market in small lists, in time order but for the late ones."""
        stream = self._faulty(self._market.events())
        while True:
            yield list(itertools.islice(stream, _BATCH))

    def _faulty(self, market: Iterator[Event]) -> Iterator[Event]:
        """The market's events, with the defects in the first of them."""
        last: dict[str | None, dict[type, str | None]] = {}
        for place in itertools.count():
            if not self._defects.remaining:
                break
            event = next(market)
            times = last.setdefault(event.symbol, {})
            defect = None
            if place >= self._defects.next:
                defect = self._defects.due(place, self._suited(event, times))
            if defect is not None:
                self._spoil(event, defect, times)
            if defect == "late":
                # The next late one waits until its stream is in time again.
                times.clear()
            else:
                times[type(event)] = event.ts_event
            yield event
            if defect == "duplicate":
                yield copy.copy(event)
        yield from market

    def _suited(self, event: Event, times: Mapping[type, str | None]) -> Sequence[str]:
        """The defects that this event can have, each of which a check can find."""
        kinds = ["gap"] if (event.seq or 0) > 1 else []
        if type(event) not in times:
            return kinds
        kinds.append("late")
        if isinstance(event, Quote):
            kinds.append("crossed")
        if isinstance(event, Trade) or "trade" not in self._channels:
            kinds += ["duplicate", "bad"]
        return kinds

    def _spoil(self, event: Event, defect: str, times: Mapping[type, str | None]) -> None:
        match defect:
            case "gap":
                stock = self._market.stocks[event.symbol or ""]
                stock.seq += 3
                event.seq = stock.seq
            case "late":
                event.ts_event = from_ns(to_ns(times[type(event)] or "") - _LATE)
            case "crossed" if isinstance(event, Quote):
                event.bid_price, event.ask_price = event.ask_price, event.bid_price
            case "bad" if isinstance(event, Trade | Delta):
                event.price = self._bad(event.price)
            case "bad" if isinstance(event, Quote):
                event.bid_price = Decimal(0)

    def _bad(self, price: Decimal | None) -> Decimal:
        return (price or Decimal(1)) * 1000 if next(self._too_high) else Decimal(0)


def _refuse_nonsense(
    subscription: Subscription, channels: Sequence[str], options: Any, counts: dict[str, int]
) -> None:
    if not subscription.symbols:
        raise UsageError("sim: no symbols", hint="name some, or say '*' for ten")
    for channel in channels:
        if channel not in Sim.channels:
            raise UsageError(
                f"sim has no channel {channel!r}", hint=f"it has {', '.join(Sim.channels)}"
            )
    if counts.get("crossed") and "quote" not in channels:
        raise UsageError("crossed quotes need the channel quote")
