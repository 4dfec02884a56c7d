"""Collecting live feeds: what is measured, and whether all who read a feed have read the same."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

from measure import Command, FailedCommandError
from vendors import find
from vendors.vendor import Vendor
from work import HERE, MDC, PYTHON, SCRATCH, STORE, Group, Work

FEED = (PYTHON, str(HERE / "feed.py"))
PACED = (PYTHON, str(HERE / "paced.py"))
RATE = 1_000  # events a second
NUMBERS = ("price", "size", "bid_price", "bid_size", "ask_price", "ask_size")
FIRST, EVERY = 10_000, 53  # events that are compared: all of the first, and one of so many
KINDS = ("trade", "quote", "book", "delta")
# What a stream is told of its secrets, of which none is looked at.
SECRETS = (
    "ALPACA_KEY_ID",
    "ALPACA_SECRET_KEY",
    "POLYGON_API_KEY",
    "FINNHUB_API_KEY",
    "TIINGO_API_TOKEN",
)


def served(name: str, events: int) -> AbstractContextManager[str]:
    """The URL of a vendor's feed, served by a process of its own."""
    return server_of([*FEED, "serve", name, str(events)])


def paced(events: int) -> AbstractContextManager[str]:
    """The URL of a feed at a steady rate."""
    return server_of([*PACED, "serve", str(events), str(RATE)])


@contextmanager
def server_of(command: Command) -> Iterator[str]:
    """The URL that a server prints, for as long as it runs."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def stream_of(vendor: Vendor, url: str, events: int) -> Command:
    """Collecting a feed to its end."""
    wanted = (vendor.provider, *vendor.symbols, *vendor.arguments)
    return (MDC, "stream", *wanted, "--url", url, "--limit", str(events), "--retries", "0")


def feed_group(name: str, url: str, events: int) -> Group:
    """Collecting a vendor's feed, beside a bare loop."""
    vendor, few = find(name), str(events // 10)
    reference = Work(
        f"{name}-loop",
        f"bare loop for {name}: websockets, orjson, fields renamed",
        [(*FEED, "read", name, url, str(events))],
        short=(*FEED, "read", name, url, few),
    )
    told = " ".join(["mdc stream", vendor.provider, *vendor.arguments])
    stream = stream_of(vendor, url, events)
    begun = stream_of(vendor, url, int(few))
    work = Work(name, f"`{told}`, {vendor.shape}", [stream], at_most=1.4, aim=1.1, short=begun)
    return Group("feeds", [reference], [work], agree=True)


def capture_group(url: str, events: int) -> Group:
    """Keeping the raw frames of a feed, beside keeping nothing."""
    stream = stream_of(find("alpaca"), url, events)
    reference = Work("not-kept", "`mdc stream alpaca`, no frames kept", [stream])
    works = [
        Work(
            "capture",
            "`mdc stream alpaca --capture DIR/`",
            [(*stream, "--capture", f"{SCRATCH}/")],
            at_most=1.3,
            aim=1.15,
            captures=True,
        )
    ]
    return Group("capture", [reference], works)


def latency_group(url: str, events: int) -> Group:
    """How long an event is under way from a feed at a steady rate, beside a bare loop."""
    stream = stream_of(find("alpaca"), url, events)
    loop = (*FEED, "read", "alpaca", url, str(events))
    store = (*STORE, SCRATCH, "--ack", "--tee")
    reference = Work(
        "latency-loop",
        "bare loop, 1,000 events a second",
        [loop, (*PACED, "lines")],
        delays=(None, None),
    )
    works = [
        Work(
            "latency",
            "`mdc stream`, 1,000 events a second",
            [stream, (*PACED, "lines")],
            delays=(0.4, 1.5),
        ),
        Work(
            "durable",
            "`mdc stream \\| mdc store --ack`, 1,000 events a second",
            [stream, store, (*PACED, "acks")],
            delays=(None, 60.0),
        ),
    ]
    return Group("latency", [reference], works)


def check_agreement(one: Path, other: Path) -> None:
    """Raises FailedCommandError where two have written other events than each other."""
    with one.open("rb") as ones, other.open("rb") as others:
        if (difference := difference_of(ones, others)) is not None:
            raise FailedCommandError(f"{one.stem} and {other.stem} differ at {difference}")


def difference_of(lines: Iterable[bytes], others: Iterable[bytes]) -> str | None:
    """Where the events of these lines are not those of the others; None if they are."""
    pairs = zip_longest(_told(lines), _told(others))
    for number, (one, other) in enumerate(pairs, start=1):
        if one != other:
            return f"event {number}: {one} / {other}"
    return None


def _told(lines: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
    """Type, symbol and numbers of events; those about the stream itself are left out.

    Of all events but the first, only a sample is looked into.
    """
    number = 0
    for line in lines:
        kind = line.split(b'"', 4)[3].decode()
        if kind not in KINDS:
            continue
        number += 1
        if number > FIRST and number % EVERY:
            yield (kind,)
            continue
        event = json.loads(line, parse_float=Decimal)
        numbers = [Decimal(event[name]) for name in NUMBERS if name in event]
        levels = [*event.get("bids", ()), *event.get("asks", ())]
        numbers += [Decimal(level[name]) for level in levels for name in ("price", "size")]
        yield kind, event["symbol"], *numbers
