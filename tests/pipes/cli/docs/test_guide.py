"""docs/plugins.md is enough: what it shows, written down as it stands, is a package that works."""

import re
import subprocess
import sys
from pathlib import Path

from mdc_core import hooks, plugin

ROOT = Path(__file__).resolve().parents[4]
GUIDE = (ROOT / "docs" / "plugins.md").read_text()
FILES = re.findall(r"^`examples/mdc-acme/(\S+)`\n\n```\w+\n(.*?)\n```$", GUIDE, re.M | re.S)


def test_the_examples_of_the_guide_pass_their_tests(tmp_path):
    for path, text in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")
    kinds = {path.split("/")[1] for path, _ in FILES if path.startswith("tests/")}
    every = {"stream", "history", "check", "filter", "format", "import", "export", "sink", "hook"}
    assert kinds == every
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "-o", "pythonpath=src", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_names_all_that_there_is():
    for name in plugin.__all__:
        assert re.search(rf"`{name}\b", GUIDE), name
    for hook in (name for name in vars(hooks.Hooks) if not name.startswith("_")):
        assert f"def {hook}(self" in GUIDE, hook
    for words in ("MDC_LOAD_PLUGINS", "--capture", "contract = 1", "minor versions", "Threads."):
        assert words in GUIDE, words


def test_the_observer_of_the_guide_is_told(mdc, install, tmp_path):
    (code,) = re.findall(r"```text\n(from mdc_core.plugin import hookimpl\n.*?)```", GUIDE, re.S)
    install(tmp_path / "o", "mdc-o", "[mdc.hooks]\no = mdc_o\n")
    (tmp_path / "o" / "mdc_o.py").write_text(code)
    done = mdc("stream", "sim", "SPY", "--limit", "5", "then", "store", path=tmp_path / "o")
    assert re.search(r"SPY/\w+/2024-01-02.*\.parquet \d", done.stderr)
