"""Reading Arrow IPC streams, one after another on the same pipe, however they are cut."""

import io
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s, concatenated, joint_schema, widen
from mdc_core.errors import DataError, MdcError, TruncatedError
from mdc_core.wire.arrow import Incoming, check_columns, nothing
from mdc_core.wire.bounded import written_out
from mdc_core.wire.ipc import (
    BATCH,
    DICTIONARY,
    END_OF_STREAM,
    SCHEMA,
    SMALL_BODY,
    Layout,
    Message,
    Messages,
    Scanner,
    check_unpacked,
    rows_of,
)
from mdc_core.wire.joined import Joined, UnusualError
from mdc_core.wire.limits import BYTES
from mdc_core.wire.sniff import CHUNK, Peeked

GATHER_ROWS, GATHER_BYTES = 16_384, 16 << 20  # of small batches that are read as one
_FEW = 8  # messages that are as well read one by one
_SCHEMAS = 256  # that are remembered
_PREFIX = 8


def read_streams(
    peeked: Peeked,
    name: str,
    tick: float | None = None,
    *,
    single: bool = False,
) -> Iterator[pa.RecordBatch]:
    """The events of the streams in a file; raises TruncatedError where one breaks off.

    Small batches that are there without waiting come as one; those with control events alone.
    With a `tick`, an empty batch comes after each so many seconds without another. Of a `single`
    stream, what follows is not read.
    """
    reading = _Reading(name, single=single)
    block: bytes | bytearray = b""
    needed = 1
    while True:
        while tick and not peeked.waiting(tick):
            yield nothing()
        block, broken = _more(peeked, block, needed)
        if len(block) < needed:
            if broken is None and block:
                broken = TruncatedError(f"{name}: the Arrow stream breaks off")
            if broken is not None:
                raise broken
            return
        yield from reading.events(block)
        if single and reading.ended:
            return
        block, needed = block[reading.at :], reading.needed
        if broken is not None:
            raise broken


def _more(
    peeked: Peeked, rest: bytes | bytearray, needed: int
) -> tuple[bytearray, TruncatedError | None]:
    """The rest with so many bytes at least and all that is there; fewer at the end."""
    block = bytearray(rest)
    try:
        while len(block) < needed or (len(block) < GATHER_BYTES and peeked.waiting()):
            data = peeked.read(2 * CHUNK)
            if not data:
                break
            block += data
    except TruncatedError as error:
        return block, error
    return block, None


