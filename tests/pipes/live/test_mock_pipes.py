"""A vendor's server on this host, and the real client against it: what breaks is told."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mdc_core.times import SECOND, to_ns
from tests.conftest import Shell

# Only what has another meaning to the vendor is left out of the comparison.
DRIVER = ("ts_recv", "provider", "channel", "seq", "trade_id", "aggressor_side", "v")
CLIENT = "timeout $DEADLINE mdc stream alpaca SPY AAPL --mock --url $url"
KEYS = {"ALPACA_KEY_ID": "sandbox-key", "ALPACA_SECRET_KEY": "sandbox-secret"}

Event = dict[str, Any]


def market(events: list[Event]) -> list[Event]:
    """The trades and quotes of a stream, without what the driver says of them."""
    return [
        {name: value for name, value in event.items() if name not in DRIVER}
        for event in events
        if event["type"] in ("trade", "quote")
    ]


def of_type(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["type"] in names]


@pytest.fixture
def played(shell: Shell) -> list[Event]:
    """The events of events.jsonl, canonical."""
    done = shell("mdc stream sim SPY AAPL --seed 4 --limit 1000 | mdc convert -o events.jsonl")
    assert done.status == 0, done.err
    events = market(shell("cat events.jsonl").events)
    assert len(events) == 1000
    return events


@pytest.mark.parametrize(
    "serve",
    [
        "mdc mock alpaca --once events.jsonl",
        "mdc convert events.jsonl -o e.parquet && mdc mock alpaca --once e.parquet",
        "mdc convert events.jsonl -o e.arrows && mdc mock alpaca --once e.arrows",
        "mdc store --root data < events.jsonl && mdc mock alpaca --once --root data",
        "mdc convert events.jsonl | mdc mock alpaca --once -",
        "gzip -c events.jsonl | mdc mock alpaca --once -",
    ],
)
def test_any_data_are_played(serve: str, played: list[Event], shell: Shell) -> None:
    done = shell(f"({serve}) | {{ read url; {CLIENT}; }}")
    assert done.status == 0, done.err
    got = market(done.events)
    if "--root data" in serve:  # an archive is read in order of time, symbol by symbol
        got, played = (sorted(rows, key=json.dumps) for rows in (got, played))
    assert got == played
    assert done.all_events[-1]["reason"] == "eof"
    assert [e["state"] for e in of_type(done.events, "connection")] == ["up"]
    assert of_type(done.events, "gap") == []


def test_only_what_was_asked_for_is_sent(played: list[Event], shell: Shell) -> None:
    client = "mdc stream alpaca AAPL --type trade --mock --url $url"
    done = shell(f"mdc mock alpaca --once events.jsonl | {{ read url; {client}; }}")
    assert market(done.events) == [
        e for e in played if (e["type"], e["symbol"]) == ("trade", "AAPL")
    ]


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        ("disconnect-after=400", 0),
        ("disconnect-after=400,skip=7", 7),
        ("disconnect-after=300,times=2,skip=5", 10),
    ],
)
def test_a_cut_cable_is_a_gap(fault: str, lost: int, played: list[Event], shell: Shell) -> None:
    """The events between are exactly those that the server left out, and the gap is told."""
    first, times = (
        int(re.findall(rf"{n}=(\d+)", f"{fault},times=1")[0]) for n in ("after", "times")
    )
    done = shell(
        f"mdc mock alpaca --once events.jsonl --fault {fault}"
        f" | {{ read url; {CLIENT}; }}"
        " | mdc validate | tee stream.jsonl | mdc store --root data"
    )
    assert done.status == 0, done.err
    assert "connection lost; trying again in" in done.err
    skip = lost // times
    left_out = {n * (first + skip) - k for n in range(1, times + 1) for k in range(1, skip + 1)}
    stay = [event for place, event in enumerate(played) if place not in left_out]
    events = shell("cat stream.jsonl").events
    assert len(stay) == 1000 - lost
    assert market(events) == stay
    told = of_type(events, "connection", "gap")
    assert [e.get("state", e["type"]) for e in told] == [
        "up",
        *["down", "resubscribed", "gap", "gap"] * times,
    ]
    gaps = of_type(told, "gap")
    assert gaps[1::2] == [{**gap, "symbol": "AAPL"} for gap in gaps[::2]]
    for number, gap in enumerate(gaps[::2], start=1):
        assert (gap["reason"], gap.get("count"), gap["provider"]) == (
            "disconnect",
            None,
            "alpaca",
        )
        assert gap["symbol"] == "SPY" and "extra" not in gap
        before, after = (
            [e for e in of_type(events, "trade", "quote") if e["channel"] == f"alpaca-{n}"]
            for n in (number, number + 1)
        )
        # Everything that was received lies outside of it.
        assert before[-1]["ts_recv"] <= gap["start"] < gap["end"] <= after[0]["ts_recv"]
        assert len(before) == first
    stored = shell("mdc cat --root data --type gap").events
    assert sorted(stored, key=str) == sorted(gaps, key=str)
    assert market(shell("mdc cat --root data --type trade --symbol SPY").events) == [
        e for e in stay if (e["type"], e["symbol"]) == ("trade", "SPY")
    ]


def test_a_pipe_goes_on_where_the_line_was_cut(played: list[Event], shell: Shell) -> None:
    done = shell(
        f"cat events.jsonl | mdc mock alpaca --once - --fault disconnect-after=400"
        f" | {{ read url; {CLIENT}; }}"
    )
    assert done.status == 0, done.err
    assert market(done.events) == played
    assert [gap["symbol"] for gap in of_type(done.events, "gap")] == ["SPY", "AAPL"]


def test_a_frame_that_is_no_message(played: list[Event], shell: Shell) -> None:
    done = shell(
        "mdc mock alpaca --once events.jsonl --fault malformed-after=500"
        f" | {{ read url; {CLIENT} --quarantine aside; }}"
    )
    assert done.status == 0, done.err
    assert market(done.events) == played
    (finding,) = of_type(done.events, "integrity")
    assert finding["severity"] == "error"
    place = [e["type"] for e in done.events].index("integrity")
    assert len(market(done.events[:place])) == 500
    aside = json.loads(shell("cat aside").out)
    assert aside["text"] == '[{"T":'
    assert "1001 in = 1000 out + 1 rejected + 0 dropped" in done.err


def test_a_line_that_falls_silent(played: list[Event], shell: Shell) -> None:
    done = shell(
        "mdc mock alpaca events.jsonl --fault stall-after=100 > url & server=$!\n"
        "until [ -s url ]; do sleep .02; done; read url < url\n"
        f"{CLIENT} --stale 3s --retries 0; status=$?\n"
        "kill -INT $server; wait $server; exit $status"
    )
    assert done.status == 69
    assert "nothing received for 3 s" in done.err
    assert market(done.events) == played[:100]
    told = of_type(done.events, "connection", "gap")
    assert sorted(e.get("state", e["type"]) for e in told) == ["down", "gap", "gap", "up"]
    gaps = of_type(told, "gap")
    assert [(gap["symbol"], "end" in gap) for gap in gaps] == [("SPY", False), ("AAPL", False)]


def test_the_pace_is_that_of_the_events(shell: Shell) -> None:
    """Ten times as fast as it happened: the last of 12 seconds cannot come before 1.2 s."""
    lines = "".join(
        f'{{"type":"trade","symbol":"SPY","ts_event":"2024-01-02T14:30:{s:02d}Z",'
        f'"price":{s + 1},"size":1}}\n'
        for s in (0, 4, 8, 12)
    )
    done = shell(
        "cat > slow.jsonl; mdc mock alpaca --once slow.jsonl --speed 10x"
        f" | {{ read url; {CLIENT}; }}",
        stdin=lines.encode(),
    )
    assert done.status == 0, done.err
    begin, *_ = done.all_events
    trades = of_type(done.events, "trade")
    assert [Decimal(e["price"]) for e in trades] == [1, 5, 9, 13]
    for trade, seconds in zip(trades, (0, 4, 8, 12), strict=True):
        assert to_ns(trade["ts_recv"]) - to_ns(begin["ts_recv"]) >= seconds * SECOND // 10


def test_other_clients_need_the_keys(played: list[Event], shell: Shell) -> None:
    script = (
        "rm -f url; mdc mock alpaca events.jsonl > url & server=$!\n"
        "until [ -s url ]; do sleep .02; done; read url < url\n"
        "timeout $DEADLINE mdc stream alpaca SPY AAPL --url $url --limit 1000 --retries 0\n"
        "status=$?; kill -INT $server; wait $server; echo $status $? >&2"
    )
    right = shell(script, **KEYS)
    assert right.err.endswith("0 0\n")
    assert market(right.events) == played
    wrong = shell(script, **KEYS | {"ALPACA_SECRET_KEY": "guess"})
    assert wrong.err.endswith("77 0\n")
    assert "auth failed (error 402)" in wrong.err and "check ALPACA_KEY_ID" in wrong.err
    assert "guess" not in wrong.err + wrong.out
    missing = shell(script)
    assert missing.err.endswith("78 0\n")
    assert "missing secret: ALPACA_KEY_ID, ALPACA_SECRET_KEY" in missing.err
    assert [event["type"] for event in wrong.events] == ["connection", "gap", "gap"]
    assert missing.events == []


def test_capture_and_replay(played: list[Event], shell: Shell) -> None:
    live = shell(
        f"mdc mock alpaca --once events.jsonl --fault disconnect-after=600"
        f" | {{ read url; {CLIENT} --capture raw; }} | tee live.jsonl"
    )
    assert live.status == 0, live.err
    assert "sandbox-secret" not in shell("cat raw").out
    replayed = shell("mdc stream alpaca SPY AAPL --replay raw")
    assert replayed.status == 0, replayed.err
    assert replayed.lines == live.lines
    assert len(market(replayed.events)) == 1000


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("alpaca missing.jsonl", 65, "no such file or directory: missing.jsonl"),
        ("alpaca --fault disconect-after=3", 2, "no such fault: 'disconect-after'"),
        ("alpaca --fault disconnect-after=0", 2, "whole number from 1"),
        ("alpaca --fault times=3", 2, "disconnect-after"),
        ("alpaca --speed fast", 2, "say 1x, 10x or max"),
        ("alpaca --speed 0x", 2, "is not a speed"),
        ("sim", 2, "sim has no mock server"),
        ("alpacca", 2, "did you mean alpaca?"),
    ],
)
def test_what_cannot_be_played(arguments: str, status: int, words: str, shell: Shell) -> None:
    done = shell(f"timeout $DEADLINE mdc mock {arguments}")
    assert (done.status, done.out) == (status, "")
    assert words in done.err


def test_data_that_break_off_are_not_played_as_whole(
    played: list[Event], shell: Shell, tmp_path: Path
) -> None:
    text = (tmp_path / "events.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(text[:300]))
    done = shell(
        f"mdc mock alpaca --once cut.jsonl | {{ read url; {CLIENT} > out.jsonl; }};"
        "echo ${PIPESTATUS[@]}"
    )
    assert done.out == "65 65\n"
    assert "cut.jsonl: no `end` event" in done.err
    assert "the mock server has failed: connection closed by the server: 1011" in done.err
    got = shell("cat out.jsonl")
    # What stands before the break arrives, and the stream does not end as a whole one.
    assert len([e for e in got.events if e["type"] != "connection"]) == 299
    assert got.all_events[-1]["reason"] == "error"


def test_once_ends_with_a_client_that_leaves_early(played: list[Event], shell: Shell) -> None:
    done = shell(
        f"timeout $DEADLINE mdc mock alpaca --once events.jsonl |"
        f" {{ read url; {CLIENT} --limit 5; }}; echo ${{PIPESTATUS[0]}}"
    )
    assert done.out.endswith("\n0\n")


@pytest.mark.parametrize(
    ("server", "client", "status"),
    [
        ("alpaca", "alpaca SPY", 77),  # the login
        ("finnhub", "finnhub AAPL", 77),  # at the door
        ("polygon", "polygon NOTINPLAN --mock", 77),  # all that is asked for
        ("alpaca", "alpaca --mock SPY --feed sip --retries 0", 0),
    ],
)
def test_once_ends_with_a_client_that_is_refused(
    server: str, client: str, status: int, shell: Shell
) -> None:
    wrong = dict.fromkeys(("ALPACA_KEY_ID", "ALPACA_SECRET_KEY", "FINNHUB_API_KEY"), "a-guess")
    done = shell(
        f"timeout $DEADLINE mdc mock {server} --once --limit 9 |"
        f" {{ read url; timeout $DEADLINE mdc stream {client} --url $url >&2; }};"
        " echo ${PIPESTATUS[@]}",
        **wrong,
    )
    assert done.out == f"{status} {status}\n", done.err
    said = "mdc mock: the client was refused, or asked for nothing, and has left"
    assert (said in done.err) == (status == 77)


def test_restatements_of_a_bar_are_numbered(shell: Shell) -> None:
    """Alpaca says of a bar only whether it is a correction: 0 or else.

    A bar whose first message was before the connection is a restatement all the same.
    """
    told = [("14:30", 0, 5), ("14:30", 0, 6), ("14:31", 0, 7), ("14:30", 1, 8), ("14:30", 1, 9)]
    bars = "".join(
        '{"type":"bar","symbol":"SPY","interval":"1m","open":1,"high":2,"low":1,"close":2,'
        f'"ts_event":"2024-01-02T{time}:00Z","volume":{volume},"revision":{revision}}}\n'
        for time, revision, volume in [*told, ("14:29", 1, 10)]
    )
    done = shell(
        "cat > bars.jsonl; mdc mock alpaca --once bars.jsonl |"
        f" {{ read url; {CLIENT} --type bar,updated_bar; }}",
        stdin=bars.encode(),
    )
    got = [
        (b["ts_event"][11:16], int(b["volume"]), int(b["revision"]))
        for b in of_type(done.events, "bar")
    ]
    assert got == [
        ("14:30", 5, 0),
        ("14:30", 6, 1),
        ("14:31", 7, 0),
        ("14:30", 8, 2),
        ("14:30", 9, 3),
        ("14:29", 10, 1),
    ]


def test_a_simulated_market_says_of_what_it_is(shell: Shell) -> None:
    client = "mdc -q stream alpaca QQQ --mock --limit 5 --url $url"
    done = shell(f"mdc mock alpaca --once --symbol QQQ,IBM | {{ read url; {client}; }}")
    assert {event["symbol"] for event in market(done.events)} == {"QQQ"}
    assert (
        "mock: a simulated market in QQQ, IBM: trade, quote; nothing of bar, updated_bar, "
        "daily_bar, status, luld, imbalance, book, funding, news, which --type adds\n" in done.err
    )
