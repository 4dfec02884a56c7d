"""What stands in a Parquet file, byte for byte: footer and page headers (compact Thrift)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

CODECS = ("none", "snappy", "gzip", "lzo", "brotli", "lz4-hadoop", "zstd", "lz4")
MAGIC = {"zstd": b"\x28\xb5\x2f\xfd", "gzip": b"\x1f\x8b", "lz4-frame": b"\x04\x22\x4d\x18"}


class Chunk(NamedTuple):
    """A column chunk: its codec, and of each page the header and the bytes behind it."""

    column: str
    codec: str
    pages: list[tuple[dict[int, Any], bytes]]


def chunks(path: Path) -> Iterator[Chunk]:
    """Every column chunk of a file."""
    data = path.read_bytes()
    assert data[:4] == data[-4:] == b"PAR1"
    footer = _Thrift(data, len(data) - 8 - int.from_bytes(data[-8:-4], "little")).struct()
    for group in footer[4]:
        for column in group[1]:
            meta = column[3]
            start = min(meta[9], meta.get(11, meta[9]))
            name = b".".join(meta[3]).decode()
            yield Chunk(name, CODECS[meta[4]], list(_pages(data, start, start + meta[7])))


def _pages(data: bytes, start: int, stop: int) -> Iterator[tuple[dict[int, Any], bytes]]:
    while start < stop:
        reader = _Thrift(data, start)
        header = reader.struct()
        start = reader.at + header[3]
        yield header, data[reader.at : start]


class _Thrift:
    """Thrift structs as dictionaries by field number."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def _bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            (octet,) = self._bytes(1)
            value |= (octet & 127) << shift
            shift += 7
            if octet < 128:
                return value

    def _number(self) -> int:
        value = self._varint()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1

    def struct(self) -> dict[int, Any]:
        """The struct that begins here."""
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._bytes(1)[0]) != 0:
            number = number + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        match kind:
            case 1 | 2 | 3:
                return self._bytes(1)[0]
            case 4 | 5 | 6:
                return self._number()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._varint())
            case 9 | 10:
                head = self._bytes(1)[0]
                count = head >> 4 if head >> 4 < 15 else self._varint()
                return [self._value(head & 15) for _ in range(count)]
            case 12:
                return self.struct()
        raise AssertionError(f"Thrift type {kind} does not occur in Parquet")
