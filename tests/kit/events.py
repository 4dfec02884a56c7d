"""Events made by hand, with what every one of them needs, and what checks say of them."""

from decimal import Decimal
from typing import Any

from mdc_core.batch import from_rows
from mdc_core.events import Bar, Quote, Trade

NOON = "2024-01-02T12:00:00.000000000Z"


def trade(**fields: Any) -> Trade:
    """A trade of A at noon, 1 at 10."""
    return Trade(
        **{"symbol": "A", "ts_event": NOON, "price": Decimal(10), "size": Decimal(1), **fields}
    )


def quote(bid: str | None, ask: str | None, **fields: Any) -> Quote:
    """A quote of A at noon; None is a side that is not given."""
    prices = {"bid_price": bid and Decimal(bid), "ask_price": ask and Decimal(ask)}
    return Quote(**{"symbol": "A", "ts_event": NOON, **prices, **fields})


def bar(low: str, open_: str, close: str, high: str, **fields: Any) -> Bar:
    """A minute of A from noon on."""
    prices = {
        "low": Decimal(low),
        "open": Decimal(open_),
        "close": Decimal(close),
        "high": Decimal(high),
    }
    return Bar(**{"symbol": "A", "ts_event": NOON, "interval": "1m", **prices, **fields})


def found(check: Any, rows: list[Any]) -> list[tuple[int, str, str]]:
    """What a check finds in these rows: row, severity, message."""
    findings = [(f.row, f.severity, f.message) for f in check(from_rows(rows))]
    return sorted(findings, key=lambda finding: finding[0])
