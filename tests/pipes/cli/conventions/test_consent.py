"""What removes events asks first, or is told `--yes`: one rule for all verbs that do."""

import pytest

from tests.conftest import Shell
from tests.kit.verbs import flags_of_verbs

REMOVES = {
    "retain": "mdc retain --by event --keep 1d",
    "rm": "mdc rm --symbol SPY",
}
NOTHING = {
    "retain": "mdc retain --by event --keep 1d --now 1980-01-01",
    "rm": "mdc rm --symbol NONE",
}


def test_these_are_all() -> None:
    found = {verb for verb, flags in flags_of_verbs().items() if "--yes" in flags}
    assert found == {*REMOVES, "frames retain"}


def test_it_is_the_same_for_raw_frames(shell: Shell) -> None:
    shell("mdc -q stream alpaca SPY --mock --limit 20 --capture raw/ > live.jsonl")
    before = shell("mdc frames ls raw").out
    done = shell("mdc frames retain raw --keep 0s")
    assert (done.status, done.out) == (2, "")
    text = "mdc frames retain: nothing is removed without asking, and there is no terminal"
    assert text in done.err and shell("mdc frames ls raw").out == before
    assert shell("mdc frames retain raw --keep 1ms --yes").status == 0
    assert shell("mdc frames ls raw --allow-empty").out.count("\n") <= 1


@pytest.mark.parametrize("verb", REMOVES)
def test_without_a_terminal_it_needs_consent(verb: str, shell: Shell) -> None:
    shell("mdc -q stream sim SPY --limit 20 | mdc -q store")
    for line in (REMOVES[verb], NOTHING[verb]):
        done = shell(line)
        assert (done.status, done.out) == (2, "")
        assert done.err.count("\n") == 2
        assert (
            f"mdc {verb}: nothing is removed without asking, and there is no terminal" in done.err
        )
        assert "hint: --yes removes without asking, --dry-run shows what would" in done.err
    dry = shell(f"{REMOVES[verb]} --dry-run")
    assert (dry.status, "would remove" in dry.out) == (0, True)
    assert len(shell("mdc -q cat --root data").lines) == 20
    done = shell(f"{REMOVES[verb]} --yes")
    assert (done.status, done.out) == (0, dry.out.replace("would remove", "removed"))
    assert shell("mdc -q cat --root data --allow-empty").lines == []


@pytest.mark.parametrize("verb", REMOVES)
def test_mdc_toml_can_consent(verb: str, shell: Shell) -> None:
    shell("mdc -q stream sim SPY --limit 20 | mdc -q store")
    assert shell(f"echo '[{verb}]\nyes = true' > mdc.toml; {REMOVES[verb]}").status == 0
    assert shell("mdc -q cat --root data --allow-empty").lines == []


def test_to_store_and_keep_is_consent(shell: Shell) -> None:
    old = '{"type":"trade","symbol":"OLD","ts_event":"2001-01-01T00:00:00Z","price":1}\n'
    assert shell("mdc store", stdin=old.encode()).status == 0
    feed = "mdc -q stream sim SPY --limit 20 | mdc -q store --by event --keep 3650000m"
    assert shell(feed).status == 0
    assert {one["symbol"] for one in shell("mdc -q cat --root data --plain").events} == {"SPY"}
