"""What is asked for and not there, and what there is instead.

The catalog is asked whether it has the symbols that are named. Everything else is looked up only
where that, or what was read, shows that something is missing.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.row_time import NO_TIME, row_time
from mdc_core.errors import NothingFoundError
from mdc_core.events import CONTROL_TYPES
from mdc_core.suggest import known, near, question
from mdc_core.times import DAY, SECOND, from_ns

if TYPE_CHECKING:
    from mdc_core.archive.read.summary import PartGroup

COMPARED = 5_000  # symbols that a name is compared with; of more, those that begin like it
FEW = 12  # symbols that are listed
NAMED = 3  # of several of one kind

Place = Path | str


class Sought:
    """What is asked for, and what of it was seen in files and archives."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.found = False  # whether anything was
        self._of_symbols = replace(query, with_gaps=False)
        self._timeless = replace(self._of_symbols, start=None, end=None)
        self._left = set(query.symbols)  # named, and not seen yet
        self._symbols: set[str] = set()  # that there are
        self._types: set[str] = set()  # of the symbols that are wanted
        self._span: tuple[int, int] | None = None  # of what would be wanted at any time

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that are wanted; it is noted what the batch has."""
        wanted = self.query.of(batch)
        if self._left or not self.found:
            self._note(batch)
            self.found |= bool(_kinds(wanted))
        return wanted

    def see(self, group: "PartGroup") -> None:
        """Note the events of a symbol and type that a file has."""
        if group.symbol is not None:
            self._symbols.add(group.symbol)
            self._left.discard(group.symbol)
        if self.query.wants(group.symbol):
            self._take(group.type_name, group.first, group.last)

    def absences(
        self, roots: Sequence[Place], files: Sequence[Path] = (), *, read: bool = False
    ) -> list[NothingFoundError]:
        """An error for each thing that is asked for and not there; none where all of it is.

        If not all was `read`, the catalogs say whether there is anything.
        """
        for root in roots:
            self._ask(root, read=read)
        if self.found and not self._left:
            return []
        for root in roots:
            self._look(root)
        where = [str(place) for place in (*roots, *files) if str(place) != "-"]
        return list(self._told(_some(where) or "the input"))

    def _ask(self, root: Place, *, read: bool) -> None:
        """See what a catalog tells at once."""
        from mdc_core.archive.write.archive import Archive

        archive = Archive.open(root)
        if archive.has_catalog:
            with archive.catalog(read_only=True) as catalog:
                self._left = set(catalog.lacking(self._left))
                self.found |= not read and catalog.holds(self._of_symbols)

    def _look(self, root: Place) -> None:
        """See what an archive has, in its journals as well."""
        from mdc_core.archive.read.snapshot import no_parts, snapshot

        with closing(snapshot(root, ask=no_parts)) as held:
            for batch in held.unsealed_batches():
                self.of(batch)
            if not held.archive.has_catalog:
                self._read(root)
                return
            begins = tuple({word[:1] for word in self.query.words})
            with held.archive.catalog(read_only=True) as catalog:
                self._symbols |= set(catalog.symbols(begins, COMPARED))
                kinds = catalog.kinds(replace(self._timeless, types=()))
            for kind, begin, end in kinds:
                self._take(kind, begin, end)

    def _read(self, root: Place) -> None:
        """See what the files of an archive without a catalog have."""
        from mdc_core.archive.read.summary import summaries

        for part in summaries(root, Query()):
            for group in part.groups:
                self.see(group)
                self.found |= group.within(self._of_symbols) is not False

    def _note(self, batch: pa.RecordBatch) -> None:
        symbols = batch.column(batch.schema.get_field_index("symbol"))
        names = {name for name in pc.unique(symbols).to_pylist() if name is not None}
        self._left -= names
        if len(self._symbols) < COMPARED:
            self._symbols |= names
        if not self.found:
            for kind in _kinds(replace(self._timeless, types=()).of(batch)):
                moments = row_time(replace(self._timeless, types=(kind,)).of(batch))
                self._take(kind, int(moments.min()), int(moments.max()))

    def _take(self, kind: str, begins: int | None, ends: int | None) -> None:
        """Note what there is of the symbols that are wanted, at any time."""
        self._types.add(kind)
        wanted = not self.query.types or kind in self.query.types
        if wanted and begins is not None and ends is not None and begins != NO_TIME:
            low, high = self._span or (begins, ends)
            self._span = min(low, begins), max(high, ends)

    def _told(self, where: str) -> Iterator[NothingFoundError]:
        """What is not there, in a line each."""
        query = self.query
        unknown = [name for name in query.symbols if name in self._left]
        if unknown:
            yield self._no_symbol(unknown, where)
        if self.found or (unknown == list(query.symbols) != [] and not query.patterns):
            return
        of = "" if query.is_of_all else f" of {_some(query.words)}"
        kinds = f"{', '.join(query.types)} " if query.types else ""
        if not self._types:
            text = f"no events{of} in {where}"
            close = self._close([word.strip("*") for word in query.patterns])
            yield NothingFoundError(f"{text}{question(close)}", hint=self._hint(close))
        elif query.types and not self._types & set(query.types):
            held = ", ".join(sorted(self._types))
            yield NothingFoundError(f"no {kinds}events{of} in {where}; there are {held}")
        elif self._span is None:
            yield NothingFoundError(f"no {kinds}events{of} in {where}")
        else:
            first, last = map(_short, self._span)
            text = f"no {kinds}events{of} in {where} {_asked(query)}"
            yield NothingFoundError(f"{text}; there are some from {first} to {last}")

    def _no_symbol(self, names: list[str], where: str) -> NothingFoundError:
        close = self._close(names)
        kind = "symbol" if len(names) == 1 else "symbols"
        text = f"no such {kind} in {where}: {_some(list(map(repr, names)))}{question(close)}"
        return NothingFoundError(text, hint=self._hint(close))

    def _close(self, names: list[str]) -> list[str]:
        """The symbols that were meant, as far as can be told."""
        found = (near(name, self._symbols) for name in names[:NAMED] if name)
        return list(dict.fromkeys(symbol for some in found for symbol in some))[:NAMED]

    def _hint(self, close: list[str]) -> str | None:
        few = not close and len(self._symbols) <= FEW
        return known(self._symbols) if few else None


def _kinds(batch: pa.RecordBatch) -> set[str]:
    """The types of a batch that are no control events."""
    kinds = pc.unique(batch.column(0)).to_pylist()
    return {kind for kind in kinds if kind is not None and kind not in CONTROL_TYPES}


def _some(words: Sequence[str]) -> str:
    """The first of some words, and how many there are beside them."""
    more = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _asked(query: Query) -> str:
    """The span of time that is asked for."""
    start = "" if query.start is None else f"from {_short(query.start)}"
    end = "" if query.end is None else f"before {_short(query.end)}"
    return " ".join(filter(None, (start, end)))


def _short(moment: int) -> str:
    """A time without what is zero at its end."""
    text = from_ns(moment)
    return text[:10] if moment % DAY == 0 else f"{text[:19]}Z" if moment % SECOND == 0 else text
