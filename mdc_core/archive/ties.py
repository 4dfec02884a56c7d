"""In which order rows of equal time come where parts are shared: as from parts of their own.

A part that several symbols share lies at one place among the paths, and those of its symbols
would lie at many. So its rows are ordered, and merged with those of other parts, by the place
that each would have.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from mdc_core.archive.catalog.layout import place_in_order
from mdc_core.batch import Int64s, coded

Rank = Callable[[pa.RecordBatch], Int64s]
TieKey = tuple[str, str | None, str]  # layout, symbol, type


def ranked(keys: Iterable[TieKey]) -> Rank:
    """A function that gives each row its place among those of equal time; unknown ones last."""
    paths = {key[1:]: place_in_order(*key) for key in keys}
    places = {key: place for place, key in enumerate(sorted(paths, key=paths.__getitem__))}

    def rank(batch: pa.RecordBatch) -> Int64s:
        symbol_codes, symbols = coded(batch, "symbol")
        type_codes, types = coded(batch, "type")
        found = [places.get((symbol, t or ""), len(places)) for t in types for symbol in symbols]
        return np.array(found, np.int64).take(type_codes * len(symbols) + symbol_codes)

    return rank
