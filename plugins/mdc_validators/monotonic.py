"""Event times that go back within their own stream.

A stream is what one provider sends of one symbol and one event type by one channel. A
late row does not lower the mark: all rows are held against the latest time so far.
Restated bars come late by their nature and are not judged.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from mdc_core.columns import RunningMax
from mdc_core.plugin import Check, Finding, Options, Span, integers, parse_span, plain

if TYPE_CHECKING:
    import pyarrow as pa


class MonotonicOptions(Options, frozen=True, kw_only=True):
    """How far a time may go back."""

    tolerance: Annotated[
        Span, Meta(description="how far an event time may go back without a finding")
    ] = parse_span("100ms")


class Monotonic(Check):
    """Event times that go back against the same stream."""

    Options = MonotonicOptions
    options: MonotonicOptions

    def __init__(self, options: MonotonicOptions) -> None:
        super().__init__(options)
        self._tolerance = options.tolerance
        self._highest = RunningMax()

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        moments, known = integers(batch, "ts_event")
        revisions, _ = integers(batch, "revision")
        rows = np.flatnonzero(known & (revisions == 0))
        keys = self.groups.keys(batch, "symbol", "provider", "channel", "type", "interval")
        if len(rows) < len(keys):
            keys, moments = keys[rows], moments[rows]
        before, seen = self._highest(keys, moments)
        # As unsigned numbers the differences cannot overflow.
        back = (before - moments).view(np.uint64)
        late = np.flatnonzero(seen & (moments < before) & (back > self._tolerance))
        return [
            Finding(int(rows[at]), f"event time goes back by {plain(int(back[at]), 9)} s")
            for at in late.tolist()
        ]
