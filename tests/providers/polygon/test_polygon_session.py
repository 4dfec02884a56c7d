"""Polygon's session: authentication, subscription, and what the vendor says no to."""

import json
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Busy,
    DataError,
    HangUp,
    Reconnect,
    Refused,
    Send,
    Subscription,
    Trade,
    Up,
    UsageError,
)
from mdc_providers.polygon.massive import Massive
from mdc_providers.polygon.sandbox import PolygonSandbox
from mdc_providers.polygon.stream import Polygon
from tests.providers.polygon.session import AUTHENTICATED, GREETING, answers, connect, status

SECOND = 1_000_000_000


def sent(items: Any) -> list[Any]:
    return [json.loads(item.frame) for item in items if isinstance(item, Send)]


def asking(*symbols: str, channels: tuple[str, ...] = (), **options: Any) -> Polygon:
    """A codec that waits for the answers to its subscription."""
    stream = connect(*symbols, channels=channels, **options)
    list(stream.receive(GREETING, 0))
    list(stream.receive(AUTHENTICATED, 0))
    return stream


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "wss://socket.massive.com/stocks"),
        ({"market": "crypto"}, "wss://socket.massive.com/crypto"),
        ({"market": "forex", "feed": "delayed"}, "wss://delayed.massive.com/forex"),
        ({"market": "indices", "feed": "delayed"}, "wss://delayed.massive.com/indices"),
    ],
)
def test_endpoint(options: dict[str, str], url: str) -> None:
    assert [endpoint.url for endpoint in connect("X", **options).endpoints()] == [url]


@pytest.mark.parametrize(
    ("market", "params"),
    [
        ("stocks", "T.X,Q.X"),
        ("crypto", "XT.X,XQ.X"),
        ("forex", "C.X"),
    ],
)
def test_the_key_is_sent_when_the_server_has_greeted_then_the_subscription(
    market: str, params: str
) -> None:
    stream = connect("X", market=market)
    assert list(stream.opened(0)) == []
    assert sent(stream.receive(GREETING, 0)) == [{"action": "auth", "params": "sandbox-key"}]
    assert sent(stream.receive(AUTHENTICATED, 0)) == [{"action": "subscribe", "params": params}]


def test_a_long_subscription_is_asked_for_in_pieces() -> None:
    stream = connect(*(f"S{n}" for n in range(600)), channels=("trade", "quote"))
    list(stream.receive(GREETING, 0))
    params = [one["params"].split(",") for one in sent(stream.receive(AUTHENTICATED, 0))]
    assert [len(names) for names in params] == [500, 500, 200]
    assert params[2][-2:] == ["T.S599", "Q.S599"]


def test_it_is_up_when_all_has_been_answered() -> None:
    stream = asking("SPY", "IBM", channels=("trade",))
    assert stream.receive(answers("T.SPY"), 0) == []
    assert stream.receive(answers("T.IBM"), 0) == [Up()]


def test_a_refusal_without_a_name_is_for_what_was_not_named() -> None:
    stream = asking("SPY", "IBM", channels=("trade", "imbalance"))
    up, refused = stream.receive(answers("T.SPY", "T.IBM", refused=2), 0)
    assert up == Up()
    text = "polygon refuses SPY, IBM (imbalance): not authorized"
    assert refused == Refused(text, ("SPY", "IBM"), ("imbalance",))


def test_what_is_not_answered_in_time_is_refused_by_name_and_the_others_go_on() -> None:
    stream = asking("SPY", "IBM")
    assert list(stream.receive(answers("T.SPY", "Q.SPY", "T.IBM"), 0)) == []
    assert list(stream.tick(4 * SECOND)) == []
    up, refused = stream.tick(5 * SECOND)
    assert up == Up()
    text = "polygon left out of the subscription: IBM (quote)"
    assert refused == Refused(text, ("IBM",), ("quote",))
    assert list(stream.tick(60 * SECOND)) == []


def test_symbols_that_lack_the_same_are_told_together() -> None:
    stream = asking("A", "B", "C")
    list(stream.receive(answers("T.A", "Q.A", "T.B"), 0))
    _, *refused = stream.tick(5 * SECOND)
    assert refused == [
        Refused("polygon left out of the subscription: B (quote)", ("B",), ("quote",)),
        Refused("polygon left out of the subscription: C", ("C",)),
    ]


