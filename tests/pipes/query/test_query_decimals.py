"""Products and sums of prices and sizes in SQL: exact, whatever the values are."""

import json
import re
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell, parts_of
from tests.pipes.query.sql_archive import answers, rows
from tests.pipes.store.storing import storing

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

Pair = tuple[str, str]  # price and size


def trades(symbol: str, pairs: list[Pair], day: int = 2) -> str:
    """Trades of a symbol, one a second."""
    return "".join(
        f'{{"type":"trade","symbol":"{symbol}","ts_event":"2024-01-{day:02d}T10:00:{i:02d}Z",'
        f'"price":{price},"size":{size}}}\n'
        for i, (price, size) in enumerate(pairs)
    )


def turnover(pairs: list[Pair]) -> Decimal:
    with localcontext() as context:
        context.prec = 100
        return sum((Decimal(p) * Decimal(s) for p, s in pairs), Decimal(0))


def number(value: Any) -> Decimal:
    return Decimal(str(value))


PLAIN = [("470.25", "3"), ("471", "1"), ("470.30", "1000000")]
CRYPTO = [("42000.12", "0.123456789012345678"), ("41999.99", "12.000000000000000001")]
COINS = [("0.000012345", "987654321.123456789012345678"), ("2.000000001", "0.5")]
TINY = [("0.000000000000000001", "100000000000000000"), ("0.5", "17")]
BELOW = [("-37.63", "1000000000"), ("12.5", "0.000000000001"), ("-0.0000000001", "4")]
DEBTS = [("-37.63", "1000000"), ("-1", "0.000000000000000001")]
HUGE = [("999999999999999999", "9999999999999999"), ("-1", "1")]


@pytest.mark.parametrize("pairs", [PLAIN, CRYPTO, COINS, TINY, BELOW, HUGE])
@pytest.mark.parametrize("options", ["", "--format jsonl"])
@pytest.mark.some(4)
def test_turnover_is_exact(pairs: list[Pair], options: str, shell: Shell) -> None:
    assert shell(f"mdc store {options}", stdin=trades("A", pairs).encode()).status == 0
    each, (total,), (least,) = answers(
        shell,
        [
            "SELECT price, size, price * size AS t FROM trade ORDER BY ts_event",
            "SELECT sum(price * size) AS t, sum(price) AS p, sum(size) AS s FROM trade",
            "SELECT min(price * size) AS t FROM trade WHERE symbol = 'A' AND price < 1e19",
        ],
    )
    assert [(number(r["price"]), number(r["size"])) for r in each] == [
        (Decimal(p), Decimal(s)) for p, s in pairs
    ]
    assert [number(r["t"]) for r in each] == [turnover([pair]) for pair in pairs]
    assert number(total["t"]) == turnover(pairs)
    assert number(total["p"]) == turnover([(p, "1") for p, _ in pairs])
    assert number(total["s"]) == turnover([("1", s) for _, s in pairs])
    assert number(least["t"]) == min(turnover([pair]) for pair in pairs)


def test_bars_with_large_volumes(shell: Shell) -> None:
    bar = (
        '{"type":"bar","symbol":"A","ts_event":"2024-01-%02dT00:00:00Z","interval":"1d",'
        '"open":10,"high":10.5,"low":9.75,"close":%s,"volume":%s}\n'
    )
    text = bar % (2, "10", "1000000000") + bar % (3, "10.125", "1108923691")
    assert shell("mdc store", stdin=text.encode()).status == 0
    want = turnover([("10", "1000000000"), ("10.125", "1108923691")])
    (found,) = rows(shell, "SELECT sum(close * volume) AS t, max(volume) AS v FROM bar")
    assert (number(found["t"]), number(found["v"])) == (want, 1108923691)
    (found,) = rows(shell, "SELECT sum((high + low) / 2 * volume) > 0 AS t FROM bar")
    assert found == {"t": True}


def test_each_column_has_the_digits_that_it_needs(shell: Shell) -> None:
    """Only those that are read: of other symbols and days, none matter."""
    text = trades("A", PLAIN) + trades("B", CRYPTO, 3) + trades("C", [("1", "1e10")], 3)
    assert shell("mdc store", stdin=text.encode()).status == 0
    kinds = (
        "SELECT typeof(price) AS p, typeof(size) AS s"
        " FROM (SELECT max(price) AS price, max(size) AS size FROM trade{}) WHERE price * size > 0"
    )
    found = answers(
        shell,
        [
            kinds.format(" WHERE symbol = 'A'"),
            kinds.format(" WHERE symbol IN ('A', 'B')"),
            kinds.format(" WHERE symbol = 'C'"),
            kinds.format(""),
            "SELECT typeof(p) AS p FROM (SELECT max(price) AS p FROM trade) WHERE p > 0",
        ],
    )
    assert [next(iter(one)) for one in found] == [
        {"p": "DECIMAL(18,9)", "s": "DECIMAL(18,9)"},
        {"p": "DECIMAL(19,2)", "s": "DECIMAL(25,18)"},
        {"p": "DECIMAL(19,0)", "s": "DECIMAL(19,0)"},
        {"p": "DECIMAL(19,2)", "s": "DECIMAL(29,18)"},
        {"p": "DECIMAL(18,9)"},
    ]


