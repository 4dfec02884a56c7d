"""`mdc providers check`: what an account may see, against each provider's mock server."""

import json
from importlib.metadata import entry_points
from typing import Any

import pytest

from tests.conftest import Done, Shell

OURS = sorted({one.name for one in entry_points(group="mdc.stream")} - {"sim"})
CHECK = "mdc providers check"
KEYS = {
    "alpaca": {"ALPACA_KEY_ID": "sandbox-key", "ALPACA_SECRET_KEY": "sandbox-secret"},
    "finnhub": {"FINNHUB_API_KEY": "sandbox-key"},
    "massive": {"MASSIVE_API_KEY": "sandbox-key"},
    "polygon": {"POLYGON_API_KEY": "sandbox-key"},
    "tiingo": {"TIINGO_API_TOKEN": "sandbox-token"},
}
WRONG = {name: dict.fromkeys(keys, "not-the-secret") for name, keys in KEYS.items()}


def against(shell: Shell, provider: str, server: str, asked: str = "", **env: str) -> Done:
    """Check a provider against its mock server, which has options of its own."""
    return shell(
        f"mkfifo u; mdc mock {provider} {server} --speed 1x > u 2> said & read url < u; "
        f"{CHECK} {provider} {asked} --json --url $url; s=$?; kill $!; exit $s",
        **env,
    )


def row_of(done: Done, status: int = 0) -> dict[str, Any]:
    assert done.status == status, done.err
    row: dict[str, Any] = json.loads(done.out)
    return row


def states(row: dict[str, Any]) -> dict[str, str]:
    return {channel["name"]: channel["state"] for channel in row["channels"]}


@pytest.mark.parametrize("name", OURS)
def test_every_provider_is_checked_against_its_mock_server(name: str, shell: Shell) -> None:
    row = row_of(shell(f"{CHECK} {name} --mock --json"))
    shown = json.loads(shell(f"mdc providers show {name} --json").out)
    assert row["name"] == name
    assert row["login"] == ("accepted" if name in KEYS else "not needed")
    assert row["up_seconds"] >= 0
    assert all("127.0.0.1" in server for server in row["servers"])
    assert row["servers"]
    assert [secret["name"] for secret in row["secrets"]] == [s["name"] for s in shown["secrets"]]
    assert {s["from"] for s in row["secrets"] if s["required"]} <= {"mock server"}
    assert [*states(row)] == shown["verbs"]["stream"]["channels"]
    granted = "sent" if name == "finnhub" else "granted"
    assert {*states(row).values()} <= {granted, "unavailable"}
    assert {states(row)[one] for one in shown["verbs"]["stream"]["default_channels"]} == {granted}
    assert row["limits"] == {key: shown[key] for key in row["limits"]}


def test_people_read_columns(shell: Shell) -> None:
    done = shell(f"{CHECK} alpaca --feed crypto --type trade,book,luld --mock")
    assert done.status == 0, done.err
    lines = [line for line in done.out.splitlines() if not line.startswith(("server", "up "))]
    assert lines == [
        "name         alpaca",
        "vendor       Alpaca Markets",
        "symbol       BTC/USD",
        "login        accepted",
        "connections  1",
        "secrets",
        "  ALPACA_KEY_ID      set (mock server)",
        "  ALPACA_SECRET_KEY  set (mock server)",
        "channels",
        "  trade  granted",
        "  book   granted",
        "  luld   unavailable  alpaca's feed crypto has no channel 'luld'",
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alpaca", "alpaca says: auth failed (error 402)"),
        ("finnhub", "answers the handshake with HTTP 401"),
        ("massive", "massive says: authentication failed"),
        ("polygon", "polygon says: authentication failed"),
        ("tiingo", "tiingo says: Invalid API token (error 401)"),
    ],
)
def test_wrong_credentials_are_77_with_the_vendors_words(
    name: str, words: str, shell: Shell
) -> None:
    done = against(shell, name, "", **WRONG[name])
    row = row_of(done, 77)
    assert row["login"] == "refused"
    assert words in row["message"]
    assert words in done.err
    assert {s["from"] for s in row["secrets"]} == {"environment"}
    assert "granted" not in states(row).values()
    assert "not-the-secret" not in done.out + done.err


