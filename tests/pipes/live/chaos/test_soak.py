"""The soak, for a moment: its account balances, and it tells when it does not."""

import json
from pathlib import Path

import pytest

from mdc_core.times import SECOND
from tests.conftest import Shell
from tests.torture.soak.__main__ import broken_by, main
from tests.torture.soak.account import account
from tests.torture.soak.feed import Block
from tests.torture.soak.samples import Sample, Sampler


def test_a_soak_of_a_moment_balances(
    forked_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--minutes 0.02 --rate 500 --reconnect-every 0.4 --connections 4 --only-account"
    assert main(words.split(), forked_env) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["broken"] == [] and found["connections"] >= 4
    assert found["sent"] == found["stored"] + found["declared"] > 100


def test_an_event_that_is_neither_stored_nor_declared_is_found(
    shell: Shell, tmp_path: Path, forked_env: dict[str, str]
) -> None:
    base = 1_704_205_800 * SECOND  # 2024-01-02T14:30 UTC
    trade = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:0%d.000000000Z",'
    lines = [trade % n + f'"price":1,"size":1,"trade_id":"{n + 1}"}}' for n in (0, 1, 1, 5)]
    gap = '{"type":"gap","start":"2024-01-02T14:30:03.000000000Z","end":"%s"}'
    lines.append(gap % "2024-01-02T14:30:04.000000000Z")
    assert shell("mdc -q store --root data", stdin="\n".join(lines).encode()).status == 0
    ledger = [Block(0, 4, base, SECOND, True), Block(4, 6, base + 4 * SECOND, SECOND, False)]
    found = account(ledger, tmp_path / "data", forked_env)
    assert found == (4, 2, 1, 2, 1, 1) and not found.balances


def test_what_grows_is_found() -> None:
    sampler = Sampler({})
    sampler.samples["store"] = [
        Sample(second / 60, 50_000_000 + 40_000 * second, 7 + second // 30) for second in range(120)
    ]
    grown = sampler.growth("store", 1.0)
    assert grown is not None and grown.slope == 2.4
    assert grown.descriptors == (9, 10) and sampler.growth("store", 5.0) is None
    assert broken_by("store", grown) == ["memory of store"]
    assert broken_by("store", grown._replace(slope=0.9, descriptors=(9, 12))) == [
        "descriptors of store"
    ]
    assert broken_by("store", None) == ["store was not watched"]
