"""Rows while they are merged: what differs from row to row, and a number for the file.

What a file says once (its symbol, its channel) is put to the rows as they come out, so that
the rows of thousands of files fit into memory while they wait for their turn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.columns import arrow_schema
from mdc_exporters.lean.files import DataFile
from mdc_exporters.lean.rows import VARYING, constants, type_of

_FILE = "file"


class Packing:
    """The columns of the rows of some files."""

    def __init__(self, files: Sequence[DataFile]) -> None:
        types = frozenset(type_of(file) for file in files)
        self._schema = arrow_schema(types)
        names = {"ts_event"}.union(*(VARYING[name] for name in types))
        varying = [field for field in self._schema if field.name in names]
        self._packed = pa.schema([pa.field(_FILE, pa.int32()), *varying])
        said_once = [constants(file) for file in files]
        self._constants = {
            field.name: pa.array([values.get(field.name) for values in said_once], field.type)
            for field in self._schema
        }

    def pack(self, file: int, length: int, values: Mapping[str, "pa.Array[Any]"]) -> pa.RecordBatch:
        """Rows of a file, known by its number."""
        number = pa.repeat(pa.scalar(file, pa.int32()), length)
        rest = (
            pa.nulls(length, field.type) if (array := values.get(field.name)) is None else array
            for field in list(self._packed)[1:]
        )
        return pa.RecordBatch.from_arrays([number, *rest], schema=self._packed)

    def unpack(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The events of packed rows."""
        files = batch.column(0)
        arrays = []
        for field in self._schema:
            index = self._packed.get_field_index(field.name)
            said_once = self._constants[field.name]
            if index < 0:
                arrays.append(said_once.take(files))
            elif said_once.null_count == len(said_once):
                arrays.append(batch.column(index))
            else:
                arrays.append(pc.coalesce(batch.column(index), said_once.take(files)))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)
