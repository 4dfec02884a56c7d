"""Every hook is called where its thing happens: told to a plugin, through the command line."""

import json

import pytest

OBSERVER = '''\
"""Write down everything."""
import json, os
from mdc_core.plugin import hookimpl

def note(name, **values):
    with open(os.environ["TOLD"], "a") as file:
        file.write(json.dumps([name, values]) + "\\n")

@hookimpl
def run_started(run):
    note("run_started", stage=run.stage, run_id=run.run_id, request=dict(run.request))

@hookimpl
def run_ended(run, counts, status):
    note("run_ended", stage=run.stage, run_id=run.run_id, counts=counts, status=status)

@hookimpl
def measured(run, values):
    note("measured", stage=run.stage, values=values)

@hookimpl
def connection_changed(event):
    note("connection_changed", state=event.state)

@hookimpl
def gap(event):
    note("gap", reason=event.reason)

@hookimpl
def retried(cause, delay):
    note("retried", cause=cause, delay=delay)

@hookimpl
def set_aside(count, reason):
    note("set_aside", count=count, reason=reason)

@hookimpl
def findings(events):
    note("findings", checks=[event.check for event in events])

@hookimpl
def committed(path, rows):
    note("committed", path=path.name, rows=rows)
'''
SOURCE = '''\
"""A feed that breaks off once."""
from decimal import Decimal
from mdc_core.plugin import *

class Once(Source):
    tries = 0

    def events(self):
        Once.tries += 1
        yield [Trade(symbol="A", ts_event="2024-01-02T14:30:00.000000000Z", price=Decimal(1))]
        if Once.tries == 1:
            raise UnavailableError("the line is dead")
'''
TRADE = {"type": "trade", "symbol": "A", "ts_event": "2024-01-02T14:30:00.000000000Z", "price": 1}


@pytest.fixture
def told(tmp_path, install, mdc):
    """Run mdc beside an observer; what it was told by then."""
    folder, notes = tmp_path / "o", tmp_path / "told.jsonl"
    install(folder, "mdc-o", "[mdc.hooks]\nnotes = o_notes\n[mdc.stream]\nonce = o_once:Once\n")
    (folder / "o_notes.py").write_text(OBSERVER)
    (folder / "o_once.py").write_text(SOURCE)

    def run(*args, stdin="", status=0):
        notes.write_text("")
        done = mdc(*args, path=folder, stdin=stdin, TOLD=str(notes))
        assert done.returncode == status, done.stderr
        assert "an observer failed" not in done.stderr
        lines = [json.loads(line) for line in notes.read_text().splitlines()]
        return done, [(name, values) for name, values in lines]

    return run


def of(told, name):
    return [values for found, values in told if found == name]


def test_a_feed_that_breaks_off(told):
    done, said = told("stream", "once", "A")
    names = [name for name, _ in said if name not in ("retried", "measured")]
    assert names == ["run_started", *["connection_changed"] * 3, "gap", "run_ended"]
    states = [values["state"] for values in of(said, "connection_changed")]
    assert states == ["up", "down", "resubscribed"]
    assert of(said, "gap") == [{"reason": "disconnect"}]
    (retry,) = of(said, "retried")
    assert retry["cause"] == "the line is dead" and 0 <= retry["delay"] <= 1
    (start,), (end,) = of(said, "run_started"), of(said, "run_ended")
    assert (start["stage"], start["request"]["symbols"]) == ("stream", ["A"])
    begin = json.loads(done.stdout.splitlines()[0])
    assert end == {
        "stage": "stream",
        "run_id": begin["run_id"],
        "counts": {"trade": 2, "connection": 3, "gap": 1},
        "status": 0,
    }


def test_each_stage_of_a_chain_and_what_it_finds(told):
    bad = [{**TRADE, "price": -1}, "nonsense", "more", TRADE]
    lines = "".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in bad)
    args = ("validate", "--check", "price", "--partial", "then", "store", "--root", "d")
    _, said = told(*args, stdin=lines)
    assert [values["stage"] for values in of(said, "run_started")] == ["store", "validate"]
    ended = {values["stage"]: values for values in of(said, "run_ended")}
    assert ended["validate"]["counts"] == {"trade": 2, "integrity": 1}
    assert ended["store"]["counts"] == {"trade": 2, "integrity": 1}
    assert ended["store"]["run_id"] == ended["validate"]["run_id"] is not None
    assert sum(values["count"] for values in of(said, "set_aside")) == 2
    assert "JSON" in of(said, "set_aside")[-1]["reason"]
    assert of(said, "findings") == [{"checks": ["price"]}]
    assert sorted(values["rows"] for values in of(said, "committed")) == [1, 2]


def test_an_input_that_is_cut_off_is_a_gap_and_the_status_is_told(told):
    begin = '{"type":"begin","run_id":"0123456789ab","stage":"stream"}\n'
    _, said = told("count", stdin=begin + json.dumps(TRADE) + "\n", status=65)
    assert of(said, "gap") == [{"reason": "truncated"}]
    assert of(said, "run_ended") == [
        {"stage": "count", "run_id": "0123456789ab", "counts": {"trade": 1}, "status": 65}
    ]


