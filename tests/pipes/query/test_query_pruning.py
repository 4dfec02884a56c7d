"""Which files `mdc query` opens, and that none is left out that can matter."""

from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.query.sql_archive import answers, forget, rows, store

pytest.importorskip("duckdb", reason="duckdb is not installed")

SPY_DAY = "symbol = 'SPY' AND ts_event < '2024-01-03'"
MATCHING = [
    (f"SELECT price FROM trade WHERE {SPY_DAY} ORDER BY price", ["470.25", "471"]),
    (
        "SELECT price FROM main.trade AS t WHERE 'SPY' = t.symbol"
        " AND t.ts_event BETWEEN '2024-01-02' AND '2024-01-02 23:00'",
        ["470.25"],
    ),
    (
        "SELECT price FROM TRADE WHERE symbol IN ('SPY', 'QQQ')"
        " AND ts_event::DATE = '2024-01-02' ORDER BY price",
        ["470.25", "471"],
    ),
    (
        "SELECT price FROM trade WHERE symbol = 'SPY'"
        " AND ts_event <= DATE '2024-01-02' + INTERVAL 12 HOUR",
        [],
    ),
    (
        f"WITH s AS (SELECT * FROM trade WHERE {SPY_DAY}) SELECT max(price) AS price FROM s",
        ["471"],
    ),
    (
        "SELECT t.price FROM trade t, quote q WHERE t.symbol = 'SPY' AND q.symbol = 'SPY'"
        " AND t.ts_event < '2024-01-03' AND t.price < q.ask_price",
        ["470.25"],
    ),
    # The symbol of one is that of the other.
    (
        "SELECT max(t.price) AS price FROM trade t JOIN quote q ON t.symbol = q.symbol"
        " WHERE q.symbol = 'SPY' AND t.ts_event < '2024-01-03'",
        ["471"],
    ),
    (
        f"SELECT price FROM trade WHERE {SPY_DAY} UNION ALL"
        " SELECT price FROM trade WHERE symbol = 'SPY' AND ts_event::DATE = '2024-01-02'"
        " ORDER BY price",
        ["470.25", "470.25", "471", "471"],
    ),
]


def test_only_what_can_match_is_opened(shell: Shell, tmp_path: Path) -> None:
    """All other parts are garbage."""
    for path in store(shell, tmp_path).rglob("*.parquet"):
        if "SPY" not in path.parts or path.name.startswith("2024-01-03"):
            path.write_bytes(b"garbage" * 1000)
    found = answers(shell, [sql for sql, _ in MATCHING])
    for (sql, want), got in zip(MATCHING, found, strict=True):
        assert [row["price"] for row in got] == want, sql
    refused = shell('mdc query "SELECT price FROM trade"')
    assert (refused.status, refused.out) == (65, "")


COUNTED = [
    ("FROM trade a, trade b WHERE a.symbol = 'SPY' AND b.price = 186", 3),
    (
        "FROM (SELECT symbol, ts_recv AS ts_event FROM trade) AS t WHERE ts_event >= '2024-01-03'",
        1,
    ),
    ("FROM quote q LEFT JOIN trade t ON q.symbol <> t.symbol WHERE q.symbol = 'SPY'", 2),
    (
        "FROM query('SELECT * FROM trade') q, trade"
        " WHERE trade.symbol = 'AAPL' AND trade.price = 186",
        5,
    ),
    ("FROM trade WHERE symbol = 'SPY' OR ts_event < '2024-01-03'", 4),
    ("FROM trade WHERE NOT symbol = 'SPY'", 2),
    ("FROM trade WHERE lower(symbol) = 'spy'", 3),
    ("FROM trade WHERE symbol IN (SELECT symbol FROM quote)", 3),
    ("FROM trade WHERE symbol = (SELECT max(symbol) FROM trade)", 3),
    ("FROM trade WHERE ts_event IS NULL", 1),
    # The last nanosecond of a day is in that day.
    ("FROM trade WHERE ts_event::DATE = '2024-01-03'", 1),
    ("FROM trade WHERE ts_event::DATE > '2024-01-02'", 1),
    ("FROM trade WHERE ts_event::DATE <= '2024-01-02'", 3),
    ("FROM trade WHERE ts_event <= '2024-01-03'", 4),
    ("FROM trade WHERE ts_event > '2024-01-03'", 0),
    ("FROM trade WHERE ts_event >= '2024-01-03'", 1),
    ("FROM trade WHERE ts_event > '2024-01-02 23:59:59.999999999'", 1),
    ("FROM trade WHERE ts_event NOT BETWEEN '2024-01-02' AND '2024-01-02 16:00'", 2),
    ("FROM trade WHERE symbol = 'SPY' AND symbol = 'AAPL'", 0),
    ("FROM trade WHERE symbol NOT IN ('SPY')", 2),
    # The trade of the third day is the one that is as of then.
    (
        "FROM (SELECT TIMESTAMPTZ_NS '2024-01-04' AS now) n "
        "ASOF JOIN trade t ON n.now >= t.ts_event"
        " WHERE t.ts_event <= '2024-01-02 23:00'",
        0,
    ),
]


