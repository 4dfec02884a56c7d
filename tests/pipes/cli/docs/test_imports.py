"""What the real `mdc` imports: for help, for TAB, and for a plugin."""

import subprocess
import sys

import pytest

PLUGINS = ("mdc_providers.", "mdc_validators.", "mdc_sinks.", "mdc_exporters.", "acme_")
HEAVY = ("pyarrow", "numpy", "httpx", "websockets", "asyncio", "importlib.metadata", "pluggy")
PROBE = """\
import sys
sys.argv = ["mdc", *{args!r}]
import os
os.environ.update({env!r})
from mdc_core.cli.main import main
status = main()
print("\\n".join(["", "LOADED", *sys.modules]), file=sys.stderr)
"""


def loaded(mdc_env, args, **env):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(args=args, env=env)],
        capture_output=True,
        text=True,
        check=False,
        env=mdc_env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.partition("\nLOADED\n")[2].splitlines()


@pytest.mark.parametrize(
    ("args", "env", "expected"),
    [
        (["--help"], {}, "thin"),
        (["--version"], {}, "mdc 0."),
        (["stream", "--help"], {}, "acme"),
        (["plugins"], {}, "Acme's feed, for tests."),
        (["plugins", "--json"], {}, "Keep every second event."),
        (["schema", "list"], {}, "trade"),
        (["completion", "zsh"], {}, "compdef"),
        (
            [],
            {"_MDC_COMPLETE": "bash_complete", "COMP_WORDS": "mdc ", "COMP_CWORD": "1"},
            "thin",
        ),
        (
            [],
            {"_MDC_COMPLETE": "zsh_complete", "COMP_WORDS": "mdc stream ", "COMP_CWORD": "2"},
            "acme",
        ),
    ],
)
@pytest.mark.some(4)
def test_nothing_heavy_and_no_plugin_is_imported(env_with_acme, args, env, expected):
    out, modules = loaded(env_with_acme, args, **env)
    assert expected in out
    assert [name for name in modules if name.startswith(HEAVY + PLUGINS)] == []


def tab(env, line):
    """What bash offers at the end of a line, and what was imported for it."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    out, modules = loaded(env, [], _MDC_COMPLETE="bash_complete", **words)
    return [offer.partition(",")[2] for offer in out.splitlines()], modules


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mdc cat --", "--symbol"),
        ("mdc cat --format ", "arrow"),
        ("mdc head --", "--limit"),
        ("mdc convert --", "--output"),
        ("mdc convert --format ", "parquet"),
        ("mdc import --profile ", "lean"),
        ("mdc store --format ", "parquet"),
        ("mdc store --layout ", "hive"),
        ("mdc validate --check ", "spread"),
        ("mdc validate --on-fail ", "quarantine"),
        ("mdc validate --fail-on ", "warning"),
        # Options of plugins are read from their source.
        ("mdc stream alpaca --", "--feed"),
        ("mdc stream alpaca --feed ", "delayed_sip"),
        ("mdc stream acme --", "--depth"),
        ("mdc stream acme --feed ", "sip"),
        ("mdc stream acme --no", "--no-adjust"),
        ("mdc store --", "--row-group"),
        ("mdc store --format jsonl --compression ", "lz4"),
        ("mdc import --profile lean --", "--resolution"),
        ("mdc validate --", "--monotonic-tolerance"),
        ("mdc validate --check spread --", "--spread-most"),
        ("mdc thin --", "--every"),
    ],
)
@pytest.mark.some(8)
def test_nothing_heavy_and_no_plugin_is_imported_for_tab(env_with_acme, line, expected):
    offered, modules = tab(env_with_acme, line)
    assert expected in offered
    assert [name for name in modules if name.startswith(HEAVY + PLUGINS)] == []


def test_help_needs_little_more_than_click(env_with_acme):
    _, modules = loaded(env_with_acme, ["--help"])
    heavy = {"msgspec", "json", "difflib", "tomllib", "pathlib", "shutil", "dataclasses"}
    assert heavy.intersection(modules) == set()


ASK = """\
import sys
sys.argv = ["mdc", "head", "-q", {file!r}]
from mdc_core.cli.start import main
main()
from pyarrow.vendored import docscrape
print(sorted({{*sys.modules}} & {{"pydoc", "tempfile", "shutil"}}))
print(docscrape.__spec__.name, docscrape.dedent_lines([" a"]))
"""


def test_texts_that_only_help_shows_are_not_made_for_a_command(quiet_env, tmp_path):
    file = tmp_path / "empty.jsonl"
    file.touch()
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(file=str(file))],
        capture_output=True,
        text=True,
        check=False,
        env=quiet_env,
    )
    # Whoever asks that module for something else gets the real one.
    said = done.stdout.splitlines()[2:]  # after `begin` and `end`
    assert (said, done.stderr) == (["[]", "pyarrow.vendored.docscrape ['a']"], "")


def test_only_the_plugin_that_is_named_is_imported(env_with_acme):
    out, modules = loaded(env_with_acme, ["stream", "acme", "--help"])
    assert "--feed" in out
    ours = [name for name in modules if name.startswith(("mdc_providers.", "acme_"))]
    assert ours == ["acme_feed"]
