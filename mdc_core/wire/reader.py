"""Reading events: any encoding, any compression, from a pipe or a file, as chunks."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import starmap
from pathlib import Path

from mdc_core.errors import DataError, TruncatedError
from mdc_core.wire.chunk import Chunk, no_events
from mdc_core.wire.limits import MAX_LINE
from mdc_core.wire.quarantine import Quarantine
from mdc_core.wire.sniff import CHUNK, Encoding, Peeked, Unbuffered, encoding_of
from mdc_core.wire.unpack import unpacked

BLOCK = 2 * CHUNK  # what is read at once from an input that has as much
HEAD = 1 << 16  # bytes by which a table of others is told


def in_portions(blocks: Iterator[bytes], few: int | None) -> Iterator[bytes]:
    """Blocks of lines, the first one of a few lines, the others of more each time."""
    if few is None:
        yield from blocks
        return
    lines = few  # then 1, 2, 4: what is missing behind them are events about the data
    more = 1
    for block in blocks:
        start = 0
        while start < len(block):
            end = start
            for _ in range(max(lines, 1)):
                end = block.find(b"\n", end) + 1 or len(block)
            yield block[start:end]
            start, lines, more = end, more, more * 2
        if not block:
            yield block


class Reader:
    """The events of one input. What cannot be read is set aside and counted.

    `damage` says, after the last chunk, what is wrong with the input as a whole: the
    compressed data or the Arrow stream that breaks off. With a `tick`, an empty chunk
    comes after each so many seconds in which nothing else did.
    """

    def __init__(
        self,
        file: Unbuffered,
        name: str,
        quarantine: Quarantine,
        path: Path | None = None,
        *,
        tick: float | None = None,
        few: int | None = None,
    ) -> None:
        """With `few`, so many lines are read at first, and more only as they are asked for."""
        self.name = name
        self.rejected = 0
        self.lines = 0
        self.damage: str | None = None
        self.first_rejection: str | None = None
        self._file = file
        self._path = path
        self._tick = tick
        self._quarantine = quarantine
        self._few = few

    def __iter__(self) -> Iterator[Chunk]:
        try:
            plain = unpacked(self._file, self.name)
            if plain.peek(len(BOM_UTF8)) == BOM_UTF8:
                plain.read(len(BOM_UTF8))  # Windows puts it there, and it means nothing
            encoding = encoding_of(plain)
            if encoding == "jsonl":
                yield from self._lines(plain)
            elif encoding == "arrow":
                from mdc_core.wire.streams.reading import read_streams

                for batch in read_streams(plain, self.name, self._tick):
                    yield Chunk(batch)
            elif encoding != "empty":
                yield from self._table(encoding)
        except TruncatedError as error:
            self.damage = str(error)

    def _table(self, encoding: Encoding) -> Iterator[Chunk]:
        """The events of a file that has to be read from its end."""
        from mdc_core.wire.tables.files import read_arrow_file, read_parquet

        if self._path is None or not self._path.is_file():
            text = f"{encoding} cannot be read from a pipe; name the file"
            raise DataError(f"{self.name}: {text}")
        read = read_parquet if encoding == "parquet" else read_arrow_file
        started = False
        try:
            for batch in read(self._path):
                started = True
                yield Chunk(batch)
        except DataError as error:
            if not started:
                from mdc_core.mapping.guess.strangers import refuse_table

                refuse_table(self._path, self.name, error)
            raise

    def _lines(self, plain: Peeked) -> Iterator[Chunk]:
        from mdc_core.wire.lines.parse import LinesParser

        parser = LinesParser(self._set_aside)
        known = False  # whether these are lines of events
        for block in in_portions(self._blocks(plain), self._few):
            if not known and block:
                known = True
                self._refuse_others(block)
            if block:
                yield from starmap(Chunk, parser.parse(block))
                self.lines += parser.lines
            else:
                yield no_events()

    def _refuse_others(self, block: bytes) -> None:
        """Raise DataError, with the command that reads it, for what is no file of events."""
        if block.startswith(b'{"type":'):
            return
        from mdc_core.mapping.guess.own_files import refuse_other

        refuse_other(block[:HEAD], self.name, self._path)
        from mdc_core.mapping.guess.strangers import refuse_lines

        refuse_lines(block[:HEAD], self.name, self._path)

    def _blocks(self, plain: Peeked) -> Iterator[bytes]:
        """Whole lines, as many as are there, each ending in LF; none at a tick."""
        rest: list[bytes] = []
        size = 0
        while True:
            while self._tick and not plain.waiting(self._tick):
                yield b""
            try:
                data, ended = self._available(plain)
            except TruncatedError:
                if rest:
                    self._set_aside(0, b"".join(rest), "truncated, as the input is")
                raise
            cut = data.rfind(b"\n") + 1
            if cut:
                yield b"".join([*rest, memoryview(data)[:cut]])
                rest, size = [], 0
            if cut < len(data):
                rest.append(data[cut:])
                size += len(data) - cut
            if size > MAX_LINE:
                rest = [self._too_long(b"".join(rest), plain)]
                size = len(rest[0])
            if ended:
                break
        if size:
            yield b"".join([*rest, b"\n"])

    def _available(self, plain: Peeked) -> tuple[bytes, bool]:
        """What can be read without waiting, but something; and whether that was all."""
        first = plain.read(BLOCK)
        if not first:
            return b"", True
        parts, size = [first], len(first)
        while size < BLOCK and plain.waiting():
            try:
                more = plain.read(BLOCK - size)
            except TruncatedError:
                break  # it comes again at the next read, after what we have
            if not more:
                return b"".join(parts), True
            parts.append(more)
            size += len(more)
        return b"".join(parts), False

    def _too_long(self, rest: bytes, plain: Peeked) -> bytes:
        """Set a line beyond all reason aside, part by part; what follows it."""
        part = 0
        while True:
            line, lf, after = rest.partition(b"\n")
            for at in range(0, len(line), CHUNK):
                part += 1
                reason = f"line longer than {MAX_LINE >> 20} MiB"
                self._set_aside(0, line[at : at + CHUNK], reason, part=part)
            if lf:
                self.lines += 1
                return after
            rest = plain.read(CHUNK)
            if not rest:
                return b""

    def _set_aside(self, number: int, line: bytes, reason: str, **more: int) -> None:
        where = self.lines + number + 1
        self._quarantine.add(line, reason, source=self.name, line=where, **more)
        if more.get("part", 1) > 1:
            return
        self.rejected += 1
        if self.first_rejection is None:
            self.first_rejection = f"{self.name}: line {where}: {reason}"
