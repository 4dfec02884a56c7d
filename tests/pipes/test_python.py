"""Pipelines from Python do what the command line does, and touch nothing else of the process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mdc_core as mdc
from mdc_core.errors import ConfigError, DataError, FindingsError, UsageError
from mdc_core.events import Integrity, Trade
from tests.conftest import Shell

LINE = "stream sim SPY AAPL --limit 5000 --seed 1 --defects crossed=2"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python works where the shell does."""
    monkeypatch.chdir(tmp_path)


def test_the_import_loads_nothing(quiet_env: dict[str, str]) -> None:
    probe = "import sys; old = set(sys.modules); import mdc_core; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, env=quiet_env)
    assert done.stdout.split() == [b"mdc_core"]


def test_no_name_is_a_module_as_well() -> None:
    probe = "import mdc_core.api as a, mdc_core as m; print(m.pipeline is a.pipeline, m.stage)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.stdout.startswith("True <function stage")
    for name in mdc._HOMES:
        assert not list(Path(mdc.__file__).parent.glob(f"{name}/*.py"))
        assert getattr(mdc, name).__name__ == name
    assert {*mdc._HOMES, "__version__"} <= set(dir(mdc))
    with pytest.raises(mdc.MdcError, match="5 is no stage"):
        mdc.pipeline(5)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="pipelin'"):
        _ = mdc.pipelin  # type: ignore[attr-defined]


def test_the_same_as_on_the_command_line(shell: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    told = shell(f"mdc {LINE} then validate then store --root a")
    result = mdc.pipeline(f"{LINE} then validate then store --root b").run()
    assert capfd.readouterr() == ("", "")
    said = [record.text for stage in result.stages for record in stage.said]
    lines = [line.partition(": ")[2].replace(" in a", " in b") for line in told.err.splitlines()]
    assert said
    assert sorted(said) == sorted(lines)
    assert shell("mdc cat --root b").lines == shell("mdc cat --root a").lines
    assert (result.status, [stage.name for stage in result.stages]) == (
        0,
        ["stream", "validate", "store"],
    )
    validate, store = result.stages[1:]
    assert store.account == (5002, 5002, 0, 0, 0, 0, 0)
    assert validate.account == (5000, 5000, 0, 0, 0, 2, 0)
    assert validate.counts["integrity"] == 2
    assert sum(store.counts.values()) == 5002


def test_stages_are_objects(shell: Shell) -> None:
    shell(f"mdc {LINE} > events.jsonl")
    count = mdc.stage("count", type=["trade", "quote"])
    chosen = mdc.stage("cat", Path("events.jsonl"), symbol="AAPL", wire=None, strict=False)
    answer = mdc.pipeline(chosen, "head -n 40", count).run().answer
    told = shell("mdc cat events.jsonl --symbol AAPL then head -n 40 then count --json")
    assert dict(answer) == json.loads(told.out)["counts"]
    again = mdc.pipeline(chosen, "head -n 40", count).run().answer
    assert again == answer  # a stage holds nothing of a run


def test_a_chain_without_a_sink_is_iterated(shell: Shell) -> None:
    told = shell(f"mdc {LINE} then validate then cat --symbol SPY").events
    chain = mdc.pipeline(f"{LINE} then validate then cat --symbol SPY")
    events = list(chain)
    assert [event.symbol for event in events] == [event["symbol"] for event in told]
    prices = [str(event.price) for event in events if isinstance(event, Trade)]
    assert prices == [event["price"] for event in told if event["type"] == "trade"]
    batches = list(chain.batches())
    assert sum(batch.num_rows for batch in batches) == len(events)
    first = next(iter(mdc.pipeline("stream sim SPY")))  # endless, and closed where it is left
    assert first.symbol == "SPY"


def test_what_goes_out_goes_where_it_is_asked_to(
    shell: Shell, capfd: pytest.CaptureFixture[str]
) -> None:
    with Path("out.jsonl").open("wb") as file:
        mdc.pipeline(LINE).run(out=file)
    mdc.pipeline(LINE).run()
    assert capfd.readouterr() == ("", "")
    assert shell("mdc cat out.jsonl").lines == shell(f"mdc {LINE}").lines
    mdc.pipeline(LINE, "validate", "count", log=sys.stderr).run()
    assert "mdc validate: 5000 in" in capfd.readouterr().err


def test_neither_environment_nor_mdc_toml_has_a_say_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("mdc.toml").write_text('[validate]\non_fail = "drop"\n')
    line = f"{LINE} then validate"
    for name in ("MDC_VALIDATE_ON_FAIL", "MDC_HEAD_LIMIT", "MDC_WIRE", "MDC_QUIET"):
        monkeypatch.setenv(name, "7")
    assert len(list(mdc.pipeline(line))) == 5002
    assert len(list(mdc.pipeline(line, "head"))) == 10
    dropped = mdc.pipeline(line, directory=".").run().stages[-1]
    assert dropped.account is not None
    assert (dropped.account.rejected, dropped.account.out) == (2, 4998)
    assert len(list(mdc.pipeline(line, "head", environ={"MDC_HEAD_LIMIT": "7"}))) == 7
    with pytest.raises(ConfigError, match="MDC_HEAD_LIMIT \\(environment\\): 'x'"):
        mdc.pipeline("head a.jsonl", environ={"MDC_HEAD_LIMIT": "x"})
    with pytest.raises(ConfigError, match="ALPACA_KEY_ID"):
        mdc.pipeline("stream alpaca SPY").run()


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (["stream sim SPY then stores"], UsageError, "no such command: 'stores'"),
        (["stream sim SPY then store --layuot flat"], UsageError, "--layuot"),
        (["stream sim SPY then head --limit x"], UsageError, "head: --limit: 'x' is not a whole"),
        (["ls"], UsageError, "ls: cannot be part of a pipeline"),
        (["stream sim SPY", "stream sim SPY"], UsageError, "stream: reads no input"),
        (["stream sim SPY then"], UsageError, "nothing after `then`"),
        ([""], UsageError, "no verb"),
        (["cat 'nowhere"], UsageError, "no closing quotation"),
        ([], UsageError, "needs a stage"),
        (["validate then count"], UsageError, "names no input"),
        (["cat --root nowhere then count"], DataError, "no archive at nowhere"),
        (["cat cut.jsonl then count"], DataError, "cat: truncated input"),
        (["cat bad.jsonl --strict then count"], FindingsError, "cat: .*rejected"),
        (["count bad.jsonl nothing.jsonl"], DataError, "no such file"),
    ],
)
def test_what_goes_wrong_is_raised(
    lines: list[str], kind: type[Exception], words: str, shell: Shell
) -> None:
    shell(f"mdc {LINE} | head -n 9 > cut.jsonl; mdc stream sim SPY --limit 9 > bad.jsonl")
    with Path("bad.jsonl").open("a") as file:
        file.write("no event\n")
    with pytest.raises(kind, match=words):
        mdc.pipeline(*lines).run()
    if kind is not UsageError:
        result = mdc.pipeline(*lines).run(check=False)
        assert result.status == shell(f"mdc {lines[0]}").status
        assert result.status == kind.exit_status  # type: ignore[attr-defined]


