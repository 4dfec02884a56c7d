"""News, and what is said of derivatives: through a pipe into an archive and back, exactly."""

import json
from pathlib import Path

import duckdb

from tests.conftest import Shell

AT = '"ts_event":"2024-08-08T12:00:00.000000001Z"'
EVENTS = (
    f'{{"type":"news","v":"1.0.0","symbol":"AAPL",{AT},"headline":"Apple & Tesla: \\"up\\"",'
    '"author":"A. B.","source":"wire","url":"https://example.com/1","news_id":"24843171",'
    '"symbols":["AAPL","TSLA"],"created":"2024-08-08T11:59:00.000000000Z",'
    '"updated":"2024-08-08T12:00:00.000000000Z"}',
    f'{{"type":"news","v":"1.0.0",{AT},"headline":"of no symbol"}}',
    f'{{"type":"funding","v":"1.0.0","symbol":"BTCUSDT",{AT},"funding_rate":-0.00010012,'
    '"next_funding":"2024-08-08T16:00:00.000000000Z","interval":"8h","mark_price":61837.63,'
    '"index_price":61840.123456789}',
    f'{{"type":"liquidation","v":"1.0.0","symbol":"BTCUSDT",{AT},"side":"sell",'
    '"price":61800.1,"size":0.014,"average_price":61795.2,"filled_size":0.01,"order_id":"7"}',
    f'{{"type":"open_interest","v":"1.0.0","symbol":"BTCUSDT",{AT},"open_interest":10659.509,'
    '"notional":659163482.97}',
)


def test_each_comes_back_as_it_was_and_is_found_by_its_symbol(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(EVENTS) + "\n")
    done = shell("mdc validate --strict in.jsonl | mdc store --root data && mdc cat --root data")
    assert done.status == 0, done.err
    assert sorted(line for line in done.lines if '"begin"' not in line and '"end"' not in line) == (
        sorted(EVENTS)
    )
    tesla = shell("mdc cat --root data --type news --symbol AAPL --plain")
    assert tesla.lines == [EVENTS[0]]
    rate, paid = duckdb.sql(
        f"SELECT funding_rate::VARCHAR, epoch_ns(next_funding) FROM "
        f"'{tmp_path}/data/BTCUSDT/funding/*.parquet'"
    ).fetchall()[0]
    assert (rate, paid) == ("-0.000100120", 1723132800 * 10**9)  # 2024-08-08T16:00:00Z


def test_what_they_lack_and_what_cannot_be_is_found(shell: Shell, tmp_path: Path) -> None:
    lines = (
        f'{{"type":"news","symbol":"A",{AT}}}',
        f'{{"type":"liquidation","symbol":"B",{AT},"size":1,"price":0}}',
        f'{{"type":"open_interest","symbol":"C",{AT}}}',
        f'{{"type":"funding","symbol":"D",{AT},"mark_price":-1}}',
    )
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    done = shell("mdc validate --check schema,price --strict --plain in.jsonl")
    assert done.status == 1
    found = [json.loads(line) for line in done.lines if '"integrity"' in line]
    told = {(f["symbol"], f["check"], f["message"]) for f in found}
    assert {(symbol, check) for symbol, check, _ in told} == {
        ("A", "schema"),
        ("B", "price"),
        ("C", "schema"),
        ("D", "price"),
    }
    assert any("headline" in message for _, _, message in told)
    assert any("open_interest" in message for _, _, message in told)
