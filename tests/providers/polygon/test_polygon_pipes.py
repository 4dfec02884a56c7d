"""Polygon as it is run: its mock server and the real client, in real processes and pipes."""

import json
from itertools import pairwise
from typing import Any

import pytest

from mdc_providers.polygon import massive, stream
from tests.conftest import Shell

CLIENT = "timeout $DEADLINE mdc stream polygon SPY AAPL --mock --url $url"
DRIVER = ("ts_recv", "provider", "channel", "v")
MILLISECOND = len("2024-01-02T14:30:00.000")

Event = dict[str, Any]


def served(client: str, server: str = "") -> str:
    """A client of a mock server that goes on when it has left; its status is that of the line."""
    return (
        f"mdc mock polygon events.jsonl {server} > url & server=$!\n"
        "until [ -s url ]; do sleep .02; done; read url < url\n"
        f"{client}; status=$?; kill -INT $server; wait $server; exit $status"
    )


def of_type(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["type"] in names]


def sent(events: list[Event]) -> list[Event]:
    """What a vendor whose clock has milliseconds says of these trades and quotes."""
    lacking = (*DRIVER, "aggressor_side")
    return [
        {k: v for k, v in event.items() if k not in lacking}
        | {"ts_event": event["ts_event"][:MILLISECOND] + "000000Z"}
        for event in of_type(events, "trade", "quote")
    ]


@pytest.fixture
def played(shell: Shell) -> list[Event]:
    """The events of events.jsonl, as the vendor sends them."""
    done = shell("mdc stream sim SPY AAPL --seed 4 --limit 1000 | mdc convert -o events.jsonl")
    assert done.status == 0, done.err
    return sent(shell("cat events.jsonl").events)


def test_what_the_mock_server_plays_is_validated_and_stored(
    played: list[Event], shell: Shell
) -> None:
    done = shell(
        f"mdc mock polygon --once events.jsonl | {{ read url; {CLIENT}; }}"
        " | mdc validate --strict | mdc store --root data"
        " && mdc cat --root data --plain"
    )
    assert done.status == 0, done.err
    got = sent(done.events)
    assert sorted(got, key=json.dumps) == sorted(played, key=json.dumps)
    channels = {e["channel"] for e in of_type(done.events, "trade", "quote")}
    assert channels == {"polygon-1~trade", "polygon-1~quote"}
    assert {e["provider"] for e in done.events} == {"polygon"}


def test_numbers_that_the_vendor_skips_are_no_gaps(shell: Shell) -> None:
    """The mock server numbers as the vendor: upwards, and not by one."""
    made = "mdc stream sim SPY --limit 500 --seed 4 | sed 's/\"seq\":[0-9]*,//' > events.jsonl"
    done = shell(
        f"{made}; mdc mock polygon --once events.jsonl | {{ read url; {CLIENT}; }}"
        " | mdc validate --check sequence --strict"
    )
    assert done.status == 0, done.err
    numbers = [int(event["seq"]) for event in of_type(done.events, "trade")]
    assert len(numbers) > 100
    assert {later - earlier for earlier, later in pairwise(numbers)} == {3}
    assert of_type(done.events, "integrity", "gap") == []


@pytest.mark.parametrize("lost", [0, 7])
def test_a_cut_cable_is_a_gap(lost: int, played: list[Event], shell: Shell) -> None:
    done = shell(
        f"mdc mock polygon --once events.jsonl --fault disconnect-after=400,skip={lost}"
        f" | {{ read url; {CLIENT}; }}"
    )
    assert done.status == 0, done.err
    assert sent(done.events) == played[:400] + played[400 + lost :]
    told = of_type(done.events, "connection", "gap")
    states = [e.get("state", e.get("symbol")) for e in told]
    assert states == ["up", "down", "resubscribed", "SPY", "AAPL"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("SPY", 77, "authentication failed"),
        ("SPY --market forex --type trade", 2, "market forex has no channel 'trade'"),
        ("SPY --market bonds", 2, "'bonds' is not one of"),
    ],
)
def test_what_cannot_be_had_is_told_in_a_line(
    words: str, status: int, said: str, played: list[Event], shell: Shell
) -> None:
    client = f"timeout $DEADLINE mdc stream polygon {words} --url $url"
    done = shell(served(client), POLYGON_API_KEY="wrong")
    assert done.status == status
    assert said in done.err
    assert "Traceback" not in done.err and sent(done.events) == []


