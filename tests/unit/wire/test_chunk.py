"""Chunks: whatever is cut, chosen and put in, text, columns and counts are of the same events."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.batch import from_rows
from mdc_core.events import Event, Heartbeat, type_of
from mdc_core.wire.chunk import Chunk, no_events
from mdc_core.wire.lines.jsonl import decode_row, encode_rows, rows_of
from tests.kit.many import many
from tests.unit.wire.lines.vocabulary import events

some = st.lists(events(), min_size=1, max_size=8)


def line(number: int) -> bytes:
    """A line that nobody would write like this."""
    return b'{ "symbol":"A", "type":"trade", "price":1.50, "seq":%d }\n' % number


def lines(*numbers: int) -> bytes:
    return b"".join(map(line, numbers))


def numbered(count: int) -> tuple[Any, bytes]:
    """Columns and text of so many of them."""
    text = lines(*range(count))
    return from_rows([decode_row(one) for one in text.splitlines()]), text


def check(chunk: Chunk, expected: list[Event]) -> None:
    """A chunk has these events, in each form, whichever is asked for first."""
    assert chunk.size == len(expected)
    assert Counter(chunk.counts) == Counter(map(type_of, expected))
    assert [decode_row(one) for one in chunk.text.splitlines()] == expected
    assert rows_of(chunk.batch) == expected if expected else chunk.batch.num_rows == 0


@given(rows=some, others=some, data=st.data())
@settings(max_examples=many(15))
def test_rows_are_cut_chosen_and_put_in(rows: list[Event], others: list[Event], data: Any) -> None:
    rows, others = rows_of(from_rows(rows)), rows_of(from_rows(others))
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    chosen = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1))))
    at = sorted(data.draw(st.integers(0, len(chosen))) for _ in others)
    kept = [rows[place] for place in chosen]
    spliced = kept.copy()
    for place, event in reversed(list(zip(at, others, strict=True))):
        spliced.insert(place, event)
    batch, other = from_rows(rows), Chunk(from_rows(others))
    for chunk in (Chunk(batch), Chunk(batch, encode_rows(rows)), Chunk.of_rows(rows)):
        check(chunk.cut(start, stop), rows[start:stop])
        part = chunk.select(np.array(chosen, np.int64))
        check(part, kept)
        whole = part.splice(np.array(at), other)
        check(whole, spliced)
        check(whole.without("trade"), [one for one in spliced if type_of(one) != "trade"])


def test_text_that_came_in_is_never_made_anew() -> None:
    batch, text = numbered(6)
    chunk = Chunk(batch, text)
    assert chunk.text is text and chunk.batch is batch
    assert chunk.cut(2, 4).text == lines(2, 3)
    part = chunk.select(np.array([0, 1, 4]))
    assert part.text == lines(0, 1, 4)
    between = Chunk.of_rows([Heartbeat(symbol="B"), Heartbeat(symbol="C")])
    mixed = part.splice(np.array([1, 3]), between)
    b, c = between.text.splitlines(keepends=True)
    assert mixed.text == line(0) + b + lines(1, 4) + c
    assert mixed.without("heartbeat").text == lines(0, 1, 4)


def test_nothing_is_made_that_nobody_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, text = numbered(4)
    never: Any = lambda: pytest.fail("nobody asked for this")  # noqa: E731
    only_text = Chunk(never, text, {"trade": 4}, size=4)
    assert only_text.cut(1, 3).text == lines(1, 2)
    assert only_text.select(np.array([3])).text == line(3)
    assert only_text.splice(np.array([0]), only_text.cut(2, 3)).text == lines(2, 0, 1, 2, 3)
    only_columns = Chunk(batch, never)
    assert only_columns.select(np.array([1, 2])).batch.num_rows == 2
    both = only_columns.splice(np.array([4]), Chunk(batch.slice(0, 1), never))
    assert both.counts == {"trade": 5} and both.batch.column("seq").to_pylist()[3:] == [3, 0]


def test_text_of_a_whole_is_made_once_for_all_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, _ = numbered(5)
    made = []
    encode = lambda whole: made.append(whole.num_rows) or encode_rows(rows_of(whole))  # noqa: E731
    monkeypatch.setattr("mdc_core.wire.chunk.encode_batch", encode)
    whole = Chunk(batch)
    pieces = b"".join(whole.cut(row, row + 1).text for row in range(5))
    assert pieces == encode_rows(rows_of(batch)) and made == [5]
    assert Chunk(batch).select(np.array([1, 3])).text.count(b"\n") == 2 and made == [5, 2]


def test_no_events() -> None:
    chunk = no_events()
    assert (chunk.size, chunk.text, chunk.counts, chunk.batch.num_rows) == (0, b"", {}, 0)
