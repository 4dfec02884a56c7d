"""Gaps, repeats and regressions of the sender's sequence numbers.

Only where the sender defines a sequence, that is, where `seq` is present. Numbers count
within a symbol of a channel, or within the channel where its provider declares so (such as
`zephyr-1/trade`). Numbers of a channel with a tilde (such as `polygon-1~trade`) are skipped by
the sender, so that a jump is no gap there. A late packet
does not lower what is expected next; a jump back of more than 10,000 is a restart of the
sender's counter. The deltas of one message share its number and are no repeats.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta

from mdc_core.columns import RunningMax
from mdc_core.plugin import Check, Finding, Options, integers

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

RESET = 10_000


class SequenceOptions(Options, frozen=True, kw_only=True):
    """How far the sender's sequence reaches."""

    scope: Annotated[
        Literal["auto", "symbol", "channel"],
        Meta(
            description="what has its own sequence: each symbol of a channel, the channel, "
            "or as the provider declares it"
        ),
    ] = "auto"


class Sequence(Check):
    """Gaps, repeats and regressions per symbol, provider and channel."""

    Options = SequenceOptions
    options: SequenceOptions

    def __init__(self, options: SequenceOptions) -> None:
        super().__init__(options)
        self._highest = RunningMax()

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        numbers, known = integers(batch, "seq")
        rows = np.flatnonzero(known)
        if not len(rows):
            return []
        keys = self._keys(batch)
        if len(rows) < len(keys):
            keys, numbers = keys[rows], numbers[rows]
        before, seen = self._highest(keys, numbers)
        # The second condition is for before + 1 beyond int64.
        odd = np.flatnonzero(seen & ((numbers != before + 1) | (numbers < before)))
        sparse = self._sparse(batch)[rows]
        odd = odd[~sparse[odd] | (numbers[odd] <= before[odd])]
        if not len(odd):
            return []
        delta = self.groups.is_type(batch, "delta")[rows]
        high, low = before[odd], numbers[odd]
        # As unsigned numbers the differences cannot overflow.
        far = (high > low) & ((high - low).view(np.uint64) > RESET)
        restarted = np.unique(keys[odd[far]])
        findings: list[Finding] = []
        for at in odd[~np.isin(keys[odd], restarted)].tolist():
            if not (delta[at] and numbers[at] == before[at]):
                findings.append(_finding(int(rows[at]), int(before[at]), int(numbers[at])))
        for key in restarted.tolist():
            places = np.flatnonzero(keys == key)
            first = int(before[places[0]]) if seen[places[0]] else None
            skips = bool(sparse[places[0]])
            run = zip(
                rows[places].tolist(),
                numbers[places].tolist(),
                delta[places].tolist(),
                strict=True,
            )
            findings += self._one_by_one(key, first, run, skips)
        return findings

    def _sparse(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.bool_]":
        """The rows whose sender skips numbers."""
        codes, words = self.groups.codes(batch, "channel")
        return np.array(["~" in (word or "") for word in words], np.bool_)[codes]

    def _keys(self, batch: "pa.RecordBatch") -> "npt.NDArray[np.int64]":
        """What each row's number counts in; a channel with a slash counts by itself."""
        scope, groups = self.options.scope, self.groups
        if scope == "channel":
            return groups.keys(batch, "provider", "channel")
        symbols = groups.keys(batch, "symbol", "provider", "channel") * 2
        if scope == "symbol":
            return symbols
        codes, words = groups.codes(batch, "channel")
        own = np.array(["/" in (word or "") for word in words])[codes]
        if not own.any():
            return symbols
        return np.where(own, groups.keys(batch, "provider", "channel") * 2 + 1, symbols)

    def _one_by_one(
        self, key: int, highest: int | None, run: Iterable[tuple[int, int, bool]], skips: bool
    ) -> Iterator[Finding]:
        """A stream whose counter starts again somewhere in this batch."""
        for row, number, delta in run:
            if highest is not None and number != highest + 1:
                if not ((delta and number == highest) or (skips and number > highest)):
                    yield _finding(row, highest, number)
                if number >= highest - RESET:
                    number = max(number, highest)
            highest = number
        if highest is not None:
            self._highest.restart(key, highest)


def _finding(row: int, before: int, number: int) -> Finding:
    if number > before:
        missing = number - before - 1
        return Finding(row, f"gap: {missing} missing between {before} and {number}")
    if number == before:
        return Finding(row, f"repeat: {number} again")
    if number < before - RESET:
        return Finding(row, f"reset: {number} after {before}", "info")
    return Finding(row, f"regression: {number} after {before}")
