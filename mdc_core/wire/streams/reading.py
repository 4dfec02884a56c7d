"""Reading Arrow IPC streams, one after another on the same pipe, however they are cut."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from mdc_core.batch import Int64s
from mdc_core.errors import MdcError, TruncatedError
from mdc_core.wire.limits import BYTES, ROWS
from mdc_core.wire.sniff import Peeked
from mdc_core.wire.streams.block import Block
from mdc_core.wire.streams.held import Held, Spans, together
from mdc_core.wire.streams.ipc import (
    BATCH,
    DICTIONARY,
    SCHEMA,
    SMALL_BODY,
    Message,
    Scanner,
    check_unpacked,
    rows_of,
)
from mdc_core.wire.streams.messages import MessageReader, broken
from mdc_core.wire.streams.patterns import Matches, Patterns
from mdc_core.wire.tables.arrow import nothing

_SCHEMAS = 256  # that are remembered
_PREFIX = 8
_WORTH = 8 << 10  # bytes in which it is worth to look for many messages at once
_SOME = 4  # messages that are worth it
_CARRY, _NONE = -2, -1  # a batch goes on with the stream before it; no stream


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
    block = Block(peeked)
    while True:
        while tick and not peeked.waiting(tick):
            yield nothing()
        if not block.fill(reading.needed):
            if block.damage is None and len(block.data):
                raise TruncatedError(f"{name}: the Arrow stream breaks off")
            break
        yield from reading.events(block.data)
        if single and reading.ended:
            return
        block.drop(reading.at, lent=reading.lends)
        if block.damage is not None:
            break
    if block.damage is not None:
        raise block.damage


class _Reading:
    """What is known of the streams that are being read."""

    def __init__(self, name: str, *, single: bool) -> None:
        self.ended = False  # a stream has ended
        self._single = single
        self.at = 0  # up to where the last block was read
        self.needed = 1  # bytes from there on that the next block has to have
        self.lends = False  # columns refer to the block
        self._name = name
        self._scanner = Scanner(name)
        self._numbers: dict[bytes, int] = {}  # of schemas
        self._readers: list[MessageReader] = []
        self._stream = _NONE  # the number of the schema of what comes
        self._patterns = Patterns()
        self._begins = [_NONE]  # by pattern: the schema that begins with such a message
        self._matches: Matches | None = None
        self._held: dict[tuple[int, int], Held] = {}  # by reader and pattern
        self._rows = 0  # of those that are held
        self._bytes = 0  # of those that were read already

    def events(self, block: memoryview) -> Iterator[pa.RecordBatch]:
        """The events of the whole messages in a block."""
        self.at = 0
        self.lends = False
        self._matches = None
        try:
            while True:
                while self._many(block):
                    yield from self._enough(block)
                message, self.needed = self._scanner.next(block, self.at)
                if self.at + self.needed > len(block):
                    break
                self.at += self.needed
                if message is None:
                    self._stream, self.ended = _NONE, True
                    if self._single:
                        break
                else:
                    yield from self._take(block, message)
        except pa.ArrowInvalid as error:
            yield from self._together(block)
            raise broken(self._name, error) from None
        except MdcError:
            yield from self._together(block)
            raise
        yield from self._together(block)

    def _many(self, block: memoryview) -> bool:
        """Take the messages that follow and are known by their patterns, if there are some."""
        if self._matches is None:
            if len(block) - self.at < _WORTH:
                return False
            self._matches = Matches(block, self._patterns, ends=not self._single)
        found = self._matches
        found.match()
        chain = found.chain(self.at)
        if chain.stop - chain.start < _SOME or not self._goes_on():
            return False
        numbers, rows = found.numbers[chain], np.cumsum(found.rows[chain])
        taken = int(np.searchsorted(rows, ROWS - self._rows)) + 1
        begins = np.array(self._begins)
        streams, known = _streams(begins[numbers[:taken]], self._stream)
        if not known:
            return False
        numbers = numbers[:known]
        self._stream = int(streams[known - 1])
        self.at = int(found.ends[chain][known - 1]) * 8
        batches = np.flatnonzero(begins[numbers] == _CARRY)
        self._hold_all(streams[batches], numbers[batches], batches + chain.start)
        return True

    def _goes_on(self) -> bool:
        """Whether small batches of the stream are held, as they are."""
        if self._stream == _NONE:
            return True
        reader = self._readers[self._stream]
        return not (reader.alone or reader.has_dictionaries)

    def _hold_all(self, streams: Int64s, numbers: Int64s, found: Int64s) -> None:
        """Keep small batches, of these streams and patterns, for later."""
        if not len(found):
            return
        assert self._matches is not None
        keys = streams * len(self._patterns.all) + numbers
        order = np.argsort(keys, kind="stable")
        cuts = np.flatnonzero(np.diff(keys[order])) + 1
        for own in np.split(order, cuts):
            one, first = found[own], own[0]
            spans = Spans(
                self._matches.starts[one] * 8,
                self._matches.ends[one] * 8,
                self._matches.rows[one],
            )
            self._group(int(streams[first]), int(numbers[first])).add(spans)
        self._rows += int(self._matches.rows[found].sum())

    def _group(self, stream: int, number: int | None) -> Held:
        """The small batches of a stream and a pattern."""
        reader = self._readers[stream]
        pattern = None if number is None else self._patterns.all[number]
        held = self._held.get((id(reader), id(pattern)))
        if held is None:
            held = self._held[id(reader), id(pattern)] = Held(reader, pattern)
        return held

    def _take(self, block: memoryview, message: Message) -> Iterator[pa.RecordBatch]:
        start, end, kind = message.metadata - _PREFIX, message.end, message.layout.kind
        if kind == SCHEMA:
            self._begin(block, message)
            return
        if self._stream == _NONE or kind not in (DICTIONARY, BATCH):
            raise pa.ArrowInvalid("a message without its schema")
        check_unpacked(block, message, self._name)
        reader = self._readers[self._stream]
        if kind == DICTIONARY:
            reader.dictionary(bytes(block[start:end]))
            return
        rows = rows_of(block, message)
        if reader.alone or rows > ROWS // 2 or end - message.body > SMALL_BODY:
            yield from self._together(block)
            self.lends = True
            yield from reader.incoming.pieces(reader.read(block, start, end, lend=True))
            return
        if not 0 <= rows <= SMALL_BODY:
            raise pa.ArrowInvalid(f"a batch of {rows} rows")
        self._hold(block, message, rows)
        yield from self._enough(block)

    def _hold(self, block: memoryview, message: Message, rows: int) -> None:
        """Keep a small batch for later."""
        start = message.metadata - _PREFIX
        reader = self._readers[self._stream]
        spans = Spans(*(np.array([n]) for n in (start, message.end, rows)))
        self._rows += rows
        if reader.has_dictionaries:  # there may be another dictionary for the next batch
            batch = reader.read(block, start, message.end)
            self._bytes += batch.nbytes
            self._group(self._stream, None).add(spans, batch)
            return
        self._group(self._stream, self._learn(block, message)).add(spans)

    def _learn(self, block: memoryview, message: Message) -> int | None:
        """The pattern of a message, from now on known, if it has one."""
        if self._matches is None or message.metadata % 8 or message.end % 8:
            return None
        number = self._patterns.number_of(bytes(block[message.metadata : message.body]))
        self._begins += [_CARRY] * (len(self._patterns.all) - len(self._begins))
        return number

    def _begin(self, block: memoryview, message: Message) -> None:
        """A stream with a schema begins."""
        schema = bytes(block[message.metadata - _PREFIX : message.end])
        stream = self._numbers.get(schema)
        if stream is None:
            if len(self._readers) >= _SCHEMAS or self._patterns.is_full:
                self._forget()
            stream = self._numbers[schema] = len(self._readers)
            self._readers.append(MessageReader(schema, self._name))
        self._readers[stream].begin()
        self._stream = stream
        if self._goes_on() and message.body == message.end:
            number = self._learn(block, message)
            if number is not None:
                self._begins[number] = stream

    def _forget(self) -> None:
        """Forget all schemas and what is known of the messages."""
        self._numbers, self._readers = {}, []
        self._patterns, self._begins, self._matches = Patterns(), [_NONE], None

    def _enough(self, block: memoryview) -> Iterator[pa.RecordBatch]:
        if self._rows >= ROWS or self._bytes > BYTES:
            yield from self._together(block)

    def _together(self, block: memoryview) -> Iterator[pa.RecordBatch]:
        """The small batches as one, in their order."""
        held = list(self._held.values())
        self._held, self._rows, self._bytes = {}, 0, 0
        yield from together(held, block)


def _streams(begins: Int64s, before: int) -> tuple[Int64s, int]:
    """The stream that each message belongs to, and how many messages come before one of none."""
    places = np.where(begins == _CARRY, -1, np.arange(len(begins)))
    last = np.maximum.accumulate(places)
    streams: Int64s = np.where(last < 0, before, begins[last])
    astray = np.flatnonzero((begins == _CARRY) & (streams == _NONE))
    return streams, int(astray[0]) if len(astray) else len(begins)
