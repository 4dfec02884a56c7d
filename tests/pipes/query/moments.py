"""What the tests of times in SQL share: trades at awkward moments, and DuckDB on their files."""

from pathlib import Path
from typing import Any

from tests.conftest import parts_of

MOMENTS = [
    "1969-12-31T23:59:59.999999999Z",
    "2024-01-02T14:30:00.000279014Z",
    "2024-01-02T14:30:59.999999999Z",
    "2024-01-02T14:31:00.000000000Z",
    "2024-01-02T23:59:59.999999500Z",
    "2024-01-03T00:00:00.000000000Z",
    "2024-02-29T12:00:00.500000000Z",
    "2024-03-10T06:59:59.999999999Z",  # the clocks of New York go forward
    "2024-03-10T07:00:00.000000000Z",
    "2024-11-03T05:30:00.000000001Z",  # and back: half past one, twice
    "2024-11-03T06:30:00.000000001Z",
    "2024-12-31T23:59:59.999999999Z",
]
TEXTS = (
    "2024-01-02",
    "2024-01-02 14:31",
    "2024-01-02T14:31:00Z",
    "2024-01-02T09:31:00-05:00",
    "2024-01-02 20:01:00.000000000+05:30",
    "2024-01-02 09:31 America/New_York",
    "2024-01-02 14:30:00.000279014",
    "2024-01-02 14:30:59.9999999994",
    "2024-03-10 02:30 America/New_York",
    "1969-12-31T18:59:59.999999999-05",
    "2024-11-03 01:30:00.000000001 America/New_York",
)
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe")


def trades() -> bytes:
    """A trade at each moment, its number as its price; one twice, one without event time."""
    lines = [
        f'{{"type":"trade","symbol":"{"AB"[number % 2]}","ts_event":"{at}",'
        f'"ts_recv":"2024-01-02T14:30:59.999999999Z","price":{number}.25,"size":1}}\n'
        for number, at in enumerate(MOMENTS)
    ]
    lines.append(lines[0].replace('"price":0.25', '"price":99.25'))
    lines.append(
        '{"type":"trade","symbol":"A","ts_recv":"2024-01-02T15:00:00Z","price":7,"size":1}\n'
    )
    return "".join(lines).encode()


def plain_duckdb(root: Path) -> Any:
    """DuckDB with a view of the files of an archive."""
    import duckdb

    files = sorted(map(str, parts_of(root)))
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    base.execute(f"CREATE VIEW trade AS FROM read_parquet({files})")
    return base