def test_plugins_are_those_of_the_process(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wide.py").write_text(
        '"""Wide."""\nfrom mdc_core.plugin import *\nclass Wide(Check):\n'
        "    def __call__(self, batch):\n        return [Finding(0, 'seen', 'info')]\n"
    )
    line = "stream sim SPY --limit 3 then validate --check wide"
    with pytest.raises(UsageError, match="no such check to validate: 'wide'"):
        mdc.pipeline(line)
    named = {"MDC_PLUGIN_PATH": "wide.py"}
    with pytest.raises(UsageError, match="MDC_PLUGIN_PATH counts for a process"):
        mdc.pipeline(line, environ=named)
    monkeypatch.setenv("MDC_PLUGIN_PATH", "wide.py")
    for environ in (None, named):
        events = list(mdc.pipeline(line, environ=environ))
        found = [event for event in events if isinstance(event, Integrity)]
        assert [(event.check, event.message) for event in found] == [("wide", "seen")]
    told = shell(f"mdc {line}", MDC_PLUGIN_PATH="wide.py")
    assert sum(e["type"] == "integrity" for e in told.events) == 1


def test_the_process_says_which_distributions_are_looked_at(
    acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(acme))
    line = "stream sim SPY --limit 4 then thin"
    assert sum(1 for _ in mdc.pipeline(line)) == 2
    monkeypatch.setenv("MDC_LOAD_PLUGINS", "")
    with pytest.raises(UsageError, match="no such command: 'thin'"):
        mdc.pipeline(line)
    monkeypatch.setenv("MDC_LOAD_PLUGINS", "mdc-acme")
    assert sum(1 for _ in mdc.pipeline(line)) == 2