def test_two_scans_of_one_type_with_different_columns(shell: Shell) -> None:
    assert shell("mdc store", stdin=trades("A", CRYPTO + COINS).encode()).status == 0
    sql = (
        "SELECT (SELECT max(price) FROM trade) AS p, (SELECT max(size) FROM trade) AS s,"
        " (SELECT count(*) FROM trade a JOIN trade b ON a.price = b.price AND a.size = b.size) AS n"
    )
    (found,) = rows(shell, sql)
    assert found == {"p": "42000.12", "s": "987654321.123456789012345678", "n": "4"}


def test_levels_of_books(shell: Shell) -> None:
    levels = [("42000.12", "0.123456789012345678"), ("41999.99", "1000000000"), ("-1", "3")]
    bids = ",".join(f'{{"price":{p},"size":{s},"count":2}}' for p, s in levels)
    line = f'{{"type":"book","symbol":"A","ts_event":"2024-01-02T10:00:00Z","bids":[{bids}]'
    assert shell("mdc store", stdin=f'{line},"asks":[]}}\n'.encode()).status == 0
    whole, (total,), (first,) = answers(
        shell,
        [
            "SELECT * FROM book",
            "SELECT sum(b.price * b.size) AS t, sum(b.count) AS n"
            " FROM (SELECT unnest(bids) AS b FROM book)",
            "SELECT list_sum([b.price * b.size FOR b IN bids]) AS t,"
            " bids[1].price * bids[1].size AS f, asks FROM book",
        ],
    )
    assert [(b["price"], b["size"]) for b in whole[0]["bids"]] == levels
    assert (number(total["t"]), total["n"]) == (turnover(levels), "6")
    assert (number(first["t"]), number(first["f"])) == (turnover(levels), turnover(levels[:1]))
    assert first["asks"] == []


def test_parts_of_different_needs_and_a_journal(
    shell: Shell, tmp_path: Path, quiet_env: dict[str, str]
) -> None:
    """Parquet, JSONL, and what is in no part yet."""
    for options, pairs, day in [("", PLAIN, 2), ("--format jsonl", COINS, 3), ("", DEBTS, 4)]:
        stored = shell(f"mdc store {options}", stdin=trades("A", pairs, day).encode())
        assert stored.status == 0, stored.err
    sql = "SELECT sum(price * size) AS t, count(*) AS n FROM trade"
    with storing("--fsync always", tmp_path, quiet_env) as running:
        running.write(trades("A", CRYPTO, 5).splitlines())
        running.wait_for(2)
        every = PLAIN + COINS + DEBTS + CRYPTO
        for options in ("", "--wide"):
            (found,) = rows(shell, sql, options)
            assert (number(found["t"]), found["n"]) == (turnover(every), str(len(every)))
        assert running.end()[0] == 0
    (found,) = rows(shell, sql)
    assert number(found["t"]) == turnover(every)


def test_comparisons_as_plain_duckdb_makes_them(shell: Shell, tmp_path: Path) -> None:
    """Whatever digits the other number has: filters are pushed down to the files."""
    assert shell("mdc store", stdin=trades("A", CRYPTO + COINS + TINY + BELOW).encode()).status == 0
    (path,) = parts_of(tmp_path / "data")
    numbers = ["0", "-37.63", "0.5", "2.000000001", "42000.12", "1e9", "0.0000000000000000004"]
    numbers += ["0.123456789012345678", "DECIMAL '12.0000000000000000010'", "1000000000::BIGINT"]
    asked = [
        f"SELECT price, size FROM trade WHERE {name} {operator} {number} ORDER BY ALL"
        for name in ("price", "size")
        for operator in ("=", "<>", "<", ">=")
        for number in numbers
    ]
    asked += [
        f"SELECT max(size) AS price, count(*) AS size FROM trade GROUP BY price > {n} ORDER BY ALL"
        for n in numbers
    ]
    base = duckdb.connect()
    base.execute(f"CREATE VIEW trade AS FROM read_parquet('{path}')")
    for sql, found in zip(asked, answers(shell, asked), strict=True):
        plain = [tuple(map(Decimal, row)) for row in base.execute(sql).fetchall()]
        assert [(number(row["price"]), number(row["size"])) for row in found] == plain, sql
    base.close()


def test_events_of_such_numbers_go_on_through_the_pipe(shell: Shell, tmp_path: Path) -> None:
    text = trades("A", HUGE + TINY)
    book = '{"type":"book","symbol":"A","ts_event":"2024-01-02T10:00:00Z","bids":[%s]}\n'
    text += book % '{"price":1000000000,"size":0.123456789012345678}'
    assert shell("mdc store", stdin=text.encode()).status == 0
    for name in ("trade", "book"):
        lines = shell(f"mdc cat --root data --type {name}").lines
        sql = f"SELECT * FROM {name} ORDER BY ts_event"
        assert shell(f'mdc query "{sql}" | mdc convert').lines == lines
        assert shell(f'mdc query --format arrow "{sql}" | mdc cat').lines == lines
        assert (
            shell(f'mdc query "{sql}" -o {name}.parquet && mdc cat {name}.parquet').lines == lines
        )