STOCKS = ("trade", "quote", "bar", "updated_bar", "daily_bar", "status", "luld", "imbalance")
EXCHANGE = {"COINBASE_EXCHANGE_KEY": "k", "COINBASE_EXCHANGE_PASSPHRASE": "p"}
# Provider, options of its mock server, what is asked, the status, channels by state, words of one.
REFUSED = [
    (
        "alpaca",
        "--plan free --feed sip",
        "--feed sip",
        77,
        {"refused": STOCKS, "unavailable": ("book", "funding", "news")},
        ("trade", "alpaca says: insufficient subscription (error 409)"),
    ),
    (
        "alpaca",
        "--feed test",
        "SPY --feed test --type trade,quote,bar",
        77,
        {"refused": ("trade", "quote", "bar")},
        ("quote", "alpaca left out of the subscription: SPY"),
    ),
    (
        "polygon",
        "",
        "NOTINPLAN --type trade,book,fmv",
        77,
        {"refused": ("trade", "fmv"), "unavailable": ("book",)},
        ("fmv", "polygon refuses NOTINPLAN: not authorized"),
    ),
    (
        "tiingo",
        "--no-iex-agreement",
        "",
        0,
        {"refused": ("trade", "quote"), "granted": ("reference",)},
        ("quote", "tiingo says: Not authorized for service: iex (error 403)"),
    ),
    (
        "kraken",
        "",
        "XBT/USD",
        77,
        {"refused": ("trade", "quote", "book", "bar", "status")},
        ("book", "kraken refuses XBT/USD: Currency pair not supported XBT/USD"),
    ),
    (
        "kraken",
        "--ignore BTC/USD",
        "--type trade,status --timeout 500ms",
        69,
        {"unknown": ("trade", "status")},
        ("trade", "not answered in time"),
    ),
    (
        "kraken_futures",
        "",
        "PF_NOSUCHUSD --type trade,funding",
        77,
        {"refused": ("trade", "funding")},
        ("funding", "kraken_futures refuses PF_NOSUCHUSD: Invalid product id"),
    ),
    (
        "okx",
        "",
        "NOSUCH-USDT --type trade,quote",
        77,
        {"refused": ("trade", "quote")},
        (
            "quote",
            "okx refuses NOSUCH-USDT: Wrong URL or channel:tickers,instId:NOSUCH-USDT doesn't "
            "exist. Please use the correct URL (error 60018)",
        ),
    ),
    (
        "okx",
        "",
        "--type trade,bar",  # bars have a server of their own, and --url is one for all
        0,
        {"granted": ("trade",), "refused": ("bar",)},
        (
            "bar",
            "okx refuses BTC-USDT-SWAP: Wrong URL or channel:candle1m,instId:BTC-USDT-SWAP "
            "doesn't exist. Please use the correct URL (error 60018)",
        ),
    ),
    (
        "binance",
        "--market usdm",
        "NOSUCHUSDT --market usdm --type trade,mark_price",
        77,
        {"refused": ("trade", "mark_price")},
        ("trade", "binance has no NOSUCHUSDT in its market usdm"),
    ),
    (
        "coinbase",
        "",
        "NOSUCH-USD --type trade,book",
        77,
        {"refused": ("trade", "book")},
        ("book", "coinbase left out of the subscription: NOSUCH-USD"),
    ),
    (
        "coinbase",
        "",
        "NOSUCH-USD --feed exchange --type trade,bar",
        77,
        {"refused": ("trade",), "unavailable": ("bar",)},
        ("trade", "coinbase says: Failed to subscribe: NOSUCH-USD is not a valid product"),
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]} {case[2]}".strip())
def test_what_a_mock_server_refuses_is_told_by_channel(case: Any, shell: Shell) -> None:
    name, server, asked, status, found, (channel, words) = case
    done = against(shell, name, server, asked, **KEYS.get(name, {}))
    row = row_of(done, status)
    by_state: dict[str, list[str]] = {}
    for one, state in states(row).items():
        by_state.setdefault(state, []).append(one)
    assert {state: tuple(names) for state, names in by_state.items()} == found
    assert words in {one["name"]: one["message"] for one in row["channels"]}[channel]
    answered = "accepted" if name in KEYS else "not needed"
    assert row["login"] == ("unknown" if status == 69 else answered)
    assert row["message"] in done.err
    assert bool(row["message"]) == bool(status)


def test_keys_that_nobody_knows_are_a_login(shell: Shell) -> None:
    secret = {"COINBASE_EXCHANGE_SECRET": "bm90LXRoZS1zZWNyZXQ="}
    done = against(shell, "coinbase", "", "--feed exchange --type trade", **EXCHANGE, **secret)
    row = row_of(done, 77)
    assert row["login"] == "refused"
    assert row["message"] == "coinbase says: Failed to subscribe: authentication failure"
    found = {s["name"]: s["from"] for s in row["secrets"] if s["set"]}
    assert found == dict.fromkeys([*EXCHANGE, *secret], "environment")
    assert secret["COINBASE_EXCHANGE_SECRET"] not in done.out + done.err


