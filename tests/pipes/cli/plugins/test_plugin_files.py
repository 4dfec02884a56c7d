"""Plugins of a single file: named on the command line, or in MDC_PLUGIN_PATH."""

import json
import os

import pytest

CHECK = '''\
"""Trades that are too large, of a file."""
from decimal import Decimal
from typing import Annotated
from msgspec import Meta
from mdc_core.plugin import Options, PerEvent, Trade

class Large(PerEvent):
    class Options(Options):
        most: Annotated[Decimal, Meta(description="the largest")] = Decimal(1)

    def check(self, event):
        if isinstance(event, Trade) and event.size > self.options.most:
            return f"size {event.size}"
'''
TWO = '''\
"""Two filters of a file."""
from mdc_core import plugin as mdc

class None_(mdc.Filter):
    def __call__(self, batch):
        return None

class Same(mdc.Filter):
    def __call__(self, batch):
        return batch

class Helper:
    pass
'''
TRADES = "".join(
    json.dumps({"type": "trade", "symbol": "A", "price": 1, "size": size}) + "\n" for size in (1, 3)
)


@pytest.fixture
def here(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "big_trades.py").write_text(CHECK)
    (tmp_path / "here" / "two.py").write_text(TWO)
    return tmp_path / "here"


def messages(done):
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event["message"] for event in events if event["type"] == "integrity"]


def test_a_check_of_a_file(here, mdc):
    run = ("--plugin", "big_trades.py", "validate", "--check", "big-trades")
    done = mdc(*run, stdin=TRADES)
    assert (done.returncode, messages(done)) == (0, ["size 3"]), done.stderr
    assert messages(mdc(*run, "--big-trades-most", "5", stdin=TRADES)) == []
    # The lineage knows which text of the file it was.
    begin = json.loads(done.stdout.splitlines()[0])
    who = begin["request"]["plugins"]["validate:big-trades"]
    assert who.startswith("big_trades.py ") and len(who.split()[1]) == 12
    (here / "big_trades.py").write_text(CHECK + "\n")
    again = json.loads(mdc(*run, stdin=TRADES).stdout.splitlines()[0])
    assert again["request"]["plugins"]["validate:big-trades"] != who


def test_a_directory_of_files_and_one_class(here, mdc):
    done = mdc("plugins", MDC_PLUGIN_PATH=".")
    assert "Trades that are too large, of a file." in done.stdout
    listed = {tuple(line.split()[:3]) for line in done.stdout.splitlines()}
    assert ("validate", "big-trades", "big_trades.py") in listed
    assert {("filter", "none_", "two.py"), ("filter", "same", "two.py")} <= listed
    out = mdc("same", stdin=TRADES, MDC_PLUGIN_PATH=f"{here}{os.pathsep}/nowhere")
    assert out.returncode == 0 and '"size":3' in out.stdout.replace(" ", "")
    one = mdc("-v", "--plugin", "two.py:Same", "two", stdin=TRADES)
    assert one.returncode == 0, one.stderr
    assert "2 in = 2 out" in one.stderr


def test_help_and_tab_import_nothing_of_it(here, mdc):
    (here / "big_trades.py").write_text(CHECK + "raise SystemExit('imported')\n")
    done = mdc("--help", MDC_PLUGIN_PATH="two.py:Same")
    assert "two" in done.stdout and "Two filters of a file." in done.stdout
    words = {"COMP_WORDS": "mdc validate --check big-trades --big-", "COMP_CWORD": "4"}
    tab = mdc(MDC_PLUGIN_PATH=".", _MDC_COMPLETE="bash_complete", **words)
    assert tab.stdout.strip().endswith("--big-trades-most"), tab.stdout + tab.stderr
    broken = mdc("validate", "--check", "big-trades", stdin=TRADES, MDC_PLUGIN_PATH=".")
    assert broken.returncode == 78
    assert "plugin validate:big-trades (big_trades.py " in broken.stderr
    assert "SystemExit: imported" in broken.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("nowhere.py", "no such file or directory"),
        ("two.py:Helper", "there is no plugin in it"),
        ("two.py:Nobody", "there is no plugin in it"),
        ("broken.py", "line 2: invalid syntax"),
        ("seen.py", "an observer is not read from a file"),
    ],
)
def test_a_file_without_a_plugin_is_a_mistake(file, text, here, mdc):
    (here / "broken.py").write_text("\nclass X Check:\n")
    hook = "@mdc.hookimpl\ndef committed(path, rows):\n    pass\n"
    (here / "seen.py").write_text(f"from mdc_core import plugin as mdc\n{hook}")
    done = mdc("--plugin", file, "plugins")
    assert done.returncode == 2
    assert f"--plugin {file}: {text}" in done.stderr


def test_mdcs_own_name_wins(here, mdc):
    (here / "price.py").write_text(CHECK)
    done = mdc("--plugin", "price.py", "validate", "--check", "price", stdin=TRADES)
    assert messages(done) == []
    assert "say price.py:price" in done.stderr
    done = mdc("--plugin", "price.py", "validate", "--check", "price.py:price", stdin=TRADES)
    assert messages(done) == ["size 3"], done.stderr
