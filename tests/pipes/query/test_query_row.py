"""The place of a row in SQL: the order of `mdc cat`, where times are equal as well."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.pipes.query.sql_archive import answers, forget, rows
from tests.pipes.store.sharing import sharing_soon
from tests.pipes.store.storing import storing

pytest.importorskip("duckdb", reason="duckdb is not installed")

BARS = (
    "SELECT symbol, date_trunc('minute', ts_event) AS m, arg_min(price, (ts_event, row)) AS o,"
    " arg_max(price, (ts_event, row)) AS c, first(price ORDER BY row) AS f,"
    " last(price ORDER BY ts_event, row) AS l FROM trade WHERE ts_event IS NOT NULL"
    " GROUP BY ALL ORDER BY ALL"
)


def ties(seed: int, symbols: int = 3, count: int = 200) -> bytes:
    """Trades and quotes at a few moments of two minutes, in no order."""
    chance = random.Random(seed)
    lines = []
    for _ in range(count):
        symbol = f"S{chance.randrange(symbols):03d}"
        day, minute, second = (chance.choice(some) for some in ("23", "01", ("00", "59")))
        at = f"2024-01-0{day}T14:3{minute}:{second}Z"
        price = chance.randrange(1, 10_000)
        if chance.random() < 0.25:
            lines.append(
                f'{{"type":"quote","symbol":"{symbol}","ts_event":"{at}","bid_price":{price}}}\n'
            )
            continue
        key = "ts_recv" if chance.random() < 0.05 else "ts_event"
        lines.append(
            f'{{"type":"trade","symbol":"{symbol}","{key}":"{at}","price":{price},"size":1}}\n'
        )
    return "".join(lines).encode()


def bars(trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Open and close of each minute, by the order of the trades."""
    found: dict[tuple[str, str], list[str]] = {}
    for trade in trades:
        if "ts_event" in trade:
            minute = f"{trade['ts_event'][:16]}:00.000000000Z"
            found.setdefault((trade["symbol"], minute), []).append(trade["price"])
    return [
        {"symbol": symbol, "m": minute, "o": p[0], "c": p[-1], "f": p[0], "l": p[-1]}
        for (symbol, minute), p in sorted(found.items())
    ]


def check(shell: Shell, options: str = "") -> None:
    """Whether SQL gives the order of `mdc cat`."""
    trades = shell(f"mdc cat --root data --type trade {options}").events
    every = shell(f"mdc cat --root data --type trade,quote {options}").events
    placed, both, made = answers(
        shell,
        [
            "SELECT row, symbol, price FROM trade ORDER BY row",
            "SELECT row, type FROM (SELECT row, type FROM quote UNION ALL"
            " SELECT row, type FROM trade) ORDER BY row",
            BARS,
        ],
        options,
    )
    assert trades
    assert placed == [
        {"row": str(number), "symbol": trade["symbol"], "price": trade["price"]}
        for number, trade in enumerate(trades, 1)
    ]
    assert both == [
        {"row": str(number), "type": event["type"]} for number, event in enumerate(every, 1)
    ]
    assert made == bars(trades)


@pytest.mark.parametrize(
    ("stores", "symbols"),
    [
        (["", "", ""], 3),
        (["--format jsonl", "", "--layout flat"], 3),
        (["--layout hive --partition hourly", "--layout by-date"], 3),
        (["", ""], 30),  # which share their parts
    ],
)
@pytest.mark.some(1)
def test_open_and_close_of_equal_times(
    stores: list[str], symbols: int, shell: Shell, tmp_path: Path
) -> None:
    shell = sharing_soon(shell) if symbols == 30 else shell
    for seed, options in enumerate(stores):
        stored = shell(f"mdc store {options}", stdin=ties(seed, symbols, 100 + 30 * symbols))
        assert stored.status == 0, stored.err
    assert (tmp_path / "data" / "~mixed").exists() == (symbols == 30)
    check(shell)
    check(shell, "--symbol S001,S002 --from 2024-01-03")
    if symbols == 30:
        return
    assert shell("mdc compact").status == 0
    check(shell)


