"""Times in SQL: what plain DuckDB gives on the Parquet files, value by value, or a refusal."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Shell
from tests.kit.many import some
from tests.pipes.query.moments import MOMENTS, TEXTS, ZONES, plain_duckdb, trades
from tests.pipes.query.sql_archive import answers, rows

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
pa = pytest.importorskip("pyarrow")

OTHERS = (
    "DATE '2024-01-03'",
    "TIMESTAMP '2024-01-02 14:31:00'",
    "TIMESTAMPTZ_NS '2024-01-02 09:31:00-05'",
    "CAST('2024-01-02 09:31:00.000000001-05' AS TIMESTAMPTZ_NS)",
    "DATE '2024-01-02' + INTERVAL '14 hours 31 minutes'",
    "make_timestamp(2024, 1, 2, 14, 31, 0)",
    "CAST(TIMESTAMPTZ '2024-01-02 09:31:00-05' AS TIMESTAMPTZ_NS)",
    "(SELECT max(ts_event) FROM trade WHERE symbol = 'A')",
    "TIMESTAMP '2024-01-02 09:31:00' AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC'",
)
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def compared() -> Iterator[str]:
    """Comparisons in the WHERE, which also decide what is opened."""
    values = [f"'{text}'" for text in TEXTS] + list(OTHERS)
    for operator, value in itertools.product(OPERATORS, values):
        yield f"SELECT price FROM trade WHERE ts_event {operator} {value} ORDER BY price"
    for low, high in itertools.pairwise(TEXTS):
        yield f"SELECT price FROM trade WHERE ts_event BETWEEN '{low}' AND '{high}' ORDER BY ALL"
        yield f"SELECT price FROM trade WHERE ts_event IN ('{low}', '{high}') ORDER BY ALL"
    for day in ("1969-12-31", "2024-01-02", "2024-01-03", "2024-03-10"):
        for operator in OPERATORS:
            yield f"SELECT price FROM trade WHERE ts_event::DATE {operator} '{day}' ORDER BY ALL"


def placed() -> Iterator[str]:
    """In the time of some place."""
    for zone in ZONES:
        local = f"ts_event AT TIME ZONE '{zone}'"
        yield f"SELECT ts_event, {local} AS l FROM trade ORDER BY ALL"
        yield f"SELECT timezone('{zone}', ts_event) AS l FROM trade ORDER BY ALL"
        yield f"SELECT ({local})::DATE AS d, count(*) AS n FROM trade GROUP BY d ORDER BY ALL"
        yield f"SELECT hour({local}) AS h, minute({local}) AS m FROM trade ORDER BY ALL"
        yield f"SELECT date_trunc('hour', {local}) AS h FROM trade ORDER BY ALL"
        yield f"SELECT price FROM trade WHERE {local} < '2024-01-02 09:31' ORDER BY ALL"
        yield f"SELECT {local} AT TIME ZONE '{zone}' AS back FROM trade ORDER BY ALL"
        yield f"SELECT strftime({local}, '%Y-%m-%d %H:%M:%S.%n') AS s FROM trade ORDER BY ALL"


SHOWN = """
ts_event
ts_event::DATE
ts_event::VARCHAR
ts_event::TIMESTAMP_NS
ts_event::TIMESTAMPTZ
ts_event::TIMETZ::VARCHAR
CAST(ts_event AS TIMESTAMPTZ_NS)
TRY_CAST(ts_event AS DATE)
epoch_ns(ts_event)
nanosecond(ts_event)
strftime(ts_event, '%Y-%m-%d %H:%M:%S.%n')
strftime(ts_event, '%d/%m/%y %I %p %j %a %Z')
strftime(ts_event, '%%n %H %Z')
strftime(ts_event, '%n') || strftime(ts_event, ' %Z')
to_json(ts_event)::VARCHAR
ts_event || ''
ts_event IS NULL
coalesce(ts_event, ts_recv)
coalesce(ts_event, '2024-01-02 09:31 America/New_York')
greatest(ts_event, '2024-01-02T09:31:00-05:00')
least(ts_event, ts_recv)
nullif(ts_event, '2024-01-02T14:31:00Z')
ts_event IS DISTINCT FROM ts_recv
date_diff('second', ts_event, ts_recv)
date_diff('day', ts_event, '2024-01-02T23:00:00-05:00')
date_diff('minute', ts_event, TIMESTAMP '2024-01-02 14:31:00')
datediff('microsecond', ts_event, ts_recv)
ts_event::DATE - DATE '2024-01-01'
ts_event::DATE + INTERVAL 1 DAY
date_trunc('month', ts_event::DATE)
date_trunc('hour', ts_event::TIMESTAMP_NS)
date_trunc('day', ts_event::TIMESTAMPTZ)
hour(ts_event::TIMESTAMP_NS)
extract(year FROM ts_event::DATE)
epoch(ts_event::TIMESTAMPTZ)
last_day(ts_event::DATE)
dayname(ts_event::DATE)
time_bucket(INTERVAL '1 day', ts_event::DATE)
time_bucket(INTERVAL '5 minutes', ts_event::TIMESTAMP_NS, INTERVAL '2 minutes')
CASE WHEN ts_event < '2024-01-02T09:31:00-05:00' THEN ts_event END
row_number() OVER (ORDER BY ts_event, price)
lag(ts_event) OVER (ORDER BY ts_event, price)
max(ts_event) OVER (PARTITION BY symbol)
typeof(ts_event)
typeof(ts_recv)
typeof(now())
typeof(ts_event AT TIME ZONE 'UTC')
now()::DATE = current_date
now() = current_timestamp
ts_event < CAST(now() AS TIMESTAMPTZ_NS)
ts_event > CAST(now() - INTERVAL 1 DAY AS TIMESTAMPTZ_NS)
ts_event < current_date
ts_event < today() + INTERVAL 1 DAY
age(ts_event::TIMESTAMP_NS, TIMESTAMP '2024-01-01')::VARCHAR
(ts_event AT TIME ZONE 'UTC') + INTERVAL 1 HOUR
((ts_recv AT TIME ZONE 'UTC') - (ts_event AT TIME ZONE 'UTC'))::VARCHAR
epoch_ns(ts_recv) - epoch_ns(ts_event)
make_timestamp_ns(epoch_ns(ts_event))
make_timestamptz(2024, 1, 2, 9, 31, 0, 'America/New_York')
hour(TIME '10:30:00')
date_trunc('hour', INTERVAL '90 minutes')::VARCHAR
hour(TIMESTAMPTZ '2024-01-02 09:31:00-05')
date_part('day', TIMESTAMP_S '2024-01-02 09:31:00')
""".strip().splitlines()
WHOLE = """
SELECT min(ts_event) AS a, max(ts_event) AS b, count(DISTINCT ts_event) AS c FROM trade
SELECT symbol, arg_min(price, ts_event) AS p FROM trade GROUP BY symbol ORDER BY ALL
SELECT symbol, first(price ORDER BY ts_event, price) AS p FROM trade GROUP BY symbol ORDER BY ALL
SELECT quantile_disc(ts_event, 0.5) AS q, median(ts_event) AS m FROM trade
SELECT list(ts_event ORDER BY ts_event) AS l FROM trade
SELECT ts_event, count(*) AS n FROM trade GROUP BY ts_event ORDER BY ALL
SELECT a.price FROM trade a ASOF JOIN trade b ON a.ts_event > b.ts_event ORDER BY ALL
SELECT count(*) AS n FROM trade a JOIN trade b ON a.ts_event = b.ts_event
SELECT count(*) AS n FROM trade a JOIN trade b ON a.ts_event < b.ts_recv
PIVOT (SELECT ts_event::DATE AS d FROM trade) ON d IN ('2024-01-02', '2024-01-03') USING count(*)
SELECT price FROM trade WHERE ts_event = (SELECT min(ts_event) FROM trade)
SELECT price FROM trade WHERE ts_event IS NULL
SELECT price FROM trade WHERE NOT ts_event < '2024-01-02T09:31:00-05:00' ORDER BY ALL
SELECT price FROM trade WHERE symbol = 'A' AND ts_recv >= '2024-01-02T09:31:00-05:00' ORDER BY ALL
SELECT price FROM trade ORDER BY ts_event DESC NULLS LAST, price LIMIT 3
SELECT ts_event FROM trade UNION SELECT ts_recv FROM trade ORDER BY ALL
SELECT unnest(generate_series(DATE '2024-01-01', DATE '2024-01-03', INTERVAL 1 DAY)) AS d
""".strip().splitlines()

# Plain DuckDB gives something, and we do not: the cast leaves the offset out, in silence; or it
# writes a piece of its memory.
REFUSED = [
    "SELECT price FROM trade WHERE ts_event > TIMESTAMP '2024-01-02T09:31:00-05:00'",
    "SELECT '2024-01-02 09:31 America/New_York'::TIMESTAMP_NS AS t",
    "SELECT CAST('2024-01-02 09:31+01' AS DATETIME) AS t",
    "SELECT TRY_CAST('2024-01-02 20:01:00.5+0530' AS TIMESTAMP_MS) AS t FROM trade",
    "SELECT strftime(ts_event AT TIME ZONE 'UTC', '%n%%') AS t FROM trade LIMIT 0",
    "SELECT STRFTIME(ts_event, '%H:%M:%S.%n %Z') AS t FROM trade LIMIT 0",
]
# Neither gives anything; behind it, what the hint leads to.
NEITHER = [
    ("ts_event + INTERVAL 1 HOUR", "(ts_event AT TIME ZONE 'UTC') + INTERVAL 1 HOUR"),
    ("ts_event - INTERVAL 1 HOUR", "(ts_event AT TIME ZONE 'UTC') - INTERVAL 1 HOUR"),
    ("ts_recv - ts_event", "epoch_ns(ts_recv) - epoch_ns(ts_event)"),
    ("ts_event > now()", "ts_event > CAST(now() AS TIMESTAMPTZ_NS)"),
    (
        "ts_event < TIMESTAMP_NS '2024-01-02'",
        "ts_event < CAST(TIMESTAMP_NS '2024-01-02' AS TIMESTAMPTZ_NS)",
    ),
    (
        "coalesce(ts_event, now()) > '2024-01-02'",
        "coalesce(ts_event, CAST(now() AS TIMESTAMPTZ_NS)) > '2024-01-02'",
    ),
    ("ts_event::TIMESTAMP", "(ts_event AT TIME ZONE 'UTC')::TIMESTAMP"),
    ("ts_event::TIME", "(ts_event AT TIME ZONE 'UTC')::TIME"),
    (
        "age(ts_event)::VARCHAR",
        "age(TIMESTAMP '2024-01-01', (ts_event AT TIME ZONE 'UTC'))::VARCHAR",
    ),
    (
        "ts_event AT TIME ZONE INTERVAL '-5 hours'",
        "(ts_event AT TIME ZONE 'UTC') + INTERVAL '-5 hours'",
    ),
    ("isfinite(ts_event)", "isfinite((ts_event AT TIME ZONE 'UTC'))"),
]


@pytest.fixture
def plain(shell: Shell, tmp_path: Path) -> Iterator[Any]:
    """DuckDB on the files of the archive, which is the working directory's."""
    assert shell("mdc store", stdin=trades()).status == 0
    base = plain_duckdb(tmp_path / "data")
    yield base
    base.close()


