"""Bytes that have come and wait to be read, in one place that is used again and again."""

import numpy as np
import numpy.typing as npt

from mdc_core.errors import TruncatedError
from mdc_core.wire.sniff import CHUNK, Peeked

GATHER_BYTES = 8 << 20
_FIRST = 2 * CHUNK
_LEAST = 64 << 10  # that are read at once
_USUAL = GATHER_BYTES + CHUNK


class Block:
    """The next bytes of a file: pages that were written once need not be asked for again."""

    def __init__(self, peeked: Peeked) -> None:
        self._peeked = peeked
        self._space: npt.NDArray[np.uint8] = np.empty(_FIRST, np.uint8)
        self._size = 0
        self.damage: TruncatedError | None = None  # where the file breaks off, behind the bytes

    @property
    def data(self) -> memoryview:
        """What is there; of use until some of it is dropped."""
        return self._space.data[: self._size]

    def fill(self, needed: int) -> bool:
        """Read so many bytes at least and all that is there; false where the file ends before."""
        try:
            while self._size < needed or (self._size < GATHER_BYTES and self._peeked.waiting()):
                self._make_room(needed)
                got = self._peeked.read_into(self._space.data[self._size :])
                if not got:
                    break
                self._size += got
        except TruncatedError as error:
            self.damage = error
        return self._size >= needed

    def _make_room(self, needed: int) -> None:
        least = max(needed, self._size + _LEAST)
        if least > len(self._space):
            self._move(0, max(least, min(4 * len(self._space), _USUAL)))

    def drop(self, size: int, *, lent: bool) -> None:
        """Leave out the first bytes; with `lent`, somebody may still look at them."""
        if lent:
            self._move(size, max(self._size - size, min(len(self._space), _USUAL)))
        else:
            self._space[: self._size - size] = self._space[size : self._size]
        self._size -= size

    def _move(self, first: int, room: int) -> None:
        before, self._space = self._space, np.empty(room, np.uint8)
        self._space[: self._size - first] = before[first : self._size]
