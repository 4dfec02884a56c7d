"""Coinbase's sessions: subscription, refusals, numbers, keys, and what the mock server says."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import (
    Bad,
    Bar,
    Book,
    Busy,
    Delta,
    Gap,
    HangUp,
    Integrity,
    Quote,
    Reconnect,
    Refused,
    Send,
    Status,
    Subscription,
    Trade,
    Up,
)
from mdc_providers.coinbase.sandbox import CoinbaseSandbox
from mdc_providers.coinbase.stream import Coinbase

TIME = "2024-01-02T14:30:00.000001Z"
SECOND = 1_000_000_000
NOW = 1_704_205_800_000_000_000


def connect(
    *symbols: str, feed: str = "advanced", channels: tuple[str, ...] = (), **secrets: str
) -> Coinbase:
    return Coinbase(Subscription(symbols, channels), Coinbase.Options(feed=feed), secrets)


def sent(items: Any) -> list[Any]:
    return [json.loads(item.frame) for item in items if isinstance(item, Send)]


def frame(channel: str, number: int, *parts: Any, **more: Any) -> str:
    head = {"channel": channel, "client_id": "", "timestamp": TIME, "sequence_num": number}
    return json.dumps({**head, "events": parts, **more})


def state(number: int, **channels: Any) -> str:
    return frame("subscriptions", number, {"subscriptions": channels})


def trade(number: int, **more: Any) -> dict[str, Any]:
    row = {"product_id": "BTC-USD", "trade_id": str(number), "price": "42000.01", "size": "0.1"}
    return {**row, "time": TIME, "side": "SELL", **more}


def level(side: str, price: str, size: str) -> dict[str, str]:
    return {"side": side, "event_time": TIME, "price_level": price, "new_quantity": size}


def snapshot(number: int, symbol: str) -> str:
    rows = [level("bid", "42000", "1")]
    return frame("l2_data", number, {"type": "snapshot", "product_id": symbol, "updates": rows})


def agreed(*symbols: str, channels: tuple[str, ...] = ("trade", "book")) -> Coinbase:
    """A session of Advanced Trade whose subscription was granted by message 0."""
    stream = connect(*symbols, channels=channels)
    names = {"trade": "market_trades", "book": "level2", "quote": "ticker"}
    list(stream.opened(0))
    granted = {names[name]: [*symbols] for name in channels}
    items = list(stream.receive(state(0, heartbeats=["heartbeats"], **granted), 0))
    assert items == [Up()]
    return stream


def test_channels_are_asked_for_one_by_one_and_exchange_at_once() -> None:
    asked = sent(connect("BTC-USD", channels=("trade", "book", "ticker_batch")).opened(0))
    assert [m["channel"] for m in asked] == [
        "market_trades",
        "level2",
        "ticker_batch",
        "heartbeats",
    ]
    assert all("jwt" not in m for m in asked) and "product_ids" not in asked[-1]
    (asked,) = sent(connect("BTC-USD", feed="exchange", channels=("book", "status")).opened(0))
    assert asked["channels"] == [
        {"name": "level2_batch", "product_ids": ["BTC-USD"]},
        {"name": "status"},
        {"name": "heartbeat", "product_ids": ["BTC-USD"]},
    ]


@pytest.mark.parametrize("granted", ["BTC-USDC", "BTC-USD"])
def test_a_product_in_usdc_is_that_in_usd(granted: str) -> None:
    stream = connect("BTC-USDC", channels=("trade",))
    list(stream.opened(0))
    items = stream.receive(state(0, market_trades=[granted], heartbeats=["heartbeats"]), 0)
    assert list(items) == [Up()]
    (event,) = stream.receive(
        frame("market_trades", 1, {"type": "update", "trades": [trade(1)]}), 0
    )
    assert isinstance(event, Trade) and event.symbol == "BTC-USD"


def test_data_before_the_answer_counts() -> None:
    stream = connect("BTC-USD", channels=("book",))
    list(stream.opened(0))
    rows = [level("bid", "42000", "1"), level("offer", "42000.01", "2")]
    part = {"type": "snapshot", "product_id": "BTC-USD", "updates": rows}
    (book,) = stream.receive(frame("l2_data", 0, part), 0)
    assert isinstance(book, Book) and book.bids and str(book.bids[0].price) == "42000"
    assert list(stream.receive(state(1, level2=["BTC-USD"]), 0)) == []
    last = state(2, level2=["BTC-USD"], heartbeats=["heartbeats"])
    assert list(stream.receive(last, 0)) == [Up()]


def test_what_was_lost_is_counted_and_books_alone_are_asked_for_again() -> None:
    stream = agreed("BTC-USD", "ETH-USD")
    gap, *rest = stream.receive(frame("heartbeats", 4, {"heartbeat_counter": 1}), 0)
    assert isinstance(gap, Gap) and (gap.count, gap.reason) == (3, "sequence")
    assert gap.extra == {"symbols": ["BTC-USD", "ETH-USD"]}
    assert [(m["type"], m["channel"]) for m in sent(rest)] == [
        ("unsubscribe", "level2"),
        ("subscribe", "level2"),
    ]
    assert all(isinstance(item, Send) and item.again == "level2" for item in rest)
    assert stream.resubscribe(Subscription(("BTC-USD",), ("trade",)), 0) is None
    # The answers to that are no answer to a change.
    both = ["BTC-USD", "ETH-USD"]
    assert list(stream.receive(state(5, market_trades=both, heartbeats=["heartbeats"]), 0)) == []
    whole = {"market_trades": both, "level2": both, "heartbeats": ["heartbeats"]}
    assert list(stream.receive(state(6, **whole), 0)) == []
    assert stream.resubscribe(Subscription(("BTC-USD",), ("trade",)), 0) is None
    for number, symbol in ((7, "BTC-USD"), (8, "ETH-USD")):
        (book,) = stream.receive(snapshot(number, symbol), 0)
        assert isinstance(book, Book)
    assert stream.resubscribe(Subscription(("BTC-USD",), ("trade",)), 0) is not None


def test_a_book_that_does_not_come_again_is_asked_for_again_and_then_elsewhere() -> None:
    stream = agreed("BTC-USD")
    assert list(stream.tick(60 * SECOND)) == []
    assert len(sent(stream.receive(frame("heartbeats", 4, {}), 60 * SECOND))) == 2
    assert list(stream.tick(69 * SECOND)) == []
    for second in (70, 80, 90, 100, 110):
        assert [m["type"] for m in sent(stream.tick(second * SECOND))] == [
            "unsubscribe",
            "subscribe",
        ]
    (end,) = stream.tick(120 * SECOND)
    assert isinstance(end, Reconnect) and "BTC-USD" in end.reason
    list(stream.receive(snapshot(5, "BTC-USD"), 121 * SECOND))
    assert list(stream.tick(130 * SECOND)) == []


def test_numbers_that_begin_anew_are_told_and_followed() -> None:
    stream = agreed("BTC-USD")
    for number in range(1, 20):
        assert list(stream.receive(frame("heartbeats", number, {}), 0)) == []
    assert [list(stream.receive(frame("heartbeats", n, {}), 0)) for n in (0, 6)] == [[], []]
    found, gap, *asked = stream.receive(frame("heartbeats", 9, {}), 0)
    assert isinstance(found, Integrity) and found.check == "sequence"
    assert found.message == "the numbers of the connection began anew at 0, behind 19"
    assert isinstance(gap, Gap) and gap.count == 7 and len(sent(asked)) == 2
    (gap, *_) = stream.receive(frame("heartbeats", 12, {}), 0)
    assert isinstance(gap, Gap) and gap.count == 2


def test_trade_ids_of_exchange_that_jump_and_go_on_as_before_are_told() -> None:
    stream = connect("BTC-USD", feed="exchange", channels=("trade",))
    list(stream.opened(0))

    def match(number: int) -> list[Any]:
        row = {"type": "match", "trade_id": number, "maker_order_id": "a", "taker_order_id": "b"}
        row |= {"side": "sell", "size": "1", "price": "1", "product_id": "BTC-USD"}
        return [*stream.receive(json.dumps({**row, "sequence": number, "time": TIME}), 0)]

    beat = {"type": "heartbeat", "sequence": 1, "last_trade_id": 10**9, "product_id": "BTC-USD"}
    assert len(match(12)) == 1
    assert list(stream.receive(json.dumps({**beat, "time": TIME}), 0)) == []
    (gap,) = stream.receive(json.dumps({**beat, "time": TIME}), 0)
    assert isinstance(gap, Gap) and gap.count == 10**9 - 12
    assert [len(match(number)) for number in (13, 20)] == [1, 1]
    found, gap, trade = match(30)
    assert isinstance(found, Integrity) and isinstance(trade, Trade)
    assert isinstance(gap, Gap) and gap.count == 15
    assert [type(item) for item in match(31) + match(33)] == [Trade, Gap, Trade]


@pytest.mark.parametrize("feed", ["advanced", "exchange"])
def test_a_subscription_that_is_not_acknowledged_is_told(feed: str) -> None:
    stream = connect("BTC-USD", feed=feed, channels=("trade", "book"))
    list(stream.opened(0))
    assert list(stream.tick(9 * SECOND)) == []
    (found,) = stream.tick(10 * SECOND)
    assert isinstance(found, Integrity) and found.check == "subscription"
    assert found.message == "coinbase has not acknowledged in 10 s: BTC-USD (trade, book)"
    assert list(stream.tick(20 * SECOND)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Internal server error", Reconnect),
        ("something that nobody knows", Reconnect),
        ("BTC-USD is delisted", Refused),
        ("authentication failure", Refused),
    ],
)
def test_an_error_of_a_feed_that_is_up(text: str, kind: type) -> None:
    (found,) = agreed("BTC-USD").receive(json.dumps({"type": "error", "message": text}), 0)
    assert isinstance(found, kind)


def test_a_number_that_comes_twice_is_no_loss() -> None:
    stream = agreed("BTC-USD")
    for _ in range(2):
        (event,) = stream.receive(
            frame("market_trades", 1, {"type": "update", "trades": [trade(1)]}), 0
        )
        assert isinstance(event, Trade)
    assert list(stream.receive(frame("heartbeats", 2, {}), 0)) == []


def test_a_loss_before_all_was_answered_needs_another_connection() -> None:
    stream = connect("BTC-USD", channels=("book",))
    list(stream.opened(0))
    gap, end = stream.receive(frame("heartbeats", 2, {}), 0)
    assert isinstance(gap, Gap) and gap.start is None and isinstance(end, Reconnect)


def test_a_change_asks_for_what_is_new_and_leaves_the_rest() -> None:
    stream = agreed("BTC-USD", channels=("trade", "quote"))
    asked = sent(stream.resubscribe(Subscription(("BTC-USD", "ETH-USD"), ("trade",)), 0) or ())
    assert asked == [
        {"type": "subscribe", "product_ids": ["ETH-USD"], "channel": "market_trades"},
        {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "ticker"},
    ]
    both = ["BTC-USD", "ETH-USD"]
    frame_of = state(1, market_trades=both, ticker=["BTC-USD"], heartbeats=["heartbeats"])
    assert list(stream.receive(frame_of, 0)) == [Up()]
    assert stream.resubscribe(Subscription(("BTC-USD", "ETH-USD"), ("trade",)), 0) == [Up()]


@pytest.mark.parametrize("feed", ["advanced", "exchange"])
@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("authentication failure", Refused),
        ("channel l3 does not exist", Refused),
        ("subscribe or unsubscribe required", Reconnect),
        ("ErrSlowConsume", Reconnect),
        ("rate limit exceeded", Busy),
    ],
)
def test_errors(feed: str, text: str, effect: type) -> None:
    stream = connect("BTC-USD", feed=feed)
    list(stream.opened(0))
    (found,) = stream.receive(json.dumps({"type": "error", "message": text}), 0)
    assert type(found) is effect
    if isinstance(found, Refused):
        assert found.cause == ("login" if "authentication" in text else "refusal")
    if isinstance(found, Reconnect):
        assert found.cause == ("slow-consumer" if "Slow" in text else "protocol")


def test_behind_a_refused_change_nothing_more_would_come() -> None:
    stream = agreed("BTC-USD", channels=("trade",))
    list(stream.resubscribe(Subscription(("NO-USD",), ("trade",)), 0) or ())
    found = stream.receive('{"type":"error","message":"no such product"}', 0)
    assert [type(item) for item in found] == [Refused, Reconnect]


def test_exchange_refuses_all_for_one_product_and_the_others_are_asked_for_again() -> None:
    stream = connect("BTC-USD", "NO-USD", feed="exchange", channels=("trade",))
    list(stream.opened(0))
    text = {"type": "error", "message": "Failed to subscribe"}
    refused, again = stream.receive(
        json.dumps({**text, "reason": "NO-USD is not a valid product"}), 0
    )
    assert isinstance(refused, Refused) and refused.symbols == ("NO-USD",)
    assert sent([again])[0]["channels"][0] == {"name": "matches", "product_ids": ["BTC-USD"]}


def test_only_the_newest_candle_of_a_snapshot_is_told_and_ends_with_the_next() -> None:
    def candle(start: int, close: str) -> dict[str, str]:
        prices = {"high": "5", "low": "1", "open": "2", "close": close, "volume": "9.50"}
        return {"start": str(start), **prices, "product_id": "BTC-USD"}

    stream = connect("BTC-USD", channels=("bar",))
    rows = [candle(1_704_205_500, "3"), candle(1_704_205_800, "4"), candle(1_704_205_200, "2")]
    (first,) = stream.receive(frame("candles", 0, {"type": "snapshot", "candles": rows}), 0)
    part = {"type": "update", "candles": [candle(1_704_206_100, "4.5")]}
    over, running = stream.receive(frame("candles", 1, part), 0)
    assert all(isinstance(bar, Bar) for bar in (first, over, running))
    assert [(bar.ts_event, str(bar.close), bar.is_final) for bar in (first, over, running)] == [
        ("2024-01-02T14:30:00.000000000Z", "4", False),
        ("2024-01-02T14:30:00.000000000Z", "4", True),
        ("2024-01-02T14:35:00.000000000Z", "4.5", False),
    ]


def test_a_product_is_told_when_it_changes() -> None:
    stream = connect("BTC-USD", feed="exchange", channels=("status",))
    products = [{"id": "BTC-USD", "status": "online", "x": 0.1}, {"id": "ETH-USD"}]
    message = {"type": "status", "products": products, "currencies": []}
    (first,) = stream.receive(json.dumps(message), NOW)
    assert isinstance(first, Status) and first.status == "trading"
    assert str((first.extra or {})["x"]) == "0.1"  # no float
    assert list(stream.receive(json.dumps(message), NOW)) == []
    for change, state in (
        ({"post_only": True}, "quoting"),
        ({"cancel_only": True}, "halted"),
        ({"cancel_only": False, "trading_disabled": True}, "halted"),
        ({"status": "delisted"}, "closed"),
    ):
        products[0] |= change
        (other,) = stream.receive(json.dumps(message), NOW)
        assert isinstance(other, Status) and other.status == state


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"price": "a lot"}, 1),
        ({"price": None}, 1),
        ({"side": "LEFT"}, 1),
        ({"time": "yesterday"}, 1),
        ({"size": "5E-7"}, 2),
        ({"size": "123456789012345678.123456789012"}, 2),
        ({"new": {"deep": [1]}}, 2),
    ],
)
def test_a_bad_row_costs_itself(change: dict[str, Any], kept: int) -> None:
    stream = connect("BTC-USD")
    part = {"type": "update", "trades": [trade(2, **change), trade(1)]}
    items = list(stream.receive(frame("market_trades", 0, part), 0))
    trades = [item for item in items if isinstance(item, Trade)]
    bad = [item for item in items if isinstance(item, Bad)]
    assert (len(trades), len(bad)) == (kept, 2 - kept)
    assert all(item.symbol == "BTC-USD" for item in bad) and trades[0].trade_id == "1"
    if "new" in change:
        assert [t.extra for t in trades] == [None, {"new": {"deep": [1]}}]
    assert list(stream.receive(frame("heartbeats", 1, {}), 0)) == []  # its number has counted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (frame("nonsense", 0), "unknown channel 'nonsense'"),
        (frame("market_trades", 0, {"type": "update"}), "trades"),
        (
            frame("l2_data", 0, {"type": "update", "updates": [level("bid", "1", "2")]}),
            "product_id",
        ),
        (
            frame(
                "l2_data",
                0,
                {"type": "what", "product_id": "X", "updates": [level("bid", "1", "2")]},
            ),
            "what",
        ),
    ],
)
def test_a_message_that_is_none_is_named(text: str, says: str) -> None:
    stream = connect("BTC-USD")
    (bad,) = stream.receive(text, 0)
    assert isinstance(bad, Bad) and says in bad.text and bad.raw == text


def test_a_batch_of_tickers_has_no_best_prices() -> None:
    row = {"type": "ticker", "product_id": "BTC-USD", "price": "42000.10", "best_bid": ""}
    stream = connect("BTC-USD", channels=("ticker_batch",))
    (quote,) = stream.receive(frame("ticker_batch", 0, {"type": "update", "tickers": [row]}), 0)
    assert isinstance(quote, Quote)
    assert (quote.bid_price, quote.ask_price, quote.extra) == (None, None, {"price": "42000.10"})


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    return json.loads(parts[0]), json.loads(parts[1]), parts[2], token.rpartition(".")[0].encode()


@pytest.mark.parametrize("kind", ["ES256", "EdDSA"])
def test_each_message_is_signed_anew_with_a_key(kind: str) -> None:
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    key: Any
    if kind == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
        form = (forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL)
        secret = key.private_bytes(*form, forms.NoEncryption()).decode().replace("\n", "\\n")
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        secret = base64.b64encode(key.private_bytes_raw() + public).decode()
    name = "organizations/1/apiKeys/2"
    stream = connect("BTC-USD", COINBASE_API_KEY=name, COINBASE_API_SECRET=secret)
    tokens = [m["jwt"] for m in sent(stream.opened(NOW))]
    assert len({*tokens}) == 3
    for token in tokens:
        head, claims, signature, text = decoded(token)
        assert (head["alg"], head["kid"]) == (kind, name) and head["nonce"]
        assert claims == {"sub": name, "iss": "cdp", "nbf": NOW // 10**9, "exp": NOW // 10**9 + 120}
        if kind == "ES256":
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            der = utils.encode_dss_signature(r, s)
            key.public_key().verify(der, text, ec.ECDSA(SHA256()))
        else:
            key.public_key().verify(signature, text)
    server = CoinbaseSandbox("/", {}, CoinbaseSandbox.Options())
    for message in sent(stream.opened(NOW)):
        (*_, answer) = server.receive(json.dumps(message))
        assert json.loads(answer)["channel"] == "subscriptions"


@pytest.mark.parametrize("secret", ["no-key", "-----BEGIN EC PRIVATE KEY-----\nAA==", "AAAA"])
def test_a_key_that_is_none_is_refused(secret: str) -> None:
    pytest.importorskip("cryptography")
    stream = connect("BTC-USD", COINBASE_API_KEY="a", COINBASE_API_SECRET=secret)
    (refused,) = stream.opened(NOW)
    assert isinstance(refused, Refused) and "COINBASE_API_SECRET" in refused.text
    assert secret not in refused.text


def test_exchange_signs_with_its_three_secrets_and_has_the_whole_book_then() -> None:
    names = ("KEY", "SECRET", "PASSPHRASE")
    secrets = {f"COINBASE_EXCHANGE_{n}": base64.b64encode(n.encode()).decode() for n in names}
    (message,) = sent(
        connect("BTC-USD", feed="exchange", channels=("book",), **secrets).opened(NOW)
    )
    assert message["channels"][0]["name"] == "level2"
    assert message["timestamp"] == str(NOW // 10**9)
    key, passphrase = (secrets[f"COINBASE_EXCHANGE_{name}"] for name in ("KEY", "PASSPHRASE"))
    assert (message["key"], message["passphrase"]) == (key, passphrase)
    # openssl dgst -sha256 -hmac SECRET -binary | base64, of this time and GET/users/self/verify
    assert message["signature"] == "p2oWsT1e4itnvLV2M8aU6oWdXaY3p1c35FwPUKlG0J0="


def test_the_server_waits_five_seconds_and_is_silent_behind_an_error() -> None:
    server = CoinbaseSandbox("/", {}, CoinbaseSandbox.Options())
    assert server.patience == 5.0
    (last,) = server.expire()
    assert json.loads(last) == {"type": "error", "message": "subscribe or unsubscribe required"}
    ask = '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}'
    assert list(server.receive(ask)) == [] and not server.subscribed
    server = CoinbaseSandbox("/", {}, CoinbaseSandbox.Options())
    (error,) = server.receive(json.dumps({**json.loads(ask), "jwt": "a.b.c"}))
    assert json.loads(error)["message"] == "authentication failure"
    assert list(server.tick(NOW)) == []


def test_the_server_beats_in_go_and_closes_what_is_quiet() -> None:
    server = CoinbaseSandbox("/", {}, CoinbaseSandbox.Options())
    list(server.receive('{"type":"subscribe","channel":"heartbeats"}'))
    (beat,) = server.tick(NOW + 854_840_045)
    (event,) = json.loads(beat)["events"]
    assert event["current_time"].startswith("2024-01-02 14:30:00.854840045 +0000 UTC m=+")
    list(server.receive('{"type":"unsubscribe","channel":"heartbeats"}'))
    for _ in range(89):
        assert list(server.tick(NOW)) == []
    with pytest.raises(HangUp):
        server.tick(NOW)


def test_the_server_numbers_all_messages_and_sends_snapshots_first_trades_newest_first() -> None:
    server = CoinbaseSandbox("/", {}, CoinbaseSandbox.Options())
    ask = '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"%s"}'
    frames = [*server.receive(ask % "market_trades")]
    events: list[Any] = [
        Trade(symbol="BTC-USD", ts_event=TIME, price=price, size=price, trade_id=str(price))
        for price in (Decimal(7), Decimal(8))
    ]
    events[0].aggressor_side = "buy"
    book = Book(symbol="BTC-USD", ts_event=TIME, bids=[], asks=[])
    delta = Delta(symbol="BTC-USD", ts_event=TIME, action="add", side="bid")
    delta.price, delta.size = Decimal(1), Decimal(2)
    frames += server.feed([*events, book, delta])
    frames += server.receive(ask % "level2")
    frames += server.receive(ask % "market_trades")
    read = [json.loads(text) for text in frames]
    assert [m["sequence_num"] for m in read] == [*range(len(read))]
    assert [m["channel"] for m in read] == [
        "market_trades",
        "subscriptions",
        "market_trades",
        "l2_data",
        "subscriptions",
        "market_trades",
        "subscriptions",
    ]
    for m, kind in ((read[2], "update"), (read[5], "snapshot")):
        (part,) = m["events"]
        assert part["type"] == kind
        assert [(row["trade_id"], row["side"]) for row in part["trades"]] == [
            ("8", "UNKNOWN_ORDER_SIDE"),
            ("7", "SELL"),
        ]
    assert read[3]["events"][0]["updates"] == [level("bid", "1", "2")]
    assert read[-1]["events"] == [
        {"subscriptions": {"market_trades": ["BTC-USD"], "level2": ["BTC-USD"]}}
    ]
