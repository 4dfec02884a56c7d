"""Parts of an event type written anew with wide decimals, when a value needs them."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.upkeep.migration import migrate
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import rewriting
from mdc_core.archive.write.width import begun, is_wide, note_done, note_wide
from mdc_core.decimals import is_full, is_narrow


def widen(archive: Archive, type_name: str) -> None:
    """Make the parts of a type wide, those of the future as well; waits for who rewrites now."""
    note_wide(archive, type_name)
    with rewriting(archive, wait=True) as catalog:
        widen_begun(archive, catalog)


def widen_begun(archive: Archive, catalog: Catalog) -> None:
    """Make wide what was begun to be; within `rewriting`.

    A part that cannot be read stays as it is, for `verify` to tell.
    """
    for type_name in begun(archive):
        parts = catalog.parts(Query(types=(type_name,)))
        narrow = [part for part in parts if any(map(is_narrow, _decimals(archive, part)))]
        migrate(archive, catalog, narrow, Profiles())
        note_done(archive, type_name)


def widen_for(archive: Archive, catalog: Catalog, new: Iterable[PartRow]) -> None:
    """Give parts that came from elsewhere the width of their types; within `rewriting`."""
    for part in new:
        types = _decimals(archive, part)
        wide = is_wide(archive, part.type_name)
        if any(map(is_narrow, types)) if wide else any(map(is_full, types)):
            note_wide(archive, part.type_name)
    widen_begun(archive, catalog)


def _decimals(archive: Archive, part: PartRow) -> list[pa.DataType]:
    """The types of the columns of a Parquet file."""
    if part.suffix != ".parquet":
        return []
    with archive.open_part(part) as file:
        try:
            return [field.type for field in pq.read_schema(file)]
        except (pa.ArrowException, OSError):
            return []
