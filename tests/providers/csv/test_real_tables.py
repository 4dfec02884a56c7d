"""Real tables of vendors and tools: each is read as it is, and to the last digit."""

import csv
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

TAKEN = {
    "crypto-trades/kraken/trades_csv/BCHEUR.csv": (148, "trade", "2023-01-01T00:03:56", "90.54"),
    "fx-futures-csv/truefx/usdjpy-ticks.csv": (1000, "quote", "2013-01-01T22:00:00.295", "86.655"),
    "l2-samples/tardis/bitmex_trades_XBTUSD.csv": (
        10,
        "trade",
        "2020-03-01T00:00:03.145",
        "8531.5",
    ),
    "l2-samples/tardis/huobi-dm-swap_quotes_BTC-USD.csv": (
        10,
        "quote",
        "2020-05-01T00:00:01.099",
        "8629.2",
    ),
    "l2-samples/tardis/deribit_incremental_book_L2_BTC-PERPETUAL.csv": (
        15,
        "delta",
        "2020-04-01T00:00:00.245",
        "6421.5",
    ),
    "eod-corporate/zipline/csvdir_samples/csvdir/daily/IBM.csv.gz": (
        754,
        "bar",
        "2012-01-03T00:00:00",
        "186.300003",
    ),
}
PRICE = {"trade": "price", "quote": "bid_price", "delta": "price", "bar": "close"}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_guessed_of_real_files(shell: Shell, shared: Path, name: str) -> None:
    count, kind, time, price = TAKEN[name]
    done = shell(f"mdc import {shared / 'data' / name} --yes")
    assert done.status == 0, done.err
    assert {event["type"] for event in done.events} == {kind}
    assert len(done.events) == count
    assert (done.events[0]["ts_event"][: len(time)], done.events[0][PRICE[kind]]) == (time, price)


def test_a_clock_of_its_own(shell: Shell, shared: Path) -> None:
    path = shared / "data/fx-futures-csv/quote_tick_data.csv"
    line = f"mdc import --profile csv {path} --type quote --symbol EURUSD --tz Etc/GMT+5"
    done = shell(f"{line} --columns ts_event,bid_price,ask_price,none --drop-column none")
    assert done.status == 0, done.err
    with path.open() as file:
        rows = list(csv.reader(file))
    assert len(done.events) == len(rows)
    assert done.events[0]["ts_event"] == "2020-01-01T22:00:00.065000000Z"
    prices = [(Decimal(e["bid_price"]), Decimal(e["ask_price"])) for e in done.events]
    assert prices == [(Decimal(row[1]), Decimal(row[2])) for row in rows]


def test_candles_follow_from_trades(shell: Shell, shared: Path) -> None:
    """Floats of two files of one market: by their digits they agree exactly."""
    folder = shared / "data/crypto-trades"
    trades = shell(f"mdc import {folder / 'XRP_ETH-trades.parquet'} --yes")
    bars = shell(f"mdc import {folder / 'XRP_ETH-1m.feather'} --yes")
    assert (trades.status, bars.status) == (0, 0), trades.err + bars.err
    assert len(trades.events) == 12477

    def made(minute: str, events: list[dict[str, Any]]) -> tuple[Any, ...]:
        prices = [Decimal(event["price"]) for event in events]
        volume = sum(Decimal(event["size"]) for event in events)
        return minute, prices[0], max(prices), min(prices), prices[-1], volume

    minutes = groupby(trades.events, key=lambda event: str(event["ts_event"])[:16])
    expected = {row[0]: row[1:] for row in (made(m, list(events)) for m, events in minutes)}
    names = ("open", "high", "low", "close", "volume")
    for bar in bars.events:
        minute, volume = bar["ts_event"][:16], Decimal(bar["volume"])
        if volume:
            assert tuple(Decimal(bar[name]) for name in names) == expected[minute]
