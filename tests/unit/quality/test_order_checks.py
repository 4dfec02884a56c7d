"""Checks of order and identity on rows made by hand: exactly these findings, at these rows."""

from decimal import Decimal
from typing import Any

from mdc_core.events import Cancel, Delta, Gap, Trade
from mdc_validators.duplicate import Duplicate, DuplicateOptions
from mdc_validators.future import Future, FutureOptions
from mdc_validators.monotonic import Monotonic, MonotonicOptions
from mdc_validators.sequence import Sequence, SequenceOptions
from tests.kit.events import NOON, bar, found, quote, trade


def at(text: str) -> str:
    seconds, _, rest = text.partition(".")
    return f"2024-01-02T12:00:{seconds}.{rest.ljust(9, '0')}Z"


def numbered(*numbers: int | None, **fields: Any) -> list[Any]:
    return [trade(seq=number, **fields) for number in numbers]


def test_sequence_gap_repeat_and_regression() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(40, 41, 45, 45, 43, 46)) == [
        (2, "warning", "gap: 3 missing between 41 and 45"),
        (3, "warning", "repeat: 45 again"),
        (4, "warning", "regression: 43 after 45"),
    ]
    assert found(check, numbered(47)) == []
    assert found(check, numbered(46)) == [(0, "warning", "regression: 46 after 47")]


def test_sequence_needs_the_sender_to_define_one() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(None, 7, None, 8, None)) == []
    assert found(check, numbered(None, None)) == []


def test_sequence_is_that_of_symbol_provider_and_channel() -> None:
    check = Sequence(SequenceOptions())
    rows = numbered(1) + numbered(9, symbol="B") + numbered(5, channel="x")
    rows += numbered(7, provider="p") + numbered(2) + numbered(10, symbol="B")
    assert found(check, rows) == []


def test_sequence_of_a_whole_channel() -> None:
    check = Sequence(SequenceOptions(scope="channel"))
    rows = numbered(1) + numbered(2, symbol="B") + numbered(4)
    assert found(check, rows) == [(2, "warning", "gap: 1 missing between 2 and 4")]


def test_sequence_starts_again_after_a_jump_back_of_more_than_ten_thousand() -> None:
    check = Sequence(SequenceOptions())
    assert found(check, numbered(20_000, 9_999, 10_000, 10_002, 10_001)) == [
        (1, "info", "reset: 9999 after 20000"),
        (3, "warning", "gap: 1 missing between 10000 and 10002"),
        (4, "warning", "regression: 10001 after 10002"),
    ]
    assert found(check, numbered(10_003)) == []
    fresh = Sequence(SequenceOptions())
    assert found(fresh, numbered(20_000, 10_000)) == [
        (1, "warning", "regression: 10000 after 20000")
    ]


def test_sequence_whose_sender_skips_numbers() -> None:
    """Behind a tilde a jump is no gap; what comes twice or too late is told all the same."""
    check = Sequence(SequenceOptions())
    rows = numbered(7, 9, 30_000, 30_000, 29_999, channel="p-1~trade")
    rows += numbered(5, 7, channel="p-1:trade")
    assert found(check, rows) == [
        (3, "warning", "repeat: 30000 again"),
        (4, "warning", "regression: 29999 after 30000"),
        (6, "warning", "gap: 1 missing between 5 and 7"),
    ]
    assert found(check, numbered(3, 50, 20_000, 20_000, channel="p-1~trade")) == [
        (0, "info", "reset: 3 after 30000"),
        (3, "warning", "repeat: 20000 again"),
    ]


def test_sequence_at_the_ends_of_int64() -> None:
    top, bottom = 2**63 - 1, -(2**63)
    assert found(Sequence(SequenceOptions()), numbered(bottom, top)) == [
        (1, "warning", f"gap: {2**64 - 2} missing between {bottom} and {top}")
    ]
    check = Sequence(SequenceOptions())
    assert found(check, numbered(top, bottom, bottom + 1)) == [
        (1, "info", f"reset: {bottom} after {top}")
    ]
    assert found(check, numbered(bottom + 2)) == []


def test_deltas_of_one_message_share_its_number() -> None:
    rows = [Delta(symbol="A", ts_event=NOON, action="add", seq=n) for n in (1, 1, 2, 2, 1)]
    assert found(Sequence(SequenceOptions()), rows) == [(4, "warning", "regression: 1 after 2")]
    assert found(Duplicate(DuplicateOptions()), rows) == []


def test_monotonic_holds_against_the_latest_time() -> None:
    check = Monotonic(MonotonicOptions())
    times = ["10.5", "10.4", "10.399999999", "11", "10.5", "10.95"]
    assert found(check, [trade(ts_event=at(text)) for text in times]) == [
        (2, "warning", "event time goes back by 0.100000001 s"),
        (4, "warning", "event time goes back by 0.5 s"),
    ]
    assert found(check, [trade(ts_event=at("09"))]) == [
        (0, "warning", "event time goes back by 2 s")
    ]


