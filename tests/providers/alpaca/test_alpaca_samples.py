"""The documented and captured frames beside the checkout, mapped a second time here."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import Delta, Event, Refused, Send, Subscription, Up, type_of
from mdc_providers.alpaca.codes import MIC_OF_LETTER
from mdc_providers.alpaca.stream import Alpaca

SECRETS = {"ALPACA_KEY_ID": "KEY", "ALPACA_SECRET_KEY": "SECRET"}


@pytest.fixture(scope="session")
def frames(shared: Path) -> list[Any]:
    path = shared / "wire" / "samples" / "alpaca" / "frames.jsonl"
    if not path.exists():
        pytest.skip(f"no samples at {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


@pytest.fixture
def stream() -> Alpaca:
    return Alpaca(Subscription(("*",)), Alpaca.Options(), SECRETS)


def text_of(frame: Any) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(frame).decode()


def time(text: str) -> str:
    seconds, _, digits = text.removesuffix("Z").partition(".")
    return f"{seconds}.{digits:<09}Z"


def venue(letter: str | None) -> str | None:
    return MIC_OF_LETTER.get(letter, letter) if letter else None


def trade(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "trade",
        "price": m["p"],
        "size": m["s"],
        "trade_id": str(m["i"]),
        "venue": venue(m.get("x")),
        "conditions": m.get("c"),
        "tape": m.get("z"),
        "aggressor_side": {None: None, "B": "buy", "S": "sell"}[m.get("tks")],
    }


def quote(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "quote",
        "bid_price": m["bp"],
        "bid_size": m["bs"],
        "bid_venue": venue(m["bx"]),
        "ask_price": m["ap"],
        "ask_size": m["as"],
        "ask_venue": venue(m["ax"]),
        "conditions": m["c"],
        "tape": m["z"],
    }


def bar(m: dict[str, Any]) -> dict[str, Any]:
    minute = int(m["t"][14:16])
    return {
        "type": "bar",
        "open": m["o"],
        "high": m["h"],
        "low": m["l"],
        "close": m["c"],
        "volume": m["v"],
        "vwap": m.get("vw"),
        "trade_count": m.get("n"),
        "interval": "1m",
        "ts_close": time(f"{m['t'][:14]}{minute + 1:02d}:00Z"),
        "is_final": True,
        "revision": 0,
    }


def correction(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "correction",
        "venue": venue(m["x"]),
        "original_trade_id": str(m["oi"]),
        "original_price": m["op"],
        "original_size": m["os"],
        "original_conditions": m["oc"],
        "trade_id": str(m["ci"]),
        "price": m["cp"],
        "size": m["cs"],
        "conditions": m["cc"],
        "tape": m["z"],
    }


def status(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "status",
        "status": {"H": "halted"}[m["sc"]],
        "status_code": m["sc"],
        "message": m["sm"],
        "reason_code": m["rc"],
        "reason": m["rm"],
        "tape": m["z"],
    }


MAPPING = {"t": trade, "q": quote, "b": bar, "c": correction, "s": status}


def levels(side: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"price": level["p"], "size": level["s"]} for level in side]


def expected_of(m: dict[str, Any]) -> list[dict[str, Any]]:
    head = {"symbol": m["S"], "ts_event": time(m["t"])}
    if m["T"] != "o":
        return [{**head, **MAPPING[m["T"]](m)}]
    if m.get("r"):
        return [{**head, "type": "book", "bids": levels(m["b"]), "asks": levels(m["a"])}]
    sides = (("bid", m["b"]), ("ask", m["a"]))
    return [
        {**head, "type": "delta", "side": side, "action": "modify", **level}
        for side, changed in sides
        for level in levels(changed)
    ]


def said(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    for name in ("bids", "asks"):
        if fields.get(name) is not None:
            fields[name] = [{"price": x.price, "size": x.size} for x in fields[name]]
    given = {name: value for name, value in fields.items() if value is not None and name != "v"}
    return {"type": type_of(event), **given}


def test_every_data_frame_says_what_its_documentation_says(
    frames: list[Any], stream: Alpaca
) -> None:
    count = 0
    bars: Counter[tuple[str, str]] = Counter()  # the documentation shows one of them twice
    for line in frames:
        messages = line["frame"]
        if line["dir"] != "in" or messages[0]["T"] in ("success", "error", "subscription"):
            continue
        events = [e for e in stream.receive(text_of(messages), 0) if isinstance(e, Event)]
        wanted = [expected for m in messages for expected in expected_of(m)]
        wanted = [{k: v for k, v in w.items() if v is not None} for w in wanted]
        for bar in (w for w in wanted if w["type"] == "bar"):
            bar["revision"] = bars[bar["symbol"], bar["ts_event"]]
            bars[bar["symbol"], bar["ts_event"]] += 1
        assert [said(event) for event in events] == wanted
        count += len(events)
        assert all(event.seq is None for event in events if not isinstance(event, Delta))
    assert count >= 20


def test_the_documented_session(frames: list[Any]) -> None:
    stream = Alpaca(Subscription(("AAPL",), ("trade",)), Alpaca.Options(), SECRETS)
    sent = [line["frame"] for line in frames if line["dir"] == "out"]
    for line in frames:
        if line["dir"] != "in":
            continue
        (first, *_) = line["frame"]
        match first:
            case {"T": "success", "msg": "connected"}:
                (send,) = stream.receive(text_of(line["frame"]), 0)
                assert isinstance(send, Send)
                assert json.loads(send.frame) == sent[0]
            case {"T": "error", "code": 402}:
                (refused,) = stream.receive(text_of(line["frame"]), 0)
                assert isinstance(refused, Refused) and "auth failed" in refused.text
            case {"T": "subscription"}:
                (up,) = stream.receive(text_of(line["frame"]), 0)
                assert up == Up()
