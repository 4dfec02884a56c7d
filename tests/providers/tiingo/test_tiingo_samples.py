"""The documented and captured frames beside the checkout, mapped a second time here."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import Event, Refused, Send, Subscription, Trade, Up, type_of
from mdc_providers.tiingo.stream import Tiingo

SECRETS = {"TIINGO_API_TOKEN": "TOKEN"}
Frames = list[tuple[dict[str, Any], str, str]]


@pytest.fixture(scope="session")
def frames(shared: Path) -> Frames:
    """Each frame, its direction and its text as it was on the wire."""
    path = shared / "wire" / "samples" / "tiingo" / "frames.jsonl"
    if not path.exists():
        pytest.skip(f"no samples at {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line, parse_float=Decimal) for line in lines]
    texts = [line[line.index('"frame":') + len('"frame":') : -1] for line in lines]
    return [(r["frame"], r["dir"], text) for r, text in zip(records, texts, strict=True)]


def connect(market: str, *channels: str) -> Tiingo:
    return Tiingo(Subscription(("*",), channels), Tiingo.Options(market=market), SECRETS)


def said(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event) | {"type": type_of(event)}
    return {name: value for name, value in fields.items() if value is not None and name != "v"}


def time(text: str) -> str:
    """A time of crypto: microseconds, UTC."""
    return text.removesuffix("+00:00").ljust(29, "0") + "Z"


def crypto(d: list[Any]) -> dict[str, Any]:
    head = {"symbol": d[1].upper(), "ts_event": time(d[2]), "venue": d[3]}
    if d[0] == "T":
        return {"type": "trade", **head, "size": Decimal(d[4]), "price": Decimal(d[5])}
    assert abs(d[6] - (d[5] + d[8]) / 2) < Decimal("0.0000001")  # so bid, middle and ask it is
    names = ("bid_size", "bid_price", None, "ask_size", "ask_price")
    sides = {name: Decimal(value) for name, value in zip(names, d[4:], strict=True) if name}
    return {"type": "quote", **head, **sides}


def test_every_captured_frame_of_crypto(frames: Frames) -> None:
    stream = connect("crypto")
    rows = [
        (f, text) for f, way, text in frames if way == "in" and f.get("service") == "crypto_data"
    ]
    assert len(rows) > 10
    assert {row["data"][0] for row, _ in rows} == {"Q", "T"}
    for row, text in rows:
        (event,) = stream.receive(text, 0)
        assert said(event) == crypto(row["data"])


def test_every_documented_frame_of_iex(frames: Frames) -> None:
    texts = [text for f, _, text in frames if f.get("service") == "iex"]
    quote, trade, reference = texts
    (event,) = connect("iex").receive(quote, 0)
    assert said(event) == {
        "type": "quote",
        "symbol": "VYM",
        "ts_event": "2019-01-30T18:33:45.383129126Z",
        "venue": "IEXG",
        "bid_size": 100,
        "bid_price": Decimal("81.58"),
        "ask_price": Decimal("81.59"),
        "ask_size": 100,
        "conditions": [],
    }
    (event,) = connect("iex").receive(trade, 0)
    assert said(event) == {
        "type": "trade",
        "symbol": "WES",
        "ts_event": "2019-01-30T18:33:45.594808294Z",
        "venue": "IEXG",
        "price": Decimal("50.285"),
        "size": 200,
        "conditions": [],
    }
    (event,) = connect("iex", "reference").receive(reference, 0)
    assert said(event) == {
        "type": "status",
        "symbol": "VYM",
        "ts_event": "2019-01-30T18:33:45.383129126Z",
        "venue": "IEXG",
        "status": "other",
        "message": "reference price",
        "extra": {"price": Decimal("81.585")},
    }


def test_nobody_is_said_to_have_been_the_aggressor(frames: Frames) -> None:
    """Tiingo says no side, and none is made up: not by the quote before, nor by the price."""
    stream = connect("crypto")
    texts = [text for f, _, text in frames if f.get("service") == "crypto_data"]
    trades = [e for text in texts for e in stream.receive(text, 0) if isinstance(e, Trade)]
    assert trades and {trade.aggressor_side for trade in trades} == {None}


def test_every_frame_about_the_connection(frames: Frames) -> None:
    words = [(f, text) for f, way, text in frames if way == "in" and f["messageType"] != "A"]
    found = {}
    for frame, text in words:
        stream = connect("crypto")
        found[frame["messageType"], len(frame)] = list(stream.receive(text, 0))
    assert found["I", 3] == [Up(), Refused("tiingo left out of the subscription: *", ("*",))]
    assert found["H", 2] == []
    (refused,) = found["E", 2]
    assert isinstance(refused, Refused)
    assert refused.text == "tiingo says: Not authorized for service: boats (error 403)"


def test_what_is_sent_is_as_documented(frames: Frames) -> None:
    ours = []
    for market, symbols in (("crypto", ("BTCUSD", "ethusd")), ("iex", ("SPY", "USO"))):
        stream = Tiingo(Subscription(symbols), Tiingo.Options(market=market), SECRETS)
        ours += [json.loads(s.frame) for s in stream.opened(0) if isinstance(s, Send)]
    ack = '{"messageType":"I","data":{"subscriptionId":13706},"response":{"code":200,"message":""}}'
    assert list(stream.receive(ack, 0)) == [Up()]
    (send,) = stream.resubscribe(Subscription(("USO",)), 0) or ()
    assert isinstance(send, Send)
    ours.append(json.loads(send.frame))
    assert ours == [frame for frame, way, _ in frames if way == "out"]
