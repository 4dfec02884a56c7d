"""Events about the data that break books off: gaps, and connections that go down."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, int64_array, integers
from mdc_core.concerned import Concerned
from mdc_core.events import CONTROL_TYPES
from mdc_core.grouped import Groups
from mdc_core.orderbook.intervals import connection_of
from mdc_core.orderbook.levels import OrderBook

_BREAKS = ("gap", "connection")
_NAMES = ("type", "symbol", "provider", "channel", "reason", "state", "extra")
_ABOUT_DATA = (*_BREAKS, "integrity", *CONTROL_TYPES)


class BookBreak(NamedTuple):
    """A row behind which some books are not known; of absent names, those of all."""

    batch: pa.RecordBatch
    row: int
    what: str
    concerned: Concerned
    provider: str | None
    channel: str | None
    received: int | None
    is_disconnect: bool

    def hits(self, book: OrderBook) -> bool:
        """Whether a book is among those that are broken off.

        A channel of a connection, such as its trades, has nothing to do with another. A snapshot
        that came later, as an archive in the order of event time may have it, is not touched.
        A disconnect is told of the next connection: by that the channels of a vendor's library go
        on, while those of a codec begin anew under another name.
        """
        if self.received is not None and book.since is not None and self.received < book.since:
            return False
        symbol, provider, channel = book.name
        if not self.concerned.has(symbol):
            return False
        if self.provider is not None and provider != self.provider:
            return False
        connection = connection_of(channel)
        if self.channel in (None, channel, connection):
            return True
        return self.is_disconnect and not _is_numbered(connection, provider)


class MarketRows(NamedTuple):
    """Rows about the market, and their places in the whole batch."""

    batch: pa.RecordBatch
    rows: Int64s


def stretches(batch: pa.RecordBatch, groups: Groups) -> Iterator[MarketRows | BookBreak]:
    """What is in a batch, in order; of events about the data those that break books off."""
    codes, words = groups.codes(batch, "type")
    every = np.arange(len(codes))
    if not set(words).intersection(_ABOUT_DATA):
        yield MarketRows(batch, every)
        return
    about = np.isin(codes, [n for n, word in enumerate(words) if word in _ABOUT_DATA])
    cuts = np.flatnonzero(np.isin(codes, [n for n, word in enumerate(words) if word in _BREAKS]))
    start = 0
    for cut in [*cuts.tolist(), len(codes)]:
        rows = every[start:cut][~about[start:cut]]
        if len(rows):
            yield MarketRows(batch.take(int64_array(rows)), rows)
        if cut < len(codes):
            found = _break(batch, cut)
            if found is not None:
                yield found
        start = cut + 1


def _break(batch: pa.RecordBatch, row: int) -> BookBreak | None:
    """What a gap, or a connection that goes down, breaks off."""
    names = [name for name in _NAMES if name in batch.schema.names]
    event = batch.select(names).slice(row, 1).to_pylist()[0]
    symbol, extra, reason = event.get("symbol"), None, event.get("reason")
    if event["type"] == "connection":
        if event.get("state") != "down":
            return None
        what = f"connection down{f' ({reason})' if reason else ''}"
    else:
        what = f"gap{f' ({reason})' if reason else ''}"
        extra = event.get("extra")
    moments, known = integers(batch.slice(row, 1), "ts_recv")
    received = int(moments[0]) if known[0] else None
    concerned = Concerned.of(symbol, extra)
    provider, channel = event.get("provider"), event.get("channel")
    lost = event["type"] == "gap" and reason == "disconnect"
    return BookBreak(batch, row, what, concerned, provider, channel, received, lost)


def _is_numbered(connection: str | None, provider: str | None) -> bool:
    """Whether a connection has the name that a feed gives it, such as `kraken-2` or `okx-1.3`."""
    name = rf"{re.escape(provider or '')}-\d+(\.\d+)?"
    return connection is not None and re.fullmatch(name, connection) is not None
