"""A journal that is torn or damaged: what is not hit is read, what is hit is told."""

import struct
import zlib
from pathlib import Path

from mdc_core.archive.write.segment import Segment
from mdc_core.events import Event, Trade
from tests.unit.archive.write.test_journal import HEADER, cuts, read, small, write


def test_a_torn_tail_at_every_byte(tmp_path: Path) -> None:
    lists = small(3)
    path = write(tmp_path, lists)
    data = path.read_bytes()
    *_, last, end = cuts(path)
    for size in range(last, end):
        path.write_bytes(data[:size])
        back, segment, header = read(path)
        assert (back, header) == (lists[:2], HEADER), size
        torn = [damage.torn for damage in segment.damages]
        assert torn == ([True] if size > last else []), size
        assert all((d.start, d.stop) == (last, size) for d in segment.damages)


def test_a_torn_header_at_every_byte(tmp_path: Path) -> None:
    path = write(tmp_path, [])
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        back, segment, header = read(path)
        assert (back, header) == ([], None), size
        assert all(damage.torn for damage in segment.damages), size


def test_one_flipped_bit_at_every_byte(tmp_path: Path) -> None:
    lists = small(4)
    path = write(tmp_path, lists)
    data = bytearray(path.read_bytes())
    starts = cuts(path)
    for at in range(len(data)):
        bit = 1 << at % 8
        data[at] ^= bit
        path.write_bytes(data)
        data[at] ^= bit
        hit = max(number for number, start in enumerate(starts) if start <= at)
        back, segment, header = read(path)
        assert header == (None if hit == 0 else HEADER), at
        # Record 0 is the header, so list n is record n + 1.
        assert back == [rows for n, rows in enumerate(lists) if n + 1 != hit], at
        (damage,) = segment.damages
        assert not damage.torn, at
        assert (damage.start, damage.stop) == (starts[hit], starts[hit + 1]), at


def test_damage_at_two_places_is_told_twice(tmp_path: Path) -> None:
    lists = small(6)
    path = write(tmp_path, lists)
    data = bytearray(path.read_bytes())
    starts = cuts(path)
    data[starts[2] + 40] ^= 1
    data[starts[5] + 40] ^= 1
    path.write_bytes(data)
    back, segment, _ = read(path)
    assert back == [lists[n] for n in (0, 2, 3, 5)]
    assert [(d.start, d.stop) for d in segment.damages] == [
        (starts[2], starts[3]),
        (starts[5], starts[6]),
    ]
    assert segment.missing == 2
    # Asked again, it tells the same.
    with path.open("rb", buffering=0) as file:
        again = Segment(file, "s")
        for _ in range(2):
            assert len(list(again.batches())) == 4
            assert len(again.damages) == 2


def test_what_looks_like_a_head_inside_a_body(tmp_path: Path) -> None:
    """The mark in the data is no record, also where damage makes the reader look for one."""
    rows: list[list[Event]] = [[Trade(symbol="mdcJ" * 50, seq=n)] for n in range(3)]
    path = write(tmp_path, rows)
    data = bytearray(path.read_bytes())
    data[cuts(path)[2]] ^= 1
    path.write_bytes(data)
    assert read(path)[0] == [rows[0], rows[2]]


def test_a_length_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path, small(1))
    start = path.stat().st_size
    tail = struct.pack("<QQQI", 9, 1 << 50, 1, 0)
    head = struct.pack("<4sI", b"mdcJ", zlib.crc32(tail)) + tail
    path.write_bytes(path.read_bytes() + head)
    back, segment, _ = read(path)
    assert back == small(1)
    assert [(d.start, d.torn) for d in segment.damages] == [(start, False)]