class _Fed(io.RawIOBase):
    """A file that holds the messages that pyarrow is to read next."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._at = 0

    def give(self, message: Any) -> None:
        """Append a message."""
        self._messages.append(memoryview(message))

    def read(self, size: int = -1) -> Any:
        """The next bytes, of one message."""
        if not self._messages:
            return b""
        data = self._messages[0][:size]
        self._messages[0] = self._messages[0][len(data) :]
        if not self._messages[0]:
            self._messages.pop(0)
        self._at += len(data)
        return data

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def readable(self) -> bool:
        """It is for reading, and it cannot go back."""
        return True


class _Stream:
    """The streams with one schema."""

    def __init__(self, schema: bytes, name: str) -> None:
        self.again = END_OF_STREAM + schema
        self._message = schema
        self.name = name
        self._open()
        self.schema = self._reader.schema
        self.incoming = Incoming(self.schema, name, trusted=False)
        self.alone = "run_id" in self.schema.names
        self.has_dictionaries = any(_has_dictionary(field.type) for field in self.schema)

    def begin(self) -> None:
        """A stream with this schema begins; dictionaries are those of one stream."""
        if self.has_dictionaries:
            self._open()

    def _open(self) -> None:
        self._fed = _Fed()
        self._fed.give(self._message)
        try:
            self._reader = pa.ipc.open_stream(pa.PythonFile(self._fed, "r"))
        except (pa.ArrowException, OSError) as error:
            raise _broken(self.name, error) from None

    def dictionary(self, block: bytearray, message: Message) -> None:
        """Take a dictionary, for the batches that follow."""
        self._fed.give(bytes(block[message.metadata - _PREFIX : message.end]))

    def read(self, block: bytearray, message: Message) -> pa.RecordBatch:
        """The columns of one message."""
        data = memoryview(block)[message.metadata - _PREFIX : message.end]
        is_small = message.end - message.body <= SMALL_BODY
        self._fed.give(bytes(data) if is_small or message.metadata % 8 else data)
        try:
            batch = self._reader.read_next_batch()
        except (pa.ArrowException, OSError, StopIteration) as error:
            raise _broken(self.name, error) from None
        check_columns(batch, self.name)  # or joining it may read beyond its buffers
        return batch


def _broken(name: str, error: Exception) -> TruncatedError:
    return TruncatedError(f"{name}: the Arrow stream breaks off: {error}")


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    return any(_has_dictionary(kind.field(i).type) for i in range(kind.num_fields))


class _Held:
    """Small batches of one schema that wait for those behind them."""

    def __init__(self, stream: _Stream, layout: Layout) -> None:
        self.stream = stream
        self.messages = Messages(layout)
        self.batches: list[pa.RecordBatch] = []  # those that were read already
        self.places: list[int] = []  # of each batch among those of all schemas

    def joined(self, block: bytearray) -> pa.RecordBatch:
        """Their events as one batch; raises DataError for those that are not sound."""
        if len(self.messages) >= _FEW and not self.batches:
            with suppress(UnusualError):
                columns = Joined(block, self.messages).batch(self.stream.schema)
                return self.stream.incoming.events(columns)
        batches = [self.one(block, number) for number in range(len(self.messages))]
        if [batch.num_rows for batch in batches] != self.messages.rows:
            raise DataError(f"{self.stream.name}: rows that are counted in two ways")
        whole = concatenated(batches)
        if self.stream.has_dictionaries and written_out(whole) > BYTES:
            raise DataError(f"{self.stream.name}: too much at once")
        return self.stream.incoming.events(whole)

    def one(self, block: bytearray, number: int) -> pa.RecordBatch:
        """The columns of one of them."""
        return self.batches[number] if self.batches else self._read(block, number)

    def _read(self, block: bytearray, number: int) -> pa.RecordBatch:
        return self.stream.read(block, self.messages.at(number))


class _Reading:
    """What is known of the streams that are being read."""

    def __init__(self, name: str, *, single: bool) -> None:
        self.ended = False  # a stream has ended
        self._single = single
        self.at = 0  # up to where the last block was read
        self.needed = 1  # bytes from there on that the next block has to have
        self._name = name
        self._scanner = Scanner(name)
        self._streams: dict[bytes, _Stream] = {}
        self._stream: _Stream | None = None
        self._held: dict[tuple[int, Layout], _Held] = {}
        self._rows = self._count = 0  # of those that are held

    def events(self, block: bytearray) -> Iterator[pa.RecordBatch]:
        """The events of the whole messages in a block."""
        self.at = 0
        try:
            while True:
                message, self.needed = self._scanner.next(block, self.at)
                if self.at + self.needed > len(block):
                    break
                self.at += self.needed
                if message is None:
                    self._stream, self.ended = None, True
                    if self._single:
                        break
                else:
                    yield from self._take(block, message)
        except pa.ArrowInvalid as error:
            yield from self._together(block)
            raise _broken(self._name, error) from None
        except MdcError:
            yield from self._together(block)
            raise
        yield from self._together(block)

    def _take(self, block: bytearray, message: Message) -> Iterator[pa.RecordBatch]:
        layout = message.layout
        if layout.kind == SCHEMA:
            self._begin(bytes(block[message.metadata - _PREFIX : message.end]))
            return
        stream = self._stream
        if stream is None or layout.kind not in (DICTIONARY, BATCH):
            raise pa.ArrowInvalid("a message without its schema")
        check_unpacked(block, message, self._name)
        if layout.kind == DICTIONARY:
            stream.dictionary(block, message)
            return
        rows = rows_of(block, message)
        if stream.alone or rows > GATHER_ROWS // 2 or message.end - message.body > SMALL_BODY:
            yield from self._together(block)
            yield from stream.incoming.pieces(stream.read(block, message))
            return
        if not 0 <= rows <= SMALL_BODY:
            raise pa.ArrowInvalid(f"a batch of {rows} rows")
        self._hold(stream, block, message, rows)
        if self._rows >= GATHER_ROWS:
            yield from self._together(block)

    def _hold(self, stream: _Stream, block: bytearray, message: Message, rows: int) -> None:
        """Keep a small batch, and those behind that look like it, for later."""
        layout = message.layout
        held = self._held.get((id(stream), layout))
        if held is None:
            held = self._held[id(stream), layout] = _Held(stream, layout)
        before = len(held.messages)
        held.messages.add(message, rows)
        if stream.has_dictionaries:  # there may be another dictionary for the next batch
            held.batches.append(stream.read(block, message))
        elif layout.is_plain:
            left = GATHER_ROWS - self._rows - rows
            self.at = self._scanner.more(
                block, self.at, held.messages, left, b"" if self._single else stream.again
            )
        new = held.messages.rows[before:]
        held.places.extend(range(self._count, self._count + len(new)))
        self._count += len(new)
        self._rows += sum(new)

    def _begin(self, schema: bytes) -> None:
        """A stream with a schema begins."""
        stream = self._streams.get(schema)
        if stream is None:
            if len(self._streams) >= _SCHEMAS:
                self._streams.clear()
            stream = self._streams[schema] = _Stream(schema, self._name)
        stream.begin()
        self._stream = stream

    def _together(self, block: bytearray) -> Iterator[pa.RecordBatch]:
        """The small batches as one, in their order."""
        held = list(self._held.values())
        self._held, self._rows, self._count = {}, 0, 0
        if not held:
            return
        try:
            parts = [one.joined(block) for one in held]
        except MdcError:
            yield from _one_by_one(held, block)  # those before the one to blame are sound
            return
        if len(parts) == 1:
            yield parts[0]
            return
        schema = joint_schema([part.schema for part in parts])
        whole = concatenated([widen(part, schema) for part in parts])
        yield whole.take(_order(held))


def _one_by_one(held: list[_Held], block: bytearray) -> Iterator[pa.RecordBatch]:
    """The events of small batches of all schemas in order; raises DataError at its place."""
    there = [(place, number, one) for one in held for number, place in enumerate(one.places)]
    for _, number, one in sorted(there, key=itemgetter(0)):
        yield from one.stream.incoming.pieces(one.one(block, number))


def _order(held: list[_Held]) -> Int64s:
    """Where each row of all batches is among those of the schemas, one behind the other."""
    sizes = np.concatenate([np.array(one.messages.rows, np.int64) for one in held])
    places = np.concatenate([np.array(one.places, np.int64) for one in held])
    return np.argsort(np.repeat(places, sizes), kind="stable")
