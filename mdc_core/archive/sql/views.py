"""The event types of an archive as tables for DuckDB.

DuckDB scans them as datasets of Arrow. Which parts are opened is decided when a scan begins:
by what the WHERE says (see `sql_where`), and by what DuckDB pushes down, such as a symbol that
a join passes on from another table, against what the catalog says of each part.

Times are timestamp[ns, UTC], TIMESTAMPTZ_NS of SQL, as in the Parquet files. Decimals are
decimal(18, 9), so that `price * size` works, unless a part that is read holds one that does not
fit: then the columns that are scanned are measured, and the statement begins again with the
least decimals that hold them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.read.snapshot import Stored
from mdc_core.archive.sql.parts import BATCH_ROWS, ParquetParts, TooFine, Wanted, is_loss
from mdc_core.archive.sql.reading import PLACE, Reading
from mdc_core.archive.write.archive import Archive
from mdc_core.decimals import AT_REST
from mdc_core.disk import reason
from mdc_core.errors import DataError, MdcError
from mdc_core.patterns import expression
from mdc_core.schema import arrow_schema, version_of

ZONED = pa.timestamp("ns", "UTC")
_ALIGNED = 16  # bytes of a decimal
_WORD = re.compile(r"\w+")
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    (
        "path",
        "symbol",
        "type",
        "period",
        "rows",
        "bytes",
        "first",
        "last",
        "tier",
        "format",
        "codec",
        "version",
        "sha256",
    ),
    pa.string(),
)
_COLUMNS |= {"rows": pa.int64(), "bytes": pa.int64(), "first": ZONED, "last": ZONED}
PARTS = pa.schema(_COLUMNS)


class Scan:
    """One scan that DuckDB has begun."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows."""
        return self._reader


class View(ds.InMemoryDataset):
    """A table of which DuckDB knows the columns, and gets the rows when it scans it.

    `scanned` is told of the columns, those of the filter included.
    """

    def __init__(
        self,
        rows: "EventsView | Parts",
        scanned: Callable[[list[str]], None] = lambda names: None,
    ) -> None:
        super().__init__(rows.schema.empty_table())  # type: ignore[call-arg]  # the stub has none
        self._rows = rows
        self._scanned = scanned

    def scanner(  # type: ignore[override]  # all that DuckDB asks of what it gets is `to_reader`
        self, columns: Sequence[str] | None = None, filter: Wanted | None = None, **_: Any
    ) -> Scan:
        """What DuckDB calls when it begins to read."""
        names = self.schema.names if columns is None else list(columns)
        schema = pa.schema([self.schema.field(name) for name in names])
        self._scanned(needed(self.schema, names, filter))
        batches = self._rows.batches(names, filter)
        return Scan(pa.RecordBatchReader.from_batches(schema, batches))