def test_all_refused_is_the_end() -> None:
    stream = asking("SPY")
    (refused,) = stream.receive(answers(refused=2), 0)
    assert refused == Refused("polygon refuses SPY: not authorized", ("SPY",))


def test_a_subscription_that_is_not_answered_at_all_is_no_refusal() -> None:
    silent = asking("SPY")
    assert silent.tick(5 * SECOND) == [Reconnect("polygon does not answer the subscription")]


def test_many_that_are_refused_are_counted_in_the_text() -> None:
    stream = asking("SPY", *(f"S{n}" for n in range(30)), channels=("trade",))
    _, refused = stream.receive(answers("T.SPY", refused=30), 0)
    assert isinstance(refused, Refused) and len(refused.symbols) == 30
    assert refused.text.endswith("S18, S19 and 10 more: not authorized")


@pytest.mark.parametrize("name", ["C.EUR/USD", "C.EUR-USD", "C.C:EUR-USD"])
@pytest.mark.parametrize("asked", ["EUR/USD", "EUR-USD", "C:EUR-USD"])
def test_an_answer_may_write_a_pair_in_another_way(name: str, asked: str) -> None:
    stream = asking(asked, market="forex")
    assert list(stream.receive(answers(name), 0)) == [Up()]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        ("auth_failed", Refused),
        ("auth_timeout", Reconnect),
        ("max_connections", Busy),
        ("slow_consumer", Reconnect),
        ("force_disconnect", Reconnect),
        ("error", Bad),
        ("something_new", Bad),
    ],
)
def test_statuses(kind: str, effect: type) -> None:
    frame = json.dumps([status(kind, "no: sandbox-key")])
    (found,) = connect("SPY").receive(frame, 0)
    assert type(found) is effect
    said = found.reason if isinstance(found, Reconnect) else found.text
    assert "no: ***" in said
    if isinstance(found, Reconnect):
        assert found.cause == ("slow-consumer" if kind == "slow_consumer" else "server-close")
    if isinstance(found, Refused):
        assert found.cause == "login"


def test_too_many_connections_is_waited_for() -> None:
    """The login succeeds before it comes, so nothing but this wait keeps a client from asking."""
    (busy,) = connect("X").receive(json.dumps([status("max_connections", "limit")]), 0)
    assert isinstance(busy, Busy) and busy.after == 60.0


def test_massive_has_a_key_of_its_own() -> None:
    stream = Massive(Subscription(("SPY",)), Massive.Options(), {"MASSIVE_API_KEY": "mine"})
    assert sent(stream.receive(GREETING, 0)) == [{"action": "auth", "params": "mine"}]
    (refused,) = stream.receive(json.dumps([status("auth_failed", "no plan")]), 0)
    assert isinstance(refused, Refused) and refused.text == "massive says: no plan"
    assert "MASSIVE_API_KEY" in (refused.hint or "")


def test_a_channel_that_the_market_has_not() -> None:
    with pytest.raises(UsageError, match="market crypto has no channel 'luld'"):
        connect("BTC-USD", channels=("luld",), market="crypto")
    with pytest.raises(UsageError, match="market stocks has no channel 'book'"):
        connect("SPY", channels=("book",))


def test_another_subscription_adds_and_when_that_is_accepted_leaves_what_is_not_wanted() -> None:
    stream = asking("SPY", "IBM")
    assert stream.resubscribe(Subscription(("SPY",)), 0) is None  # not answered yet
    list(stream.receive(answers("T.SPY", "Q.SPY", "T.IBM", "Q.IBM"), 0))
    wanted = Subscription(("SPY", "MSFT"), ("trade", "luld"))
    assert sent(stream.resubscribe(wanted, 0)) == [
        {"action": "subscribe", "params": "LULD.SPY,T.MSFT,LULD.MSFT"}
    ]
    items = stream.receive(answers("LULD.SPY", "T.MSFT", "LULD.MSFT"), 0)
    assert sent(items) == [{"action": "unsubscribe", "params": "Q.SPY,T.IBM,Q.IBM"}]
    left = [status("success", f"unsubscribed to: {name}") for name in ("Q.SPY", "T.IBM", "Q.IBM")]
    assert stream.receive(json.dumps(left), 0) == [Up()]
    assert stream.resubscribe(wanted, 0) == [Up()]


