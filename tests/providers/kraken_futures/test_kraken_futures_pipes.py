"""Kraken Futures by the command line, against its server on this host."""

import json
from collections import Counter
from typing import Any

import pytest

from mdc_core.plugin import Funding, OpenInterest, Quote, Refused, Status, Subscription, Up
from mdc_providers.kraken_futures.stream import KrakenFutures
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = (
    "timeout $DEADLINE mdc stream kraken_futures PF_XBTUSD PF_ETHUSD --type trade,quote,book"
    " --mock --url $url"
)
NAMES = {
    "trade": ("symbol", "ts_event", "price", "size", "aggressor_side"),
    "quote": ("symbol", "ts_event", "bid_price", "bid_size", "ask_price", "ask_size"),
    "delta": ("symbol", "ts_event", "side", "price", "size"),
}


def said(events: list[Event]) -> list[str]:
    """What the protocol carries: times are whole milliseconds."""
    rows = []
    for event in events:
        if event["type"] in NAMES and event.get("action") != "clear":
            event = {**event, "ts_event": event["ts_event"][:23]}
            if event.get("action") == "cancel":
                event["size"] = "0"
            rows.append(str([event["type"], *(event.get(n) for n in NAMES[event["type"]])]))
    return rows


def of_type(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["type"] in names]


@pytest.fixture
def played(shell: Shell) -> list[Event]:
    """The events of events.jsonl: books from an empty one on."""
    sim = "mdc -q stream sim PF_XBTUSD PF_ETHUSD --seed 4 --limit 900 --plain"
    done = shell(f"{sim} --type trade,quote,delta")
    assert done.status == 0, done.err
    rows = []
    for event in done.events:
        event.pop("seq", None)
        if event.get("action") == "clear":
            head = {name: event[name] for name in ("symbol", "ts_event")}
            event = {"type": "book", **head, "bids": [], "asks": []}
        rows.append(event)
    text = "".join(json.dumps(row, default=str) + "\n" for row in rows)
    done = shell("mdc convert -o events.jsonl -", stdin=text.encode())
    assert done.status == 0, done.err
    return shell("cat events.jsonl").events


def test_what_the_server_plays_is_checked_and_stored(played: list[Event], shell: Shell) -> None:
    done = shell(
        f"mdc mock kraken_futures --once events.jsonl | {{ read url; {CLIENT}; }}"
        " | mdc validate --strict | tee stream.jsonl | mdc store --root data"
    )
    assert done.status == 0, done.err
    assert said(shell("cat stream.jsonl").events) == said(played)
    stored = shell("mdc cat --root data --type trade,quote,delta").events
    assert Counter(said(stored)) == Counter(said(played))


def test_a_disconnect_is_a_gap_and_the_book_begins_anew(played: list[Event], shell: Shell) -> None:
    fault = "--fault disconnect-after=400,skip=5"
    done = shell(f"mdc mock kraken_futures --once events.jsonl {fault} | {{ read url; {CLIENT}; }}")
    assert done.status == 0, done.err
    states = [e.get("state", e.get("symbol")) for e in of_type(done.events, "connection", "gap")]
    assert states == ["up", "down", "resubscribed", "PF_XBTUSD", "PF_ETHUSD"]
    assert said(done.events) == said(played[:400] + played[405:])
    second = [e for e in of_type(done.events, "book") if "kraken_futures-2" in e["channel"]]
    assert {book["symbol"] for book in second} == {"PF_XBTUSD", "PF_ETHUSD"}


def test_an_unknown_product_is_told_and_the_others_come(played: list[Event], shell: Shell) -> None:
    client = CLIENT.replace("PF_ETHUSD", "PF_NOSUCHUSD")
    done = shell(f"mdc mock kraken_futures --once events.jsonl | {{ read url; {client}; }}")
    assert done.status == 0, done.err
    (told,) = of_type(done.events, "integrity")
    assert told["extra"] == {"symbols": ["PF_NOSUCHUSD"]}
    assert {e["symbol"] for e in of_type(done.events, "trade", "quote")} == {"PF_XBTUSD"}


def ticker(**values: Any) -> str:
    return json.dumps({"feed": "ticker", "time": 1704205800300, "product_id": "PF_XBTUSD"} | values)


def connect(*channels: str, symbols: tuple[str, ...] = ("PF_XBTUSD",)) -> KrakenFutures:
    return KrakenFutures(Subscription(symbols, channels), KrakenFutures.Options(), {})


def test_a_ticker_is_a_quote_a_funding_an_open_interest_and_a_status() -> None:
    stream = connect("quote", "funding", "open_interest", "status")
    text = ticker(
        bid=1.5, ask=2, bid_size=3, ask_size=4, tag="perpetual", markPrice=1.75, index=1.7,
        openInterest=99, next_funding_rate_time=1704211200000, suspended=False, last=1.6,
    )  # fmt: skip
    quote, funding, interest, status = stream.receive(text, 0)
    assert isinstance(quote, Quote) and str(quote.bid_price) == "1.5"
    assert isinstance(funding, Funding) and str(funding.mark_price) == "1.75"
    assert funding.funding_rate == 0 and funding.next_funding == "2024-01-02T16:00:00.000000000Z"
    assert isinstance(interest, OpenInterest) and interest.open_interest == 99
    assert isinstance(status, Status) and status.status == "trading"
    assert all(str((e.extra or {})["last"]) == "1.6" for e in (quote, funding, interest, status))
    assert [type(e) for e in stream.receive(text, 0)] == [Quote]  # the others are as they were
    for old, new, kind in (("1.75", "1.76", Funding), (":99", ":98", OpenInterest)):
        text = text.replace(": ", ":").replace(old, new)
        assert [type(e) for e in stream.receive(text, 0)] == [Quote, kind]
    (*_, status) = stream.receive(text.replace("false", "true"), 0)
    assert isinstance(status, Status) and status.status == "halted"


def test_only_unknown_products_are_a_refusal_after_a_while() -> None:
    stream = connect("trade", symbols=("PF_NO1", "PF_NO2"))
    list(stream.opened(0))
    error = '{"event":"error","message":"Invalid product id"}'
    assert list(stream.receive(error, 0)) == [] and list(stream.tick(2_000_000_000)) == []
    text = "kraken_futures refuses PF_NO1, PF_NO2: Invalid product id"
    assert list(stream.tick(3_000_000_000)) == [Refused(text, ("PF_NO1", "PF_NO2"))]


def test_a_feed_that_is_refused_is_named_by_the_channels_that_come_by_it() -> None:
    stream = connect("trade", "quote", "funding")
    list(stream.opened(0))
    list(stream.receive('{"event":"subscribed","feed":"trade","product_ids":["PF_XBTUSD"]}', 0))
    text = "kraken_futures refuses PF_XBTUSD (quote, funding): no such feed"
    assert list(stream.receive('{"event":"error","message":"no such feed"}', 0)) == [
        Up(),
        Refused(text, ("PF_XBTUSD",), ("quote", "funding")),
    ]
