"""The period of a part comes from where its layout puts it, and from nowhere else."""

from pathlib import PurePosixPath
from typing import get_args

import pytest

from mdc_core.archive.catalog.layout import Layout, Partition, part_path, period_of, whole_path
from mdc_core.archive.catalog.paths import period
from mdc_core.times import DAY, HOUR, to_ns

START = to_ns("2024-02-29T14:30:00Z")
SYMBOLS = [
    "SPY",
    "BTC-2024-12-27",
    "2024-12-27",
    "2024-12",
    "x_trade_2024-12-27.",
    "date=2024-12-27",
    "",
]
RUN = "2024-11-05.a-2023-01-01-0001"


DAY_START = to_ns("2024-02-29T00:00:00Z")
PERIODS = {
    "none": (None, None),
    "hourly": (DAY_START + 14 * HOUR, DAY_START + 15 * HOUR),
    "daily": (DAY_START, DAY_START + DAY),
    "monthly": (to_ns("2024-02-01T00:00:00Z"), to_ns("2024-03-01T00:00:00Z")),
}


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("partition", get_args(Partition))
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_period(layout: Layout, partition: Partition, symbol: str) -> None:
    name = period_of(START, partition)
    path = part_path(layout, symbol, "trade", name, RUN)
    assert period(PurePosixPath(f"{path}.parquet")) == PERIODS[partition]


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("partition", get_args(Partition))
@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("number", [0, 1, 10, 1000])
def test_period_of_a_compacted_part(
    layout: Layout, partition: Partition, symbol: str, number: int
) -> None:
    name = period_of(START, partition)
    path = whole_path(layout, symbol, "trade", name, number)
    assert period(PurePosixPath(f"{path}.jsonl.zst")) == PERIODS[partition]


def test_the_names_of_compacted_parts() -> None:
    names = {
        layout: [str(whole_path(layout, "BTC/USD", "trade", "2024-02", n)) for n in (0, 10)]
        for layout in get_args(Layout)
    }
    assert names == {
        "by-symbol": ["BTC%2FUSD/trade/2024-02", "BTC%2FUSD/trade/2024-02.10"],
        "by-date": ["2024-02/BTC%2FUSD/trade", "2024-02/BTC%2FUSD/trade.10"],
        "by-type": ["trade/BTC%2FUSD/2024-02", "trade/BTC%2FUSD/2024-02.10"],
        "flat": ["BTC%2FUSD_trade_2024-02", "BTC%2FUSD_trade_2024-02.10"],
        "hive": [
            "symbol=BTC%2FUSD/type=trade/date=2024-02/data",
            "symbol=BTC%2FUSD/type=trade/date=2024-02/data.10",
        ],
    }


def test_december_ends_with_the_year() -> None:
    path = PurePosixPath("SPY/trade/2023-12.run.parquet")
    assert period(path) == (to_ns("2023-12-01T00:00:00Z"), to_ns("2024-01-01T00:00:00Z"))


def test_undated_and_foreign_files_may_hold_anything() -> None:
    for name in ("SPY/trade/undated.run.parquet", "ticks-2024-01-02.parquet", "2024/x.parquet"):
        assert period(PurePosixPath(name)) == (None, None)
