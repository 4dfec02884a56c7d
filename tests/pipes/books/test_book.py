"""`mdc book`: the books that come out are those of a plain book, and what cannot be is told."""

import json
import subprocess
from decimal import Decimal
from subprocess import DEVNULL, PIPE
from typing import Any

import pytest

from tests.conftest import Done, Shell
from tests.pipes.books.rows import change, event, lines, sides, snapshot, states

MARKET = "mdc stream sim SPY AAPL MSFT --type delta --seed 7 --limit 3000"
HEAD = ("symbol", "ts_event", "provider", "channel", "seq")


def said(done: Done) -> list[tuple[str, str, str]]:
    """What is said of books: symbol, severity, message."""
    found = [row for row in done.events if row["type"] == "integrity"]
    assert all(row["check"] == "book" for row in found)
    return [(row["symbol"], row["severity"], row["message"]) for row in found]


def prices(done: Done) -> list[tuple[str, list[str], list[str]]]:
    """The books that came out: symbol, and levels as texts."""
    return [
        (
            row["symbol"],
            *([f"{at['price']}x{at['size']}" for at in row[n]] for n in ("bids", "asks")),
        )
        for row in done.events
        if row["type"] == "book"
    ]


@pytest.mark.parametrize("levels", [1, 5])
def test_after_each_change_it_is_the_book_of_a_plain_one(shell: Shell, levels: int) -> None:
    rows = shell(MARKET).events
    done = shell(f"{MARKET} | mdc book --levels {levels}")
    assert done.status == 0, done.err
    expected = [({n: row[n] for n in HEAD}, top) for row, top in states(rows, levels)]
    found = [({n: row[n] for n in HEAD}, sides(row)) for row in done.events]
    assert found == expected
    assert "3000 in = 0 out + 0 rejected + 0 dropped + 3000 used (+ 3000 derived)" in done.err


def test_pipes_arrow_and_one_process_give_the_same(shell: Shell) -> None:
    shell(f"{MARKET} > deltas.jsonl")
    plain = shell("mdc book deltas.jsonl --levels 3 --columns spread,mid")
    arrow = shell(
        "mdc convert deltas.jsonl --format arrow | mdc book --levels 3 --columns spread,mid"
    )
    chain = shell("mdc convert deltas.jsonl then book --levels 3 --columns spread,mid")
    assert plain.lines == arrow.lines == chain.lines
    assert len(plain.lines) == 3000


def test_at_the_end_of_each_interval_in_which_something_changed(shell: Shell) -> None:
    rows = shell(MARKET).events
    done = shell(f"{MARKET} | mdc book --levels 2 --every 100ms")
    last = {}
    for row, top in states(rows, 2):
        last[row["symbol"], row["ts_event"][:21]] = row["ts_event"], top
    found = {
        (row["symbol"], row["ts_event"][:21]): (row["ts_event"], sides(row)) for row in done.events
    }
    assert found == last
    assert len(done.events) == len(last), "one for each interval"


def test_what_is_no_book_ends_no_interval(shell: Shell) -> None:
    """A quote that is dated by when it came, among changes that are dated by the venue."""

    def quote(second: int) -> dict[str, Any]:
        return event("quote", second, "A", bid_price=10, bid_size=1)

    books = [snapshot(1, "10x1", "11x1"), change(5, "bid 10x5"), change(9, "bid 10x9")]
    after = change(15, "bid 10x15")
    rows = [books[0], quote(12), books[1], quote(13), books[2], quote(14), after]
    done = shell("mdc book --every 10s", stdin=lines(rows))
    assert prices(done) == [("A", ["10x9"], ["11x1"]), ("A", ["10x15"], ["11x1"])]
    alone = shell("mdc book --every 10s", stdin=lines([*books, after]))
    assert prices(alone) == prices(done)


def test_changes_of_one_message_are_one_update(shell: Shell) -> None:
    rows = [
        snapshot(1, "10x1 9x1", "11x1", seq=1),
        change(2, "bid 11x5", seq=2),  # crossed, were it all of the message
        change(2, "ask 11x0", seq=2),
        change(2, "ask 12x3", seq=2),
        change(2, "ask 12x4", seq=3),
    ]
    done = shell("mdc book", stdin=lines(rows))
    assert prices(done) == [
        ("A", ["10x1", "9x1"], ["11x1"]),
        ("A", ["11x5", "10x1", "9x1"], ["12x3"]),
        ("A", ["11x5", "10x1", "9x1"], ["12x4"]),
    ]
    assert said(done) == []


