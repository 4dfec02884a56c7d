"""The documented and captured frames beside the checkout, mapped a second time here."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdc_core.plugin import Event, Send, Trade, type_of
from mdc_core.testing.stream.transcript import Step, answer
from mdc_providers.polygon.codes import MIC_OF_ID
from mdc_providers.polygon.stream import Polygon
from tests.providers.polygon.session import connect

PLANS = ("5", "13")  # of the exchanges' list: no exchanges, but the tapes' plans
GROUP = "4"  # all reporting facilities and the ADF


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    path = shared / "wire" / "samples" / "polygon"
    if not path.is_dir():
        pytest.skip(f"no samples at {path}")
    return path


@pytest.fixture(scope="session")
def frames(samples: Path) -> list[Any]:
    lines = (samples / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def text_of(frame: Any) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(frame).decode()


def time(since: int) -> str:
    digits = len(str(since))
    scale = {13: 10**3, 16: 10**6, 19: 10**9}[digits]
    moment = datetime.fromtimestamp(since // scale, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{since % scale * (10**9 // scale):09d}Z"


def venue(number: int | None) -> str | None:
    return None if number is None else MIC_OF_ID.get(number, str(number))


def trade(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "trade",
        "symbol": m["sym"],
        "ts_event": time(m["t"]),
        "channel": "trade",
        "seq": m.get("q"),
        "price": m["p"],
        "size": m["s"],
        "trade_id": str(m["i"]),
        "venue": venue(m["x"]),
        "conditions": [str(code) for code in m["c"]],
        "tape": "ABC"[m["z"] - 1],
    }


def quote(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "quote",
        "symbol": m["sym"],
        "ts_event": time(m["t"]),
        "channel": "quote",
        "seq": m.get("q"),
        "bid_price": m["bp"],
        "bid_size": m["bs"],
        "bid_venue": venue(m["bx"]),
        "ask_price": m["ap"],
        "ask_size": m["as"],
        "ask_venue": venue(m["ax"]),
        "conditions": [str(m["c"])] if "c" in m else None,
        "tape": "ABC"[m["z"] - 1],
        "extra": {"i": m["i"]} if "i" in m else None,
    }


def bar(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "bar",
        "symbol": m["sym"],
        "ts_event": time(m["s"]),
        "ts_close": time(m["e"]),
        "interval": {"A": "1s", "AM": "1m"}[m["ev"]],
        "open": m["o"],
        "high": m["h"],
        "low": m["l"],
        "close": m["c"],
        "volume": m["v"],
        "vwap": m["vw"],
        "is_final": True,
        "extra": {name: m[name] for name in ("av", "op", "a", "z")},
    }


def band(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "status",
        "symbol": m["T"],
        "ts_event": time(m["t"]),
        "channel": "luld",
        "seq": m["q"],
        "status": "limit_band",
        "limit_up": m["h"],
        "limit_down": m["l"],
        "indicator": ",".join(map(str, m["i"])),
        "tape": "ABC"[m["z"] - 1],
    }


def crypto_trade(m: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "trade",
        "symbol": m["pair"],
        "ts_event": time(m["t"]),
        "price": m["p"],
        "size": m["s"],
        "aggressor_side": {0: "none", 1: "sell", 2: "buy"}[m["c"][0]],
        "trade_id": str(m["i"]),
        "venue": str(m["x"]),
        "extra": {"r": m["r"]},
    }


def book(m: dict[str, Any]) -> dict[str, Any]:
    sides = {
        side: [{"price": price, "size": size} for price, size in m[letter]]
        for side, letter in (("bids", "b"), ("asks", "a"))
    }
    return {
        "type": "book",
        "symbol": m["pair"],
        "ts_event": time(m["t"]),
        "venue": str(m["x"]),
        "extra": {"r": m["r"]},
        **sides,
    }


MAPPING = {
    "T": trade,
    "Q": quote,
    "A": bar,
    "LULD": band,
    "XT": crypto_trade,
    "XL2": book,
}


def said(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    for name in ("bids", "asks"):
        if fields.get(name) is not None:
            fields[name] = [{"price": x.price, "size": x.size} for x in fields[name]]
    given = {name: value for name, value in fields.items() if value is not None and name != "v"}
    return {"type": type_of(event), **given}


def test_every_data_frame_says_what_its_documentation_says(frames: list[Any]) -> None:
    stream, count = connect("*"), 0
    for line in frames:
        messages = line["frame"]
        if line["dir"] != "in" or messages[0]["ev"] == "status":
            continue
        events = [e for e in stream.receive(text_of(messages), 0) if isinstance(e, Event)]
        wanted = [MAPPING[m["ev"]](m) for m in messages]
        wanted = [{k: v for k, v in w.items() if v is not None} for w in wanted]
        assert [said(event) for event in events] == wanted
        count += len(events)
    assert count >= 10


def test_a_crypto_trade_says_whose_side_it_was(frames: list[Any]) -> None:
    """Condition 2 is the buyer's side: at this price somebody bought (wire notes, trap 1)."""
    (line,) = [one for one in frames if one["dir"] == "in" and one["frame"][0]["ev"] == "XT"]
    assert line["frame"][0]["c"] == [2]
    stream = connect("BTC-USD", market="crypto")
    (event,) = stream.receive(text_of(line["frame"]), 0)
    assert isinstance(event, Trade) and event.aggressor_side == "buy"
    (event,) = stream.receive(text_of([{**line["frame"][0], "c": [1]}]), 0)
    assert isinstance(event, Trade) and event.aggressor_side == "sell"


def test_the_documented_session(frames: list[Any]) -> None:
    """What is sent is what the documentation shows, and each status means what it says."""
    stream = connect("AAPL", channels=("trade", "quote"), key="KEY")
    sent = [line["frame"] for line in frames if line["dir"] == "out"]
    statuses = [
        line["frame"]
        for line in frames
        if line["dir"] == "in" and line["frame"][0]["ev"] == "status"
    ]
    found: dict[str, list[str]] = {}
    for frame in statuses:
        items = answer(stream, Step("in", 0, text_of(frame)))
        found[frame[0]["status"]] = [
            i.frame if isinstance(i, Send) else f"{type(i).__name__} {i.text}" for i in items
        ]
    assert [json.loads(found[name][0]) for name in ("connected", "auth_success")] == sent
    assert found["success"] == []  # one of two: the other answer is still to come
    assert found["auth_failed"] == ["Refused polygon says: authentication failed"]
    assert found["max_connections"][0].startswith("Busy polygon says: Maximum number of websocket")


def test_every_exchange_has_its_mic(samples: Path) -> None:
    """The vendor's own list, but for what it calls by another segment's MIC."""
    text = (samples / "v3_reference_exchanges.json").read_text(encoding="utf-8")
    known = {str(e["id"]): e.get("mic") for e in json.loads(text)["results"]}
    known = {number: mic for number, mic in known.items() if number not in PLANS}
    ours = {str(number): mic for number, mic in MIC_OF_ID.items()}
    assert ours == {**known, GROUP: "FINR", "17": "XPSX"}
    assert set(Polygon.venues) == set(ours.values())
