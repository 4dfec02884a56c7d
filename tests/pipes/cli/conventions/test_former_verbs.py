"""Former names of verbs: they work like the verbs, as settings too, and are shown nowhere."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit.tab import tab


def test_a_former_name_runs_the_verb(shell: Shell) -> None:
    done = shell(
        "mdc sandbox alpaca --symbol SPY -n 5 --once | "
        "{ read url; mdc -q stream alpaca SPY --sandbox --url $url; }"
    )
    assert done.status == 0, done.err
    assert [row["symbol"] for row in done.events if "symbol" in row] == ["SPY"] * 5
    assert "mdc mock: a simulated market in SPY: trade, quote; " in done.err
    assert "sandbox:" not in done.err
    assert shell("mdc sandbox sim").err.startswith("mdc mock: sim has no mock server\n")
    assert shell("mdc help sandbox alpaca").out == shell("mdc mock alpaca --help").out


def test_its_settings_count(shell: Shell, tmp_path: Path) -> None:
    toml = tmp_path / "mdc.toml"
    toml.write_text('[sandbox]\nlimit = 4\n[sandbox.alpaca]\nspeed = "2x"\n')
    done = shell("mdc config show sandbox alpaca --json", MDC_SANDBOX_ALPACA_PORT="1234")
    assert (done.status, done.err) == (0, "")
    found = {row["setting"]: (row["value"], row["origin"]) for row in json.loads(done.out)}
    assert found["[mock.alpaca] limit"] == (4, f"{toml}:2")
    assert found["[mock.alpaca] speed"] == ("2x", f"{toml}:4")
    assert found["[mock.alpaca] port"] == ("1234", "MDC_SANDBOX_ALPACA_PORT")
    (tmp_path / "mdc.toml").write_text("[sandbox]\nlimit = -1\n")
    assert shell("mdc mock alpaca").status == 78


@pytest.mark.parametrize(
    ("toml", "env", "said"),
    [
        ("[sandbox]\n[mock]\n", {}, "[sandbox] is the former name of [mock]: give only one"),
        (
            "",
            {"MDC_SANDBOX_LIMIT": "1", "MDC_MOCK_LIMIT": "2"},
            "MDC_SANDBOX_LIMIT is the former name of MDC_MOCK_LIMIT: set only one",
        ),
    ],
)
def test_both_names_at_once_are_wrong(
    toml: str, env: dict[str, str], said: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text(toml)
    done = shell("mdc mock alpaca", **env)
    assert done.status == 78 and said in done.err


def test_it_is_shown_nowhere(shell: Shell) -> None:
    for words in ("--help", "mock --help", "mock alpaca --help", "stream alpaca --help"):
        assert "sandbox" not in shell(f"mdc {words}").out
    assert "sandbox" not in tab("mdc s", shell)
    assert "--sandbox" not in tab("mdc stream alpaca --s", shell)
    assert "did you mean --mock?" in shell("mdc stream alpaca SPY --sandbx").err
