"""Every vendor's feed by the command line, on real sockets that fail: the account balances."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.kit.chaos.ledger import Ledger, judge
from tests.kit.chaos.pipe import POLICIES, run
from tests.kit.chaos.server import ENDINGS
from tests.simulation.vendors import VENDORS

SIGNAL, LEFT = (0, 0), (69, 65)  # the statuses of stream and store


@pytest.mark.parametrize("number", range(len(VENDORS)), ids=[vendor.name for vendor in VENDORS])
def test_what_a_server_said_is_stored_or_declared(
    number: int, tmp_path: Path, forked_env: dict[str, str]
) -> None:
    vendor, is_left = VENDORS[number], number % 3 == 2
    ended = run(
        vendor,
        tmp_path,
        forked_env,
        seed=number,
        disconnects=len(ENDINGS),
        policy=POLICIES[number % len(POLICIES)],
        is_left=is_left,
    )
    print(f"{vendor.name}: {ended.verdict}")
    assert ended.statuses == (LEFT if is_left else SIGNAL), ended.said
    assert ended.verdict.told > 800 and ended.verdict.stored > 100 and ended.verdict.gaps > 5
    downs = [e for e in ended.events if e["type"] == "connection" and e["state"] == "down"]
    causes = {down["cause"] for down in downs}
    assert causes >= {"network", "server-close", "stall"}, causes


NOW = 1_704_205_800_000_000_000


@pytest.fixture
def ledger() -> Ledger:
    """Ten trades of A, one a second; all of them were told."""
    made = Ledger(("A",), 1)
    made.told.update(made.trade("A", NOW + second * 10**9) for second in range(10))
    return made


def stored(ledger: Ledger) -> list[dict[str, Any]]:
    """All trades of a ledger as they are in an archive."""
    return [
        {"type": "trade", **{n: str(getattr(trade, n)) for n in ("symbol", "price", "size")}}
        | {"ts_event": trade.ts_event, "trade_id": trade.trade_id}
        for _, trade in ledger.trades
    ]


def gap(first: int, last: int, **fields: Any) -> dict[str, Any]:
    """A gap from one second to another."""
    start, end = (f"2024-01-02T14:30:{second:02d}.000000000Z" for second in (first, last))
    return {"type": "gap", "start": start, "end": end, "reason": "disconnect", **fields}


def test_an_account_that_balances(ledger: Ledger) -> None:
    events = stored(ledger)
    verdict = judge(ledger, events[:3] + events[5:] + [gap(3, 4)])
    assert verdict[:4] == (10, 10, 8, 2)
    dropped = gap(3, 4, symbol="A", count="2", reason="overflow")
    assert judge(ledger, events[:3] + events[5:] + [dropped]).dropped == 2
    copy = {"type": "integrity", "check": "duplicate"}
    assert judge_of_twice(ledger, [*events, events[4], copy]) == 1


def judge_of_twice(ledger: Ledger, events: list[dict[str, Any]]) -> int:
    """How many came again, where the fifth was told twice."""
    ledger.told[4] += 1
    return judge(ledger, events).again


def test_an_account_that_does_not_balance(ledger: Ledger) -> None:
    events = stored(ledger)
    few = events[:3] + events[4:]
    wrong = {**events[3], "size": str(Decimal(events[3]["size"]) + 1)}
    for found, text in (
        (few, "in no gap: 1 trades, 3"),
        ([*few, gap(4, 9)], "in no gap: 1 trades, 3"),
        ([*few, gap(3, 3, symbol="B")], "in no gap: 1 trades, 3"),
        ([*events, events[3]], "more often than said"),
        ([*few, wrong], "is not Trade"),
        ([*few, gap(3, 3, symbol="A", count="2", reason="overflow")], "told to be dropped"),
    ):
        with pytest.raises(AssertionError, match=text):
            judge(ledger, found)
    ledger.spoiled[3] = "{"
    assert judge(ledger, few, ["{"]).set_aside == 1