class EventsView:
    """The events of one type.

    `measured` are the types of columns that hold all values; `placed` adds the place of each
    row in the order of `mdc cat`.
    """

    def __init__(
        self,
        reading: Reading,
        type_name: str,
        measured: Mapping[str, pa.DataType],
        placed: bool = False,
    ) -> None:
        self._measured = measured
        self.schema = pa.schema(
            [
                field.with_type(measured.get(field.name, _narrow(field.type)))
                for field in arrow_schema(frozenset([type_name]))
            ]
        )
        if placed:
            self.schema = self.schema.append(pa.field(PLACE, pa.int64()))
        self._reading = reading
        self._type = type_name

    def batches(self, names: list[str], pushed: Wanted | None) -> Iterator[pa.RecordBatch]:
        """The rows that are wanted; what goes wrong is kept, for DuckDB makes a text of it."""
        reading = self._reading
        try:
            yield from self._batches(names, self._wanted(pushed))
        except MdcError as error:
            reading.problem = error
            raise
        except TooFine:
            reading.too_fine = self._type
            raise
        except (pa.ArrowException, OSError) as error:
            if is_loss(error):
                reading.too_fine = self._type
            else:
                text = f"cannot read the {self._type} events: {reason(error)}"
                reading.problem = DataError(text)
            raise

    def _wanted(self, pushed: Wanted | None) -> Wanted:
        """Which rows: of the type, by the restrictions, by the statement."""
        chosen = self._reading.chosen
        wanted = ds.field("type") == self._type
        if pushed is not None:
            wanted &= pushed
        if not chosen.is_of_all:
            wanted &= _of_chosen(chosen)
        for condition in (*_filed(chosen), *_happened(self._reading.limit(self._type))):
            wanted &= condition
        return wanted

    def _batches(self, names: list[str], wanted: Wanted) -> Iterator[pa.RecordBatch]:
        if not self._reading.may_read(self._type):
            return
        rows: list[PartRow] = []
        others: list[Stored] = []
        for piece in self._reading.stored(self._type):
            row = piece.row
            # What another tool wrote may have columns that move under `extra`.
            ours = row is not None and row.made_by != "rebuild"
            current = row is not None and row.version == version_of(self._type)
            if row is not None and ours and current and row.suffix == ".parquet":
                rows.append(row)
            else:
                others.append(piece)
        columns = needed(self.schema, names, wanted)
        parquet = ParquetParts(self._reading.archive, rows, self.schema, self._measured)
        left = parquet.left(columns, wanted)
        if PLACE in columns:
            for batch in self._reading.placed():
                yield from self._picked(batch, names, wanted)
            return
        seen = self._reading.seen
        seen.expect(parquet.rows(left) + sum(piece.row.rows for piece in others if piece.row))
        yield from parquet.batches(left, names, wanted, seen.add)
        for piece in others:
            for batch in piece.batches(BATCH_ROWS):
                seen.add(batch.num_rows)
                yield from self._picked(batch, names, wanted)
        for batch in self._reading.snapshot.unsealed_batches():
            yield from self._picked(batch, names, wanted)

    def _picked(
        self, batch: pa.RecordBatch, names: list[str], wanted: Wanted
    ) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a batch in the schema of events."""
        own = Query(types=(self._type,)).of(batch)
        schema = pa.schema([self.schema.field(name) for name in needed(self.schema, names, wanted)])
        arrays: list[Any] = []
        for field in schema:
            index = own.schema.get_field_index(field.name)
            known = index >= 0
            arrays.append(
                own.column(index).cast(field.type) if known else pa.nulls(own.num_rows, field.type)
            )
        table = pa.Table.from_arrays(list(map(_aligned, arrays)), schema=schema)
        yield from ds.dataset(table).scanner(columns=names, filter=wanted).to_batches()


class Parts:
    """The parts themselves: what the catalog knows of each, and of each symbol in it."""

    schema = PARTS

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def batches(self, names: list[str], pushed: Wanted | None) -> Iterator[pa.RecordBatch]:
        """The parts that are wanted."""
        reading = self._reading
        try:
            parts = [one for part in reading.parts() for one in part.by_symbol()]
            rows = [_facts(reading.archive, part) for part in parts]
        except MdcError as error:
            reading.problem = error
            raise
        table = ds.dataset(pa.Table.from_pylist(rows, PARTS))
        yield from table.scanner(columns=names, filter=pushed).to_batches()


def _facts(archive: Archive, part: PartRow) -> dict[str, Any]:
    said = {name: getattr(part, name, None) for name in PARTS.names}
    return said | {"path": archive.path_of(part), "type": part.type_name}


def _narrow(kind: Any) -> Any:
    """The type of a column with decimals as they are at rest."""
    if pa.types.is_decimal(kind):
        return AT_REST
    if pa.types.is_list(kind):
        return pa.list_(_narrow(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_narrow(field.type)) for field in kind])
    return kind


def needed(schema: pa.Schema, names: Sequence[str], filter: Wanted | None) -> list[str]:
    """The columns that are asked for, or that a filter names (some that its constants name)."""
    words = set(_WORD.findall(str(filter)))
    return [name for name in schema.names if name in names or name in words]


def _aligned(column: Any) -> Any:
    """A column as Arrow wants to compute with it: in a journal, decimals may lie anywhere."""
    if all(buffer is None or buffer.address % _ALIGNED == 0 for buffer in column.buffers()):
        return column
    return column.take(pa.array(range(len(column))))


def _of_chosen(query: Query) -> Wanted:
    """Which rows are of a symbol that is chosen."""
    symbol = ds.field("symbol")
    wanted: Wanted = symbol.isin(pa.array(query.symbols, pa.string()))
    for pattern in query.patterns:
        wanted |= pc.match_substring_regex(symbol, f"^{expression(pattern)}$")
    return wanted


def _filed(query: Query) -> Iterator[Wanted]:
    """Which rows are filed in a span of time: by event time, else by receive time."""
    event, received = ds.field("ts_event"), ds.field("ts_recv")
    if query.start is not None:
        start = pa.scalar(query.start, ZONED)
        yield (event >= start) | (event.is_null() & (received >= start))
    if query.end is not None:
        end = pa.scalar(query.end, ZONED)
        yield (event < end) | (event.is_null() & (received.is_null() | (received < end)))


def _happened(query: Query) -> Iterator[Wanted]:
    """Which rows have their event time in a span."""
    if query.start is not None:
        yield ds.field("ts_event") >= pa.scalar(query.start, ZONED)
    if query.end is not None:
        yield ds.field("ts_event") < pa.scalar(query.end, ZONED)
