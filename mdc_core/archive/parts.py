"""Writing parts: events sorted into partitions, each written whole or not at all.

Batches are collected in memory, sorted by partition when there are enough, and laid down
in one spill file as slices. Sealing gathers the slices of each partition, writes it under
a temporary name, syncs it and renames it: a reader sees whole files only, and a run
leaves one file for each partition however many events it had.
"""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from mdc_core import times
from mdc_core.archive.layout import Layout, Partition, part_path, period_of
from mdc_core.archive.moments import UNKNOWN, moment_of
from mdc_core.archive.spill import Key, Slice, Spill
from mdc_core.batch import Int64s, concatenated
from mdc_core.contracts import PartFormat
from mdc_core.errors import WriteError
from mdc_core.events import CONTROL_TYPES
from mdc_core.schema import arrow_schema

COLLECT_BYTES = 16 << 20
SEAL_ROWS = 20_000_000
SYNCS_AT_ONCE = 4
_PERIODS = {"hourly": times.HOUR, "daily": times.DAY}


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
        # What a reader of a file may want to know beside its rows.
        self._metadata = {b"mdc.origin": origin, b"mdc.sorted": b"1"}
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
            try:
                self._spill.flush()
            except OSError as error:
                raise self._refused(error) from None

    @property
    def full(self) -> bool:
        """Whether it is time to seal."""
        return self._unsealed >= SEAL_ROWS

    def seal(self) -> list[Written]:
        """Bring everything taken so far into its place; returns the new parts."""
        self._lay_down()
        self._seals += 1
        part = f"{self._run_id}-{self._seals:04d}"
        folder = self.root / "_tmp" / f"{part}-{os.getpid()}"
        try:
            written = self._write_parts(part, folder)
        except OSError as error:
            raise self._refused(error) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()
        self._spill.clear()
        self._unsealed = 0
        self.rows += sum(part.rows for part in written)
        return written

    def _refused(self, error: OSError) -> WriteError:
        return WriteError(f"cannot write below {self.root}: {error.strerror or error}")

    def close(self) -> None:
        """Give up what was not sealed."""
        self._spill.close()

    def _write_parts(self, part: str, folder: Path) -> list[Written]:
        """Write every partition below the folder, then bring all into their places."""
        written: list[Written] = []
        temporary: list[Path] = []
        for key, part_rows in self._spill.partitions():
            if not written:
                folder.mkdir(parents=True, exist_ok=True)
            below = part_path(self._layout, key.symbol, key.type_name, key.period, part)
            target = self.root / below.with_name(below.name + self._format.suffix)
            temporary.append(folder / f"{len(written)}.part")
            with temporary[-1].open("wb") as file:
                self._format.write(part_rows, self._metadata, file)
            written.append(Written(target, key, part_rows.rows))
        _into_place(self.root, temporary, [entry.path for entry in written])
        return written

    def _lay_down(self) -> None:
        """Sort what is collected into its partitions, and spill the slices."""
        batches, self._collected, self._bytes = self._collected, [], 0
        for batch in _same_schema(batches):
            codes, symbols = _coded(batch, "symbol")
            kinds, names = _coded(batch, "type")
            moments = moment_of(batch)
            for kind, type_name in enumerate(names):
                if type_name not in CONTROL_TYPES:
                    rows = np.flatnonzero(kinds == kind)
                    keys, periods = self._keys(codes[rows], moments[rows])
                    order = _order(keys, moments[rows])
                    # The key has the type and the symbol; an empty column needs no room.
                    names_here = [
                        name for name in arrow_schema(frozenset([str(type_name)])).names[2:]
                        if batch.column(name).null_count < batch.num_rows
                    ]  # fmt: skip
                    rows = rows[order]
                    ordered = batch.select(names_here).take(rows)
                    self._slices(str(type_name), ordered, keys[order], moments[rows], symbols,
                                 periods)  # fmt: skip

    def _slices(
        self, type_name: str, batch: pa.RecordBatch, keys: Int64s, moments: Int64s,
        symbols: list[str | None], periods: list[str],
    ) -> None:  # fmt: skip
        """Spill the rows of each partition, which stand together."""
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]).tolist()
        schema = batch.schema
        for start, stop in zip(starts, [*starts[1:], len(keys)], strict=True):
            code, period = divmod(int(keys[start]), len(periods))
            key = Key(type_name, symbols[code], periods[period])
            first, last = int(moments[start]), int(moments[stop - 1])
            rows = batch.slice(start, stop - start)
            self._spill.add(key, Slice(stop - start, first, last, rows, schema))

    def _keys(self, codes: Int64s, moments: Int64s) -> tuple[Int64s, list[str]]:
        """A number for the partition of each row, and the periods that it counts by."""
        periods, period_codes = self._periods(moments)
        return codes * len(periods) + period_codes, periods

    def _periods(self, moments: Int64s) -> tuple[list[str], Int64s]:
        """The periods that occur, and the index of each row's."""
        if self._partition == "none":
            return [period_of(None, "none")], np.zeros(len(moments), np.int64)
        length = _PERIODS.get(self._partition, times.DAY)
        first, last = int(moments.min()) // length, int(moments.max()) // length
        if first == last and self._partition != "monthly":
            return [self._period(first, length)], np.zeros(len(moments), np.int64)
        numbers, codes = np.unique(moments // length, return_inverse=True)
        names = [self._period(int(number), length) for number in numbers]
        if self._partition != "monthly":
            return names, codes
        months = sorted(set(names))
        return months, np.array([months.index(name) for name in names])[codes]

    def _period(self, number: int, length: int) -> str:
        unknown = number == UNKNOWN // length
        return period_of(None if unknown else number * length, self._partition)


def _coded(batch: pa.RecordBatch, name: str) -> tuple[Int64s, list[str | None]]:
    """A text column as numbers, and what they stand for."""
    column = batch.column(batch.schema.get_field_index(name))
    encoded = column.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _order(keys: Int64s, moments: Int64s) -> Int64s:
    """Rows by partition, within it by time, equal times as they came."""
    # A stable sort of 16-bit keys is a radix sort: linear.
    order = np.argsort(keys.astype(np.uint16) if keys.max() < 65_536 else keys, kind="stable")
    moments_by_key, by_key = moments[order], keys[order]
    backwards = (moments_by_key[1:] < moments_by_key[:-1]) & (by_key[1:] == by_key[:-1])
    return np.lexsort((moments, keys)) if backwards.any() else order


def _same_schema(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Neighbouring batches with the same columns as one."""
    run: list[pa.RecordBatch] = []
    for batch in batches:
        if run and not batch.schema.equals(run[0].schema):
            yield concatenated(run)
            run = []
        run.append(batch)
    if run:
        yield concatenated(run)


def _into_place(root: Path, temporary: list[Path], targets: list[Path]) -> None:
    """Sync the temporary files, rename them, sync the folders they are in now."""
    folders = {target.parent for target in targets}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    _sync_all(temporary)
    for path, target in zip(temporary, targets, strict=True):
        path.rename(target)
    above = {above for folder in folders for above in folder.parents if above != above.parent}
    _sync_all([*folders, *(folder for folder in above if folder.is_relative_to(root))])


def _sync_all(paths: list[Path]) -> None:
    """Bring files or folders to the disk, some at a time: the disk takes them together."""
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
        shares = [paths[at::SYNCS_AT_ONCE] for at in range(SYNCS_AT_ONCE)]
        list(pool.map(_sync, shares))


def _sync(paths: list[Path]) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