def test_what_rewrites_an_archive_tells_what_it_commits(told):
    for price in (1, 2):
        told("store", "--root", "d", stdin=json.dumps({**TRADE, "price": price}) + "\n")
    _, said = told("compact", "--root", "d")
    assert [values["rows"] for values in of(said, "committed")] == [2]
    _, said = told("pack", "create", "p.zip", "--root", "d")
    assert of(said, "committed") == [{"path": "p.zip", "rows": 2}]
    _, said = told("pack", "import", "p.zip", "--root", "e")
    assert of(said, "committed") == [{"path": "2024-01-02.parquet", "rows": 2}]


def test_the_counters_of_every_stage(told):
    bad = [{**TRADE, "price": -1}, "nonsense", "more", TRADE, {**TRADE, "type": "nosuch"}]
    lines = "".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in bad)
    args = ("validate", "--check", "price", "--partial", "then", "store", "--root", "d")
    _, said = told(*args, stdin=lines)
    values = {one["stage"]: one["values"] for one in of(said, "measured")}
    assert values["validate"] == {
        "mdc_events_read_total": 2,
        "mdc_events_rejected_total": 3,
        "mdc_events_published_total": 3,
        "mdc_trade_events_total": 2,
        "mdc_integrity_events_total": 1,
    }
    assert values["store"] == {
        "mdc_events_read_total": 3,
        "mdc_events_rejected_total": 0,
        "mdc_events_acknowledged_total": 3,
    }
    ends = [name for name, _ in said if name in ("measured", "run_ended")]
    assert ends == ["measured", "run_ended"] * 2


def test_the_counters_of_a_feed_that_breaks_off(told):
    _, said = told("stream", "once", "A")
    assert of(said, "measured")[-1]["values"] == {
        "mdc_events_read_total": 0,
        "mdc_events_rejected_total": 0,
        "mdc_events_published_total": 6,
        "mdc_trade_events_total": 2,
        "mdc_connection_events_total": 3,
        "mdc_gap_events_total": 1,
        "mdc_events_dropped_total": 0,
        "mdc_events_buffered": 0,
        "mdc_reconnection_attempts_total": 1,
    }


PRINTING = "Say everything on standard output."
PRINTING_CODE = f'"""{PRINTING}"""\n' + (
    "import os\nfrom mdc_core.plugin import hookimpl\n"
    "def say(text):\n    print(text)\n    os.write(1, b'raw ' + text.encode())\n"
    "@hookimpl\ndef committed(path, rows):\n    say(f'committed {rows}')\n"
    "@hookimpl\ndef secret(name):\n    say(f'secret {name}')\n"
)


def test_what_an_observer_prints_is_in_no_answer(tmp_path, install, mdc):
    folder = tmp_path / "o"
    install(folder, "mdc-o", "[mdc.hooks]\nprinting = o_printing\n")
    (folder / "o_printing.py").write_text(PRINTING_CODE)
    lines = "".join(json.dumps(TRADE | {"seq": n}) + "\n" for n in range(2))
    for _ in range(2):
        assert mdc("store", "--again", "--root", "d", path=folder, stdin=lines).stdout == ""
    done = mdc("compact", "--root", "d", "--json", path=folder)
    assert json.loads(done.stdout) and "committed 4" in done.stderr
    done = mdc("providers", "list", "--json", path=folder)
    assert json.loads(done.stdout) and "raw secret ALPACA_KEY_ID" in done.stderr
    assert mdc("pack", "create", "p.zip", "--root", "d", path=folder).stdout == ""


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("def comitted(path, rows)", "no such hook: 'comitted'; did you mean committed? (known: "),
        ("def committed(path, lines)", "the hook committed has no 'lines': (path, rows)"),
    ],
)
def test_a_hook_that_there_is_not_is_told(tmp_path, install, mdc, hook, said):
    folder = tmp_path / "o"
    install(folder, "mdc-o", "[mdc.hooks]\nwrong = o_wrong\n")
    code = f"from mdc_core.plugin import hookimpl\n@hookimpl\n{hook}:\n    print('called')\n"
    (folder / "o_wrong.py").write_text(code)
    done = mdc("store", "--again", "--root", "d", path=folder, stdin=json.dumps(TRADE) + "\n")
    assert done.returncode == 0
    assert f"plugin hooks:wrong (mdc-o 1.2): {said}" in done.stderr
    assert "going on without it" in done.stderr and "called" not in done.stderr
    checked = mdc("plugins", "--load", path=folder)
    assert checked.returncode == 78
    assert f"plugin hooks:wrong (mdc-o 1.2): {said}" in checked.stderr
    some = code.replace(hook, "def committed(rows, more=1, **other)")
    (folder / "o_wrong.py").write_text(some)
    done = mdc("store", "--again", "--root", "d", path=folder, stdin=json.dumps(TRADE) + "\n")
    assert "called" in done.stderr and "o_wrong" not in done.stderr
