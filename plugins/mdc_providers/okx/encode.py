"""Our events as OKX's objects, for its mock server: bars, and what there is of derivatives."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from mdc_core.plugin import Bar, Event, Funding, Liquidation, OpenInterest, to_ns
from mdc_providers.okx.decode import BARS
from mdc_providers.okx.requests import LIQUIDATIONS, key_of


class Told(NamedTuple):
    """An object of a channel; `name` is the instrument, or type of instruments, asked for."""

    channel: str
    name: str
    item: Any


def told_of(event: Event) -> Iterator[Told]:
    """What the channels say of an event; nothing where it lacks what they always say."""
    symbol, time = event.symbol or "", ms(event.ts_event)
    _, kind = key_of((LIQUIDATIONS, symbol))
    head = {"instType": kind, "instId": symbol}
    match event:
        case Bar() if event.interval in BARS:
            yield Told(f"candle{BARS[event.interval or '']}", symbol, _candle(event, time))
        case Funding():
            if event.funding_rate is not None:
                due = ms(event.next_funding) if event.next_funding else time
                rate = {"fundingRate": f"{event.funding_rate:f}", "fundingTime": due, "ts": time}
                yield Told("funding-rate", symbol, {**head, **rate})
            if event.mark_price is not None:
                mark = {"markPx": f"{event.mark_price:f}", "ts": time}
                yield Told("mark-price", symbol, {**head, **mark})
        case OpenInterest() if event.open_interest is not None:
            found = {**head, "oi": f"{event.open_interest:f}", "ts": time}
            if event.notional is not None:
                found["oiUsd"] = f"{event.notional:f}"
            yield Told("open-interest", symbol, found)
        case Liquidation() if event.side and event.price is not None and event.size is not None:
            detail = {"side": event.side, "bkPx": f"{event.price:f}", "sz": f"{event.size:f}"}
            item = {**head, "details": [{**detail, "ts": time}]}
            yield Told(LIQUIDATIONS, kind, item)


def ms(time: str | None) -> str:
    """A time in milliseconds, as text."""
    return str(to_ns(time or "") // 1_000_000)


def _candle(e: Bar, time: str) -> list[str]:
    prices = [f"{price or Decimal(0):f}" for price in (e.open, e.high, e.low, e.close)]
    volume = f"{e.volume or Decimal(0):f}"
    return [time, *prices, volume, volume, volume, "1" if e.is_final else "0"]
