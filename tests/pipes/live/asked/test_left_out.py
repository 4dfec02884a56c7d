"""A symbol, or a channel, that a vendor leaves out of its acknowledgement is told; others go on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from tests.conftest import Shell

ALPACA = {"ALPACA_KEY_ID": "k", "ALPACA_SECRET_KEY": "s"}
TIME = "2024-01-02T14:30:00.5Z"
TRADE = {"T": "t", "S": "SPY", "i": 1, "x": "V", "p": 1.5, "s": 2, "t": TIME, "z": "B"}


def alpaca(connection: ServerConnection) -> None:
    """IBM of quotes alone, and QQQ of nothing."""
    connection.send(json.dumps([{"T": "success", "msg": "connected"}]))
    assert json.loads(connection.recv())["action"] == "auth"
    connection.send(json.dumps([{"T": "success", "msg": "authenticated"}]))
    assert json.loads(connection.recv())["trades"] == ["SPY", "IBM", "QQQ"]
    state = {"trades": ["SPY"], "quotes": ["SPY", "IBM"]}
    connection.send(json.dumps([{"T": "subscription", **state}]))
    connection.send(json.dumps([TRADE]))


def advanced(connection: ServerConnection) -> None:
    """ETH-USD of the ticker alone, and SOL-USD of nothing."""
    asked = {json.loads(connection.recv())["channel"] for _ in range(3)}
    assert asked == {"market_trades", "ticker", "heartbeats"}
    state = {"market_trades": ["BTC-USD"], "ticker": ["BTC-USD", "ETH-USD"]}
    head = {"client_id": "", "timestamp": TIME}
    for number in range(3):
        events = [{"subscriptions": state | {"heartbeats": ["heartbeats"]}}]
        message = {"channel": "subscriptions", **head, "sequence_num": number, "events": events}
        connection.send(json.dumps(message))
    trade = {"trade_id": "1", "product_id": "BTC-USD", "price": "1", "size": "2", "side": "BUY"}
    events = [{"type": "update", "trades": [{**trade, "time": TIME}]}]
    message = {"channel": "market_trades", **head, "sequence_num": 3, "events": events}
    connection.send(json.dumps(message))


def exchange(connection: ServerConnection) -> None:
    """The same by the other protocol: one message, one answer."""
    assert json.loads(connection.recv())["type"] == "subscribe"
    state = {
        "matches": ["BTC-USD"],
        "ticker": ["BTC-USD", "ETH-USD"],
        "heartbeat": ["BTC-USD", "ETH-USD", "SOL-USD"],
    }
    channels = [{"name": name, "product_ids": has} for name, has in state.items()]
    connection.send(json.dumps({"type": "subscriptions", "channels": channels}))
    trade = {"trade_id": 1, "product_id": "BTC-USD", "price": "1", "size": "2", "side": "buy"}
    more = {"type": "match", "sequence": 1, "time": TIME, "maker_order_id": "a"}
    connection.send(json.dumps({**trade, **more, "taker_order_id": "b"}))


def tiingo(connection: ServerConnection) -> None:
    """Two of three, in the complete list."""
    assert json.loads(connection.recv())["eventData"]["tickers"] == ["btcusd", "ethusd", "solusd"]
    state = {"subscriptionId": 7, "tickers": ["btcusd"], "thresholdLevel": "2"}
    answer = {"code": 200, "message": "Success"}
    connection.send(json.dumps({"data": state, "messageType": "I", "response": answer}))
    row = ["T", "btcusd", "2024-01-02T14:30:00.5+00:00", "gdax", 2.0, 1.5]
    connection.send(json.dumps({"service": "crypto_data", "messageType": "A", "data": row}))


@contextmanager
def served(script: Any) -> Iterator[str]:
    """A server that says this to each client, and waits for it to leave."""

    def talk(connection: ServerConnection) -> None:
        script(connection)
        for _ in connection:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("script", "asked", "env", "told"),
    [
        (
            alpaca,
            "alpaca SPY IBM QQQ",
            ALPACA,
            {
                "alpaca left out of the subscription: IBM (trade)": (["IBM"], ["trade"]),
                "alpaca left out of the subscription: QQQ": (["QQQ"], None),
            },
        ),
        (
            advanced,
            "coinbase BTC-USD ETH-USD SOL-USD",
            {},
            {
                "coinbase left out of the subscription: ETH-USD (trade)": (["ETH-USD"], ["trade"]),
                "coinbase left out of the subscription: SOL-USD": (["SOL-USD"], None),
            },
        ),
        (
            exchange,
            "coinbase BTC-USD ETH-USD SOL-USD --feed exchange",
            {},
            {
                "coinbase left out of the subscription: ETH-USD (trade)": (["ETH-USD"], ["trade"]),
                "coinbase left out of the subscription: SOL-USD": (["SOL-USD"], None),
            },
        ),
        (
            tiingo,
            "tiingo btcusd ethusd solusd --market crypto",
            {"TIINGO_API_TOKEN": "t"},
            {
                "tiingo left out of the subscription: ethusd, solusd": (
                    ["ethusd", "solusd"],
                    None,
                ),
            },
        ),
    ],
    ids=["alpaca", "advanced", "exchange", "tiingo"],
)
def test_what_an_acknowledgement_leaves_out_is_told_by_name(
    script: Any, asked: str, env: dict[str, str], told: dict[str, Any], shell: Shell
) -> None:
    with served(script) as url:
        done = shell(f"timeout $DEADLINE mdc stream {asked} --limit 1 --url {url}", **env)
    assert done.status == 0, done.err
    assert [e["symbol"] for e in done.events if e["type"] == "trade"] == [asked.split()[1]]
    found = [e for e in done.events if e["type"] == "integrity"]
    assert {e["check"] for e in found} == {"subscription"}, found
    assert {
        e["message"]: (e["extra"]["symbols"], e["extra"].get("channels")) for e in found
    } == told
    for text in told:
        assert text in done.err
