"""The hour that a wall clock shows twice: which rows are of its first pass, which of its second.

Rows stand in order of time. Where the clock goes back once from one row to the next, those
before it are of the first pass, and those behind it of the second. Where it does not, nothing
tells which is meant, and the rows are set aside.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mdc_core.plugin import BadRow, from_ns
from mdc_exporters.lean.clock import DAY, SECOND
from mdc_exporters.lean.text import Block, Column

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
SetAside = Callable[[BadRow], None]


class Piece(NamedTuple):
    """Some rows of a file: when they are by the wall clock, and which times it shows twice."""

    block: Block
    wall: Int64s
    twice: Bools | None
    columns: dict[str, Column]

    def without(self, rows: Bools) -> "Piece":
        """The other rows."""
        mask: Any = pa.array(~rows)
        columns = {name: column.filter(mask) for name, column in self.columns.items()}
        return self._replace(wall=self.wall[~rows], columns=columns)


def told_apart(
    pieces: Iterator[Piece], zone: str, is_bar: bool, set_aside: SetAside
) -> Iterator[tuple[Piece, Bools | None]]:
    """The pieces, each with what of it is of a second pass (None: nothing)."""
    waiting: list[Piece] = []
    for piece in pieces:
        if not waiting and (piece.twice is None or not piece.twice.any()):
            yield piece, None
            continue
        waiting.append(piece)
        if piece.twice is None or not piece.twice[-1]:
            yield from _settled(waiting, zone, is_bar, set_aside)
            waiting = []
    yield from _settled(waiting, zone, is_bar, set_aside)


def _settled(
    pieces: list[Piece], zone: str, is_bar: bool, set_aside: SetAside
) -> Iterator[tuple[Piece, Bools]]:
    """Successive pieces, the last of which does not end in such an hour, told apart."""
    if not pieces:
        return
    never = (np.zeros(len(p.wall), np.bool_) if p.twice is None else p.twice for p in pieces)
    again, open_ = _passes(
        np.concatenate([p.wall for p in pieces]), np.concatenate([*never]), is_bar
    )
    start = 0
    for piece in pieces:
        rows = slice(start, start + len(piece.wall))
        start = rows.stop
        if open_[rows].any():
            for bad in _bad_rows(piece, open_[rows], zone):
                set_aside(bad)
        left = piece.without(open_[rows])
        if len(left.wall):
            yield left, again[rows][~open_[rows]]


def _passes(wall: Int64s, twice: Bools, is_bar: bool) -> tuple[Bools, Bools]:
    """Which rows are of a second pass, and of which it cannot be told."""
    again, open_ = np.zeros(len(wall), np.bool_), twice.copy()
    steps = np.diff(wall)
    # Two bars are never of one time; ticks may stand a little out of order.
    back = steps <= (0 if is_bar else -SECOND)
    ends = np.flatnonzero((np.diff(twice.astype(np.int8)) != 0) | (np.abs(steps) > DAY)) + 1
    for first, last in zip([0, *ends], [*ends, len(wall)], strict=True):
        found = np.flatnonzero(back[first : last - 1])
        if twice[first] and len(found) == 1:
            again[first + found[0] + 1 : last] = True
            open_[first:last] = False
    return again, open_


def _bad_rows(piece: Piece, rows: Bools, zone: str) -> Iterator[BadRow]:
    numbered = list(piece.block.lines())
    for at in np.flatnonzero(rows):
        number, line = numbered[at]
        shown = clock_text(piece.wall[at])
        reason = f"{shown} comes twice in {zone}, and the order of the rows does not tell which"
        yield BadRow(line, f"{piece.block.place} line {number}", reason)


def clock_text(wall: np.int64) -> str:
    """What a wall clock shows."""
    return from_ns(int(wall))[:19].replace("T", " ")
