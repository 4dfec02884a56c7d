"""Helpers for codecs: sequence numbers, order books, scaled decimals."""

import zlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.plugin import (
    DataError,
    Follow,
    Gap,
    Integrity,
    Ladder,
    Level,
    Missing,
    Restarted,
    SequenceCount,
    scaled,
    unscaled,
)

D = Decimal


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (4721650, 4, "472.1650"),
        (-5, 2, "-0.05"),
        (0, 3, "0.000"),
        (7, 0, "7"),
        (7, -2, "7E+2"),
        (123456789012345678901234567890123456, 18, "123456789012345678.901234567890123456"),
    ],
)
def test_a_scaled_number_is_exact(number: int, places: int, text: str) -> None:
    assert str(scaled(number, places)) == text
    assert unscaled(D(text), places) == number


@pytest.mark.parametrize("number", [1.5, 1.0, "4", True, None, D(4)])
def test_what_is_no_whole_number_is_not_scaled(number: object) -> None:
    with pytest.raises(DataError, match="is no whole number of units"):
        scaled(number, 2)  # type: ignore[arg-type]


def test_what_is_finer_than_the_scale_is_refused() -> None:
    with pytest.raises(DataError, match=r"1\.005 is finer than 2 decimals"):
        unscaled(D("1.005"), 2)


def test_numbers_are_followed_in_each_channel() -> None:
    follow = Follow()
    assert follow.expect("a", 7) == "ok"  # where the first is not known, any will do
    assert follow.expect("a", 8) == "ok"
    assert follow.expect("b", 1) == "ok"
    assert follow.expect("a", 8) == "late"
    assert follow.expect("a", 12) == Missing(9, 3)
    assert follow.expect("a", 10) == "late"
    assert follow.expect("a", 13) == "ok"
    follow.restart("a", 3)
    assert follow.expect("a", 4) == "ok"
    assert follow.expect("a", 4) == "late"


def test_what_is_missing_happened_since_the_number_before() -> None:
    follow = Follow(first=1)
    assert follow.expect("a", 2, "10:00") == Missing(1, 1)
    assert follow.expect("b", 1, "10:01") == "ok"
    assert follow.expect("a", 2, "10:02") == "late"
    assert follow.expect("a", 5, "10:03") == Missing(3, 2, since="10:00")
    assert follow.expect("a", 7, "10:04") == Missing(6, 1, since="10:03")


@pytest.mark.parametrize(
    ("numbers", "last"),
    [
        ((101, 1, 5, 9), Restarted(101, 1, 6)),
        ((101, 1, 1, 2, 2, 3), Restarted(101, 1, 0)),
        ((101, 50, 1, 2, 3), Restarted(101, 1, 0)),
        ((1, 10**30, 2, 3, 4), Restarted(10**30, 2, 0)),
        ((101, 100, 101, 101, 101), "late"),  # once more
        ((101, 1, 102, 5, 103, 9), "late"),  # not in a row
        ((101, 106, 102, 103, 104, 105), "late"),  # overtaken, and told
    ],
)
def test_three_numbers_in_a_row_that_are_behind_begin_anew(
    numbers: tuple[int, ...], last: object
) -> None:
    count = SequenceCount()
    found = [count.expect(number) for number in numbers]
    assert found[-1] == last
    assert not any(isinstance(order, Restarted) for order in found[:-1])
    if isinstance(last, Restarted):
        assert count.next == numbers[-1] + 1


def test_numbers_that_begin_anew_are_a_finding_and_a_gap_of_what_is_missing() -> None:
    follow = Follow()
    heads = [{"symbol": "A", "seq": seq, "ts_event": f"10:0{n}"} for n, seq in enumerate((7, 1, 2))]
    assert [event for head in heads for event in follow.gaps("A", head)] == []
    found, gap = follow.gaps("A", {"symbol": "A", "seq": 5, "ts_event": "10:03"})
    assert isinstance(found, Integrity) and (found.check, found.severity) == ("sequence", "warning")
    assert found.message == "the numbers of A began anew at 1, behind 7"
    assert isinstance(gap, Gap) and (gap.count, gap.start, gap.end) == (2, "10:00", "10:03")


def test_what_is_said_to_have_come_is_missing_once_and_may_come_yet() -> None:
    count = SequenceCount()
    assert count.reach(9) == "ok"  # nothing is known before
    assert count.reach(9) == "ok"
    assert count.reach(12, "10:00") == Missing(10, 3)
    assert [count.expect(number) for number in (10, 11, 12, 13)] == ["late", "late", "late", "ok"]


def test_a_first_number_that_is_known() -> None:
    assert Follow(first=1).expect("a", 3) == Missing(1, 2)


def test_what_is_held_comes_out_in_order_behind_the_snapshot() -> None:
    follow = Follow()
    assert not follow.holds("book")
    follow.hold("book")
    assert follow.holds("book") and not follow.holds("trade")
    follow.hold("book", (12, "c"), (10, "a"))
    follow.hold("book", (11, "b"))
    assert follow.release("book", 10) == ["b", "c"]
    assert not follow.holds("book")
    assert follow.release("book", 10) == []


def ladder() -> Ladder:
    book = Ladder()
    book.snapshot([Level(D(10), D(1)), Level(D(9), D(2)), Level(D(8), D(0))], [Level(D(12), D(4))])
    return book


def test_the_best_levels_stand_first() -> None:
    book = ladder()
    book.change("ask", Level(D(11), D(3)))
    book.change("bid", Level(D(9), D(5)))
    book.change("bid", Level(D(10), D(0)))
    book.change("bid", Level(D(1), D(0)))  # was never there
    assert book.top("bid", 5) == [Level(D(9), D(5))]
    assert book.top("ask", 1) == [Level(D(11), D(3))]
    book.snapshot([], [])
    assert book.top("bid", 5) == book.top("ask", 5) == []


def test_the_checksum_is_that_of_the_text() -> None:
    book = ladder()
    book.change("ask", Level(D(13), D(6)))

    def text(level: Level) -> str:
        return f"{level.price}:{level.size};"

    assert book.checksum(2, text) == zlib.crc32(b"10:1;9:2;12:4;13:6;")
    joined = book.checksum(2, text, separator="|", by_turns=True)
    assert joined == zlib.crc32(b"10:1;|12:4;|9:2;|13:6;")
    assert book.checksum(1, text) == zlib.crc32(b"10:1;12:4;")
    assert book.checksum(2, text, by_turns=True) == zlib.crc32(b"10:1;12:4;9:2;13:6;")


@given(st.lists(st.tuples(st.sampled_from(["bid", "ask"]), st.integers(1, 9), st.integers(0, 3))))
def test_a_ladder_is_a_sorted_dictionary(changes: list[tuple[str, int, int]]) -> None:
    book, plain = Ladder(), {"bid": dict[int, int](), "ask": dict[int, int]()}
    for side, price, size in changes:
        book.change(side, Level(D(price), D(size)))  # type: ignore[arg-type]
        plain[side][price] = size
    for side, levels in plain.items():
        best = sorted(((p, s) for p, s in levels.items() if s), reverse=side == "bid")[:4]
        assert [(at.price, at.size) for at in book.top(side, 4)] == best  # type: ignore[arg-type]