def test_statistics_go_to_extra(shell: Shell) -> None:
    rows = [
        snapshot(1, "10.01x3 10x1", "10.04x1 10.05x4"),
        change(2, "ask 10.04x0"),
        snapshot(3, "", "1x1"),
    ]
    done = shell("mdc book --levels 1 --columns spread,mid,microprice,imbalance", stdin=lines(rows))
    first, second, third = (row.get("extra") for row in done.events)
    assert (first["spread"], first["mid"]) == ("0.03", "10.025"), "exact"
    assert Decimal(first["microprice"]) == Decimal("10.0325")  # (10.01 x 1 + 10.04 x 3) / 4
    assert Decimal(first["imbalance"]) == Decimal("0.5")
    assert (second["spread"], second["mid"]) == ("0.04", "10.03")
    assert third == {"imbalance": "-1.0"}, "nobody bids: there is no spread"


def test_a_book_that_is_crossed_is_frozen_until_the_next_snapshot(shell: Shell) -> None:
    rows = [
        snapshot(1, "10x1", "11x1"),
        snapshot(1, "10x1", "11x1", symbol="B"),
        change(2, "bid 12x1"),
        change(3, "bid 9x1"),
        change(3, "bid 9x1", symbol="B"),
        snapshot(4, "8x1", "9x1"),
        change(5, "bid 8.5x1"),
    ]
    done = shell("mdc book", stdin=lines(rows))
    assert done.status == 0
    assert said(done) == [
        ("A", "error", "frozen until the next snapshot: crossed: bid 12 over ask 11"),
        ("A", "info", "known from here on; 1 change passed over before"),
    ]
    assert prices(done) == [
        ("A", ["10x1"], ["11x1"]),
        ("B", ["10x1"], ["11x1"]),
        ("B", ["10x1", "9x1"], ["11x1"]),
        ("A", ["8x1"], ["9x1"]),
        ("A", ["8.5x1", "8x1"], ["9x1"]),
    ]
    frozen = next(row for row in done.events if row["type"] == "integrity")
    assert frozen["ts_event"] == rows[2]["ts_event"]
    assert frozen["channel"] == "venue-1"


def test_nothing_comes_out_before_the_first_snapshot_and_that_is_said_once(shell: Shell) -> None:
    rows = [change(second, "bid 10x1") for second in range(1, 6)]
    done = shell("mdc book", stdin=lines(rows))
    assert done.status == 0
    assert prices(done) == []
    (found,) = said(done)
    assert found[:2] == ("A", "warning")
    assert found[2].startswith("no snapshot has come")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (change(2, "bid 10x-1"), "a size is negative"),
        (event("delta", 2, action="modify", side="bid", price=10), "a change without a size"),
        (event("delta", 2, action="modify", size=1), "a change without a side and price"),
        (
            event("delta", 2, side="bid", price=10, size=1, action="modify", order_id="7"),
            "order 7 is not known",
        ),
        (change(2, "bid 3x1", action="add"), None),
    ],
)
def test_what_cannot_be_freezes_the_book(
    shell: Shell, bad: dict[str, Any], why: str | None
) -> None:
    rows = [snapshot(1, "10x1", "11x1"), bad, change(3, "bid 10x2")]
    done = shell("mdc book --levels 1", stdin=lines(rows))
    if why is None:
        assert said(done) == []
        assert prices(done)[-1] == ("A", ["10x2"], ["11x1"])
    else:
        assert said(done) == [("A", "error", f"frozen until the next snapshot: {why}")]
        assert prices(done) == [("A", ["10x1"], ["11x1"])]


def test_where_the_venue_tells_new_levels_from_others_it_is_held_to_that(shell: Shell) -> None:
    first = [snapshot(1, "10x1", "11x1"), change(2, "bid 3x0")]  # beyond the snapshot: legal
    new = change(3, "bid 9x1", action="add")
    again = ("bid 9x1", "add", "bid 9 is added, and is there already")
    absent = ("bid 8x1", "modify", "bid 8 is changed, and is not there")
    gone = ("bid 8x0", "cancel", "bid 8 is removed, and is not there")
    for text, action, why in (again, absent, gone):
        done = shell("mdc book", stdin=lines([*first, new, change(4, text, action=action)]))
        assert said(done) == [("A", "error", f"frozen until the next snapshot: {why}")]
        assert len(prices(done)) == 3


