"""What a query's WHERE says of symbols and times: never less than DuckDB lets pass."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdc_core.archive.catalog.query import Query
from mdc_core.archive.sql.where import either, limits_of
from mdc_core.times import DAY, HOUR, to_ns
from tests.kit.many import many

duckdb = pytest.importorskip("duckdb")

JAN2 = to_ns("2024-01-02")
NOON = JAN2 + 12 * HOUR
ALL = Query()
SYMBOLS = ("SPY", "AAPL", "spy", "A'B", "", "BTC/USD")
TIMES = (
    JAN2 - 1,
    JAN2,
    JAN2 + 1,
    JAN2 + 999,
    NOON - 1,
    NOON,
    NOON + 1,
    JAN2 + DAY - 1,
    JAN2 + DAY,
    JAN2 + 3 * DAY,
)


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    """Every pair of a symbol and a time, absent ones as well."""
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    base.execute("CREATE TABLE trade (symbol VARCHAR, ts_event TIMESTAMPTZ_NS, price INTEGER)")
    for name in (*SYMBOLS, None):
        for ns in (*TIMES, None):
            base.execute("INSERT INTO trade VALUES (?, make_timestamp_ns(?), 1)", [name, ns])
    yield base
    base.close()


def limits(base: Any, sql: str) -> dict[str, Query] | None:
    return limits_of(lambda text, values: base.execute(text, values).fetchone(), sql)


def where(base: Any, clause: str) -> Query:
    """What the one table of a query is limited to."""
    found = limits(base, f"SELECT * FROM trade WHERE {clause}")
    assert found is not None and list(found) == ["trade"]
    return found["trade"]


T = "TIMESTAMPTZ_NS '2024-01-02 12:00:00'"
D = "DATE '2024-01-02'"


@pytest.mark.parametrize(
    ("clause", "wanted"),
    [
        ("symbol = 'SPY'", Query(("SPY",))),
        ("'SPY' = symbol", Query(("SPY",))),
        ("Symbol = 'SPY' AND price > 3", Query(("SPY",))),
        ("symbol IN ('SPY', 'AAPL', 'SPY')", Query(("AAPL", "SPY"))),
        ("symbol IN ('SPY', 'AAPL') AND symbol IN ('AAPL', 'X')", Query(("AAPL",))),
        ("symbol = 'SPY' AND symbol = 'AAPL'", Query(("SPY",))),  # nothing at all: any will do
        (f"ts_event = {T}", Query((), (), NOON, NOON + 1)),
        (f"ts_event < {T}", Query((), (), None, NOON)),
        (f"ts_event <= {T}", Query((), (), None, NOON + 1)),
        (f"ts_event > {T}", Query((), (), NOON, None)),
        (f"ts_event >= {T}", Query((), (), NOON, None)),
        (f"{T} > ts_event", Query((), (), None, NOON)),
        (f"{T} <= ts_event", Query((), (), NOON, None)),
        (f"ts_event BETWEEN {D} AND {T}", Query((), (), JAN2, NOON + 1)),
        (f"ts_event >= {D} AND ts_event < {D} + INTERVAL 1 DAY", Query((), (), JAN2, JAN2 + DAY)),
        (f"ts_event > {D} AND ts_event > {T}", Query((), (), NOON, None)),
        (f"ts_event < {D} AND ts_event < {T}", Query((), (), None, JAN2)),
        (f"ts_event::DATE = {D}", Query((), (), JAN2, JAN2 + DAY)),
        (f"ts_event::DATE <= {D}", Query((), (), None, JAN2 + DAY)),
        (f"ts_event::DATE < {D}", Query((), (), None, JAN2)),
        ("ts_event >= date_trunc('hour', TIMESTAMP '2024-01-02 12:34:56')", Query((), (), NOON)),
        ("ts_event >= make_timestamp(2024, 1, 2, 12, 0, 0)", Query((), (), NOON)),
        (f"(symbol = 'SPY' AND (ts_event >= {T}))", Query(("SPY",), (), NOON)),
    ],
)
def test_what_is_understood_limits(database: Any, clause: str, wanted: Query) -> None:
    assert where(database, clause) == wanted


@pytest.mark.parametrize(
    "clause",
    [
        "symbol = 'SPY' OR price = 1",
        "NOT symbol = 'SPY'",
        "symbol <> 'SPY'",
        "symbol LIKE 'S%'",
        "symbol NOT IN ('SPY')",
        "symbol = upper('spy')",
        "symbol = symbol",
        "symbol > 'A'",
        "symbol = NULL",
        "symbol IN ('SPY', NULL)",
        "upper(symbol) = 'SPY'",
        "symbol::DATE = DATE '2024-01-02'",
        "price = 3",
        f"ts_event <> {T}",
        f"ts_event + INTERVAL 1 HOUR > {T}",
        f"ts_event::TIMESTAMP > {T}",
        "ts_event > now()",
        "ts_event > (SELECT max(ts_event) FROM trade)",
        "ts_event > make_timestamp_ns(price)",
        f"ts_event > {T} + to_hours(random()::INTEGER)",
    ],
)
def test_what_is_not_understood_limits_nothing(database: Any, clause: str) -> None:
    found = limits(database, f"SELECT * FROM trade WHERE {clause}")
    assert found == {"trade": ALL}


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT 1", {}),
        ("", {}),
        ("SELECT * FROM trade", {"trade": ALL}),
        ("SELECT * FROM TRADE t WHERE t.symbol = 'SPY'", {"trade": Query(("SPY",))}),
        ("SELECT * FROM trade t WHERE trade.price = 1", {"trade": ALL}),
        (
            "SELECT * FROM trade t, quote q WHERE t.symbol = 'A' AND q.symbol = 'B'",
            {"trade": Query(("A",)), "quote": Query(("B",))},
        ),
        # Of which table it is, is not said.
        (
            "SELECT * FROM trade, quote WHERE symbol = 'A'",
            {"trade": ALL, "quote": ALL},
        ),
        (
            "SELECT * FROM trade t JOIN quote q ON t.seq = q.seq WHERE t.symbol = 'A'",
            {"trade": Query(("A",)), "quote": ALL},
        ),
        # Rows without a partner come as well, so nothing may be left out before the join.
        (
            "SELECT * FROM trade t LEFT JOIN quote q ON t.seq = q.seq WHERE q.symbol = 'A'",
            {"trade": ALL, "quote": ALL},
        ),
        ("SELECT * FROM (SELECT * FROM trade) WHERE symbol = 'A'", {"trade": ALL}),
        ("WITH x AS (SELECT * FROM trade WHERE symbol = 'A') FROM x", {"trade": Query(("A",))}),
        # Once for A, once for B: both are wanted.
        (
            "FROM trade WHERE symbol = 'A' UNION ALL FROM trade WHERE symbol = 'B'",
            {"trade": Query(("A", "B"))},
        ),
        ("SELECT * FROM trade WHERE symbol = 'A' UNION SELECT * FROM trade", {"trade": ALL}),
        ("SELECT * FROM trade, range(3) WHERE trade.symbol = 'A'", {"trade": Query(("A",))}),
    ],
)
def test_tables_by_name(database: Any, sql: str, wanted: dict[str, Query]) -> None:
    found = limits(database, sql)
    assert found is not None
    found.pop("x", None)  # a name of the query's own
    assert found == wanted


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x AS SELECT * FROM trade",
        "SELEC",
        "SELECT * FROM read_parquet('x.parquet')",
        "SELECT * FROM query('SELECT * FROM trade')",
        "SELECT * FROM query_table('trade') WHERE symbol = 'A'",
    ],
)
def test_what_may_read_anything(database: Any, sql: str) -> None:
    assert limits(database, sql) is None


constants = st.sampled_from(["'SPY'", "'AAPL'", "'spy'", "'A''B'", "''", "'nosuch'"])
moments = st.one_of(
    st.sampled_from(TIMES).map(lambda ns: f"make_timestamp_ns({ns})::TIMESTAMPTZ_NS"),
    st.sampled_from(
        [
            D,
            T,
            f"{D} + INTERVAL 1 DAY",
            "'2024-01-02 12:00:00.000000001'",
            "'2024-01-02T07:00:00.000000001-05:00'",
            "'2024-01-02 07:00 America/New_York'",
            "TIMESTAMP '2024-01-02 12:00'",
        ]
    ),
)
operators = st.sampled_from(["=", "<", "<=", ">", ">=", "<>"])
comparisons = st.one_of(
    st.builds("symbol {} {}".format, operators, constants),
    st.lists(constants, min_size=1, max_size=3).map(lambda c: f"symbol IN ({', '.join(c)})"),
    st.builds("ts_event {} {}".format, operators, moments),
    st.builds("{1} {0} ts_event".format, operators, moments),
    st.builds("ts_event BETWEEN {} AND {}".format, moments, moments),
    st.builds("ts_event::DATE {} {}".format, operators, st.just(D)),
    st.just("price = 1"),
    st.just("symbol IS NULL"),
)
clauses = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        inner.map("NOT ({})".format),
    ),
    max_leaves=6,
)


@settings(max_examples=many(75))
@given(clauses)
def test_nothing_that_duckdb_lets_pass_is_left_out(database: Any, clause: str) -> None:
    query = where(database, clause)
    passed = database.execute(
        f"SELECT symbol, epoch_ns(ts_event) FROM trade WHERE {clause}"
    ).fetchall()
    for symbol, ns in passed:
        assert not query.symbols or symbol in query.symbols, clause
        if ns is None:
            assert query.start is None and query.end is None, clause
        else:
            assert query.spans(ns, ns), (clause, ns)


@given(
    st.lists(
        st.builds(
            Query,
            st.lists(st.sampled_from("ABC"), max_size=2).map(lambda s: tuple(sorted(set(s)))),
            st.just(()),
            st.none() | st.integers(0, 9),
            st.none() | st.integers(0, 9),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_either_lets_pass_what_one_of_them_does(queries: list[Query]) -> None:
    whole = either(queries)
    for symbol in "ABCD":
        for ns in range(-1, 11):
            wanted = [(not q.symbols or symbol in q.symbols) and q.spans(ns, ns) for q in queries]
            passes = (not whole.symbols or symbol in whole.symbols) and whole.spans(ns, ns)
            assert passes or not any(wanted)
    assert all(s in {x for q in queries for x in q.symbols} for s in whole.symbols)
