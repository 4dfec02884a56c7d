"""Prices that cannot be: zero, negative, too large, or far away from the last good one.

The last good price is kept for trades, bids, asks and bar closes by themselves, per symbol,
provider and channel. A price far away from it is a finding and does not become the last
good one, unless the third in a row agrees with the two before: then the level has changed.

Spreads, power, rates and oil have traded at zero and below it: `negative` names such symbols,
for which only what is absurd is a finding, on either side of zero.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

from mdc_core.columns import GroupRuns, decimals
from mdc_core.plugin import Check, Finding, Options, plain

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

FIELDS = (
    ("trade", "price", True),
    ("quote", "bid_price", True),
    ("quote", "ask_price", True),
    ("bar", "open", False),
    ("bar", "high", False),
    ("bar", "low", False),
    ("bar", "close", True),
    ("funding", "mark_price", True),
    ("funding", "index_price", True),
    ("liquidation", "price", False),
)
AGREEING = 3
UNIT = 10**18


class PriceOptions(Options, frozen=True, kw_only=True):
    """What is too large, and what too far away."""

    max_price: Annotated[Decimal, Meta(description="a price above this is absurd")] = Decimal(
        10_000_000
    )
    max_deviation: Annotated[
        float | None,
        Meta(description="percent by which a price may differ from the last good one"),
    ] = 50.0
    negative: Annotated[
        tuple[str, ...],
        Meta(description="symbols whose prices may be zero or negative; * for all"),
    ] = ()


class Price(Check):
    """Zero, negative and absurd prices."""

    Options = PriceOptions
    options: PriceOptions

    def __init__(self, options: PriceOptions) -> None:
        super().__init__(options)
        self._limit = int(options.max_price * UNIT)
        self._negative = set(options.negative)
        share = options.max_deviation
        self._levels = {
            name: _Levels(share / 100) for _, name, level in FIELDS if level and share is not None
        }

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        _, present = self.groups.codes(batch, "type")
        for type_name, name, _ in FIELDS:
            if type_name in present and name in batch.schema.names:
                yield from self._field(batch, type_name, name)

    def _field(self, batch: "pa.RecordBatch", type_name: str, name: str) -> Iterator[Finding]:
        high, low, known = decimals(batch, name)
        rows = np.flatnonzero(known & self.groups.is_type(batch, type_name))
        if not len(rows):
            return
        high, low = high[rows], low[rows]
        may_be_negative = self._legal(batch)[rows]
        above = _at_least(high, low, 1)
        above[may_be_negative] = _at_least(high, low, -self._limit)[may_be_negative]
        good = above & ~_at_least(high, low, self._limit + 1)
        for at in np.flatnonzero(~good).tolist():
            value = (int(high[at]) << 64) + int(low[at])
            yield self._wrong(int(rows[at]), type_name, name, value)
        if name in self._levels:
            good &= ~may_be_negative  # how far is a matter of ratios
            if not good.all():
                rows, high, low = rows[good], high[good], low[good]
            prices = (high * 2.0**64 + low) / UNIT
            keys = self.groups.keys(batch, "symbol", "provider", "channel")[rows]
            for at, last in self._levels[name](keys, prices):
                yield _far(int(rows[at]), name, float(prices[at]), last)

    def _legal(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.bool_]":
        """The rows whose prices may be zero or negative."""
        if not self._negative or "*" in self._negative:
            return np.full(batch.num_rows, bool(self._negative))
        codes, symbols = self.groups.codes(batch, "symbol")
        legal = np.array([symbol in self._negative for symbol in symbols], np.bool_)
        return legal[codes]

    def _wrong(self, row: int, type_name: str, name: str, value: int) -> Finding:
        if value > self._limit:
            limit = plain(self._limit)
            return Finding(row, f"{name} {plain(value)} is absurd: over {limit}", "warning")
        if value < -self._limit and self._negative:
            limit = plain(-self._limit)
            return Finding(row, f"{name} {plain(value)} is absurd: below {limit}", "warning")
        if value < 0:
            return Finding(row, f"{name} {plain(value)} is negative", "error")
        # Some feeds write zero for the side that nobody quotes.
        return Finding(row, f"{name} is zero", "warning" if type_name == "quote" else "error")


def _at_least(high: Any, low: Any, value: int) -> "npt.NDArray[np.bool_]":
    """Where numbers of two words are not below a value."""
    top, rest = value >> 64, np.uint64(value & (2**64 - 1))
    found: npt.NDArray[np.bool_] = (high > top) | ((high == top) & (low >= rest))
    return found


def _far(row: int, name: str, price: float, last: float) -> Finding:
    percent = abs(price - last) / last * 100
    share = f"{percent:.3g}" if percent < 1000 else f"{percent:.0f}"
    return Finding(row, f"{name} {price:.12g} is {share} % away from the last good {last:.12g}")


class _Levels:
    """The last good price of each key. A judgement by ratio, hence in floats."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._last = np.zeros(0)
        # Price and number of the strangers that came last, for keys that had some.
        self._strangers: dict[int, tuple[float, int]] = {}

    def __call__(self, keys: Any, prices: Any) -> list[tuple[int, float]]:
        """Places of prices far away, with the good price before them."""
        if not len(keys):
            return []
        runs = GroupRuns(keys)
        self._make_room(runs.room)
        ordered = prices[runs.order]
        before = np.empty_like(ordered)
        before[1:] = ordered[:-1]
        before[runs.starts] = self._last[runs.keys]
        self._last[runs.keys] = ordered[runs.ends - 1]
        strange = np.abs(ordered - before) > self._share * before
        if not strange.any() and not self._strangers:
            return []
        touched = np.logical_or.reduceat(strange, runs.starts)
        touched |= np.isin(runs.keys, list(self._strangers))
        found: list[tuple[int, float]] = []
        for run in np.flatnonzero(touched).tolist():
            start, end = runs.starts[run], runs.ends[run]
            places = runs.order[start:end].tolist()
            values = ordered[start:end].tolist()
            found += self._one_by_one(int(runs.keys[run]), float(before[start]), places, values)
        return found

    def _make_room(self, room: int) -> None:
        if room > len(self._last):
            # NaN is near to everything: the first price of a key is good.
            more = np.full(max(room, 2 * len(self._last)) - len(self._last), np.nan)
            self._last = np.concatenate((self._last, more))

    def _one_by_one(
        self, key: int, last: float, places: list[int], prices: list[float]
    ) -> Iterator[tuple[int, float]]:
        stranger, count = self._strangers.pop(key, (np.nan, 0))
        for place, price in zip(places, prices, strict=True):
            if abs(price - last) > self._share * last:
                agrees = count and abs(price - stranger) <= self._share * stranger
                stranger, count = price, count + 1 if agrees else 1
                if count < AGREEING:
                    yield place, last
                    continue
            last, count = price, 0
        self._last[key] = last
        if count:
            self._strangers[key] = (stranger, count)
