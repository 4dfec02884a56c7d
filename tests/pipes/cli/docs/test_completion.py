"""TAB, in the shells themselves, and the scripts for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
FILES = {"bash": "mdc.bash", "zsh": "_mdc", "fish": "mdc.fish"}

BASH = """\
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
compopt() { :; }
_mdc_completion mdc
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def env(env_with_acme, forked_env):
    return env_with_acme | {"PATH": forked_env["PATH"]}


@pytest.fixture
def tab(env):
    """What bash offers for the last of these words."""

    def tab(*words):
        script = ROOT / "completions" / "mdc.bash"
        done = subprocess.run(
            ["bash", "-c", BASH, "bash", str(script), "mdc", *words],
            capture_output=True,
            text=True,
            check=True,
            env=env,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return tab


def test_commands(tab):
    offered = tab("")
    assert {"schema", "plugins", "completion", "thin"} <= set(offered)
    assert tab("plug") == ["plugins", "plugin"]
    assert tab("schema", "s") == ["show"]


def test_plugins(tab):
    assert tab("stream", "ac") == ["acme"]
    assert {"acme", "alpaca", "broken", "sim"} <= set(tab("stream", ""))
    assert tab("store", "--format", "p") == ["parquet"]
    assert tab("validate", "--check", "spr") == ["spread"]


def test_options_and_choices(tab):
    assert tab("plugins", "--j") == ["--json"]
    assert tab("stream", "acme", "--fe") == ["--feed"]
    assert tab("stream", "acme", "--feed", "") == ["iex", "sip"]
    assert tab("--log-format", "j") == ["json"]
    assert tab("completion", "f") == ["fish"]


def test_options_that_a_plugin_imports_or_inherits(tab, acme):
    head = '"""Apart."""\nfrom typing import Literal\nfrom mdc_core.plugin import Options\n'
    (acme / "acme_options.py").write_text(
        head + "class Common(Options):\n    region: Literal['eu', 'us'] = 'eu'\n"
        "class Far(Common):\n    depth: int = 1\n"
    )
    (acme / "acme_check.py").write_text(
        "from acme_options import Far as SpreadOptions\nfrom mdc_core.plugin import Check\n"
        "class Spread(Check):\n    Options = SpreadOptions\n"
    )
    check = ("validate", "--check", "spread")
    assert tab(*check, "--spread-") == ["--spread-region", "--spread-depth"]
    assert tab(*check, "--spread-region", "") == ["eu", "us"]


def test_a_broken_plugin_offers_what_its_verb_has_and_says_nothing(tab):
    offered = tab("stream", "broken", "--")
    assert "--type" in offered and "--feed" not in offered


@pytest.mark.parametrize("shell", FILES)
def test_the_verb_prints_the_file(shell, mdc):
    done = mdc("completion", shell)
    assert done.returncode == 0
    assert done.stdout == (ROOT / "completions" / FILES[shell]).read_text()


@pytest.mark.parametrize("shell", FILES)
def test_the_shell_takes_the_script(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-n", str(ROOT / "completions" / FILES[shell])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_completes(env):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = ROOT / "completions" / "mdc.fish"
    done = subprocess.run(
        ["fish", "-c", f"source {script}; complete -C 'mdc stream ac'"],
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    assert done.stdout.split("\t")[0] == "acme"


def test_zsh_and_fish_are_answered_with_summaries(env):
    for shell, words, cword in (("zsh", "mdc stream ac", "2"), ("fish", "mdc stream ac", "ac")):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "mdc")],
            capture_output=True,
            text=True,
            check=True,
            env={
                **env,
                "_MDC_COMPLETE": f"{shell}_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": cword,
            },
        )
        assert "acme" in done.stdout and "Acme's feed, for tests." in done.stdout
