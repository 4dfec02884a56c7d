"""`mdc stream tiingo` as it is run: against its mock server, in real pipes."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mdc_providers.tiingo import stream
from tests.conftest import Shell

Event = dict[str, Any]
CLIENT = "timeout $DEADLINE mdc stream tiingo --mock --url $url"
FLOW = {"type": "trade", "venue": "IEXG", "symbol": "SPY", "price": "472.165", "size": "17"}
IEX = [
    {
        "type": "quote",
        "symbol": "SPY",
        "ts_event": "2024-01-02T14:30:00.000279014Z",
        "venue": "IEXG",
        "bid_price": "472.16",
        "bid_size": "300",
        "ask_size": "0",
        "conditions": ["halted"],
    },
    FLOW | {"ts_event": "2024-07-02T13:30:00.000000001Z", "conditions": ["after_hours", "odd_lot"]},
    FLOW | {"type": "cancel", "ts_event": "2024-07-02T13:30:01.000000002Z", "reason": "break"},
]
CRYPTO = [
    {
        "type": "trade",
        "symbol": "BTCUSD",
        "ts_event": "2024-01-02T14:30:00.371785000Z",
        "venue": "kraken",
        "price": "45120.5076432528654",
        "size": "1.25",
    },
    {
        "type": "quote",
        "symbol": "BTCUSD",
        "ts_event": "2024-01-02T14:30:00.477686000Z",
        "venue": "gdax",
        "bid_price": "45117.44",
        "bid_size": "0.5",
        "ask_price": "45117.45",
        "ask_size": "2",
    },
]


def plain(events: list[Event]) -> list[Event]:
    left_out = ("v", "ts_recv", "provider", "channel")
    market = [e for e in events if e["type"] not in ("connection", "heartbeat")]
    return [{name: value for name, value in e.items() if name not in left_out} for e in market]


def served(shell: Shell, rows: list[Event], server: str, client: str, **env: str) -> Any:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return shell(f"cat > e.jsonl; mdc mock tiingo {server} --once e.jsonl | "
                 f"{{ read url; {CLIENT} {client}; }}", stdin=lines, **env)  # fmt: skip


def test_iex_comes_to_the_nanosecond_with_its_flags(shell: Shell) -> None:
    done = served(shell, IEX, "--market iex", "--market iex SPY")
    assert done.status == 0, done.err
    assert plain(done.events) == IEX


def test_crypto_comes_with_its_exchanges_as_the_symbols_were_asked_for(shell: Shell) -> None:
    done = served(shell, CRYPTO, "--market crypto", "--market crypto BTCUSD")
    assert done.status == 0, done.err
    assert plain(done.events) == CRYPTO
    done = served(shell, CRYPTO, "--market crypto", "--market crypto btcusd --type trade")
    assert plain(done.events) == [{**CRYPTO[0], "symbol": "btcusd"}]


def test_the_reference_price_is_a_status(shell: Shell) -> None:
    done = served(shell, IEX, "--market iex", "--market iex SPY --type reference")
    (event,) = plain(done.events)
    assert (event["status"], event["message"]) == ("other", "reference price")
    assert event["extra"] == {"price": "472.165"}


def refused(shell: Shell, server: str, client: str, **env: str) -> Any:
    """What a client says that a mock server refuses; the server is ended."""
    return shell(
        f"mkfifo u; mdc mock tiingo {server} --limit 5 > u & read url < u; "
        f"timeout $DEADLINE mdc stream tiingo --url $url {client}; code=$?; kill $!; exit $code",
        **env,
    )


def test_what_the_account_may_not_see_is_told_with_what_it_may(shell: Shell) -> None:
    server = "--market iex --no-iex-agreement --symbol SPY"
    done = refused(shell, server, "--market iex SPY --mock")
    assert done.status == 77
    assert "tiingo says: Not authorized for service: iex (error 403)" in done.err
    assert "--type reference" in done.err


def test_a_wrong_token_is_refused_and_not_told(shell: Shell) -> None:
    client = "--market crypto btcusd --capture c.jsonl"
    server = "--market crypto --symbol btcusd"
    done = refused(shell, server, client, TIINGO_API_TOKEN="a-wrong-token")
    assert done.status == 77
    assert "tiingo says: Invalid API token (error 401)" in done.err
    captured = shell("cat c.jsonl").out
    assert '"eventName":"subscribe"' in captured
    assert "a-wrong-token" not in done.err + captured


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--market fx --type trade eurusd", "tiingo's market fx has no channel 'trade'"),
        ("--type trade,reference SPY", "has no subscription with trade and reference"),
        ("--market options SPY", "--market"),
        (
            "--market crypto --threshold-level 9 btcusd --mock",
            "thresholdLevel not valid (error 400)",
        ),
    ],
)
def test_what_cannot_be_asked_for(words: str, said: str, shell: Shell) -> None:
    done = shell(f"timeout $DEADLINE mdc stream tiingo {words}", TIINGO_API_TOKEN="x")
    assert done.status in (2, 77)
    assert said in done.err


@pytest.mark.parametrize("market", ["--market iex SPY IBM", "--market crypto btcusd",
                                    "--market fx eurusd --type quote"])  # fmt: skip
def test_the_mock_in_a_pipe(market: str, shell: Shell) -> None:
    feed = f"mdc stream tiingo {market} --mock --limit 300"
    done = shell(f"{feed} | mdc validate --strict | mdc store --root d && mdc cat --root d")
    assert done.status == 0, done.err
    assert sum(e["type"] in ("trade", "quote") for e in done.events) == 300


def test_a_disconnect_is_a_gap_and_the_rest_comes(shell: Shell) -> None:
    done = shell(
        "mdc stream sim btcusd --limit 500 | mdc convert -o e.jsonl && "
        "mdc mock tiingo --market crypto --once --fault disconnect-after=200,skip=3 e.jsonl | "
        f"{{ read url; {CLIENT} --market crypto btcusd; }}"
    )
    assert done.status == 0, done.err
    kinds = [e["type"] for e in done.events]
    assert [e["state"] for e in done.events if e["type"] == "connection"] == [
        "up", "down", "resubscribed"]  # fmt: skip
    assert kinds.count("gap") == 1
    assert kinds.count("trade") + kinds.count("quote") == 497


def test_frames_that_cannot_be_read_are_counted_and_the_feed_goes_on(shell: Shell) -> None:
    def trade(price: str) -> str:
        row = f'["T","btcusd","2024-01-02T14:30:00+00:00","x",1,{price}]'
        return f'{{"service":"crypto_data","messageType":"A","data":{row}}}'

    frames = [
        '{"messageType":"I","data":{"subscriptionId":1},"response":{"code":200,"message":""}}',
        trade("5E-7"),
        trade("123456789012345678901234567890.5"),
        trade("NaN"),
        trade('"text"'),
        '{"service":"crypto_data","messageType":"A","data":["T","btcusd"]}',
        '{"service":"crypto_data","messageType":"A","data":[]}',
        '{"service":"crypto_data","messageType":"A"}',
        '{"messageType":"D","response":{"code":200,"message":""}}',
        "[]",
        trade("2.50"),
    ]
    head = '"recv_ns":1704205800000000000,"dir":"in"'
    lines = [f'{{{head},"frame":{json.dumps(text)},"encoding":"text"}}' for text in frames]
    lines.append('{"recv_ns":1704205801000000000,"dir":"in","frame":"//79","encoding":"base64"}')
    done = shell("cat > c.jsonl; mdc stream tiingo --market crypto btcusd --replay c.jsonl "
                 "--quarantine q.jsonl; wc -l < q.jsonl >&2",
                 stdin="\n".join(lines).encode())  # fmt: skip
    trades = [Decimal(str(e["price"])) for e in done.events if e["type"] == "trade"]
    assert trades == [Decimal("5E-7"), Decimal("2.5")]
    assert done.err.split()[-1] == "9"
    findings = [e["message"] for e in done.events if e["type"] == "integrity"]
    assert len(findings) == 9
    assert any("type D" in text for text in findings)


@pytest.mark.parametrize("example", stream.EXAMPLES)
def test_examples(example: str, shell: Shell) -> None:
    line = example.replace(" | mdc store", " --mock --limit 20 | mdc store")
    line = line if "--mock" in line else f"{line} --mock --limit 20"
    done = shell(f"timeout $DEADLINE {line}")
    assert done.status == 0, done.err