def test_a_missing_secret_is_78_and_one_of_a_file_is_found(shell: Shell, tmp_path: Any) -> None:
    (tmp_path / "key").write_text("in-a-file\n")
    done = shell(f"{CHECK} alpaca --json", ALPACA_KEY_ID_FILE=str(tmp_path / "key"))
    row = row_of(done, 78)
    assert [(s["name"], s["set"], s["from"]) for s in row["secrets"]] == [
        ("ALPACA_KEY_ID", True, "file"),
        ("ALPACA_SECRET_KEY", False, None),
    ]
    assert (row["login"], row["message"]) == ("not tried", "missing secret: ALPACA_SECRET_KEY")
    assert {*states(row).values()} == {"unknown"}
    assert "in-a-file" not in done.out + done.err


def test_what_a_url_holds_that_may_be_secret_is_not_shown(shell: Shell) -> None:
    url = "ws://me:s3cret@127.0.0.1:9/v2?token=s3cret"
    for form in ("", " --json"):
        done = shell(f"{CHECK} kraken --type trade --url '{url}'{form}")
        assert done.status == 69 and "s3cret" not in done.out + done.err
        assert "ws://127.0.0.1:9/v2" in done.out


def test_a_server_that_is_not_there_is_69(shell: Shell) -> None:
    row = row_of(shell(f"{CHECK} kraken --type trade --url ws://127.0.0.1:9 --json"), 69)
    assert row["message"] == "ws://127.0.0.1:9/v2: Connection refused"
    assert (row["login"], row["up_seconds"], states(row)) == ("unknown", None, {"trade": "unknown"})


def test_one_connection_too_many_is_75(shell: Shell) -> None:
    """Another session of the account is open, and stays so."""
    done = shell(
        "mkfifo u; mdc mock alpaca --speed 1x > u 2> said & m=$!; read url < u; "
        "mdc stream alpaca SPY --mock --url $url > events & s=$!; "
        "until grep -q '\"up\"' events; do :; done; "
        f"{CHECK} alpaca --type trade --timeout 300ms --json --url $url; r=$?; "
        "kill $s $m; exit $r",
        **KEYS["alpaca"],
    )
    row = row_of(done, 75)
    assert row["message"] == "alpaca says: connection limit exceeded (error 406)"
    assert states(row) == {"trade": "unknown"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alpaca SPY AAPL --mock", "one symbol is enough"),
        ("alpaca --mock --type funding,dividend", "no such channel of alpaca: 'dividend'"),
        ("sim --mock", "sim has no socket"),
        ("nobody", "nobody"),
        ("alpaca --mock --feed moon", "moon"),
    ],
)
def test_what_cannot_be_asked_is_2(line: str, words: str, shell: Shell) -> None:
    done = shell(f"{CHECK} {line}")
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_a_simulator_needs_nothing(shell: Shell) -> None:
    row = row_of(shell(f"{CHECK} sim --json"))
    assert (row["login"], row["servers"], row["symbol"]) == ("not needed", [], "SPY")
    assert {*states(row).values()} == {"granted"}


def test_options_are_those_of_stream_in_mdc_toml(shell: Shell, tmp_path: Any) -> None:
    (tmp_path / "mdc.toml").write_text('[stream.tiingo]\nmarket = "crypto"\n')
    row = row_of(shell(f"{CHECK} tiingo --mock --json"))
    assert row["symbol"] == "btcusd"
    assert row["servers"][0].endswith("/crypto")
    assert states(row) == {"trade": "granted", "quote": "granted", "reference": "unavailable"}


SIP = (
    "mkfifo u; mdc mock alpaca --once --limit 2 > u 2>/dev/null & read url < u; host=${url%/v2/iex}"
)


def test_a_url_of_another_feed_is_told_and_one_without_a_path_gets_it(shell: Shell) -> None:
    told = against(shell, "alpaca", "", "--type trade --feed sip", **KEYS["alpaca"])
    assert row_of(told)["servers"][0].endswith("/v2/iex")
    says = "--url has the path /v2/iex, and what is asked for is at /v2/sip: say --feed iex"
    assert told.err.count(says) == 1
    same = against(shell, "alpaca", "", "--type trade", **KEYS["alpaca"])
    assert same.status == 0 and "--url has" not in same.err
    check = f"{SIP}; {CHECK} alpaca --type trade --feed sip --json --url $host"
    bare = row_of(shell(f"{check}; s=$?; kill $!; exit $s", **KEYS["alpaca"]))
    assert bare["servers"][0].endswith("/v2/sip")
    proxy = shell(f"rm u; {check}/proxy; kill $!", **KEYS["alpaca"])
    assert "--url has the path /proxy, and what is asked for is at /v2/sip\n" in proxy.err
    stream = f"rm u; {SIP}; mdc stream alpaca SPY --mock --feed sip --url"
    wrong = shell(f"{stream} $url")
    assert (wrong.status, wrong.err.count(says)) == (0, 1), wrong.err
    right = shell(f"{stream} $host")
    assert right.status == 0 and right.events, right.err
    assert "--url has" not in right.err
    other = shell(f"{stream} $host/proxy")
    assert other.status == 0 and "--url has" not in other.err, other.err
