"""A segment of the journal that is read: its records, and what is wrong with it.

After damage the next sound head is looked for, so that damage costs the records it hits.
"""

import json
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import msgspec
import pyarrow as pa

from mdc_core.archive.write.journal import HEAD, MARK, Header, vocabulary
from mdc_core.batch import count_types
from mdc_core.disk import read_at, reading
from mdc_core.schema import VERSIONS_KEY
from mdc_core.wire.tables.arrow import Incoming

_LONGEST = 1 << 40


class JournalRecord(NamedTuple):
    """A record that was read, and where it is in the file."""

    start: int
    stop: int
    number: int
    rows: int
    body: bytes


class JournalDamage(NamedTuple):
    """Bytes of a segment that are no sound record; `torn`: a record that was never finished."""

    start: int
    stop: int
    torn: bool
    reason: str


class Segment:
    """A segment that is read: its records, and what is wrong with it."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.damages: list[JournalDamage] = []
        self.missing = 0  # records known to be gone, by their numbers
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def header(self) -> Header | None:
        """How it is to be sealed; None where that cannot be read."""
        first = next(self._records(), None)
        if first is None or first.number != 0:
            return None
        try:
            return msgspec.json.decode(first.body, type=Header)
        except msgspec.DecodeError:
            return None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches in the order in which they were written; `damages` tells what is not.

        Events of an older version of mdc are as the current one has them.
        """
        header = self.header()
        known = vocabulary()
        said = header.schema if header else b""
        schema = pa.ipc.read_schema(pa.py_buffer(said)) if said else known
        same = schema.equals(known, check_metadata=True)
        for record in self._records():
            if record.number:
                batch = decoded(record.body, schema)
                yield batch if same else self._current(batch)

    def _current(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        said = json.loads((batch.schema.metadata or {})[VERSIONS_KEY])
        versions = {name: said[name] for name in count_types(batch)}
        own = batch.schema.with_metadata({VERSIONS_KEY: json.dumps(versions)})
        incoming = Incoming(own, self.name)
        return incoming.events(batch.replace_schema_metadata(own.metadata))

    def _records(self) -> Iterator[JournalRecord]:
        self.damages.clear()
        self.missing = 0
        at, number = 0, 0
        while at < self.size:
            found = self._record(at)
            if isinstance(found, JournalDamage):
                following = self._resume(found.start + 1) if not found.torn else None
                stop = self.size if following is None else following
                self.damages.append(found._replace(stop=stop))
                at = stop
                continue
            self.missing += found.number - number
            number = found.number + 1
            at = found.stop
            yield found

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _record(self, at: int) -> JournalRecord | JournalDamage:
        head = self._bytes(HEAD.size, at)
        if len(head) < HEAD.size:
            torn = MARK.startswith(head[: len(MARK)])
            return JournalDamage(at, self.size, torn, "a head that breaks off")
        mark, head_crc, number, length, rows, crc = HEAD.unpack(head)
        if mark != MARK or zlib.crc32(head[8:]) != head_crc or length > _LONGEST:
            return JournalDamage(at, self.size, False, "a damaged head")
        start = at + HEAD.size
        if start + length > self.size:
            return JournalDamage(at, self.size, True, "a record that was not finished")
        body = self._bytes(length, start)
        if zlib.crc32(body) != crc:
            return JournalDamage(at, self.size, False, f"record {number}: its checksum differs")
        return JournalRecord(at, start + length, number, rows, body)

    def _resume(self, at: int) -> int | None:
        """Where the next sound head is."""
        step = 1 << 20
        while at < self.size:
            data = self._bytes(step + len(MARK), at)
            place = data.find(MARK)
            while place >= 0:
                head = self._bytes(HEAD.size, at + place)
                if len(head) == HEAD.size and zlib.crc32(head[8:]) == HEAD.unpack(head)[1]:
                    return at + place
                place = data.find(MARK, place + 1)
            at += step
        return None

    def _bytes(self, size: int, at: int) -> bytes:
        with reading(self.name):
            return read_at(self._file.fileno(), size, at)


def decoded(body: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in a record, whose columns are some of a schema's."""
    length = int.from_bytes(body[:4], "little")
    fields = [schema.field(name) for name in body[4 : 4 + length].decode().split(",")]
    data = pa.py_buffer(body[4 + length :])  # copied: columns have to begin at multiples of 8
    return pa.ipc.read_record_batch(data, pa.schema(fields).with_metadata(schema.metadata))
