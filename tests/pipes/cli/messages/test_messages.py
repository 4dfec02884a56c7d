"""What is said: by which verb, when, in which words, and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell

TRADE = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T15:00:00Z","price":1,"size":2}\n'


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two good lines and one that is none."""
    (tmp_path / "mixed.jsonl").write_text(f"{TRADE}time,price\n{TRADE}")
    (tmp_path / "good.jsonl").write_text(TRADE * 2)
    return tmp_path


def records(err: str, event: str) -> list[dict[str, Any]]:
    """The records of one kind of event."""
    found = [json.loads(line) for line in err.splitlines()]
    return [one for one in found if one["event"] == event]


def test_counts_are_said_where_they_differ(mixed: Path, shell: Shell) -> None:
    account = "mdc cat: 2 in = 2 out + 0 rejected + 0 dropped\n"
    assert shell("mdc cat good.jsonl").err == ""
    assert account in shell("mdc cat good.jsonl -v").err
    assert shell("mdc head -n 1 good.jsonl").err == ""
    assert shell("mdc cat good.jsonl --symbol SPY").err == ""
    told = shell("mdc cat mixed.jsonl").err.splitlines()
    assert told[0] == "mdc cat: 3 in = 2 out + 1 rejected + 0 dropped"
    assert told[1].startswith("mdc cat: mixed.jsonl: line 2: not JSON: it begins with 'time,price'")
    (only,) = shell("mdc -q cat mixed.jsonl").err.splitlines()
    assert only == told[1]


def test_what_came_of_it_is_said_to_who_asks(mixed: Path, shell: Shell) -> None:
    assert shell("mdc store --root a < good.jsonl").err == ""
    assert "mdc store: 1 file in b\n" in shell("mdc -v store --root b < good.jsonl").err
    line = "mdc --log-format json store --root c < good.jsonl"
    (stored,) = records(shell(line).err, "stored")
    assert (stored["files"], stored["root"], stored["level"]) == (1, "c", "info")
    said = shell("mdc store --root d --dry-run < good.jsonl").err
    assert said == "mdc store: would store 2 events in d\n"


def test_json_has_the_counts_as_numbers(mixed: Path, shell: Shell) -> None:
    line = "mdc validate mixed.jsonl --quarantine aside | tee checked.jsonl | mdc store --root data"
    done = shell(line, MDC_LOG_FORMAT="json")
    validate, store = records(done.err, "accounting")
    counts = ("in", "out", "rejected", "dropped", "used", "derived", "skipped")
    if validate["stage"] == "store":
        validate, store = store, validate
    assert (validate["stage"], store["stage"]) == ("validate", "store")
    derived = validate["derived"]
    assert [validate[name] for name in counts] == [3, 2, 1, 0, 0, derived, 0]
    assert [store[name] for name in counts] == [2 + derived, 2 + derived, 0, 0, 0, 0, 0]
    assert validate["message"].startswith("3 in = 2 out + 1 rejected + 0 dropped")
    begin = json.loads((mixed / "checked.jsonl").read_text().splitlines()[0])
    assert validate["run_id"] == store["run_id"] == begin["run_id"]
    (rejected,) = records(done.err, "rejected")
    assert (rejected["level"], rejected["rejected"]) == ("warning", 1)
    assert json.loads((mixed / rejected["file"]).read_text())["text"] == "time,price"
    if derived:
        (findings,) = records(done.err, "findings")
        assert sum(sum(one.values()) for one in findings["counts"].values()) == derived


def test_a_hint_is_a_field_of_its_record(shell: Shell) -> None:
    plain = shell("mdc cat --type trad")
    first, second = plain.err.splitlines()
    (record,) = records(shell("mdc --log-format json cat --type trad").err, "failed")
    assert first == f"mdc cat: {record['message']}" and second == f"hint: {record['hint']}"
    assert (record["status"], record["level"], record["stage"]) == (2, "error", "cat")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"type":"trade","symbol":5}', "symbol: a whole number, not a text"),
        ('{"type":"trade","ts_event":5}', "ts_event: a whole number, not a text; a time is"),
        ('{"type":"trade" "symbol":"A"}', "not JSON: a comma is missing at character 17"),
        ('{"type":"trade","symbol":"A', "not JSON: the line is truncated, after character 27"),
        ('{"type":"trade"', "not JSON: the line is truncated, after character 15"),
        ('{"type":"trade",', "not JSON: the line is truncated, after character 16"),
        ('{"type":"trade","price":', "not JSON: the line is truncated"),
        ('{"type":"trade","price":1', "not JSON: the line is truncated"),
        ('{"type":"trade","price":1.', "not JSON: the line is truncated"),
        ('{"type":"trade","price":-', "not JSON: the line is truncated"),
        ('{"type":"trade","extra":{"a":[1,', "not JSON: the line is truncated"),
        ('{"type":"trade","extra":{"a":tr', "not JSON: the line is truncated"),
        ('{"type":"trade","symbol":"\\u00', "not JSON: the line is truncated"),
        ('{"type":"trade","symbol":"A}', "not JSON: a string without its closing quote at"),
        ('{"type":"trade","price":1.}', "not JSON: a comma is missing at character 26"),
        ('{"type":"trade",symbol:"A"}', "not JSON: a name in double quotes is missing"),
        ("\\x00", "not JSON: it begins with"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_in_plain_words(
    line: str, said: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "x.jsonl").write_text(f"{TRADE}{line}\n{line}\n")
    done = shell("mdc cat x.jsonl")
    assert f"mdc cat: x.jsonl: line 2: {said}" in done.err
    assert "; and 1 more: rejected (--quarantine FILE keeps the text)\n" in done.err
    for word in ("Expect", "`", "char 0"):
        assert word not in done.err
    kept = shell("mdc cat x.jsonl --quarantine aside").err
    assert kept.endswith("; and 1 more: rejected into aside\n")
