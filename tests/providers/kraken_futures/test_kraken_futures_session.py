"""Kraken Futures' numbers: where they begin anew, and books that do not come again."""

import json
from typing import Any

import pytest

from mdc_core.plugin import Delta, Gap, Integrity, Reconnect, Send, Subscription, Trade
from mdc_providers.kraken_futures.stream import KrakenFutures

TIME, SECOND = 1_704_205_800_000, 1_000_000_000


def connect(channel: str) -> KrakenFutures:
    return KrakenFutures(Subscription(("PF_XBTUSD",), (channel,)), KrakenFutures.Options(), {})


def message(feed: str, number: int) -> str:
    common = {"feed": feed, "product_id": "PF_XBTUSD", "seq": number}
    if feed == "trade":
        more: dict[str, Any] = {"uid": f"u{number}", "side": "sell", "type": "fill", "time": TIME}
        return json.dumps({**common, **more, "qty": 1, "price": 10})
    if feed == "book":
        return json.dumps({**common, "side": "buy", "price": 10, "qty": 1, "timestamp": TIME})
    sides = {"bids": [{"price": 10, "qty": 1}], "asks": [{"price": 11, "qty": 1}]}
    return json.dumps({**common, **sides, "timestamp": TIME, "tickSize": None})


@pytest.mark.parametrize(("feed", "kind"), [("trade", Trade), ("book", Delta)])
def test_numbers_that_begin_anew_are_told_and_a_book_is_asked_for_again(
    feed: str, kind: type
) -> None:
    stream = connect(feed)

    def take(number: int) -> list[Any]:
        return [*stream.receive(message(feed, number), 0)]

    assert [type(e) for number in (100, 101, 1, 5) for e in take(number)] == [kind] * 4
    found, gap, *asked, event = take(9)
    assert isinstance(found, Integrity) and found.check == "sequence"
    assert found.message == f"the numbers of {feed} of PF_XBTUSD began anew at 1, behind 101"
    assert isinstance(gap, Gap) and gap.count == 6 and isinstance(event, kind)
    assert len([s for s in asked if isinstance(s, Send)]) == (2 if feed == "book" else 0)
    gap, *_ = take(12)
    assert isinstance(gap, Gap) and gap.count == 2


def test_numbers_of_trades_go_on_behind_the_newest_before_the_subscription() -> None:
    stream = connect("trade")
    rows = [json.loads(message("trade", number)) for number in (7, 6, 5)]
    before = {"feed": "trade_snapshot", "product_id": "PF_XBTUSD", "trades": rows}
    assert [*stream.receive(json.dumps(before), 0)] == []
    assert [type(e) for e in stream.receive(message("trade", 8), 0)] == [Trade]
    gap, trade = stream.receive(message("trade", 10), 0)
    assert isinstance(gap, Gap) and gap.count == 1 and isinstance(trade, Trade)


def test_sides_that_nobody_takes_and_states_of_a_product() -> None:
    channels = ("quote", "status", "funding", "open_interest")
    stream = KrakenFutures(Subscription(("PF_XBTUSD",), channels), KrakenFutures.Options(), {})
    found: list[Any] = []
    for more in (
        {"bid": 10, "bid_size": 2, "post_only": True, "suspended": False},
        {"ask": 11, "ask_size": 3, "post_only": True, "suspended": True},
    ):
        text = {"feed": "ticker", "product_id": "PF_XBTUSD", "time": TIME, **more}
        found += stream.receive(json.dumps(text), 0)
    first, state, second, later = found
    assert [first.bid_price, first.bid_size, first.ask_price, first.ask_size] == [10, 2, None, 0]
    assert [second.bid_price, second.bid_size, second.ask_price, second.ask_size] == [
        *(None, 0, 11, 3)
    ]
    assert [state.status, later.status] == ["quoting", "halted"]


def test_a_ticker_tells_what_has_changed_and_nothing_again() -> None:
    channels = ("status", "funding", "open_interest")
    stream = KrakenFutures(Subscription(("PF_XBTUSD",), channels), KrakenFutures.Options(), {})

    def kinds(**more: Any) -> list[str]:
        text = {"feed": "ticker", "product_id": "PF_XBTUSD", "time": TIME, **more}
        return [type(e).__name__ for e in stream.receive(json.dumps(text), 0)]

    same = {"markPrice": 10, "index": 11, "relative_funding_rate": 0.5, "openInterest": 7}
    assert kinds(**same, next_funding_rate_time=100) == ["Funding", "OpenInterest", "Status"]
    assert kinds(**same, next_funding_rate_time=90) == []  # how long it takes until then
    assert kinds(**same | {"openInterest": 8}, next_funding_rate_time=80) == ["OpenInterest"]
    assert kinds(**same | {"openInterest": 8, "index": 12}) == ["Funding"]
    assert kinds(**same | {"openInterest": 8, "index": 12}, suspended=True) == ["Status"]


def test_a_connection_without_a_heartbeat_is_given_up() -> None:
    stream = connect("trade")
    list(stream.opened(0))
    granted = '{"event":"subscribed","feed":"trade","product_ids":["PF_XBTUSD"]}'
    for frame in (granted, '{"feed":"heartbeat","time":1704205800000}'):
        list(stream.receive(frame, 5 * SECOND))
    assert not [i for i in stream.tick(19 * SECOND) if isinstance(i, Reconnect)]
    (end,) = stream.tick(20 * SECOND)
    assert end == Reconnect("kraken_futures: no heartbeat for 15 s")


def test_a_book_that_does_not_come_again_is_asked_for_again_and_then_elsewhere() -> None:
    stream = connect("book")
    for number in (1, 3):
        list(stream.receive(message("book", number), 0))
    found: list[Any] = []
    for second in range(1, 60):
        list(stream.receive('{"feed":"heartbeat","time":1704205800000}', second * SECOND))
        found += stream.tick(second * SECOND)
    assert [type(item) for item in found] == [Send] * 10
    (end,) = stream.tick(60 * SECOND)
    assert isinstance(end, Reconnect) and "PF_XBTUSD" in end.reason
    list(stream.receive(message("book_snapshot", 4), 60 * SECOND))
    assert list(stream.tick(61 * SECOND)) == []
