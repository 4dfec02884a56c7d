"""Whose events of equal time come first: compaction leaves that as it is.

Events of one symbol, type and period that happened at the same moment come in the order of the
names of their files. Parts that are merged get another name, and those that are not merged with
them (of another format, in another tier, still growing) keep theirs: where some of both are of one
moment, and the new name stands elsewhere, the parts are left as they are.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.read.snapshot import pieces
from mdc_core.archive.row_time import row_time
from mdc_core.archive.write.archive import Archive
from mdc_core.batch import Int64s

_Key = tuple[str | None, str, str, str]
_Parts = dict[tuple[str, str], PartRow]


class OrderOfTies:
    """The parts there are, and the names that some are about to have."""

    def __init__(self, archive: Archive, parts: Iterable[PartRow]) -> None:
        self._archive = archive
        self._beside: dict[_Key, _Parts] = {}
        self._coming: dict[tuple[str, str], set[str]] = {}
        self.replace((), parts)

    def replace(self, old: Iterable[PartRow], new: Iterable[PartRow]) -> None:
        """Some parts have become others."""
        for part in old:
            for key in _keys(part):
                self._beside[key].pop(part.key, None)
        for part in new:
            for key in _keys(part):
                self._beside.setdefault(key, {})[part.key] = part

    def plan(self, parts: Iterable[PartRow], paths: Sequence[str]) -> None:
        """These parts are about to become files of such paths, or may still stay."""
        for part in parts:
            self._coming[part.key] = {_name(path) for path in paths}

    def settle(self) -> None:
        """What was planned is done, or given up."""
        self._coming.clear()

    def tie(
        self, parts: Sequence[PartRow], paths: Sequence[str], moving: Iterable[PartRow] = ()
    ) -> PartRow | None:
        """A part whose events would change places with some of these, if they had such paths.

        What is `moving` as well is none.
        """
        inside = {part.key for part in (*parts, *moving)}
        names = [_name(path) for path in paths]
        for part in parts:
            for other in self._near(part):
                if other.key in inside:
                    continue
                known = {other.file_name, *self._coming.get(other.key, ())}
                before = {part.file_name < name for name in known}
                after = {new < name for name in known for new in names}
                if len(before | after) > 1 and self._meet(part, other):
                    return other
        return None

    def _near(self, part: PartRow) -> Iterator[PartRow]:
        """The parts that have something of the same symbols, and of the same time."""
        found: _Parts = {}
        for key in _keys(part):
            found |= self._beside.get(key, {})
        for other in found.values():
            if other.begins <= part.ends and part.begins <= other.ends:
                yield other

    def _meet(self, part: PartRow, other: PartRow) -> bool:
        """Whether some events of both are of one moment."""
        start, end = max(part.begins, other.begins), min(part.ends, other.ends)
        theirs = self._moments(other, start, end)
        return bool(np.isin(self._moments(part, start, end), theirs).any())

    def _moments(self, part: PartRow, start: int, end: int) -> Int64s:
        found = [np.zeros(0, np.int64)]
        for piece in pieces(self._archive, part):
            if piece.start <= end and piece.stop > start:
                moments = map(row_time, piece.batches())
                found += [np.unique(m[(m >= start) & (m <= end)]) for m in moments]
        return np.unique(np.concatenate(found))


def _keys(part: PartRow) -> Iterator[_Key]:
    for symbol in part.symbols:
        yield symbol, part.type_name, part.period, part.layout


def _name(path: str) -> str:
    return path.rpartition("/")[2]
