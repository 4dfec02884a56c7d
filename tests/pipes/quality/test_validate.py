"""`mdc validate` on a market whose faults are known: all are found, and nothing else is."""

import hashlib
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Done, Shell, says_nothing

INJECTED = "gap=3,duplicate=2,crossed=5,late=4,bad=2"
MARKET = f"mdc stream sim SPY AAPL --seed 5 --limit 12000 --defects {INJECTED}"
CHECKS = ["book", "crossed", "duplicate", "future", "monotonic", "price", "schema", "sequence"]
INTEGRITY = '{"type":"integrity"'

Event = dict[str, Any]


class Expected(NamedTuple):
    """A finding: the number of its row, check, severity, message."""

    row: int
    check: str
    severity: str
    message: str


def expected_of(events: list[Event]) -> list[Expected]:
    """What is to be found in a market of the simulator, told by the events themselves."""
    found: list[Expected] = []
    seqs: dict[str, int] = {}
    times: dict[tuple[str, str], str] = {}
    prices: dict[str, Decimal] = {}
    for row, event in enumerate(events):
        if event["type"] not in ("trade", "quote"):
            continue
        symbol, seq = event["symbol"], int(event["seq"])
        before = seqs.setdefault(symbol, seq - 1)
        again = seq == before
        if event["type"] == "quote":
            bid, ask = event["bid_price"], event["ask_price"]
            if Decimal(bid) > Decimal(ask):
                found.append(
                    Expected(row, "crossed", "error", f"crossed: bid {bid} over ask {ask}")
                )
        elif again:
            message = f"duplicate: trade {event['trade_id']} again"
            found.append(Expected(row, "duplicate", "error", message))
        key = (symbol, event["type"])
        if event["ts_event"] < times.get(key, ""):
            message = "event time goes back by 2 s"
            found.append(Expected(row, "monotonic", "warning", message))
        times[key] = max(event["ts_event"], times.get(key, ""))
        if event["type"] == "trade" and Decimal(event["price"]) == 0:
            found.append(Expected(row, "price", "error", "price is zero"))
        elif event["type"] == "trade":
            price = Decimal(event["price"])
            last = prices.setdefault(symbol, price)
            if price > 500 * last:
                percent = (price - last) / last * 100
                far = f"{percent:.0f} % away from the last good {last}"
                message = f"price {price.normalize():f} is {far}"
                found.append(Expected(row, "price", "warning", message))
            else:
                prices[symbol] = price
        if again:
            found.append(Expected(row, "sequence", "warning", f"repeat: {seq} again"))
        elif seq != before + 1:
            message = f"gap: {seq - before - 1} missing between {before} and {seq}"
            found.append(Expected(row, "sequence", "warning", message))
        seqs[symbol] = seq
    return found


class Market(NamedTuple):
    """A stored market with faults, and what is to be found in it."""

    path: Path
    lines: list[str]
    events: list[Event]
    expected: list[Expected]

    def rows(self, *severities: str) -> list[int]:
        """The numbers of rows with a finding of one of these severities."""
        return sorted({found.row for found in self.expected if found.severity in severities})

    def without(self, rows: list[int]) -> list[str]:
        """The lines but for these rows."""
        return [line for row, line in enumerate(self.lines) if row not in set(rows)]


@pytest.fixture
def market(shell: Shell, tmp_path: Path) -> Market:
    done = shell(f"{MARKET} | tee market.jsonl")
    assert done.status == 0, done.err
    events = done.events
    return Market(tmp_path / "market.jsonl", done.lines, events, expected_of(events))


def findings(done: Done) -> list[Expected]:
    """The findings in an output, each with the number of the row before it."""
    found, row = [], -1
    last: Event = {}
    for event in done.events:
        if event["type"] != "integrity":
            row, last = row + 1, event
            continue
        found.append(Expected(row, event["check"], event["severity"], event["message"]))
        # Whose finding it is says the event itself, too.
        assert event["about"] == last["type"]
        for name in ("symbol", "ts_event", "ts_recv", "provider", "channel", "seq", "trade_id"):
            assert event.get(name) == last.get(name), name
    return found


def passed(done: Done) -> list[str]:
    return [line for line in done.lines if not line.startswith(INTEGRITY)]