def test_monotonic_knows_streams_apart() -> None:
    check = Monotonic(MonotonicOptions(tolerance=0))
    rows = [
        trade(ts_event=at("10.0")),
        quote("1", "2", ts_event=at("09.0")),
        trade(ts_event=at("08.0"), symbol="B"),
        bar("1", "1", "1", "1", ts_event=at("07.0")),
        bar("1", "1", "1", "1", ts_event=at("06.0"), interval="1d"),
        bar("1", "1", "1", "1", ts_event=at("05.0"), revision=1),
        bar("1", "1", "1", "1", ts_event=at("06.9")),
        Trade(symbol="A", price=Decimal(1), size=Decimal(1)),
    ]
    assert found(check, rows) == [(6, "warning", "event time goes back by 0.1 s")]


def test_monotonic_over_the_whole_range_of_times() -> None:
    first, last = "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"
    rows = [trade(ts_event=last), trade(ts_event=first)]
    assert found(Monotonic(MonotonicOptions()), rows) == [
        (1, "warning", "event time goes back by 18446744073.709551615 s")
    ]
    assert found(Future(FutureOptions()), [trade(ts_event=last, ts_recv=first)]) == [
        (0, "warning", "18446744073.709551615 s ahead of the receive clock")
    ]


def test_future() -> None:
    rows = [
        trade(ts_event=at("05.0"), ts_recv=at("00.0")),
        trade(ts_event=at("05.000000001"), ts_recv=at("00.0")),
        trade(ts_event=at("00.0"), ts_recv=at("30.0")),
        trade(ts_event=at("30.0")),
        Gap(ts_recv=at("00.0"), reason="overflow"),
    ]
    assert found(Future(FutureOptions()), rows) == [
        (1, "warning", "5.000000001 s ahead of the receive clock")
    ]
    assert found(Future(FutureOptions(tolerance=60_000_000_000)), rows) == []


def named(*ids: str | None, **fields: Any) -> list[Any]:
    return [trade(trade_id=name, **fields) for name in ids]


def test_duplicate_trades_by_id() -> None:
    check = Duplicate(DuplicateOptions())
    assert found(check, named("7", "8", "7")) == [(2, "error", "duplicate: trade 7 again")]
    rows = named("8", "9") + named("7", symbol="B") + named("7", venue="XNYS")
    rows += named("7", provider="p") + named("7", ts_event="2024-01-03T12:00:00.000000000Z")
    assert found(check, rows) == [(0, "error", "duplicate: trade 8 again")]


def test_equal_trades_without_an_identity_are_genuine() -> None:
    assert found(Duplicate(DuplicateOptions()), named(None, None, "", "")) == []


def test_duplicate_numbers() -> None:
    check = Duplicate(DuplicateOptions())
    rows = numbered(1, 2, 1)
    message = "duplicate: number 1 again, of the same time"
    assert found(check, rows) == [(2, "error", message)]
    assert found(check, numbered(1, ts_event=at("01"))) == []
    assert found(check, [quote("1", "2", seq=2)]) == []
    assert found(check, [*numbered(2, channel="x"), *numbered(1)]) == [(1, "error", message)]


def test_a_trade_with_an_id_is_judged_by_its_number_within_a_channel() -> None:
    """On another connection numbers begin anew; on the same one another number is another fill."""
    rows = [trade(seq=1, trade_id="a"), trade(seq=1, trade_id="b"), trade(seq=2, trade_id="a")]
    rows += [trade(seq=9, trade_id="a", channel="other"), trade(trade_id="a"), rows[2]]
    again, other = "duplicate: trade a again", ", but it says something else"
    assert found(Duplicate(DuplicateOptions()), rows) == [
        (2, "warning", again + other),
        (3, "error", again),
        (4, "error", again),  # of what came by the other channel
        (5, "error", again),
    ]


def test_what_is_numbered_alike_and_has_another_id_says_something_else() -> None:
    check = Duplicate(DuplicateOptions())
    message = "duplicate: number 1 again, of the same time"
    fields: dict[str, Any] = {"symbol": "SPY", "ts_event": NOON, "seq": 1}
    first, other, none = (Cancel(trade_id=text, **fields) for text in ("a", "b", None))
    assert found(check, [first]) == []
    assert found(check, [other]) == [(0, "warning", f"{message}, but it says something else")]
    assert found(check, [none]) == [(0, "warning", f"{message}, but it says something else")]
    assert found(check, [first, quote("1", "2")]) == [(0, "error", message)]
    assert found(check, [none, trade(trade_id="x")]) == [(0, "error", message)]


def test_duplicates_are_remembered_for_a_window() -> None:
    check = Duplicate(DuplicateOptions(window=3))
    assert [row for row, _, _ in found(check, named("a", "b", "c", "a", "e", "f", "g", "a"))] == [3]


def test_long_ids_that_begin_alike() -> None:
    stem = "x" * 300
    rows = named(stem + "1", stem + "2", stem[:64], stem[:65], stem + "1", "é" * 40, "é" * 41)
    (finding,) = found(Duplicate(DuplicateOptions()), rows)
    assert finding == (4, "error", f"duplicate: trade {stem}1 again")
