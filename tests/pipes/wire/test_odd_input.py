"""Input that is odd, but right, is read; what is wrong is set aside or told, and no more."""

from pathlib import Path

import pytest

from tests.conftest import Shell

TRADE = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T15:00:00Z","price":%s,"size":100}'
ZEROS = ["0e37", "0E+40", '"0e40"', "0E-8", "-0.0E99"]


@pytest.mark.parametrize("zero", ZEROS)
def test_a_zero_is_zero_whatever_its_exponent(shell: Shell, tmp_path: Path, zero: str) -> None:
    lines = [TRADE % price for price in ("470.25", zero, "470.26")]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    done = shell("mdc cat in.jsonl then store --root d", cwd=tmp_path)
    assert done.status == 0 and "3 in = 3 out + 0 rejected" in done.err
    events = shell("mdc cat --root d", cwd=tmp_path).events
    assert sorted(event["price"] for event in events) == ["0", "470.25", "470.26"]


WRONG = {
    "finer than any power of ten that is known": TRADE % "0.1E-999999999",
    "an exponent beyond all reason": TRADE % "0e99999999999999999999",
    "half a character": TRADE.replace("SPY", r"\ud800") % 1,
    "half a character in a name": '{"\\ud800":1,' + TRADE[1:] % 1,
    "a text where an object belongs": '{"extr\\u0061":"nan",' + TRADE[1:] % 1,
    "the same key twice, deep down": '{"extra":{"a":1,"a":2},' + TRADE[1:] % 1,
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_set_aside(shell: Shell, tmp_path: Path, line: str) -> None:
    (tmp_path / "in.jsonl").write_text(f"{TRADE % 1}\n{line}\n{TRADE % 2}\n")
    done = shell("mdc cat in.jsonl --quarantine aside.jsonl", cwd=tmp_path)
    assert done.status == 0, done.err
    assert [event["price"] for event in done.events] == ["1", "2"]
    assert "3 in = 2 out + 1 rejected" in done.err and "in.jsonl: line 2: " in done.err
    assert (tmp_path / "aside.jsonl").exists()
