"""Writing parts: events sorted into partitions, each written whole or not at all.

Batches are collected in memory, sorted by partition when there are enough, and laid down
in one spill file as slices. Sealing gathers the slices of each partition, writes it under
a temporary name, syncs it and renames it: a reader sees whole files only, and a run
leaves one file for each partition however many events it had.
"""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core import times
from mdc_core.archive.layout import Layout, Partition, part_path, period_of
from mdc_core.batch import integers
from mdc_core.contracts import PartFormat
from mdc_core.errors import WriteError
from mdc_core.schema import arrow_schema

COLLECT_BYTES = 24 << 20
SEAL_ROWS = 20_000_000
NOT_STORED = ("begin", "end", "heartbeat")
_PERIODS = {"hourly": times.HOUR, "daily": times.DAY}


class Key(NamedTuple):
    """What a part is of."""

    type_name: str
    symbol: str | None
    period: str


class Written(NamedTuple):
    """A part in its place."""

    path: Path
    key: Key
    rows: int


class PartsWriter:
    """Events to the parts of an archive."""

    def __init__(
        self,
        root: Path,
        part_format: PartFormat,
        *,
        layout: Layout = "by-symbol",
        partition: Partition = "daily",
        run_id: str,
        origin: bytes = b"{}",
    ) -> None:
        self.root = root
        self.rows = 0
        self._format = part_format
        self._layout: Layout = layout
        self._partition: Partition = partition
        self._run_id = run_id
        self._origin = origin
        self._seals = 0
        self._collected: list[pa.RecordBatch] = []
        self._bytes = 0
        self._unsealed = 0
        self._spill = Spill(root)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch; its events are in their place after the next `seal`."""
        self._collected.append(batch)
        self._bytes += batch.nbytes
        self._unsealed += batch.num_rows
        if self._bytes >= COLLECT_BYTES:
            self._lay_down()
            self._spill.flush()

    @property
    def full(self) -> bool:
        """Whether it is time to seal."""
        return self._unsealed >= SEAL_ROWS

    def seal(self) -> list[Written]:
        """Bring everything taken so far into its place; returns the new parts."""
        self._lay_down()
        self._seals += 1
        part = f"{self._run_id}-{self._seals:04d}"
        staged: list[tuple[Path, Path, Key, int]] = []
        folder = self.root / "_tmp" / f"{part}-{os.getpid()}"
        try:
            for number, (key, table) in enumerate(self._spill.partitions()):
                target = self.root / part_path(self._layout, key.symbol, key.type_name,
                                               key.period, part)  # fmt: skip
                target = target.with_name(target.name + self._format.suffix)
                temporary = folder / f"{number}.part"
                self._write_part(table, key, temporary)
                staged.append((temporary, target, key, table.num_rows))
            self._spill.clear()
            _into_place([(temporary, target) for temporary, target, _, _ in staged])
            if staged:
                folder.rmdir()
        except OSError as error:
            raise WriteError(f"cannot write below {self.root}: {error}") from None
        self._unsealed = 0
        written = [Written(target, key, rows) for _, target, key, rows in staged]
        self.rows += sum(part.rows for part in written)
        return written

    def close(self) -> None:
        """Give up what was not sealed."""
        self._spill.close()

    def _write_part(self, table: pa.Table, key: Key, path: Path) -> None:
        schema = arrow_schema(frozenset([key.type_name]))
        metadata = {**(schema.metadata or {}), b"mdc.origin": self._origin, b"mdc.sorted": b"1"}
        table = table.replace_schema_metadata(metadata)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            self._format.write(table, file)

    def _lay_down(self) -> None:
        """Sort what is collected into its partitions, and spill the slices."""
        batches, self._collected, self._bytes = self._collected, [], 0
        for table in _same_schema(batches):
            for type_name in table.column(0).unique().to_pylist():
                if type_name in NOT_STORED:
                    continue
                mask = pc.equal(table.column(0), type_name)
                names = arrow_schema(frozenset([type_name])).names
                rows = table.select(names).filter(mask).combine_chunks()
                self._by_symbol_and_period(type_name, rows)

    def _by_symbol_and_period(self, type_name: str, table: pa.Table) -> None:
        (batch,) = table.to_batches()
        encoded = batch.column(batch.schema.get_field_index("symbol")).dictionary_encode(
            null_encoding="encode"
        )
        symbols = encoded.dictionary.to_pylist()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        moments = moment_of(batch)
        periods, period_codes = self._periods(moments)
        keys = codes * len(periods) + period_codes
        order = _order(keys, moments)
        batch = batch.take(pa.array(order))
        keys = keys[order]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
            code, period = divmod(int(keys[start]), len(periods))
            key = Key(type_name, symbols[code], periods[period])
            self._spill.add(key, batch.slice(start, stop - start))

    def _periods(self, moments: np.ndarray) -> tuple[list[str], np.ndarray]:  # type: ignore[type-arg]
        """The periods that occur, and the index of each row's."""
        if self._partition == "none":
            return [period_of(None, "none")], np.zeros(len(moments), np.int64)
        length = _PERIODS.get(self._partition, times.DAY)
        numbers, codes = np.unique(moments // length, return_inverse=True)
        unknown = UNKNOWN // length
        names = [
            period_of(None if n == unknown else int(n) * length, self._partition)
            for n in numbers
        ]
        if self._partition != "monthly":
            return names, codes
        months = sorted(set(names))
        return months, np.array([months.index(name) for name in names])[codes]


UNKNOWN = times.MIN_NS


def moment_of(batch: pa.RecordBatch) -> np.ndarray:  # type: ignore[type-arg]
    """The time a row is filed under: event time, else receive time, else UNKNOWN."""
    event, known = integers(batch, "ts_event")
    if known.all():
        return event
    received, received_known = integers(batch, "ts_recv")
    return np.where(known, event, np.where(received_known, received, UNKNOWN))


def _order(keys: np.ndarray, moments: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Rows by partition, within it by time, equal times as they came."""
    order = np.argsort(keys.astype(np.uint16) if keys.max() < 65_536 else keys, kind="stable")
    sorted_moments, sorted_keys = moments[order], keys[order]
    backwards = (sorted_moments[1:] < sorted_moments[:-1]) & (sorted_keys[1:] == sorted_keys[:-1])
    return np.lexsort((moments, keys)) if backwards.any() else order


def _same_schema(batches: list[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Neighbouring batches with the same columns as one table."""
    run: list[pa.RecordBatch] = []
    for batch in batches:
        if run and not batch.schema.equals(run[0].schema):
            yield pa.Table.from_batches(run).combine_chunks()
            run = []
        run.append(batch)
    if run:
        yield pa.Table.from_batches(run).combine_chunks()


class Spill:
    """Slices of partitions: the last ones in memory, those before in one nameless file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: BinaryIO | None = None
        self._size = 0
        self._slices: dict[Key, list[tuple[int, int]]] = {}
        self._held: dict[Key, list[pa.RecordBatch]] = {}

    def add(self, key: Key, batch: pa.RecordBatch) -> None:
        """Add the next slice of a partition."""
        self._held.setdefault(key, []).append(batch)

    def flush(self) -> None:
        """Write the slices held in memory to the file."""
        if self._file is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._root)
        for key, batches in self._held.items():
            for batch in batches:
                data = batch.serialize()
                self._file.write(data)
                self._slices.setdefault(key, []).append((self._size, data.size))
                self._size += data.size
        self._held.clear()

    def partitions(self) -> Iterator[tuple[Key, pa.Table]]:
        """Each partition as one table in time order."""
        if self._file is not None:
            self._file.flush()
        for key in {**self._slices, **self._held}:
            schema = arrow_schema(frozenset([key.type_name]))
            pieces = [self._read(*place, schema) for place in self._slices.get(key, ())]
            pieces += self._held.get(key, ())
            table = pa.Table.from_batches([p.replace_schema_metadata(schema.metadata) for p in pieces])
            yield key, _in_time_order(table.combine_chunks())

    def _read(self, start: int, size: int, schema: pa.Schema) -> pa.RecordBatch:
        assert self._file is not None
        data = os.pread(self._file.fileno(), size, start)
        return pa.ipc.read_record_batch(pa.py_buffer(data), schema)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._slices.clear()
        self._size = 0
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()


def _in_time_order(table: pa.Table) -> pa.Table:
    batches = table.to_batches()
    if len(batches) != 1:
        return table
    moments = moment_of(batches[0])
    if (moments[1:] >= moments[:-1]).all():
        return table
    return table.take(pa.array(np.argsort(moments, kind="stable")))


def _into_place(files: list[tuple[Path, Path]]) -> None:
    """Sync the temporary files, rename them, sync the folders they are in now."""
    for _, target in files:
        target.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_sync, [temporary for temporary, _ in files]))
        for temporary, target in files:
            temporary.rename(target)
        list(pool.map(_sync, {target.parent for _, target in files}))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
