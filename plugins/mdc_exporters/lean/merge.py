"""Rows of many files as one stream in order of time, holding only what overlaps."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]

FAN_IN = 16
STEP_ROWS = 2_048  # in each step of a merge
BATCH_ROWS = 8_192
_NOTHING = pa.RecordBatch.from_pylist([])


class Rows(NamedTuple):
    """A batch, and what its rows are merged by, which never goes down."""

    keys: Int64s
    batch: pa.RecordBatch


class Source(NamedTuple):
    """Rows that are not read before their time: no key is below `start`."""

    start: int
    rows: Iterator[Rows]


def merge(sources: Sequence[Source]) -> Iterator[pa.RecordBatch]:
    """One stream; equal keys come in order of the sources, which are in order of `start`."""
    # A tree: with thousands of files at once, a flat merge would touch each at every step.
    while len(sources) > FAN_IN:
        groups = [sources[i : i + FAN_IN] for i in range(0, len(sources), FAN_IN)]
        sources = [Source(group[0].start, _gathered(_merged(group), STEP_ROWS)) for group in groups]
    for rows in _gathered(_merged(sources), BATCH_ROWS):
        for first in range(0, len(rows.keys), 2 * BATCH_ROWS):
            yield rows.batch.slice(first, 2 * BATCH_ROWS)


class _Head:
    """The rows of a source that have been read and not yet given out."""

    keys: Int64s
    batch: pa.RecordBatch

    def __init__(self, source: Source) -> None:
        self._source = source.rows

    def fill(self) -> bool:
        """Read on; whether there was anything."""
        self.keys, self.batch = next(self._source, Rows(np.zeros(0, np.int64), _NOTHING))
        return len(self.keys) > 0

    def take(self, horizon: int, *, equal: bool) -> Rows:
        """The rows below a key, or up to it."""
        cut = int(self.keys.searchsorted(horizon, side="right" if equal else "left"))
        taken = Rows(self.keys[:cut], self.batch.slice(0, cut))
        self.keys, self.batch = self.keys[cut:], self.batch.slice(cut)
        return taken


def _merged(sources: Sequence[Source]) -> Iterator[Rows]:
    waiting = deque(sources)
    heads: list[_Head] = []
    while waiting or heads:
        # Small steps: what has been merged here waits, as a copy, for its turn above.
        step = STEP_ROWS // max(len(heads), 1)
        horizon = min((int(head.keys[:step][-1]) for head in heads), default=None)
        if horizon is None or (waiting and waiting[0].start <= horizon):
            head = _Head(waiting.popleft())
            if head.fill():
                heads.append(head)
            continue
        # Up to here everything is in hand, except equal keys of a source that ends here
        # (they come next) and so those of the sources behind it.
        ends = [i for i, head in enumerate(heads) if head.keys[-1] == horizon]
        ending = ends[0] if ends else len(heads)
        yield _joined([head.take(horizon, equal=i <= ending) for i, head in enumerate(heads)])
        if ends and not heads[ending].fill():
            del heads[ending]


def _gathered(stream: Iterable[Rows], enough: int) -> Iterator[Rows]:
    """The same rows in batches that are worth the work on them."""
    pieces: list[Rows] = []
    count = 0
    for rows in stream:
        pieces.append(rows)
        count += len(rows.keys)
        if count >= enough:
            rows, pieces, count = _joined(pieces), [], 0
            yield rows
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[Rows]) -> Rows:
    """Pieces as one, sorted by key; equal keys stay in order."""
    pieces = [piece for piece in pieces if len(piece.keys)]
    if len(pieces) == 1:
        return pieces[0]
    keys = np.concatenate([piece.keys for piece in pieces])
    batches = [piece.batch for piece in pieces]
    schema = batches[0].schema
    batch = pa.RecordBatch.from_arrays(
        [pa.concat_arrays([b.column(i) for b in batches]) for i in range(len(schema))],
        schema=schema,
    )
    if np.all(keys[1:] >= keys[:-1]):
        return Rows(keys, batch)
    order: Int64s = np.argsort(keys, kind="stable")
    return Rows(keys[order], batch.take(order))
