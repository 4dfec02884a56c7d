"""Whether a codec keeps what a vendor adds: who does passes, who does not is found."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from mdc_core.plugin import Bad, Book, DataError, Level, Quote, Stream, Subscription, Trade
from mdc_core.testing.stream.tape import START
from mdc_core.testing.stream.transcript import Step, run
from mdc_core.testing.stream.unknown import forgetful, with_unknown

Codec = Callable[[Any, Any], Iterator[Any]]
TIME = "2024-01-02T14:30:00.000279014Z"


def codec(receive: Codec) -> Callable[[], Stream]:
    """A stream of which each frame is JSON for this function."""

    class Made(Stream):
        held: list[Any]

        def endpoints(self) -> Any:
            return []

        def receive(self, frame: Any, now: int) -> Iterator[Any]:
            yield from receive(self, json.loads(frame))

    def make() -> Stream:
        made = Made(Subscription(("A",)), Made.Options(), {})
        made.held = []
        return made

    return make


def trade(found: dict[str, Any], **extra: Any) -> Trade:
    known = {name: found[name] for name in ("p", "s") if name in found}
    more = {name: value for name, value in found.items() if name not in ("p", "s", "data")}
    price, size = (Decimal(str(known[name])) for name in ("p", "s"))
    return Trade(symbol="A", ts_event=TIME, price=price, size=size, extra={**extra, **more} or None)


def plain(self: Any, found: Any) -> Iterator[Any]:
    yield trade(found)


def drops(self: Any, found: Any) -> Iterator[Any]:
    yield trade({"p": found["p"], "s": found["s"]})


def refuses(self: Any, found: Any) -> Iterator[Any]:
    if len(found) > 2:
        raise DataError("unknown")
    yield trade(found)


def instead(self: Any, found: Any) -> Iterator[Any]:
    """Its own extra is gone where there is something unknown."""
    event = trade(found)
    event.extra = event.extra or {"own": 1}
    yield event


def with_trouble(self: Any, found: Any) -> Iterator[Any]:
    yield trade(found)
    if len(found) > 2:
        yield Bad("x", "what is this")


def envelope(self: Any, found: Any) -> Iterator[Any]:
    yield trade(found["data"], **{n: v for n, v in found.items() if n != "data"})


def only_the_envelope(self: Any, found: Any) -> Iterator[Any]:
    data = {name: found["data"][name] for name in ("p", "s")}
    yield trade(data, **{n: v for n, v in found.items() if n != "data"})


def of_prices(self: Any, found: Any) -> Iterator[Any]:
    """Levels are an object whose names are prices."""
    bids = [Level(Decimal(p), Decimal(s)) for p, s in found["bids"].items()]
    more = {name: value for name, value in found.items() if name != "bids"}
    yield Book(symbol="A", ts_event=TIME, bids=bids, asks=[], extra=more or None)


def holding(self: Any, found: Any) -> Iterator[Any]:
    """The first message comes with the second, each with its own."""
    self.held.append(found)
    if len(self.held) == 2:
        first, second = map(trade, self.held)
        yield Quote(symbol="A", ts_event=TIME, bid_price=first.price, extra=first.extra)
        yield second


def of_lists(self: Any, found: Any) -> Iterator[Any]:
    yield trade({"p": found[0], "s": found[1]})


FLAT, DEEP = '{"p":1,"s":2}', '{"data":{"p":1,"s":2}}'


@pytest.mark.parametrize(
    ("receive", "frames", "is_right"),
    [
        (plain, [FLAT], True),
        (drops, [FLAT], False),
        (refuses, [FLAT], False),
        (instead, [FLAT], False),
        (with_trouble, [FLAT], False),
        (envelope, [DEEP], True),
        (only_the_envelope, [DEEP], False),
        (of_prices, ['{"bids":{"1.5":"2","1.4":"3"}}'], True),
        (holding, [FLAT, FLAT], True),
        (of_lists, ["[1,2]"], True),  # no place for a field
    ],
)
def test_who_keeps_what_a_vendor_adds(receive: Codec, frames: list[str], is_right: bool) -> None:
    make = codec(receive)
    steps = [Step("in", START + number, frame) for number, frame in enumerate(frames)]
    run(make(), steps)
    found = list(forgetful(make, steps))
    assert (found == []) is is_right
    assert is_right or found[0][1] == frames[0]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('{"a":1}', ['{"mdc_unknown":"new","a":1}']),
        (
            '[{"a":"{"},{"b":{"c":1}}]',
            [
                '[{"mdc_unknown":"new","a":"{"},{"b":{"c":1}}]',
                '[{"a":"{"},{"mdc_unknown":"new","b":{"c":1}}]',
                '[{"a":"{"},{"b":{"mdc_unknown":"new","c":1}}]',
            ],
        ),
        (
            '{"a":"\\"{"}\n{"b":1}',
            [
                '{"mdc_unknown":"new","a":"\\"{"}\n{"b":1}',
                '{"a":"\\"{"}\n{"mdc_unknown":"new","b":1}',
            ],
        ),
        ("[1,{ }]", []),
    ],
)
def test_a_field_goes_into_one_object_at_a_time(text: str, made: list[str]) -> None:
    assert [altered for _, altered in with_unknown(text)] == made
