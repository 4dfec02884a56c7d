"""An archive of 200,000 parts: what looks at it as a whole adds up, and fits into memory."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.times import DAY, from_ns

SYMBOLS, TYPES, DAYS = 5_000, ("quote", "trade"), 20
START = 1_704_153_600 * 10**9
LIMIT = 150 << 10  # KiB


def rows() -> Iterator[PartRow]:
    for day in range(DAYS):
        begins = START + day * DAY
        for name in TYPES:
            for number in range(SYMBOLS):
                yield PartRow(
                    path=f"S{number:04d}/{name}/{day:02d}.0123456789ab-abcdef-0001.parquet",
                    symbol=f"S{number:04d}",
                    type_name=name,
                    period=from_ns(begins)[:10],
                    layout="by-symbol",
                    format="parquet",
                    suffix=".parquet",
                    rows=day + 1,
                    bytes=1_000 + number,
                    begins=begins,
                    ends=begins + DAY - 1,
                    first=begins,
                    last=begins + DAY - 1,
                    sha256=f"{day * SYMBOLS + number:064x}",
                    version="1.0.0",
                    run_id="0123456789ab-abcdef",
                    made_at=1,
                )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large") / "data"
    (root / "_mdc").mkdir(parents=True)
    with Catalog(root / "_mdc", create=True) as catalog:
        catalog.commit(rows())
    first = root / "S0000"
    for row in itertools.islice(rows(), None, None, SYMBOLS):  # those of the first symbol
        (root / row.path).parent.mkdir(parents=True, exist_ok=True)
        (root / row.path).touch()
    for number in range(1, SYMBOLS):  # the files of all have the same names
        (root / f"S{number:04d}").symlink_to(first)
    return root


class Ran(NamedTuple):
    out: str
    err: str


# In a small process of its own: a child counts the memory of what it was forked from as well.
MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as peak:
    peak.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""


def run(line: str, root: Path, text: str = "") -> Ran:
    """Run a command; it has to succeed within the limit of memory."""
    peak = root.with_name("peak")
    mdc = Path(sys.executable).with_name("mdc")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, peak, mdc, *line.split(), "--root", root],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(peak.read_text()) < LIMIT
    return Ran(done.stdout, done.stderr)


def test_what_there_is(large: Path) -> None:
    found = json.loads(run("ls --json", large).out)
    assert len(found) == SYMBOLS * len(TYPES)
    last = f"{from_ns(START + DAYS * DAY - 1)}"
    assert found[2 * 4_321] == {
        "symbol": "S4321",
        "type": "quote",
        "periods": DAYS,
        "files": DAYS,
        "events": sum(range(1, DAYS + 1)),
        "bytes": (1_000 + 4_321) * DAYS,
        "first": from_ns(START),
        "last": last,
        "tiers": ["hot"],
    }
    room = json.loads(run("du --json", large).out)
    total = len(TYPES) * DAYS * sum(1_000 + number for number in range(SYMBOLS))
    (catalog,) = room["beside"]
    assert room["total"] == total + catalog["bytes"]
    assert room["files"][-1] == {
        "symbol": "S4999",
        "type": "trade",
        "files": DAYS,
        "bytes": 5_999 * DAYS,
    }


def test_what_may_go(large: Path) -> None:
    now = from_ns(START + DAYS * DAY)
    said = run(f"retain --by event --keep 19d --dry-run --json --now {now}", large)
    found = json.loads(said.out)
    assert (found["files"], found["files_left"]) == (10_000, 190_000)
    assert {one["period"] for one in found["removed"]} == {"2024-01-02"}
    total = len(TYPES) * DAYS * sum(1_000 + number for number in range(SYMBOLS))
    said = run(f"retain --by event --keep-size {total - 2_500}B --dry-run --json", large)
    found = json.loads(said.out)
    assert [one["path"].partition(".")[0] for one in found["removed"]] == [
        "S0000/quote/00",
        "S0000/trade/00",
        "S0001/quote/00",
    ]
    assert found["bytes_left"] == total - 3_001


def test_which_days_there_are(large: Path) -> None:
    found = json.loads(run("coverage --from 2024-01-02 --to 2024-01-03 --json", large).out)
    assert [row["symbol"] for row in found["coverage"][::2]] == [
        f"S{n:04d}" for n in range(SYMBOLS)
    ]
    days = [[(day["state"], day["events"]) for day in row["days"]] for row in found["coverage"]]
    assert days == [[("complete", 1), ("complete", 2)]] * len(days)


def test_what_is_stored_and_read(large: Path) -> None:
    event = '{"type":"trade","symbol":"Z","ts_event":"2024-01-02T14:30:00.000000000Z","price":7}\n'
    run("store --keep 36500d --keep-size 9999TB", large, event)
    found = run("cat --symbol Z --date 2024-01-02", large).out
    assert [json.loads(line)["price"] for line in found.splitlines()[1:-1]] == [7]