def test_nothing_is_left_out(shell: Shell, tmp_path: Path) -> None:
    """Where the WHERE is about something else than it seems."""
    store(shell, tmp_path)
    shadowed = (
        "WITH trade AS (SELECT symbol, ts_recv AS ts_event FROM main.trade)"
        " SELECT count(*) AS n FROM trade WHERE ts_event >= '2024-01-03'"
    )
    outer = "SELECT (SELECT count(*) FROM trade t WHERE t.symbol = q.symbol) AS n FROM quote q"
    asked = [f"SELECT count(*) AS n {rest}" for rest, _ in COUNTED]
    found = answers(shell, [*asked, shadowed, outer])
    want = [*(count for _, count in COUNTED), 1, 3]
    for sql, got, count in zip([*asked, shadowed, outer], found, want, strict=True):
        assert got == [{"n": str(count)}], sql


@pytest.mark.parametrize("known", ["catalog", "files"])
@pytest.mark.some(1)
def test_restrictions(known: str, shell: Shell, tmp_path: Path) -> None:
    data = store(shell, tmp_path)
    if known == "files":
        forget(data)
    sql = "SELECT count(*) AS n, min(price) AS low FROM trade"
    for options, want in [
        ("--symbol SPY", {"n": "3", "low": "470.25"}),
        ("--symbol SPY --symbol AAPL --from 2024-01-03", {"n": "2", "low": "186"}),
        ("--to 2024-01-02", {"n": "3", "low": "185.5"}),
        (
            "--from 2024-01-02T23:59:59.999999999Z --to 2024-01-03T00:00:00.000000001Z",
            {"n": "2", "low": "471"},
        ),
        ("--type quote", {"n": "0", "low": None}),
    ]:
        assert rows(shell, sql, options) == [want], options
    clash, both = answers(
        shell,
        [
            f"{sql} WHERE symbol = 'AAPL'",
            "SELECT (SELECT count(*) FROM parts) AS p, (SELECT count(*) FROM trade) AS t",
        ],
        "--symbol SPY",
    )
    assert (clash, both) == ([{"n": "0", "low": None}], [{"p": "3", "t": "3"}])


def test_a_file_of_several_without_catalog(shell: Shell, tmp_path: Path) -> None:
    """A path that tells nothing does not hide the file."""
    store(shell, tmp_path)
    assert shell("mkdir plain; mdc convert days.jsonl -o plain/all.parquet").status == 0
    asked = [f"SELECT count(*) AS n FROM {w}" for w in ("trade WHERE symbol = 'SPY'", "quote")]
    spy, quotes = answers(shell, asked, "--root plain --symbol SPY")
    assert (spy, quotes) == ([{"n": "3"}], [{"n": "1"}])


def test_a_damaged_part_is_named(shell: Shell, tmp_path: Path) -> None:
    (path,) = store(shell, tmp_path).glob("AAPL/trade/2024-01-02*")
    whole = path.read_bytes()
    for damaged in (whole[:-9] + b"x" * 9, b"PAR1" + bytes(400) + whole[404:]):
        path.write_bytes(damaged)
        done = shell('mdc query "SELECT sum(price), max(trade_id), max(ts_event) FROM trade"')
        assert (done.status, done.out) == (65, "")
        assert path.name in done.err
    path.unlink()
    gone = shell('mdc query "SELECT max(symbol) FROM trade"')
    assert (gone.status, gone.out) == (65, "")
    assert path.name in gone.err
