"""Events that the sender sent twice, told by the sender's own identity.

A trade with an id is known by symbol, provider, venue, id and day; any other event with a
sequence number by its stream, number and event time. Equal events without either are
genuine and stay. The deltas of one message share its number and are not judged. An event with
the identity of another that says something else is a warning: it is no copy, and one of the
two would be lost with it. A sequence number is something that it says where both came by one
channel; on another connection numbers begin anew.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from mdc_core.columns import Groups, valid
from mdc_core.plugin import Check, Finding, Options, integers
from mdc_validators.content import content_hashes
from mdc_validators.recent import Recent, text_hashes

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
DAY = 86_400_000_000_000
NO_NUMBER = -(2**63)
# What our host adds, numbers that begin anew with a connection, what every identity has in it;
# and ids, which are hashed by themselves.
APART = frozenset({"ts_recv", "channel", "seq", "type", "symbol", "provider", "trade_id"})


class DuplicateOptions(Options, frozen=True, kw_only=True):
    """How far back to look."""

    window: Annotated[
        int, Meta(description="how many of the last identities are remembered", ge=1)
    ] = 200_000


class Duplicate(Check):
    """Events that came twice, by trade id or sequence number."""

    Options = DuplicateOptions
    options: DuplicateOptions

    def __init__(self, options: DuplicateOptions) -> None:
        super().__init__(options)
        self._recent = Recent(options.window)

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        numbers, known = integers(batch, "seq")
        judged = known & ~self.groups.is_type(batch, "delta")
        moments, _ = integers(batch, "ts_event")
        # Even keys are streams, odd ones venues: they never meet.
        streams = self.groups.keys(batch, "symbol", "provider", "channel", "type", "interval")
        keys = streams * 2
        named, hashes = self._named(batch)
        if named is not None:
            judged |= named
            keys = np.where(
                named, self.groups.keys(batch, "symbol", "provider", "venue") * 2 + 1, keys
            )
            firsts = np.where(named, moments // DAY, numbers)
            seconds = np.where(named, hashes, moments)
        else:
            firsts, seconds = numbers, moments
        numbers = np.where(known, numbers, NO_NUMBER)
        rows = np.flatnonzero(judged)
        if not len(rows):
            return
        # Only ids tell trades apart: what is known by its number has no text to compare.
        texts = _where(named, batch.column("trade_id")) if named is not None else None
        groups: Groups | None = self.groups
        if len(rows) < len(judged):
            keys, firsts, seconds, hashes = keys[rows], firsts[rows], seconds[rows], hashes[rows]
            streams, numbers = streams[rows], numbers[rows]
            texts = None if texts is None else texts.take(rows)
            batch, groups = batch.take(rows), None
        contents = content_hashes(batch, APART, groups)
        contents += hashes.view(np.uint64)
        found = self._recent.add(keys, firsts, seconds, contents, texts, streams, numbers)
        for at, is_copy in found:
            row = int(rows[at])
            what = f"number {numbers[at]} again, of the same time"
            if named is not None and texts is not None and named[row]:
                what = f"trade {texts[at]} again"
            if is_copy:
                yield Finding(row, f"duplicate: {what}", "error")
            else:
                yield Finding(row, f"duplicate: {what}, but it says something else", "warning")

    def _named(self, batch: pa.RecordBatch) -> tuple[Bools | None, Int64s]:
        """Which rows are trades with an id, if any is, and the hashes of the ids, 0 for none."""
        index = batch.schema.get_field_index("trade_id")
        if index < 0 or batch.column(index).null_count == batch.num_rows:
            return None, np.zeros(batch.num_rows, np.int64)
        column = batch.column(index)
        known = valid(column)
        hashes, lengths = text_hashes(column)
        named = known & (lengths > 0) & self.groups.is_type(batch, "trade")
        return (named if named.any() else None), hashes.view(np.int64) * known


def _where(wanted: Bools, texts: "pa.Array[Any]") -> "pa.Array[Any]":
    """These texts alone; the others are null."""
    if len(texts) - texts.null_count == np.count_nonzero(wanted):
        return texts
    kept: pa.Array[Any] = pc.if_else(pa.array(wanted), texts, None)
    return kept