def test_a_third_factor(shell: Shell) -> None:
    """DECIMAL(18, 9) three times leaves 11 digits before the point; these need 13."""
    assert shell("mdc store", stdin=trades("A", PLAIN).encode()).status == 0
    (found,) = rows(shell, "SELECT sum(price * size * size) AS t FROM trade")
    with localcontext() as context:
        context.prec = 100
        assert number(found["t"]) == sum(Decimal(p) * Decimal(s) ** 2 for p, s in PLAIN)


def test_many_factors(shell: Shell) -> None:
    """DECIMAL(18, 9) five times is refused before anything is read."""
    assert shell("mdc store", stdin=trades("A", PLAIN[:2]).encode()).status == 0
    product = " * ".join(["price", "size"] * 2 + ["price"])
    (found,) = rows(shell, f"SELECT sum({product}) AS t FROM trade")
    assert number(found["t"]) == sum(Decimal(p) ** 3 * Decimal(s) ** 2 for p, s in PLAIN[:2])
    refused = shell(f'mdc query "SELECT {product} * {product} * {product} * {product} FROM trade"')
    assert refused.status == 2 and "CAST(price AS DOUBLE), CAST(size AS DOUBLE)" in refused.err
    refused = shell('mdc query "SELECT 10::DECIMAL(38, 20) * 10::DECIMAL(38, 20)"')
    assert refused.status == 2 and "hint" not in refused.err


def test_values_that_come_late(shell: Shell, tmp_path: Path) -> None:
    """Behind the first rows nothing can be begun again: --wide measures before them."""
    many = "".join(trades(f"S{n}", [("1.5", "1")] * 50) for n in range(20))
    assert shell("mdc store", stdin=many.encode()).status == 0
    assert shell("mdc store --format jsonl", stdin=trades("A", TINY, 3).encode()).status == 0
    sql = "SELECT price, unnest(range(1000)) FROM trade"
    refused = shell(f'mdc query "{sql}" | tail -n 1')
    assert "came after the first rows" in refused.err and "--wide" in refused.err
    done = shell(f'mdc query --wide "{sql}" > all; grep -c . all; grep -c 0.0000000000000000 all')
    assert (done.out.split(), done.err) == (["1002000", "1000"], "")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(price * size) AS t FROM trade",
        "SELECT price * size * price AS t FROM trade ORDER BY t DESC LIMIT 1",
        "SELECT max(price * size) AS t FROM trade",
    ],
)
def test_what_38_digits_cannot_hold(sql: str, shell: Shell) -> None:
    """An error whose hint works as it is written."""
    pairs = [("123456789012345678.5", "0.123456789012345678"), ("0.000000000000000001", "9e17")]
    assert shell("mdc store", stdin=trades("A", pairs).encode()).status == 0
    refused = shell(f'mdc query "{sql}"')
    assert (refused.status, refused.out) == (2, "")
    casts = re.findall(r"CAST\((\w+) AS DOUBLE\)", refused.err)
    assert casts == ["price", "size"] and "more than 38 digits" in refused.err
    for name in casts:
        sql = re.sub(rf"\b{name}\b", f"CAST({name} AS DOUBLE)", sql)
    done = shell(f'mdc query "{sql}"')
    assert (done.status, done.err) == (0, "")
    assert float(json.loads(done.out)["t"]) > 1e16


def test_what_38_digits_cannot_hold_in_levels(shell: Shell) -> None:
    line = '{"type":"book","symbol":"A","ts_event":"2024-01-02T10:00:00Z","bids":[%s]}\n'
    level = '{"price":123456789012345678.5,"size":123456789012345678.123456789012345678}'
    assert shell("mdc store", stdin=(line % level).encode()).status == 0
    sql = "SELECT bids[1].price * bids[1].size AS t FROM book"
    refused = shell(f'mdc query "{sql}"')
    casts = re.findall(r"CAST\((\S+) AS DOUBLE\)", refused.err)
    assert (refused.status, casts) == (2, ["bids[1].price", "bids[1].size"])
    for name in casts:
        sql = sql.replace(name, f"CAST({name} AS DOUBLE)")
    (found,) = rows(shell, sql)
    assert float(found["t"]) == pytest.approx(1.524e34, rel=1e-3)


def test_whole_numbers_keep_their_zeros(shell: Shell) -> None:
    """A decimal without a point: a zero at its end counts."""
    shell("mdc store", stdin=trades("A", PLAIN).encode())
    sql = (
        "SELECT 10::DECIMAL(5, 0) AS a, 0::DECIMAL(3, 0) AS b, -200::DECIMAL(38, 0) AS c,"
        " 100.50::DECIMAL(5, 2) AS d, [10::DECIMAL(5, 0)] AS e"
    )
    assert rows(shell, sql) == [{"a": "10", "b": "0", "c": "-200", "d": "100.5", "e": ["10"]}]
    table = shell(f'mdc query --format csv "{sql}"')
    assert table.out.splitlines()[1] == "10,0,-200,100.5,[10]"
