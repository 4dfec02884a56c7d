"""Events that claim to happen after they were received.

Receive clocks lie too, and rows may carry none: the finding is a warning, and only where
both times are present.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from mdc_core.plugin import (
    Check,
    Finding,
    Options,
    Span,
    integers,
    parse_span,
    plain,
)

if TYPE_CHECKING:
    import pyarrow as pa


class FutureOptions(Options, frozen=True, kw_only=True):
    """How far clocks may differ."""

    tolerance: Annotated[
        Span, Meta(description="how far an event may be ahead of the receive clock")
    ] = parse_span("5s")


class Future(Check):
    """Event times ahead of the receive clock."""

    Options = FutureOptions
    options: FutureOptions

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        moments, known = integers(batch, "ts_event")
        received, heard = integers(batch, "ts_recv")
        # As unsigned numbers the differences cannot overflow.
        ahead = (moments - received).view(np.uint64)
        early = known & heard & (moments > received) & (ahead > self.options.tolerance)
        return [
            Finding(row, f"{plain(int(ahead[row]), 9)} s ahead of the receive clock")
            for row in np.flatnonzero(early).tolist()
        ]
