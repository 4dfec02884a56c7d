"""`mdc query`: SQL over an archive, against the events that were stored."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.pipes.query.sql_archive import DAYS, FINE, answers, forget, rows, store
from tests.pipes.store.storing import storing

pytest.importorskip("duckdb", reason="duckdb is not installed")

EVENTS = "mdc stream sim SPY AAPL 'BTC/USD' --limit 2000 --seed 3 | tee events.jsonl"


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ("", "catalog"),
        ("--layout hive", "files"),
        ("--format jsonl", "catalog"),
        ("--format jsonl --compression zstd --layout flat", "files"),
    ],
)
@pytest.mark.some(1)
def test_the_tables_hold_what_was_stored(
    options: str, known: str, shell: Shell, tmp_path: Path
) -> None:
    events = shell(EVENTS).events
    stored = shell(f"mdc store {options} < events.jsonl")
    assert stored.status == 0, stored.err
    if known == "files":
        forget(tmp_path / "data")
    turnover: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        if event["type"] == "trade":
            turnover[event["symbol"]] += Decimal(event["price"]) * Decimal(event["size"])
    trades, quotes, sums, bitcoins = answers(
        shell,
        [
            "SELECT * FROM trade ORDER BY ts_event, symbol, seq",
            "SELECT * FROM quote ORDER BY ts_event, symbol, seq",
            "SELECT symbol, sum(price * size) AS t FROM trade GROUP BY symbol",
            "SELECT * FROM trade WHERE symbol = 'BTC/USD' ORDER BY ts_event, seq",
        ],
    )
    events.sort(key=lambda e: (e["ts_event"], e["symbol"], int(e["seq"])))
    assert trades == [event for event in events if event["type"] == "trade"]
    assert quotes == [event for event in events if event["type"] == "quote"]
    assert bitcoins == [event for event in trades if event["symbol"] == "BTC/USD"]
    assert {row["symbol"]: Decimal(row["t"]) for row in sums} == turnover


def test_events_come_out_as_they_are_stored(shell: Shell) -> None:
    """The lines are canonical: they can go on through the pipe."""
    shell(f"{EVENTS} | mdc store")
    lines = shell("mdc cat --root data --type quote").lines
    assert len(lines) > 1000
    done = shell('mdc query "SELECT * FROM quote ORDER BY ts_event" | tee q.jsonl | mdc convert')
    assert (done.status, done.lines) == (0, lines), done.err
    judged = shell("mdc validate --strict --check schema < q.jsonl")
    assert (judged.status, judged.lines) == (0, lines), judged.err
    shell('mdc query "SELECT * FROM quote ORDER BY ts_event" -o q.parquet')
    assert shell("mdc cat q.parquet").lines == lines
    arrow = shell('mdc query --format arrow "SELECT * FROM quote ORDER BY ts_event" | mdc cat')
    assert arrow.lines == lines


def test_nothing_is_made_into_an_event(shell: Shell, tmp_path: Path) -> None:
    """`count` is a column of some event type, but not of a trade; `extra` must be JSON."""
    store(shell, tmp_path)
    grouped, odd = answers(
        shell,
        [
            "SELECT type, symbol, max(ts_event) AS ts_event, count(*) AS count FROM trade"
            " GROUP BY ALL ORDER BY symbol",
            "SELECT type, symbol, ts_event, 'no JSON' AS extra FROM trade WHERE price = 186",
        ],
    )
    last = "2024-01-02T15:00:00.000000000Z", "2024-01-03T00:00:00.000000000Z"
    assert grouped == [
        {"type": "trade", "symbol": "AAPL", "ts_event": last[0], "count": "2"},
        {"type": "trade", "symbol": "SPY", "ts_event": last[1], "count": "3"},
    ]
    assert odd == [{"type": "trade", "symbol": "AAPL", "ts_event": None, "extra": "no JSON"}]


def test_nanoseconds(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path)
    at = "SELECT price FROM trade WHERE ts_event = '2024-01-02 14:30:00.00027901"
    first, here, not_here, last, floor = answers(
        shell,
        [
            "SELECT epoch_ns(ts_event) AS ns, ts_event AS t, ts_event::VARCHAR AS s FROM trade"
            " WHERE price = 470.25",
            f"{at}4'",
            f"{at}5'",
            "SELECT price FROM trade WHERE ts_event < '2024-01-03'"
            " AND ts_event > TIMESTAMPTZ_NS '2024-01-02 23:59:59.999999998'",
            "SELECT date_trunc('hour', ts_event) AS h FROM trade WHERE price = 470.25",
        ],
    )
    assert first == [
        {
            "ns": "1704205800000279014",
            "t": "2024-01-02T14:30:00.000279014Z",
            "s": "2024-01-02 14:30:00.000279014+00",
        }
    ]
    assert (here, not_here, last) == ([{"price": "470.25"}], [], [{"price": "471"}])
    assert floor == [{"h": "2024-01-02T14:00:00.000000000Z"}]


def test_every_type_has_a_table(shell: Shell, tmp_path: Path) -> None:
    from mdc_core.events import CONTROL_TYPES, EVENT_TYPES
    from mdc_core.schema import arrow_schema

    data = store(shell, tmp_path)
    names = sorted(set(EVENT_TYPES) - set(CONTROL_TYPES))
    asked = [f"SELECT list(column_name) AS c FROM (DESCRIBE {name})" for name in names]
    for name, found in zip(names, answers(shell, asked), strict=True):
        assert found == [{"c": arrow_schema(frozenset([name])).names}]
    nothing, parts = answers(
        shell,
        [
            "SELECT count(*) AS n, sum(size) AS s FROM delta",
            "SELECT * FROM parts WHERE symbol = 'SPY' AND type = 'quote'",
        ],
    )
    assert nothing == [{"n": "0", "s": None}]
    (path,) = data.glob("SPY/quote/*")
    (one,) = parts
    assert (one["path"], one["rows"], one["bytes"], one["first"], one["tier"]) == (
        f"data/{path.relative_to(data)}",
        "1",
        str(path.stat().st_size),
        "2024-01-02T14:30:00.000000000Z",
        "hot",
    )
    assert len(one["sha256"]) == 64


def test_decimals_that_are_too_fine(shell: Shell, tmp_path: Path) -> None:
    """One value needs 18 decimals: exact where it is read, and no trouble elsewhere."""
    store(shell, tmp_path)
    store(shell, tmp_path, FINE)
    kind = "typeof(any_value(price)) AS t"
    narrow, wide = answers(
        shell,
        [
            f"SELECT sum(price * size) AS s, {kind} FROM trade WHERE symbol = 'SPY'",
            f"SELECT min(price) AS p, sum(price) AS s, {kind} FROM trade",
        ],
    )
    assert narrow == [{"s": "2826.75", "t": "DECIMAL(18,9)"}]
    assert wide == [
        {"p": "0.000000000000000001", "s": "1785.250000000000000001", "t": "DECIMAL(21,18)"}
    ]
    late = "SELECT price FROM trade WHERE symbol = '{}'"
    late = f"{late.format('SPY')} UNION ALL {late.format('ETH')}"
    done = shell(f'mdc query "{late}"')
    assert (done.status == 65 and "--wide" in done.err) or len(done.out.splitlines()) == 4
    same, one = answers(shell, [late, f"SELECT {kind} FROM trade WHERE symbol = 'SPY'"], "--wide")
    assert [row["price"] for row in same][-1] == "0.000000000000000001"
    assert (len(same), one) == (4, [{"t": "DECIMAL(19,2)"}])


def test_text_files_with_fine_decimals(shell: Shell, tmp_path: Path) -> None:
    store(shell, tmp_path, DAYS + FINE, "--format jsonl --compression gzip")
    found = rows(shell, "SELECT symbol, price FROM trade WHERE price < 186 ORDER BY price")
    assert found == [
        {"symbol": "ETH", "price": "0.000000000000000001"},
        {"symbol": "AAPL", "price": "185.5"},
    ]


def test_books(shell: Shell, tmp_path: Path) -> None:
    """Prices inside lists, narrow and wide."""
    line = (
        '{"type":"book","v":"1.1.0","symbol":"SPY","ts_event":"2024-01-0%dT15:00:00'
        '.000000000Z","bids":[{"price":%s,"size":2,"count":1},{"price":470,"size":1}],'
        '"asks":[]}\n'
    )
    text = line % (2, "470.1") + line % (3, "0.000000000000000001")
    store(shell, tmp_path, text)
    first, both = answers(
        shell,
        [
            "SELECT bids[1].price * bids[1].size AS v, len(asks) AS n FROM book"
            " WHERE ts_event < '2024-01-03'",
            "SELECT * FROM book ORDER BY ts_event",
        ],
    )
    assert first == [{"v": "940.2", "n": "0"}]
    assert both == [json.loads(t, parse_float=str, parse_int=str) for t in text.splitlines()]


def test_events_in_a_journal_once(shell: Shell, tmp_path: Path, quiet_env: dict[str, str]) -> None:
    """While a store goes on, what it has acknowledged is there; sealed, it is there once."""
    lines = DAYS.splitlines(keepends=True)
    store(shell, tmp_path, "".join(lines[:3]))
    asked = [
        "SELECT count(*) AS n, sum(price * size) AS s FROM trade",
        "SELECT count(*) AS n FROM quote WHERE symbol = 'SPY'",
    ]
    here = [[{"n": "5", "s": "4311.25"}], [{"n": "1"}]]
    with storing("--fsync always", tmp_path, quiet_env) as running:
        running.write("".join(lines[3:]).splitlines())
        running.wait_for(3)
        assert answers(shell, asked) == here
        some = rows(shell, "SELECT count(*) AS n FROM trade", "--symbol AAPL --to 2024-01-02")
        assert some == [{"n": "1"}]
        status, err = running.end()
    assert status == 0, err
    assert answers(shell, asked) == here