def test_a_symbol_that_is_refused_is_told_by_name_and_the_others_come(
    played: list[Event], shell: Shell
) -> None:
    done = shell(
        "mdc mock polygon --once events.jsonl"
        f" | {{ read url; {CLIENT.replace('AAPL', 'NOTINPLAN')}; }}"
    )
    assert done.status == 0, done.err
    text = "polygon refuses NOTINPLAN: not authorized"
    assert text in done.err
    (finding,) = of_type(done.events, "integrity")
    assert (finding["check"], finding["message"]) == ("subscription", text)
    assert finding["extra"] == {"symbols": ["NOTINPLAN"]}
    assert sent(done.events) == [event for event in played if event["symbol"] == "SPY"]


def test_all_refused_is_77(played: list[Event], shell: Shell) -> None:
    client = "timeout $DEADLINE mdc stream polygon NOTINPLAN --mock --url $url"
    done = shell(served(client))
    assert done.status == 77
    assert "polygon refuses NOTINPLAN: not authorized" in done.err


def test_one_connection_too_many_is_told_behind_the_login(
    played: list[Event], shell: Shell
) -> None:
    """The vendor agrees to login and subscription, and only then says that it is one too many."""
    done = shell(served(f"{CLIENT} --retries 0", "--trouble max-connections"))
    assert done.status == 75, done.err
    assert "Maximum number of websocket connections exceeded" in done.err
    assert sent(done.events) == []


def test_a_reader_that_is_too_slow_is_cut_off_and_says_so(
    played: list[Event], shell: Shell
) -> None:
    done = shell(served(f"{CLIENT} --retries 0", "--trouble slow-consumer"))
    assert done.status == 69, done.err
    assert "slow_consumer" in done.err
    assert sent(done.events) == played[:100]
    down = of_type(done.events, "connection")[-1]
    assert down["state"] == "down" and "slow_consumer" in down["reason"]


def test_a_message_that_cannot_be_read_is_counted_and_the_others_come(
    played: list[Event], shell: Shell
) -> None:
    done = shell(
        "mdc mock polygon --once events.jsonl --fault malformed-after=500"
        f" | {{ read url; {CLIENT} --quarantine aside.jsonl; }}"
    )
    assert done.status == 0, done.err
    assert "cannot read a frame" in done.err
    assert sent(done.events) == played
    (finding,) = of_type(done.events, "integrity")
    assert "no list of messages" in finding["message"]
    assert json.loads(shell("cat aside.jsonl").out)["text"] == '[{"T":'


@pytest.mark.parametrize("line", [*stream.EXAMPLES, *massive.EXAMPLES])
def test_the_examples_of_the_help_can_be_typed(line: str, shell: Shell) -> None:
    done = shell(line)
    assert done.status == 0, done.err
    assert of_type(done.events, "trade")


def test_a_book_of_crypto_is_a_snapshot_after_each_change(shell: Shell) -> None:
    done = shell(
        "timeout $DEADLINE mdc stream polygon BTC-USD --market crypto --type book --mock"
        " --limit 300"
    )
    assert done.status == 0, done.err
    books = of_type(done.events, "book")
    assert len(books) == 300
    deep = [book for book in books if len(book["bids"]) > 3 and len(book["asks"]) > 3]
    assert len(deep) > 200
    for book in deep:
        bids, asks = ([float(x["price"]) for x in book[side]] for side in ("bids", "asks"))
        assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]