def test_without_a_catalog(shell: Shell, tmp_path: Path) -> None:
    for seed in range(2):
        shell("mdc store", stdin=ties(seed))
    forget(tmp_path / "data")
    check(shell)


def test_with_what_is_in_a_journal(shell: Shell, tmp_path: Path, quiet_env: dict[str, str]) -> None:
    shell("mdc store", stdin=ties(1))
    with storing("--fsync always", tmp_path, quiet_env) as running:
        events = ties(2).decode().splitlines()
        running.write(events)
        running.wait_for(len(events))
        check(shell)
        assert running.end()[0] == 0


def test_what_star_stands_for_are_events(shell: Shell) -> None:
    """The place is a column for those who name it."""
    shell("mdc store", stdin=ties(3))
    trades = shell("mdc cat --root data --type trade").events
    asked = [
        "SELECT * FROM trade ORDER BY ts_event NULLS LAST, row",
        "SELECT 'é' IS NULL AS x, * /* é * */ FROM main.trade ORDER BY row",
        "SELECT T.* FROM trade t JOIN trade u ON t.row = u.row ORDER BY t.row",
        "WITH x AS (SELECT * FROM trade ORDER BY row) SELECT * FROM x",
        "SELECT * EXCLUDE (row) FROM trade ORDER BY row",
        "SELECT * EXCLUDE (venue, provider) FROM trade ORDER BY row",
        "SELECT *, row AS place FROM trade ORDER BY row",
        "SELECT * FROM (SELECT row, price FROM trade) ORDER BY row",
        "WITH bar AS (SELECT price, row FROM trade) SELECT * FROM bar ORDER BY row",
        "SELECT * FROM trade, (SELECT 1 AS one) ORDER BY row",
    ]
    found = answers(shell, asked)
    in_time = sorted(trades, key=lambda trade: trade.get("ts_event", "9"))
    known = [{name: row[name] for name in row if row[name] is not None} for row in found[1]]
    assert (found[0], found[2], found[3], found[4]) == (in_time, trades, trades, trades)
    assert known == [{**{k: v for k, v in t.items() if k != "v"}, "x": False} for t in trades]
    assert found[5] == trades
    assert [row["place"] for row in found[6]] == [str(n + 1) for n in range(len(trades))]
    assert all("row" not in row for row in found[6])
    for some in found[7:]:
        assert [(row["row"], row["price"]) for row in some] == [
            (str(number), trade["price"]) for number, trade in enumerate(trades, 1)
        ]


def test_a_name_of_the_statement_wins(shell: Shell) -> None:
    shell("mdc store", stdin=ties(3))
    plain, own, described, last, alike = answers(
        shell,
        [
            "SELECT * FROM trade LIMIT 1",
            "SELECT max(row) AS m FROM (SELECT 7 AS row FROM trade)",
            "SELECT list(column_name) AS c FROM (DESCRIBE trade)",
            "SELECT t.price FROM main.trade AS t ORDER BY t.ROW DESC LIMIT 1",
            "SELECT count(*) AS n FROM trade a JOIN trade b ON a.row = b.row"
            " WHERE a.price IS DISTINCT FROM b.price",
        ],
    )
    trades = shell("mdc cat --root data --type trade").events
    assert (own, last) == ([{"m": "7"}], [{"price": trades[-1]["price"]}])
    assert "row" not in described[0]["c"] and "row" not in plain[0]
    assert alike == [{"n": "0"}]
    wrong = shell('mdc query "SELECT row FROM parts"')
    assert (wrong.status, '"row" not found' in wrong.err) == (2, True)


def test_only_what_can_match_is_opened(shell: Shell, tmp_path: Path) -> None:
    shell("mdc store", stdin=ties(4))
    for symbol in ("S000", "S002"):
        for path in (tmp_path / "data" / symbol).rglob("*.parquet"):
            path.write_bytes(b"garbage" * 1000)
    shutil.rmtree(tmp_path / "data" / "S001" / "quote")
    trades = shell("mdc cat --root data --type trade --symbol S001").events
    sql = "SELECT price FROM trade WHERE symbol = 'S001' ORDER BY row"
    assert rows(shell, sql) == [{"price": trade["price"]} for trade in trades]
