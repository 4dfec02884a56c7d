"""What the tests of `mdc query` and `mdc shell` share: an archive of two days, and answers."""

import json
import shutil
from pathlib import Path
from typing import Any

from mdc_core.archive.sql.database import TABLES
from tests.conftest import Shell

SPY = '{"type":"trade","symbol":"SPY","ts_event":'
AAPL = '{"type":"trade","symbol":"AAPL",'
DAYS = (
    f'{SPY}"2024-01-02T14:30:00.000279014Z","price":470.25,"size":3}}\n'
    f'{SPY}"2024-01-02T23:59:59.999999999Z","price":471,"size":1}}\n'
    f'{SPY}"2024-01-03T00:00:00Z","price":472.5,"size":2}}\n'
    f'{AAPL}"ts_event":"2024-01-02T15:00:00Z","price":185.5,"size":7}}\n'
    f'{AAPL}"ts_recv":"2024-01-03T09:00:00Z","price":186,"size":1}}\n'
    '{"type":"quote","symbol":"SPY","ts_event":"2024-01-02T14:30:00Z","bid_price":470,'
    '"ask_price":471}\n'
)
# Its price needs decimal(36, 18).
FINE = (
    '{"type":"trade","symbol":"ETH","ts_event":"2024-01-02T15:00:00Z",'
    '"price":0.000000000000000001,"size":1}\n'
)


def store(shell: Shell, folder: Path, text: str = DAYS, options: str = "") -> Path:
    """An archive of some events."""
    (folder / "days.jsonl").write_text(text)
    done = shell(f"mdc store {options} < days.jsonl")
    assert done.status == 0, done.err
    return folder / "data"


def forget(archive: Path) -> None:
    """Leave nothing of an archive but the files."""
    shutil.rmtree(archive / "_mdc")


def parsed(text: str) -> list[Any]:
    """The rows in lines of JSON, numbers as their text."""
    return [json.loads(line, parse_float=str, parse_int=str) for line in text.splitlines()]


def rows(shell: Shell, sql: str, options: str = "", **env: str) -> list[Any]:
    """What a query gives."""
    done = shell(f'mdc query {options} "$SQL"', SQL=sql, **env)
    assert (done.status, done.err) == (0, ""), done.err
    return parsed(done.out)


def answers(shell: Shell, statements: list[str], options: str = "") -> list[list[Any]]:
    """What many statements give, asked of one shell; a list of the tables stands between them."""
    script = "".join(f"{sql};\n.tables\n" for sql in statements)
    done = shell(f"mdc shell {options}", stdin=script.encode())
    assert (done.status, done.err) == (0, ""), done.err
    between = "\n".join([*TABLES, ""])
    return [parsed(text) for text in done.out.split(between)[:-1]]