def test_a_refused_change_leaves_the_subscription_as_it_was() -> None:
    stream = asking("SPY", channels=("trade",))
    list(stream.receive(answers("T.SPY"), 0))
    list(stream.resubscribe(Subscription(("IBM",), ("trade",)), 0) or ())
    (refused,) = stream.receive(answers(refused=1), 0)
    assert refused == Refused("polygon refuses IBM: not authorized", ("IBM",))
    added = stream.resubscribe(Subscription(("SPY", "QQQ"), ("trade",)), 0)
    assert sent(added) == [{"action": "subscribe", "params": "T.QQQ"}]


@pytest.mark.parametrize("frame", ["", "{}", "null", "hello", b"\x91\x81", "[1,2", '"', "[[[[["])
def test_a_frame_that_is_no_list_is_a_data_error(frame: str | bytes) -> None:
    with pytest.raises(DataError, match="no list of messages"):
        list(connect("SPY").receive(frame, 0))


@pytest.mark.parametrize("value", ['"x"', "null", "[]", "{}", "true", '"2024-01-02"'])
def test_a_message_that_cannot_be_read_costs_the_others_nothing(value: str) -> None:
    good = '{"ev":"T","sym":"SPY","p":1,"s":1,"t":1704205800000}'
    frame = f'[{good},{{"ev":"T","sym":"IBM","p":1,"s":1,"t":{value}}},{good}]'
    first, bad, last = connect("SPY").receive(frame, 0)
    assert isinstance(first, Trade) and isinstance(last, Trade)
    assert isinstance(bad, Bad) and bad.symbol == "IBM"


@pytest.mark.parametrize("number", ["0.1", "100", "1234567.123456789", "0.000000000000000001"])
def test_numbers_are_exact(number: str) -> None:
    frame = f'[{{"ev":"T","sym":"X","p":{number},"s":{number},"t":1704205800000}}]'
    (trade,) = list(connect("X").receive(frame, 0))
    assert isinstance(trade, Trade)
    assert f"{trade.price:f}" == f"{trade.size:f}" == number


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999000000Z"),
        (1704205800007, "2024-01-02T14:30:00.007000000Z"),
        (1704205800999, "2024-01-02T14:30:00.999000000Z"),
        (1704205800123456, "2024-01-02T14:30:00.123456000Z"),
        (1704205800123456789, "2024-01-02T14:30:00.123456789Z"),
    ],
)
def test_times_are_exact_whatever_their_unit(since: int, text: str) -> None:
    stream = connect("X")
    for _ in range(2):  # the second time from what is remembered
        (trade,) = stream.receive(f'[{{"ev":"T","sym":"X","p":1,"s":1,"t":{since}}}]', 0)
        assert isinstance(trade, Trade) and trade.ts_event == text


def test_a_time_that_nobody_can_hold_is_bad() -> None:
    frame = '[{"ev":"T","sym":"X","p":1,"s":1,"t":123456789012345678901234567890}]'
    (bad,) = connect("X").receive(frame, 0)
    assert isinstance(bad, Bad) and "out of range" in bad.text


def test_the_server_wants_the_key_first_and_ends_with_a_wrong_one() -> None:
    sandbox = PolygonSandbox("/stocks", {}, PolygonSandbox.Options())
    (frame,) = sandbox.receive('{"action":"subscribe","params":"T.SPY"}')
    assert json.loads(frame)[0]["status"] == "auth_required"
    with pytest.raises(HangUp) as last:
        sandbox.receive('{"action":"auth","params":"wrong"}')
    assert json.loads(last.value.frames[0]) == [status("auth_failed", "authentication failed")]
    assert [json.loads(f)[0]["status"] for f in sandbox.expire()] == ["auth_timeout"]
    for frame in ("{", "[]", '{"action":"dance"}', b"\xff"):
        assert PolygonSandbox("/stocks", {}, PolygonSandbox.Options()).receive(frame)


def test_the_server_passes_over_a_channel_that_it_does_not_know() -> None:
    sandbox = PolygonSandbox("/stocks", {}, PolygonSandbox.Options())
    sandbox.receive('{"action":"auth","params":"sandbox-key"}')
    (frame,) = sandbox.receive('{"action":"subscribe","params":"T.SPY,XT.SPY,T.NOTINPLAN"}')
    assert json.loads(frame) == [
        status("success", "subscribed to: T.SPY"),
        status("error", "not authorized"),
    ]
