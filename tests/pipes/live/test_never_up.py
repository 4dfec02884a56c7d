"""A feed that was never up has collected nothing, and says so however it ends."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.conftest import Shell

KEYS = {"ALPACA_KEY_ID": "key", "ALPACA_SECRET_KEY": "hidden"}


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port of loopback at which nobody answers: it is bound, and not listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("joint", ["|", "then"])
def test_a_duration_of_nothing_is_no_success(joint: str, nobody: int, shell: Shell) -> None:
    stream = f"mdc stream alpaca SPY --url ws://127.0.0.1:{nobody} --duration 1s"
    store = "mdc store" if joint == "|" else "store"
    done = shell(f"{stream} {joint} {store}; echo ${{PIPESTATUS[*]}}", **KEYS)
    assert done.lines == (["69 65"] if joint == "|" else ["65"]), done.err
    assert "mdc stream: alpaca was never up" in done.err
    events = shell("mdc cat").events
    gaps = [event for event in events if event["type"] == "gap"]
    downs = [event for event in events if event["type"] == "connection"]
    assert len(gaps) >= len(downs)  # a first try may take longer than a second
    assert all(gap["symbol"] == "SPY" and "end" not in gap for gap in gaps)


def test_a_signal_before_it_was_up_is_no_success(nobody: int, shell: Shell) -> None:
    stream = f"mdc stream alpaca SPY --url ws://127.0.0.1:{nobody}"
    done = shell(
        f"{stream} > out 2> >(tee said >&2) & pid=$!; "
        "until grep -q 'trying again' said; do :; done 2> /dev/null; kill $pid; wait $pid",
        **KEYS,
    )
    assert done.status == 69, done.err
    *_, gap, end = map(json.loads, shell("cat out").out.splitlines())
    assert (gap["type"], gap["reason"], "end" in gap) == ("gap", "disconnect", False)
    assert (end["type"], end["reason"]) == ("end", "error")
