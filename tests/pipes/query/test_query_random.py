"""Random expressions of times in SQL: as plain DuckDB on the files, or a refusal."""

import random
from pathlib import Path
from typing import Any

import pytest

from mdc_core.errors import UsageError
from tests.conftest import Shell
from tests.kit.many import many
from tests.pipes.query.moments import TEXTS, ZONES, plain_duckdb, trades

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

TYPES = ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "DATE", "TIMESTAMPTZ", "TIMESTAMPTZ_NS")
# These take the times of the archive here alone; test_query_times compares them with Python.
OURS = ("date_trunc", "time_bucket", "last_day", "hour", "second", "epoch(", "week", "extract")
TIMES = (
    "ts_event",
    "ts_event",
    "ts_recv",
    "(SELECT max(ts_event) FROM trade)",
    "({t} AT TIME ZONE '{zone}')",
    "timezone('{zone}', {t})",
    "CAST({t} AS {type})",
    "TRY_CAST({t} AS {type})",
    "{type} '{text}'",
    "date_trunc('{unit}', {t})",
    "time_bucket(INTERVAL '{width}', {t})",
    "({t} + INTERVAL '{width}')",
    "({t} - INTERVAL '{width}')",
    "greatest({t}, '{text}')",
    "least({t}, {t})",
    "coalesce({t}, '{text}')",
    "CASE WHEN {t} < '{text}' THEN {t} END",
    "make_timestamp_ns(epoch_ns({t}))",
    "last_day({t})",
)
VALUES = (
    "{t}",
    "({t} {operator} {t})",
    "({t} {operator} '{text}')",
    "({t} IS DISTINCT FROM {t})",
    "({t} - {t})",
    "typeof({t})",
    "hour({t})",
    "second({t})",
    "epoch({t})",
    "epoch_ns({t})",
    "week({t})",
    "nanosecond({t})",
    "extract(day FROM {t})",
    "strftime({t}, '%Y-%m-%d %H:%M:%S.%n')",
    "strftime({t}, '%c %Z')",
    "date_diff('{unit}', {t}, {t})",
)


class Made:
    """Expressions by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def statement(self) -> str:
        if self._chance.random() < 0.5:
            return f"SELECT price, ({self._of(VALUES, 2)})::VARCHAR AS x FROM trade ORDER BY ALL"
        return f"SELECT price, 1 AS x FROM trade WHERE {self._of(VALUES[1:3], 2)} ORDER BY ALL"

    def _of(self, forms: tuple[str, ...], depth: int) -> str:
        text = self._chance.choice(forms)
        while "{t}" in text:
            text = text.replace("{t}", self._of(TIMES if depth else TIMES[:3], depth - 1), 1)
        for name, words in (
            ("zone", ZONES),
            ("text", TEXTS),
            ("type", TYPES),
            ("unit", ("second", "minute", "hour", "day", "month")),
            ("width", ("1 minute", "1 day", "1 month", "90 seconds")),
            ("operator", ("=", "<>", "<", "<=", ">", ">=")),
        ):
            text = text.replace(f"{{{name}}}", self._chance.choice(words))
        return text


@pytest.fixture
def archive(shell: Shell, tmp_path: Path) -> Path:
    assert shell("mdc store", stdin=trades()).status == 0
    return tmp_path / "data"


def test_random_expressions(archive: Path) -> None:
    from mdc_core.archive.sql.database import Database

    base = plain_duckdb(archive)
    made = Made(1)
    alike = 0
    with Database(archive) as database:
        for _ in range(many(150)):
            sql = made.statement()
            ours, theirs = found(database, sql), given(base, sql)
            if theirs is None:
                assert isinstance(ours, str) or any(name in sql for name in OURS), sql
            elif isinstance(ours, str):
                assert "lose its offset" in ours, sql
            else:
                assert ours == theirs, sql
                alike += 1
    base.close()
    assert alike > many(30)


def given(base: Any, sql: str) -> list[tuple[Any, ...]] | None:
    try:
        return list(base.execute(sql).fetchall())
    except duckdb.Error:
        return None


def found(database: Any, sql: str) -> list[tuple[Any, ...]] | str:
    """The rows, or why they are refused."""
    try:
        batches = list(database.run(sql).batches)
    except UsageError as error:
        return str(error)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