def test_gaps_and_lost_connections_freeze_the_books_that_they_are_about(shell: Shell) -> None:
    head = {"provider": "venue", "ts_event": "2024-01-02T14:30:02Z"}
    book = [snapshot(1, "10x1", "11x1", channel="venue-1/depth")]
    after = [change(3, "bid 10x2", channel="venue-1/depth")]

    def left(**about: object) -> int:
        done = shell("mdc book", stdin=lines([*book, {**head, **about}, *after]))
        assert sum(row["type"] == about["type"] for row in done.events) == 1, "it passes"
        return len(prices(done))

    gap = {"type": "gap", "reason": "sequence"}
    assert left(**gap, symbol="A", channel="venue-1/depth") == 1
    assert left(**gap, channel="venue-1") == 1
    assert left(**gap, extra={"symbols": ["A", "B"]}) == 1
    assert left(type="connection", state="down", channel="venue-1") == 1
    # Others have nothing to do with it.
    assert left(**gap, symbol="B", channel="venue-1/depth") == 2
    assert left(**gap, symbol="A", channel="venue-1/trade") == 2
    assert left(**gap, channel="venue-2") == 2
    assert left(**{**gap, "provider": "another"}) == 2
    assert left(type="connection", state="up", channel="venue-1") == 2


def test_orders_make_levels_with_their_counts(shell: Shell) -> None:
    rows = [
        event("delta", 1, action="clear"),
        event("delta", 2, action="add", side="bid", price=10, size=5, order_id="a"),
        event("delta", 3, action="add", side="bid", price=10, size=2, order_id="b"),
        event("delta", 4, action="add", side="ask", price=11, size=1, order_id="c"),
        event("delta", 5, action="modify", side="bid", price=10, size=3, order_id="a"),
        event("delta", 6, action="modify", side="bid", price="10.5", size=3, order_id="a"),
        event("delta", 7, action="cancel", order_id="b"),
        event("delta", 8, action="modify", order_id="c", extra={"reduced": "0.25"}),
    ]
    done = shell("mdc book", stdin=lines(rows))
    found = [
        [[(at["price"], at["size"], at["count"]) for at in row[name]] for name in ("bids", "asks")]
        for row in done.events
    ]
    assert said(done) == []
    assert found == [
        [[], []],
        [[("10", "5", "1")], []],
        [[("10", "7", "2")], []],
        [[("10", "7", "2")], [("11", "1", "1")]],
        [[("10", "5", "2")], [("11", "1", "1")]],
        [[("10.5", "3", "1"), ("10", "2", "1")], [("11", "1", "1")]],
        [[("10.5", "3", "1")], [("11", "1", "1")]],
        [[("10.5", "3", "1")], [("11", "0.75", "1")]],
    ]


def test_numbers_of_any_width_are_exact(shell: Shell) -> None:
    small, large = "0.000000000000000001", "123456789012345678.123456789012345678"
    rows = [
        snapshot(1, "10x1", "11x1"),
        change(2, f"bid {small}x{large}"),
        change(3, f"ask {large}x{small}"),
        change(4, "bid -5x1"),
    ]
    done = shell("mdc book --columns spread", stdin=lines(rows))
    assert prices(done)[-1] == (
        "A",
        ["10x1", f"{small}x{large}", "-5x1"],
        ["11x1", f"{large}x{small}"],
    )


def test_a_quiet_feed_gives_out_what_came_last(quiet_env: dict[str, str]) -> None:
    command = ["mdc", "book", "--plain"]
    with subprocess.Popen(command, env=quiet_env, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as book:
        assert book.stdin is not None
        assert book.stdout is not None
        book.stdin.write(lines([snapshot(1, "10x1", "11x1"), change(2, "bid 10x2")]))
        book.stdin.flush()  # and it stays open: nobody knows whether more is to come
        found = [json.loads(book.stdout.readline()) for _ in range(2)]
        book.stdin.close()
        assert book.stdout.read() == b""
    assert [(row["type"], row["bids"][0]["size"]) for row in found] == [("book", 1), ("book", 2)]


@pytest.mark.parametrize("every", ["10", "soon", "-1s"])
def test_an_interval_that_is_none_is_told(shell: Shell, every: str) -> None:
    done = shell(f"mdc book --every={every}", stdin=b"")
    assert done.status == 2
    assert len(done.err.strip().splitlines()) <= 2, done.err
    assert "--every" in done.err