def test_what_was_injected_is_found_and_nothing_else(market: Market, shell: Shell) -> None:
    done = shell("mdc validate < market.jsonl")
    assert done.status == 0
    assert findings(done) == market.expected
    kinds = Counter((found.check, found.message.split()[0]) for found in market.expected)
    assert kinds == {
        ("sequence", "gap:"): 3,
        ("sequence", "repeat:"): 2,
        ("duplicate", "duplicate:"): 2,
        ("crossed", "crossed:"): 5,
        ("monotonic", "event"): 4,
        ("price", "price"): 2,
    }
    count = len(market.lines)
    assert f"validate: {count} in = {count} out + 0 rejected + 0 dropped (+ 18 derived)" in done.err
    assert (
        "findings: crossed 5 error, duplicate 2 error, monotonic 4 warning, price 1 error,"
        " price 1 warning, sequence 5 warning"
    ) in done.err
    assert done.all_events[0]["request"]["checks"] == CHECKS


@pytest.mark.parametrize("on_fail", ["annotate", "quarantine"])
def test_text_that_passes_is_untouched(on_fail: str, shell: Shell) -> None:
    """Spaces, the order of fields, digits and escapes stay as they came."""
    lines = [
        '{"symbol" : "A",  "type":"trade", "ts_event":"2024-01-02T00:00:00Z",'
        '"price":"10.00","size":1.50}',
        '{"type":"trade","ts_event":"2024-01-02T00:00:01.5Z","size":2,"price":1e1,'
        '"symbol":"\\u0041"}',
        '{"type":"quote","symbol":"A","ts_event":"2024-01-02T00:00:02Z",'
        '"bid_price":2.0,"ask_price":1.0}',
        '{"type":"trade","symbol":"A","ts_event":"2024-01-02T01:00:03+01:00","price":10,"size":3 }',
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    done = shell(f"mdc validate --on-fail {on_fail} --quarantine aside", stdin=text)
    assert done.status == 0
    stay = lines if on_fail == "annotate" else [line for line in lines if '"quote"' not in line]
    assert passed(done) == stay
    assert [e["message"] for e in done.events if e["type"] == "integrity"] == [
        "crossed: bid 2 over ask 1"
    ]
    if on_fail == "quarantine":
        (aside,) = records(shell, "aside")
        assert aside["text"] == lines[2]


def records(shell: Shell, path: str) -> list[dict[str, Any]]:
    """The records of a quarantine file."""
    return [json.loads(line) for line in shell(f"cat {path}").out.splitlines()]


def test_a_whole_market_passes_byte_for_byte(market: Market, shell: Shell) -> None:
    done = shell(
        'grep -v \'"type":"\\(begin\\|end\\)"\' market.jsonl | md5sum;'
        "mdc validate market.jsonl |"
        ' grep -v \'"type":"\\(begin\\|end\\|integrity\\)"\' | md5sum'
    )
    before, after = done.out.splitlines()
    text = "".join(f"{line}\n" for line in market.lines).encode()
    assert before == after == f"{hashlib.md5(text).hexdigest()}  -"


@pytest.mark.parametrize(
    ("fail_on", "severities"),
    [("error", ["error"]), ("warning", ["error", "warning"]), ("info", ["error", "warning"])],
)
@pytest.mark.parametrize("on_fail", ["drop", "quarantine"])
@pytest.mark.some(2)
def test_bad_rows_are_left_out(
    on_fail: str, fail_on: str, severities: list[str], market: Market, shell: Shell
) -> None:
    done = shell(
        f"mdc validate --on-fail {on_fail} --fail-on {fail_on} --quarantine aside < market.jsonl"
    )
    assert done.status == 0
    bad = market.rows(*severities)
    assert bad
    assert passed(done) == market.without(bad)
    # What is said about them stays.
    said = [(e["check"], e["severity"], e["message"]) for e in done.events if "check" in e]
    assert said == [found[1:] for found in market.expected]
    count, out = len(market.lines), len(market.lines) - len(bad)
    assert f"{count} in = {out} out + {len(bad)} rejected + 0 dropped (+ 18 derived)" in done.err
    counts = {name: int(number) for name, number in done.all_events[-1]["counts"].items()}
    assert counts == Counter(event["type"] for event in done.events)
    if on_fail == "drop":
        assert shell("test -e aside").status == 1
        return
    aside = records(shell, "aside")
    assert [record["text"] for record in aside] == [market.lines[row] for row in bad]
    for row, record in zip(bad, aside, strict=True):
        about = [found for found in market.expected if found.row == row]
        assert record["checks"] == [found.check for found in about]
        assert all(found.message in record["reason"] for found in about)


def test_the_first_bad_row_stops_it(market: Market, shell: Shell) -> None:
    first = market.rows("error")[0]
    done = shell("mdc validate --on-fail stop < market.jsonl | tee out | mdc store --root data")
    assert done.status == 65
    assert "validate: " in done.err and " + 1 rejected + " in done.err
    done = shell("cat out")
    assert passed(done) == market.lines[:first]
    said = [(e["check"], e["severity"], e["message"]) for e in done.events if "check" in e]
    assert said == [found[1:] for found in market.expected if found.row <= first]
    assert done.events[-1]["seq"] == market.events[first]["seq"]
    end = done.all_events[-1]
    assert (end["type"], end["reason"]) == ("end", "error")
    assert sorted(passed(shell("mdc cat --root data"))) == sorted(market.lines[:first])
    assert shell("mdc validate --on-fail stop --check future < market.jsonl").status == 0


@pytest.mark.parametrize(
    ("options", "checks"),
    [
        ("--check crossed", ["crossed"]),
        ("--check sequence --check price", ["sequence", "price"]),
        ("--skip sequence", [name for name in CHECKS if name != "sequence"]),
        (
            "--skip sequence --skip crossed --skip price",
            ["book", "duplicate", "future", "monotonic", "schema"],
        ),
    ],
)
@pytest.mark.some(2)
def test_checks_that_are_named_or_skipped(
    options: str, checks: list[str], market: Market, shell: Shell
) -> None:
    done = shell(f"mdc validate {options} < market.jsonl")
    assert done.all_events[0]["request"]["checks"] == checks
    assert findings(done) == [found for found in market.expected if found.check in checks]
    assert passed(done) == market.lines


def test_check_names_are_checked(shell: Shell) -> None:
    for option in ("--check", "--skip"):
        done = shell(f"mdc validate {option} crossd < /dev/null")
        assert done.status == 2 and says_nothing(done.out)
        assert "'crossd'; did you mean crossed?" in done.err


def test_exit_statuses(market: Market, shell: Shell) -> None:
    for options, status in (
        ("", 0),
        ("--strict", 1),
        ("--strict --check future", 0),
        ("--strict --check monotonic", 1),
        ("--on-fail drop", 0),
        ("--on-fail drop --strict", 1),
        ("--on-fail stop", 65),
        ("--on-fail stop --strict", 65),
        ("--on-fail stop --check monotonic", 0),
        ("--on-fail stop --check monotonic --fail-on warning", 65),
        ("--on-fail halt", 2),
    ):
        done = shell(f"mdc validate {options} < market.jsonl > out")
        assert done.status == status, options


def test_findings_of_no_weight_are_no_failure(shell: Shell) -> None:
    locked = (
        b'{"type":"quote","symbol":"A","ts_event":"2024-01-02T00:00:02Z",'
        b'"bid_price":1,"ask_price":1}\n'
    )
    done = shell("mdc validate --strict", stdin=locked)
    assert done.status == 0
    assert [(e["severity"], e["message"]) for e in done.events[1:]] == [
        ("info", "locked: bid and ask 1")
    ]
    assert shell("mdc validate --on-fail drop --fail-on info", stdin=locked).events[1:] == []


SETTINGS = [
    pytest.param("--monotonic-tolerance 3s", {}, "", id="flag"),
    pytest.param("", {"MDC_VALIDATE_MONOTONIC_TOLERANCE": "3s"}, "", id="environment"),
    pytest.param("", {}, '[validate.monotonic]\ntolerance = "3s"\n', id="file"),
    pytest.param(
        "--monotonic-tolerance 2s",
        {"MDC_VALIDATE_MONOTONIC_TOLERANCE": "1s"},
        '[validate.monotonic]\ntolerance = "1ms"\n',
        id="flag first",
    ),
    pytest.param(
        "",
        {"MDC_VALIDATE_MONOTONIC_TOLERANCE": "2s"},
        '[validate.monotonic]\ntolerance = "1ms"\n',
        id="environment second",
    ),
]


@pytest.mark.parametrize(("flags", "env", "toml"), SETTINGS)
def test_options_of_a_check(
    flags: str, env: dict[str, str], toml: str, market: Market, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text(toml)
    done = shell(f"mdc validate {flags} < market.jsonl", **env)
    assert findings(done) == [f for f in market.expected if f.check != "monotonic"]
    assert len(findings(shell("mdc validate --monotonic-tolerance 1999ms < market.jsonl"))) == 18


def test_options_of_other_checks(market: Market, shell: Shell) -> None:
    for option, left_out in (
        ("--price-max-deviation 100000", ("price", "warning")),
        ("--skip price", ("price", "error")),
    ):
        done = shell(f"mdc validate {option} < market.jsonl")
        kinds = {(found.check, found.severity) for found in findings(done)}
        assert left_out not in kinds
        assert ("crossed", "error") in kinds
    done = shell("mdc validate --price-max-price 350 --check price < market.jsonl")
    absurd = [
        e["message"] for e in done.events if e.get("check") == "price" and "absurd" in e["message"]
    ]
    over = [
        e[name]
        for e in market.events
        for name in ("price", "bid_price", "ask_price")
        if name in e and Decimal(e[name]) > 350
    ]
    assert Counter(Decimal(text.split()[1]) for text in absurd) == Counter(map(Decimal, over))


@pytest.mark.parametrize("where", ["environment", "file"])
def test_settings_of_the_command(where: str, market: Market, shell: Shell, tmp_path: Path) -> None:
    env = {}
    if where == "environment":
        env = {"MDC_VALIDATE_ON_FAIL": "drop", "MDC_VALIDATE_FAIL_ON": "warning"}
    else:
        (tmp_path / "mdc.toml").write_text('[validate]\non-fail = "drop"\nfail-on = "warning"\n')
    done = shell("mdc validate < market.jsonl", **env)
    assert passed(done) == market.without(market.rows("error", "warning"))
    kept = shell("mdc validate --on-fail annotate < market.jsonl", **env)
    assert passed(kept) == market.lines


@pytest.mark.parametrize(
    ("flags", "env", "toml", "status", "words"),
    [
        ("--monotonic-tolerance soon", {}, "", 2, "soon"),
        ("", {"MDC_VALIDATE_ON_FAIL": "halt"}, "", 78, "MDC_VALIDATE_ON_FAIL (environment)"),
        ("", {}, '[validate]\non-fail = "halt"\n', 78, "mdc.toml: [validate] on_fail: 'halt'"),
        ("", {}, "[validate.monotonic]\ntolerance = true\n", 78, "tolerance"),
        ("", {}, '[validate.monotonic]\ntolerence = "1s"\n', 78, "did you mean"),
    ],
)
def test_settings_that_are_wrong(
    flags: str,
    env: dict[str, str],
    toml: str,
    status: int,
    words: str,
    shell: Shell,
    tmp_path: Path,
) -> None:
    (tmp_path / "mdc.toml").write_text(toml)
    done = shell(f"mdc validate {flags} < /dev/null", **env)
    assert done.status == status
    assert says_nothing(done.out)
    assert words in done.err


@pytest.mark.parametrize("wire", ["jsonl", "arrow"])
@pytest.mark.some(1)
def test_state_lasts_from_batch_to_batch(wire: str, market: Market, shell: Shell) -> None:
    """In one piece, in pieces, and by the other wire: the same events."""
    whole = shell("mdc validate market.jsonl")
    slow = 'while read -r a && read -r b; do printf \'%s\\n%s\\n\' "$a" "$b"; done'
    done = shell(
        f"{slow} < market.jsonl | mdc convert --format {wire} | mdc validate --format {wire}"
        " | mdc convert"
    )
    assert done.status == 0, done.err
    assert done.lines == shell("mdc validate market.jsonl | mdc convert").lines
    assert [e for e in done.events if "check" in e] == [e for e in whole.events if "check" in e]


def test_what_is_checked_twice_is_said_twice(market: Market, shell: Shell) -> None:
    """Findings pass like any other event and are not judged themselves."""
    done = shell("mdc validate --check crossed < market.jsonl | mdc validate --check crossed")
    rows = [found.row for found in market.expected if found.check == "crossed"]
    said = [e for e in done.events if e["type"] == "integrity"]
    assert len(said) == 2 * len(rows) == 10
    assert said[::2] == said[1::2]
    assert passed(done) == market.lines


def test_rows_that_are_not_what_they_say(shell: Shell) -> None:
    lines = (
        b'{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:00.000000000Z","size":1}\n'
        b'{"type":"trade","symbol":"A","ts_event":"2024-01-02T00:00:01.000000000Z",'
        b'"price":1,"size":-1}\n'
        b'{"type":"bar","symbol":"A","ts_event":"2024-01-02T00:00:00.000000000Z",'
        b'"interval":"1m","open":2,"high":1,'
        b'"low":1,"close":1,"volume":1}\n'
    )
    done = shell("mdc validate --check schema", stdin=lines)
    found = findings(done)
    assert [(f.row, f.severity, f.message) for f in found][:3] == [
        (0, "error", "trade without price"),
        (1, "error", "size -1 is negative"),
        (2, "error", "bar with open 2 above high 1"),
    ]
    dropped = shell("mdc validate --check schema --on-fail drop", stdin=lines)
    assert passed(dropped) == []
