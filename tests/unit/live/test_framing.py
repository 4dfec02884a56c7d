"""Frames in a stream of bytes come out the same however the stream is cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.contracts import Lengths, Lines
from mdc_core.live.transports import framing
from mdc_core.live.transports.framing import Framer, FrameTooLong, LengthFramer, framer

forms = st.builds(
    Lengths,
    size=st.sampled_from([1, 2, 4]),
    little_endian=st.booleans(),
    counts_itself=st.booleans(),
)


def cuts(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(at)]


def read(form: Framer, pieces: Iterable[bytes]) -> list[str | bytes]:
    return [frame for piece in pieces for frame in form.cut(piece)]


@given(
    st.lists(st.binary(max_size=9).filter(lambda b: b"\n" not in b and not b.endswith(b"\r"))),
    st.lists(st.integers(0, 200)),
    st.booleans(),
)
def test_lines(lines: list[bytes], places: list[int], carriage: bool) -> None:
    end = b"\r\n" if carriage else b"\n"
    form = framer(Lines("\r\n") if carriage else "lines")
    assert [form.join(line) for line in lines] == [line + end for line in lines]
    found = read(form, cuts(b"".join(line + end for line in lines), places))
    assert [f.encode() if isinstance(f, str) else f for f in found] == lines
    for line, frame in zip(lines, found, strict=True):
        assert isinstance(frame, str) == _is_text(line)
    assert form.rest() == b""


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(forms, st.lists(st.binary(max_size=9)), st.lists(st.integers(0, 200)))
def test_lengths(form: Lengths, frames: list[bytes], places: list[int]) -> None:
    """What is joined is cut again."""
    data = b"".join(framer(form).join(frame) for frame in frames)
    assert len(data) == sum(form.size + len(frame) for frame in frames)
    reading = framer(form)
    assert read(reading, cuts(data, places)) == frames
    assert reading.rest() == b""


@given(forms, st.binary(min_size=1, max_size=9), st.data())
def test_a_frame_that_is_cut_off_is_what_is_left(
    form: Lengths, frame: bytes, data: st.DataObject
) -> None:
    whole = framer(form).join(frame)
    size = data.draw(st.integers(1, len(whole) - 1))
    reading = framer(form)
    assert read(reading, [whole[:size]]) == []
    assert reading.rest() == whole[:size]
    assert read(reading, [whole[size:]]) == [frame]


def test_how_a_length_is_written() -> None:
    assert framer(Lengths(2)).join(b"abc") == b"\x00\x03abc"
    assert framer(Lengths(2, little_endian=True)).join("abc") == b"\x03\x00abc"
    assert framer(Lengths(4, counts_itself=True)).join(b"abc") == b"\x00\x00\x00\x07abc"


def test_a_length_that_cannot_be() -> None:
    for form, data in (
        (Lengths(4), (64 << 20).to_bytes(4, "big")[:0] + ((64 << 20) + 1).to_bytes(4, "big")),
        (Lengths(2, counts_itself=True), b"\x00\x01"),
    ):
        with pytest.raises(FrameTooLong):
            read(framer(form), [data])
    longest = framer(Lengths(4))
    assert read(longest, [(64 << 20).to_bytes(4, "big")]) == []


def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "LONGEST", 10)
    form = framer("lines")
    assert read(form, [b"x" * 10 + b"\n" + b"y" * 10]) == ["x" * 10]
    with pytest.raises(FrameTooLong):
        read(form, [b"z"])
    long = LengthFramer(Lengths(1))
    assert read(long, [b"\x0a" + b"x" * 10]) == [b"x" * 10]
    with pytest.raises(FrameTooLong):
        read(long, [b"\x0b"])


def test_lines_to_send_end_once() -> None:
    form = framer("lines")
    assert (form.join("a"), form.join(b"a\n"), form.join("")) == (b"a\n", b"a\n", b"\n")
    assert form.rest() == b""
    read(form, [b"half"])
    assert form.rest() == b"half"


@given(st.lists(st.binary(max_size=5)))
def test_raw_pieces_go_through(pieces: list[bytes]) -> None:
    form = framer("raw")
    assert read(form, pieces) == pieces
    assert (form.rest(), form.join("\u00e4"), form.join(b"x")) == (b"", "\u00e4".encode(), b"x")
