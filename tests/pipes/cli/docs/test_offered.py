"""What cannot be of use is offered nowhere, and refused with the reason where it is given."""

import re
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing
from tests.kit.tab import tab

RETRYING = ("--retries", "--backoff", "--breaker", "--on-integrity", "--heartbeat")
SOCKET = ("--mock", "--url", "--capture", "--replay", *RETRYING, "--stale")
WAITING = ("--buffer", "--overflow")
LONE = '''"""A feed whose vendor has a library."""
from mdc_core.plugin import Source, Stream, Trade

class Mine(Source):
    channels = ("trade",)
    def events(self):
        yield [Trade(symbol="A", ts_event="2024-01-02T14:30:00Z", price=1, size=1)]
'''
BARE = '''"""A feed with a socket, and without a mock server."""
from mdc_core.plugin import Endpoint, Stream

class Mine(Stream):
    channels = ("trade",)
    def endpoints(self):
        return [Endpoint("wss://mine.example")]
    def receive(self, frame, now):
        return ()
'''


def test_a_simulator_has_no_options_of_a_socket(shell: Shell) -> None:
    told, other = shell("mdc stream sim --help").out, shell("mdc stream alpaca --help").out
    offered, others = tab("mdc stream sim --", shell), tab("mdc stream alpaca --", shell)
    for flag in (*SOCKET, *WAITING):
        assert f"  {flag}" not in told and f"  {flag}" in other
        assert flag not in offered and flag in others
    assert "--limit" in told and "--limit" in offered


@pytest.mark.parametrize("flag", [*SOCKET, *WAITING])
def test_given_anyway_it_is_refused_with_the_reason(
    flag: str, shell: Shell, tmp_path: Path
) -> None:
    value = {"--mock": "", "--overflow": "block", "--stale": "5s", "--url": "ws://x"}
    value |= {"--backoff": "1s..2s", "--breaker": "off"}
    value |= {"--heartbeat": "1s", "--on-integrity": "report"}
    done = shell(f"mdc stream sim SPY -n 1 {flag} {value.get(flag, '7')}")
    assert done.status == 2 and says_nothing(done.out)
    why = "waits for its reader" if flag in WAITING else "has no socket"
    assert done.err == f"mdc stream: sim {why}, so there is no {flag} for it\n"
    assert list(tmp_path.iterdir()) == []


def test_what_is_set_for_all_feeds_is_not_for_one_that_has_no_use_for_it(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text("[stream]\nretries = 3\nlimit = 2\n")
    done = shell("mdc stream sim SPY", MDC_STREAM_STALE="5s")
    assert (done.status, len(done.events)) == (0, 2), done.err
    done = shell("mdc stream sim SPY", MDC_STREAM_SIM_STALE="5s")
    assert done.status == 78
    assert "MDC_STREAM_SIM_STALE (environment): sim has no socket, so there is no" in done.err
    (tmp_path / "mdc.toml").write_text("[stream.sim]\nretries = 3\n")
    done = shell("mdc stream sim SPY")
    assert done.status == 78 and "sim has no socket, so there is no --retries" in done.err


def test_only_providers_with_a_mock_server_are_offered_one(shell: Shell) -> None:
    told = shell("mdc mock --help").out
    assert "Usage: mdc mock [OPTIONS] PROVIDER [ARGS]..." in told
    assert re.search(r"\nProviders:\n  alpaca +Stocks, crypto, perpetual", told)
    assert "Destinations:\n  http" in shell("mdc publish --help").out
    assert "\n  sim " not in told
    offered = tab("mdc mock ", shell)
    assert {"alpaca", "tiingo"} <= {*offered} and "sim" not in offered
    for line, said in (
        ("mdc mock sim", "sim has no mock server"),
        ("mdc mock alpca", "no such provider with a mock server: 'alpca'; did you mean alpaca?"),
        ("mdc mock sim --help", "sim has no mock server"),
        ("mdc mock", "the name of a provider is missing"),
    ):
        done = shell(line)
        assert (done.status, done.out) == (2, "")
        assert done.err == f"mdc mock: {said}\nhint: known: {', '.join(offered)}\n"


@pytest.mark.parametrize(
    ("source", "lacks", "has"),
    [
        (LONE, {*SOCKET} - {*RETRYING}, {*WAITING, *RETRYING, "--limit"}),
        (BARE, {"--mock"}, {*SOCKET, *WAITING} - {"--mock"}),
        (BARE + "    sandbox = make()\n", set(), {*SOCKET, *WAITING}),
        ("from elsewhere import Mine as Base\nclass Mine(Base):\n    pass\n", set(), set()),
    ],
)
def test_the_source_of_a_plugin_tells(
    source: str, lacks: set[str], has: set[str], shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(source)
    path = {"MDC_PLUGIN_PATH": str(tmp_path / "mine.py")}
    offered = set(tab("mdc stream mine --", shell, **path))
    assert not lacks & offered and has <= offered
    servers = tab("mdc mock ", shell, **path)
    assert ("mine" in servers) == ("make()" in source)
    if "make()" not in source and has:
        told = shell("mdc stream mine --help", **path).out
        assert [flag for flag in lacks if f"  {flag}" in told] == []
        assert [flag for flag in has if f"{flag}" not in told] == []
