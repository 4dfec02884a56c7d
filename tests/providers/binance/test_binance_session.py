"""Binance's numbers that begin anew, an answer that does not come, and one that is empty."""

import json
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Book,
    Delta,
    Fetch,
    Gap,
    Integrity,
    Refused,
    Response,
    Send,
    Subscription,
)
from mdc_providers.binance.stream import Binance

TIME, SECOND = 1_704_205_800_000, 1_000_000_000


def connect(channel: str) -> Binance:
    return Binance(Subscription(("BTCUSDT",), (channel,)), Binance.Options(), {})


def diff(first: int, last: int) -> str:
    data = {"e": "depthUpdate", "E": TIME, "s": "BTCUSDT", "U": first, "u": last}
    data |= {"b": [["10.0", "1"]], "a": []}
    return json.dumps({"stream": "btcusdt@depth@100ms", "data": data}, separators=(",", ":"))


def snapshot(number: int) -> Response:
    text = {"lastUpdateId": number, "bids": [["10.0", "1"]], "asks": [["11.0", "1"]]}
    return Response(200, body=json.dumps(text).encode())


def take(stream: Binance, *updates: tuple[int, int]) -> list[Any]:
    return [item for one in updates for item in stream.receive(diff(*one), 0)]


def in_step() -> Binance:
    stream = connect("book")
    list(stream.opened(0))
    assert any(isinstance(item, Fetch) for item in take(stream, (95, 99)))
    assert isinstance(next(iter(stream.fetched("book:BTCUSDT", snapshot(100), 0))), Book)
    assert [type(item) for item in take(stream, (100, 101))] == [Delta]
    return stream


def test_one_update_that_is_missing_is_a_gap_of_one_and_the_book_is_asked_for_again() -> None:
    gap, fetch = take(in_step(), (103, 104))
    assert isinstance(gap, Gap) and (gap.count, gap.reason) == (1, "sequence")
    assert gap.extra == {"after": 101, "before": 103} and isinstance(fetch, Fetch)


def test_update_ids_that_begin_anew_are_told_and_the_book_begins_with_them() -> None:
    stream = in_step()
    first, found, gap, fetch = take(stream, (1, 2), (3, 4), (5, 6))
    assert isinstance(first, Integrity) and "is left out" in str(first.message)
    assert isinstance(found, Integrity) and found.check == "sequence"
    assert found.message == "the numbers of the book of BTCUSDT began anew at 2, behind 101"
    assert isinstance(gap, Gap) and isinstance(fetch, Fetch)
    events = [*stream.fetched("book:BTCUSDT", snapshot(4), 0)]
    assert [type(event) for event in events] == [Book, Delta]
    assert [type(item) for item in take(stream, (7, 8))] == [Delta]


def test_ids_that_begin_anew_while_the_snapshot_is_awaited() -> None:
    stream = connect("book")
    list(stream.opened(0))
    take(stream, (101, 102), (1, 2), (3, 4), (5, 6))
    assert [type(e) for e in stream.fetched("book:BTCUSDT", snapshot(5), 0)] == [Book, Delta]


def test_changes_that_come_again_are_left_out_and_counted() -> None:
    stream = in_step()
    (found,) = take(stream, (100, 101))
    assert isinstance(found, Integrity) and found.severity == "warning"
    assert [type(item) for item in take(stream, (102, 103), (102, 103))] == [Delta]
    (told,) = stream.closed(0)
    assert isinstance(told, Integrity) and "2 changes came again" in str(told.message)


def test_changes_from_before_the_snapshot_are_no_finding() -> None:
    stream = connect("book")
    list(stream.opened(0))
    take(stream, (95, 99))
    assert [type(e) for e in stream.fetched("book:BTCUSDT", snapshot(106), 0)] == [Book]
    assert take(stream, (100, 101), (102, 103), (104, 105), (106, 106)) == []
    assert [type(item) for item in take(stream, (107, 108))] == [Delta]
    assert list(stream.closed(0)) == []


def test_a_snapshot_of_another_count_is_told_and_another_one_asked_for() -> None:
    stream = in_step()
    take(stream, (1, 2), (3, 4), (5, 6))
    assert [type(e) for e in stream.fetched("book:BTCUSDT", snapshot(1000), 0)] == [Book]
    items = take(stream, *((number, number) for number in range(7, 110)))
    found, gap, fetch = items
    assert isinstance(found, Integrity) and "from before its snapshot" in str(found.message)
    assert isinstance(gap, Gap) and isinstance(fetch, Fetch)


def test_a_subscription_that_is_not_acknowledged_is_told() -> None:
    stream = connect("trade")
    list(stream.opened(0))
    assert list(stream.tick(9 * SECOND)) == []
    (found,) = stream.tick(10 * SECOND)
    assert isinstance(found, Integrity) and found.check == "subscription"
    assert found.message == "binance has not acknowledged in 10 s: BTCUSDT (trade)"