def given(base: Any, sql: str) -> list[dict[str, Any]]:
    """What plain DuckDB gives, as the JSON of it is read."""
    table = base.sql(sql).to_arrow_table()
    columns = {name: written(table.column(name)) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def written(column: Any) -> list[Any]:
    kind = column.type
    if pa.types.is_list(kind):
        return [written(pa.chunked_array([one.values])) for one in column]
    if pa.types.is_timestamp(kind):
        whole = column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64()).to_pylist()
        zone = "Z" if kind.tz else ""
        return [None if ns is None else f"{np.datetime64(ns, 'ns')}{zone}" for ns in whole]
    return [as_text(value) for value in column.to_pylist()]


def as_text(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, time):
        return value.isoformat("microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def test_the_same_as_plain_duckdb_on_the_files(plain: Any, shell: Shell) -> None:
    asked = [*compared(), *placed(), *WHOLE]
    asked += [f"SELECT price, {shown} AS x FROM trade ORDER BY ALL" for shown in SHOWN]
    asked += [f"SELECT {better} AS x FROM trade ORDER BY ALL" for _, better in NEITHER]
    assert len(asked) > 250
    asked = some(asked, 80)
    found = answers(shell, asked)
    wrong = [
        (sql, ours, theirs)
        for sql, ours in zip(asked, found, strict=True)
        if ours != (theirs := given(plain, sql))
    ]
    assert wrong == []


def test_what_is_refused(plain: Any, shell: Shell) -> None:
    neither = [f"SELECT {sql} AS x FROM trade" for sql, _ in NEITHER]
    for sql in REFUSED:
        assert plain.sql(sql).fetchall() is not None, sql
    for sql in neither:
        with pytest.raises(duckdb.Error):
            plain.sql(sql).fetchall()
    script = ";\n".join([*REFUSED, *neither]).encode()
    done = shell("mdc shell", stdin=script)
    said = done.err.splitlines()
    assert (done.status, done.out, len(said)) == (2, "", 2 * len([*REFUSED, *neither]))
    for sql, line, hint in zip([*REFUSED, *neither], said[::2], said[1::2], strict=True):
        known = "lose its offset" in line or "DuckDB is wrong" in line
        assert known == (sql in REFUSED), line
        assert hint.startswith("hint: "), line
        assert len(line) < 300
    # The hint of the first, as it is written.
    hint = said[1].removeprefix("hint: ")
    (sql,) = {REFUSED[0].replace("TIMESTAMP '2024-01-02T09:31:00-05:00'", hint)}
    assert rows(shell, sql) == given(plain, REFUSED[0].replace("TIMESTAMP ", ""))


def floored(text: str) -> datetime:
    """A moment without what is below a microsecond."""
    return datetime.strptime(text[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)


def zulu(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


EXACT = {
    "hour(ts_event)": lambda at: str(at.hour),
    "minute(ts_event)": lambda at: str(at.minute),
    "second(ts_event)": lambda at: str(at.second),
    "year(ts_event)": lambda at: str(at.year),
    "month(ts_event)": lambda at: str(at.month),
    "day(ts_event)": lambda at: str(at.day),
    "isodow(ts_event)": lambda at: str(at.isoweekday()),
    "dayofyear(ts_event)": lambda at: str(at.timetuple().tm_yday),
    "dayname(ts_event)": lambda at: at.strftime("%A"),
    "week(ts_event)": lambda at: str(at.isocalendar().week),
    "extract(hour FROM ts_event)": lambda at: str(at.hour),
    "extract('second' FROM ts_event)": lambda at: str(at.second),
    "date_part('minute', ts_event)": lambda at: str(at.minute),
    "epoch_us(ts_event)": lambda at: str(
        (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    ),
    "last_day(ts_event)": lambda at: str(
        (at.date().replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
    ),
    "date_trunc('second', ts_event)": lambda at: zulu(at.replace(microsecond=0)),
    "date_trunc('minute', ts_event)": lambda at: zulu(at.replace(second=0, microsecond=0)),
    "datetrunc('hour', ts_event)": lambda at: zulu(at.replace(minute=0, second=0, microsecond=0)),
    "date_trunc('day', ts_event)": lambda at: zulu(
        at.replace(hour=0, minute=0, second=0, microsecond=0)
    ),
    "time_bucket(INTERVAL '1 minute', ts_event)": lambda at: zulu(
        at.replace(second=0, microsecond=0)
    ),
    "time_bucket(INTERVAL '1 hour', ts_event, INTERVAL '30 minutes')": lambda at: zulu(
        (at - timedelta(minutes=30)).replace(minute=30, second=0, microsecond=0)
    ),
    "date_trunc('minute', ts_event) = '2024-01-02T09:30:00-05:00'": lambda at: (
        at.replace(second=0, microsecond=0) == datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
    ),
}


def test_functions_that_duckdb_lacks_for_these_times(plain: Any, shell: Shell) -> None:
    """They round nothing up: the last nanosecond of a minute is in that minute."""
    asked = [f"SELECT price, {sql} AS x FROM trade WHERE price < 90" for sql in EXACT]
    for sql in asked:
        with pytest.raises(duckdb.Error, match="TIMESTAMPTZ_NS"):
            plain.sql(sql)
    for sql, found in zip(EXACT, answers(shell, asked), strict=True):
        known = {f"{number}.25": EXACT[sql](floored(at)) for number, at in enumerate(MOMENTS)}
        assert {row["price"]: row["x"] for row in found} == {**known, "7": None}, sql


def test_times_of_a_place_are_no_events(shell: Shell, plain: Any, tmp_path: Path) -> None:
    """They have no Z, and no zone in files either."""
    import pyarrow.parquet as pq

    local = "SELECT type, symbol, ts_event AT TIME ZONE 'America/New_York' AS ts_event, price, size"
    (found,) = rows(shell, f"{local} FROM trade WHERE price = 1.25")
    assert found["ts_event"] == "2024-01-02T09:30:00.000279014"
    assert shell(f'mdc query "{local} FROM trade" -o local.parquet').status == 0
    assert pq.read_schema(tmp_path / "local.parquet").field("ts_event").type == pa.timestamp("ns")
