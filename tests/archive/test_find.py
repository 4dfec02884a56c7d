"""The period of a part comes from where its layout puts it, and from nowhere else."""

from pathlib import PurePosixPath
from typing import get_args

import pytest

from mdc_core.archive.find import period
from mdc_core.archive.layout import Layout, Partition, part_path, period_of
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


@pytest.mark.parametrize("layout", get_args(Layout))
@pytest.mark.parametrize("partition", get_args(Partition))
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_period(layout: Layout, partition: Partition, symbol: str) -> None:
    name = period_of(START, partition)
    path = part_path(layout, symbol, "trade", name, RUN)
    got = period(PurePosixPath(f"{path}.parquet"))
    day = to_ns("2024-02-29T00:00:00Z")
    assert (
        got
        == {
            "none": (None, None),
            "hourly": (day + 14 * HOUR, day + 15 * HOUR),
            "daily": (day, day + DAY),
            "monthly": (to_ns("2024-02-01T00:00:00Z"), to_ns("2024-03-01T00:00:00Z")),
        }[partition]
    )


def test_december_ends_with_the_year() -> None:
    path = PurePosixPath("SPY/trade/2023-12.run.parquet")
    assert period(path) == (to_ns("2023-12-01T00:00:00Z"), to_ns("2024-01-01T00:00:00Z"))


def test_undated_and_foreign_files_may_hold_anything() -> None:
    for name in ("SPY/trade/undated.run.parquet", "ticks-2024-01-02.parquet", "2024/x.parquet"):
        assert period(PurePosixPath(name)) == (None, None)
