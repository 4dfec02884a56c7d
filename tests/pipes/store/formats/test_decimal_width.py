"""One width of decimals for all files of an event type: no plain reader rounds in silence."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.width import begun, note_wide
from tests.conftest import Shell, parts_of
from tests.kit import forks

NARROW, WIDE = "decimal128(18, 9)", "decimal128(36, 18)"
FINE = "0.000000123456"


def trade(day: int, price: str, symbol: str = "T/U") -> bytes:
    at = f"2024-01-{day:02d}T10:00:00Z"
    return (
        f'{{"type":"trade","symbol":"{symbol}","ts_event":"{at}","price":{price},"size":1000}}\n'
    ).encode()


QUOTE = b'{"type":"quote","symbol":"T/U","ts_event":"2024-01-02T10:00:00Z","bid_price":1.5}\n'


def widths(root: Path, type_name: str = "trade") -> set[str]:
    """The types of all prices and sizes of an event type at rest."""
    files = [path for path in parts_of(root) if type_name in path.parts]
    return {
        str(field.type)
        for path in files
        for field in pq.read_schema(path)
        if "decimal" in str(field.type)
    }


def prices(root: Path) -> list[Decimal]:
    """What plain readers see, each of them the same."""
    files = sorted(str(path) for path in parts_of(root) if "trade" in path.parts)
    query = f"select price from read_parquet({files}) order by ts_event"
    seen = [price for (price,) in duckdb.sql(query).fetchall()]
    arrow = ds.dataset(files).to_table(columns=["price", "ts_event"]).sort_by("ts_event")
    assert arrow.column("price").to_pylist() == seen
    return seen


def test_a_value_that_needs_it_makes_all_files_of_its_type_wide(
    shell: Shell, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    assert shell("mdc store", stdin=trade(2, "0.000012") + QUOTE).status == 0
    assert widths(root) == {NARROW}
    assert shell("mdc store", stdin=trade(3, FINE) + trade(4, "2", "B")).status == 0
    assert (widths(root), widths(root, "quote")) == ({WIDE}, {NARROW})
    assert prices(root) == [Decimal("0.000012"), Decimal(FINE), Decimal(2)]
    # And so it stays, whoever writes.
    assert shell("mdc store", stdin=trade(3, "3")).status == 0
    assert widths(root) == {WIDE}
    assert shell("mdc compact").status == 0
    assert widths(root) == {WIDE} and len(prices(root)) == 4
    assert shell("mdc verify --deep").status == 0
    assert "36 digits" not in shell("mdc advise").out


def test_one_seal_with_both(shell: Shell, tmp_path: Path) -> None:
    lines = trade(2, "1") + trade(3, FINE) + trade(4, "1234567890.5") + QUOTE
    assert shell("mdc store", stdin=lines).status == 0
    root = tmp_path / "data"
    assert (widths(root), widths(root, "quote")) == ({WIDE}, {NARROW})
    assert prices(root) == [Decimal(1), Decimal(FINE), Decimal("1234567890.5")]


@pytest.mark.skipif(not forks.available(), reason="no fail points without the fork server")
@pytest.mark.parametrize("step", [1, 2, 3])
def test_recovery_makes_wide_what_a_kill_left(step: int, shell: Shell, tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert shell("mdc store", stdin=trade(2, "0.000012")).status == 0
    assert shell("mdc store", stdin=trade(3, FINE), MDC_FAIL=f"commit:{step}").status == -9
    assert shell("mdc recover").status == 0
    assert widths(root) == {WIDE}
    assert prices(root) == [Decimal("0.000012"), Decimal(FINE)]


def test_what_was_begun_is_done_by_whoever_comes_next(shell: Shell, tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert shell("mdc store", stdin=trade(2, "1")).status == 0
    archive = Archive(root)
    note_wide(archive, "trade")
    assert begun(archive) == ["trade"]
    assert shell("mdc recover").status == 0
    assert (widths(root), begun(archive)) == ({WIDE}, [])


def test_a_pack_and_an_archive_of_different_widths(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store --root fine", stdin=trade(3, FINE)).status == 0
    assert shell("mdc store --root plain", stdin=trade(2, "1", "B")).status == 0
    assert shell("mdc pack create fine.zip --root fine").status == 0
    assert shell("mdc pack create plain.zip --root plain").status == 0
    for root, pack in (("plain", "fine.zip"), ("fine", "plain.zip")):
        assert shell(f"mdc pack import {pack} --root {root}").status == 0
        assert widths(tmp_path / root) == {WIDE}
        assert prices(tmp_path / root) == [Decimal(1), Decimal(FINE)]


@pytest.mark.parametrize("lost", ["_mdc", "_mdc/catalog.sqlite"])
def test_a_lost_catalog(lost: str, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store", stdin=trade(2, FINE)).status == 0
    assert shell(f"rm -r data/{lost}").status == 0
    assert shell("mdc store", stdin=trade(3, "1")).status == 0
    assert widths(tmp_path / "data") == {WIDE}
    assert prices(tmp_path / "data") == [Decimal(FINE), Decimal(1)]
