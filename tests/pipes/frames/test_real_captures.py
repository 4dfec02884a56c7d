"""Captures that others have made of real feeds: counts equal those of another way to count."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mdc_core import registry
from tests.conftest import Done, Shell

Count = Callable[[Any], Iterator[tuple[str, str]]]  # what each frame is, of which symbol
COINBASE = {"snapshot": "book", "l2update": "delta", "match": "trade", "ticker": "quote"}


@pytest.fixture
def cryptofeed(shared: Path) -> Path:
    """Raw files of cryptofeed."""
    folder = shared / "data" / "cryptofeed-capture"
    if not folder.is_dir():
        pytest.skip(f"no captures at {folder}")
    return folder


def frames_in(path: Path) -> Iterator[Any]:
    """The frames of a file of cryptofeed, read another way than ours."""
    for line in path.read_text().splitlines():
        seconds, _, frame = line.partition(": ")
        if seconds.replace(".", "").isdigit():
            yield json.loads(frame)


def coinbase(frame: Any) -> Iterator[tuple[str, str]]:
    """What a frame of Coinbase's Exchange is."""
    if kind := COINBASE.get(frame["type"]):
        for _ in frame.get("changes", [None]):
            yield kind, frame["product_id"]


def kraken(frame: Any) -> Iterator[tuple[str, str]]:
    """What a frame of Kraken's first WebSocket is."""
    if not isinstance(frame, list):
        return
    _, *parts, channel, pair = frame
    if channel == "trade":
        yield from (("trade", pair) for _ in parts[0])
    elif channel == "ticker":
        yield "quote", pair
    elif "as" in parts[0]:
        yield "book", pair
    else:
        yield from (("delta", pair) for part in parts for side in "ab" for _ in part.get(side, ()))


def counted(done: Done) -> Counter[tuple[str, str]]:
    """How many events there are about each instrument."""
    assert done.status == 0, done.err
    rows = [row for row in done.events if row.get("symbol")]
    return Counter((row["type"], row["symbol"]) for row in rows)


@pytest.mark.parametrize(
    ("file", "provider", "count"),
    [
        ("COINBASE.ws.28.0", "coinbase --option feed=exchange", coinbase),
        ("KRAKEN.ws.48.0", "kraken", kraken),
        ("KRAKEN.ws.49.0", "kraken", kraken),
        ("KRAKEN.ws.50.0", "kraken", kraken),
    ],
)
def test_as_many_events_as_the_capture_has(
    shell: Shell, cryptofeed: Path, file: str, provider: str, count: Count
) -> None:
    if provider.split()[0] not in registry.find("stream"):
        pytest.skip(f"no provider for {file}")
    path = cryptofeed / file
    done = shell(f"mdc frames decode {path} --provider {provider}")
    truth = Counter(event for frame in frames_in(path) for event in count(frame))
    assert counted(done) == truth
    assert truth.total() > 3
    assert not [row for row in done.events if row["type"] in ("gap", "integrity")]
    taken = shell(f"mdc frames import {path} raw --provider {provider}")
    assert taken.status == 0, taken.err
    assert shell("mdc frames verify raw").status == 0
    again = shell("mdc frames decode raw")
    assert again.lines == done.lines
    (one,) = json.loads(shell("mdc frames ls raw --json").out)
    assert one["connections"][0]["received"] == sum(1 for _ in frames_in(path))
    symbol = max(truth)[1]
    some = counted(shell(f"mdc frames decode raw {symbol}"))
    assert some == {event: n for event, n in truth.items() if event[1] == symbol}