def test_an_empty_list_of_symbols_proves_nothing() -> None:
    stream = connect("trade")
    list(stream.opened(0))
    list(stream.receive('{"result":null,"id":1}', 0))
    (again,) = stream.fetched("symbols", Response(200, body=b"[]"), 0)
    assert isinstance(again, Fetch) and again.again == "symbols"
    (refused,) = stream.fetched("symbols", Response(200, body=b'[{"symbol":"ETHUSDT"}]'), 0)
    assert isinstance(refused, Refused) and refused.symbols == ("BTCUSDT",)


def test_what_was_given_up_before_a_snapshot_counts_among_what_is_lost() -> None:
    stream = connect("book")
    list(stream.opened(0))
    take(stream, (101, 102), (1, 2), (3, 4), (5, 6))  # began anew: the first is given up
    *_, said, gap = stream.closed(0)
    assert isinstance(said, Integrity) and isinstance(gap, Gap)
    assert gap.count == 4 and "4 changes were not used" in str(said.message)


def frames(items: Any) -> list[dict[str, Any]]:
    return [json.loads(item.frame) for item in items if isinstance(item, Send)]


def test_many_streams_are_asked_for_in_pieces_four_a_second() -> None:
    symbols = tuple(f"A{number}USDT" for number in range(1500))
    stream = Binance(Subscription(symbols, ("trade",)), Binance.Options(), {})
    first, second = frames(stream.opened(0)), frames(stream.tick(SECOND))
    assert [len(one["params"]) for one in first] == [300] * 4
    assert [len(one["params"]) for one in second] == [300]


def test_a_refused_message_is_halved_until_the_stream_that_is_refused_is_alone() -> None:
    stream = Binance(Subscription(("A", "B", "C"), ("trade",)), Binance.Options(), {})
    (asked,) = frames(stream.opened(0))
    refused: list[Refused] = []
    granted: list[str] = []
    waiting = [asked]
    while waiting:
        ask = waiting.pop(0)
        is_bad = "b@trade" in ask["params"]
        told = {"error": {"code": 2, "msg": "no"}} if is_bad else {"result": None}
        granted += [] if is_bad else ask["params"]
        found = [*stream.receive(json.dumps({**told, "id": ask["id"]}), 0), *stream.tick(0)]
        refused += [item for item in found if isinstance(item, Refused)]
        waiting += frames(found)
    assert sorted(granted) == ["a@trade", "c@trade"]
    assert [one.symbols for one in refused] == [("B",)]


def test_a_raw_message_that_nobody_knows_is_named() -> None:
    (bad,) = connect("trade").receive('{"e":"rumour","E":1,"s":"BTCUSDT"}', 0)
    assert isinstance(bad, Bad) and "a message that is not known: rumour" in bad.text


def test_a_snapshot_that_nobody_asked_for_changes_nothing() -> None:
    stream = in_step()
    assert list(stream.fetched("book:BTCUSDT", snapshot(500), 0)) == []
    assert [type(item) for item in take(stream, (102, 103))] == [Delta]


def test_a_book_that_may_not_be_had_is_refused_and_not_asked_for_again() -> None:
    stream = connect("book")
    list(stream.opened(0))
    take(stream, (1, 2))
    found = [*stream.fetched("book:BTCUSDT", Response(451), 0), *stream.tick(SECOND)]
    (refused,) = (item for item in found if isinstance(item, Refused))
    assert (refused.symbols, refused.channels) == (("BTCUSDT",), ("book",))
    assert not [item for item in found if isinstance(item, Fetch)]


@pytest.mark.parametrize(
    ("market", "address"),
    [
        ("spot", "https://api.binance.com/api/v3/depth"),
        ("usdm", "https://fapi.binance.com/fapi/v1/depth"),
        ("coinm", "https://dapi.binance.com/dapi/v1/depth"),
    ],
)
def test_a_snapshot_is_asked_for_where_the_market_is(market: str, address: str) -> None:
    stream = Binance(Subscription(("BTCUSDT",), ("book",)), Binance.Options(market=market), {})
    list(stream.opened(0))
    (fetch,) = (item for item in take(stream, (1, 2)) if isinstance(item, Fetch))
    assert fetch.request.url == address and fetch.request.params["symbol"] == "BTCUSDT"


def test_of_what_waits_for_a_snapshot_for_long_the_oldest_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mdc_providers.binance.books.sync.HELD", 3)
    stream = connect("book")
    list(stream.opened(0))
    take(stream, *((number, number) for number in range(1, 6)))
    events = [*stream.fetched("book:BTCUSDT", snapshot(2), 0)]
    assert [(type(e), getattr(e, "seq", None)) for e in events if isinstance(e, Book | Delta)] == [
        *((Book, 2), (Delta, 3), (Delta, 4), (Delta, 5))
    ]
    stream = connect("book")
    take(stream, *((number, number) for number in range(1, 6)))
    assert not [e for e in stream.fetched("book:BTCUSDT", snapshot(1), 0) if isinstance(e, Book)]
