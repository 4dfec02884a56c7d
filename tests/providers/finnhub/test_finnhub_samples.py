"""The documented and captured frames beside the checkout, mapped a second time here."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mdc_core.plugin import Refused, Send, Subscription, Trade, Up, to_ns
from mdc_providers.finnhub.stream import Finnhub

Frames = list[tuple[dict[str, Any], str, str]]


@pytest.fixture(scope="session")
def frames(shared: Path) -> Frames:
    """Each frame, its direction and its text as it was on the wire."""
    path = shared / "wire" / "samples" / "finnhub" / "frames.jsonl"
    if not path.exists():
        pytest.skip(f"no samples at {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line, parse_float=Decimal) for line in lines]
    texts = [line[line.index('"frame":') + len('"frame":') : -1] for line in lines]
    return [(r["frame"], r["dir"], text) for r, text in zip(records, texts, strict=True)]


def connect() -> Finnhub:
    return Finnhub(Subscription(("AAPL", "XOM")), Finnhub.Options(), {"FINNHUB_API_KEY": "KEY"})


def trades_of(frames: Frames) -> list[tuple[dict[str, Any], Trade]]:
    """Each item of a trade frame with the event that became of it."""
    pairs = []
    for frame, way, text in frames:
        if way == "in" and frame["type"] == "trade":
            events = list(connect().receive(text, 0))
            assert len(events) == len(frame["data"])
            pairs += list(zip(frame["data"], events, strict=True))
    return pairs  # type: ignore[return-value]


def test_every_trade_says_what_its_frame_says(frames: Frames) -> None:
    pairs = trades_of(frames)
    assert len(pairs) > 50
    for item, event in pairs:
        assert isinstance(event, Trade)
        assert (event.symbol, event.price, event.size) == (item["s"], item["p"], item["v"])
        assert to_ns(event.ts_event or "") == item["t"] * 1_000_000
        assert event.conditions == item.get("c")
        assert event.venue == (item["s"].split(":")[0] if ":" in item["s"] else None)
        assert event.trade_id is None and event.seq is None


def test_alike_trades_are_kept(frames: Frames) -> None:
    pairs = trades_of(frames)
    alike = Counter((e.symbol, e.ts_event, e.price, e.size) for _, e in pairs)
    assert max(alike.values()) > 1


def test_nobody_is_said_to_have_been_the_aggressor(frames: Frames) -> None:
    """Finnhub says no side, and none is made up of the conditions."""
    assert {event.aggressor_side for _, event in trades_of(frames)} == {None}


def test_every_other_frame(frames: Frames) -> None:
    others = {f["type"]: t for f, way, t in frames if way == "in" and f["type"] != "trade"}
    assert list(connect().receive(others["ping"], 0)) == []
    (refused,) = connect().receive(others["error"], 0)
    assert isinstance(refused, Refused)
    assert refused.symbols == ("XOM",)
    assert set(others) == {"ping", "error"}


def test_what_is_sent_is_as_documented(frames: Frames) -> None:
    first, second, up = connect().opened(0)
    assert up == Up()
    assert isinstance(first, Send) and isinstance(second, Send)
    assert json.loads(first.frame) == next(frame for frame, way, _ in frames if way == "out")
