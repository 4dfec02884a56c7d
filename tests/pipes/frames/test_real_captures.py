"""Captures that others have made of real feeds: each event is what another reading says.

Other captures of the same kinds have to hold as well: each is also cut, so that it begins in its
middle, connects twice, has some of its symbols alone, is packed or not.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from mdc_core import registry
from mdc_core.contracts import Subscription
from mdc_core.events import Event, Gap, Integrity, Market, type_of
from mdc_core.live.recorded.recording import recordings
from mdc_core.logs import Log
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import events_of, options_of
from mdc_core.times import to_ns
from mdc_core.wire.quarantine import Quarantine
from tests.conftest import Done, Shell
from tests.pipes.frames import captures
from tests.pipes.frames.captures import Line, Reading, Told, lines_of

MOST = 4000  # lines of a capture: the longest are read whole by the tests of their provider


class Capture(NamedTuple):
    """A file, whose codec reads it and how it is read another way."""

    file: str
    provider: str
    reading: Reading
    options: Mapping[str, str] = MappingProxyType({})


COINBASE = ("coinbase", captures.coinbase, {"feed": "exchange"})
CAPTURES = [
    Capture("cryptofeed-capture/COINBASE.ws.28.0", *COINBASE),
    *(Capture(f"cryptofeed-capture/KRAKEN.ws.{n}.0", "kraken", captures.kraken) for n in (48, 49)),
    Capture("cryptofeed-capture/KRAKEN.ws.50.0", "kraken", captures.kraken),
    Capture("cryptofeed-capture/KRAKEN_FUTURES.ws.1.0", "kraken_futures", captures.kraken_futures),
    Capture("cryptofeed-capture/OKX.ws.1.0", "okx", captures.okx),
    *(
        Capture(f"binance-capture/{file}.gz", "binance", captures.binance, {"market": market})
        for market, file in (
            ("spot", "spot/btcusdt_20240808"),
            ("spot", "spot/btcusdt_20240809"),
            ("coinm", "cm/ethusd_perp_20240808"),
            ("coinm", "cm/ethusd_perp_20240809"),
            ("usdm", "usdm/btcusdt_20240808"),
        )
    ),
]


def path_of(shared: Path, capture: Capture) -> Path:
    """Where it is."""
    path = shared / "data" / capture.file
    if not path.exists():
        pytest.skip(f"no capture at {path}")
    return path


def decoded(path: Path, capture: Capture) -> list[Event]:
    """The events of a capture, as `mdc frames decode` makes them."""
    kind = registry.load("stream", capture.provider)
    options = options_of(capture.provider, kind, dict(capture.options))
    chosen = Chosen(capture.provider, kind, options)
    set_aside = Quarantine(keeps=False)
    found = events_of(
        recordings(path),
        lambda head: chosen,
        Subscription(()),
        types=(),
        log=Log(),
        quarantine=set_aside,
    )
    events = list(chain.from_iterable(found))
    assert set_aside.count == 0
    return events


def middle(lines: list[Line]) -> list[Line]:
    """What a capture has that begins in the middle: neither acknowledgement nor snapshot."""
    return lines[len(lines) // 2 :]


def twice(lines: list[Line]) -> list[Line]:
    """Two connections: the first ends after a third, the second is whole."""
    return [*lines[: len(lines) // 3], *lines]


def fewer(lines: list[Line]) -> list[Line]:
    """Every second symbol alone."""
    named = (symbol for line in lines if (symbol := symbol_of(line.frame)))
    gone = set(list(dict.fromkeys(named))[1::2])
    return [line for line in lines if symbol_of(line.frame) not in gone]


def symbol_of(frame: Any) -> str | None:
    """The symbol that a frame is of."""
    if isinstance(frame, list):
        return str(frame[-1])
    found = frame or {}
    symbol = found.get("product_id") or found.get("pair") or found.get("arg", {}).get("instId")
    return symbol or found.get("data", {}).get("s")


CUT: list[Callable[[list[Line]], list[Line]]] = [list, middle, twice, fewer]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.file)
@pytest.mark.some(4)
def test_every_event_of_every_capture(shared: Path, tmp_path: Path, capture: Capture) -> None:
    whole = lines_of(path_of(shared, capture), MOST)
    is_binance = capture.provider == "binance"
    for number, cut in enumerate(CUT):
        if cut is twice and is_binance:
            continue  # the collector writes no connections
        lines = cut(whole)
        text = "".join(line.text for line in lines).encode()
        path = tmp_path / f"{cut.__name__}.txt"
        path.write_bytes(gzip.compress(text) if number % 2 else text)
        events = decoded(path, capture)
        told = list(capture.reading([line.frame for line in lines if line.frame is not None]))
        truth = captures.counted(told)
        market = [event for event in events if isinstance(event, Market)]
        found = Counter((type_of(event), str(event.symbol)) for event in market)
        assert found == truth, f"{cut.__name__}"
        assert truth.total() > 3 or cut is not list
        follows(market, told)
        kinds = {kind for kind, _ in truth}
        if cut in (list, fewer) and not (is_binance and "book" not in kinds):
            assert not [event for event in events if isinstance(event, Gap | Integrity)]


def follows(market: list[Any], told: list[Told]) -> None:
    """Each event has the fields, the number and the time that stand in the capture."""
    for event, one in zip(market, told, strict=True):
        assert type_of(event) == one.kind
        found = {name: _plain(getattr(event, name)) for name in one.fields}
        assert repr(found) == repr(one.fields), event  # its digits as well
        assert one.number is None or event.seq == one.number, event
        assert one.ns is None or to_ns(event.ts_event) == one.ns, event


def _plain(value: Any) -> Any:
    return [(at.price, at.size) for at in value] if isinstance(value, list) else value


@pytest.mark.parametrize("capture", CAPTURES[:4:2], ids=lambda capture: capture.file)
def test_a_capture_through_the_archive_of_frames(
    shell: Shell, shared: Path, capture: Capture
) -> None:
    path = path_of(shared, capture)
    options = " ".join(f"--option {name}={value}" for name, value in capture.options.items())
    done = shell(f"mdc frames decode {path} --provider {capture.provider} {options}")
    frames = [line.frame for line in lines_of(path, 1_000_000) if line.frame is not None]
    truth = captures.counted(list(capture.reading(frames)))
    assert counted(done) == truth
    taken = shell(f"mdc frames import {path} raw --provider {capture.provider} {options}")
    assert taken.status == 0, taken.err
    assert shell("mdc frames verify raw").status == 0
    again = shell("mdc frames decode raw")
    assert again.lines == done.lines
    (one,) = json.loads(shell("mdc frames ls raw --json").out)
    assert one["connections"][0]["received"] == len(frames)
    symbol = max(truth)[1]
    some = counted(shell(f"mdc frames decode raw {symbol}"))
    assert some == {event: n for event, n in truth.items() if event[1] == symbol}


def counted(done: Done) -> Counter[tuple[str, str]]:
    """How many events there are about each instrument."""
    assert done.status == 0, done.err
    rows = [row for row in done.events if row.get("symbol")]
    return Counter((row["type"], row["symbol"]) for row in rows)
