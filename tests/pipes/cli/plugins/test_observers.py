"""Observers are told, asked for secrets, and cannot stop the work."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from mdc_core.events import Connection, Integrity, Trade
from mdc_core.logs import Log
from mdc_core.observers import Observers

OBSERVER = '''\
"""Remember everything."""
from mdc_core.hooks import hookimpl
told = []

@hookimpl
def secret(name):
    return {"TOKEN": "from-observer"}.get(name)

@hookimpl
def connection_changed(event):
    told.append(event.state)

@hookimpl
def findings(events):
    told.append([event.check for event in events])

@hookimpl
def committed(path, rows):
    told.append((path, rows))
    raise ValueError("observer's own trouble")
'''


@pytest.fixture
def observers(tmp_path, install, monkeypatch, clean_env):
    install(
        tmp_path / "o",
        "mdc-o",
        "[mdc.hooks]\nmemory = o_memory\nbroken = o_broken\nwrong = o_wrong:Wrong()\n",
    )
    (tmp_path / "o" / "o_memory.py").write_text(OBSERVER)
    (tmp_path / "o" / "o_broken.py").write_text("raise RuntimeError('boom')\n")
    monkeypatch.syspath_prepend(tmp_path / "o")
    out = io.StringIO()
    yield Observers(Log(file=out)), out
    sys.modules.pop("o_memory", None)


def test_observers_are_told_and_asked(observers):
    seen, out = observers
    assert seen.secret("TOKEN") == "from-observer"
    assert seen.secret("OTHER") is None
    seen.news([Connection(state="up"), Trade(symbol="A")])
    seen.findings([Integrity(check="crossed"), Integrity(check="price")])
    seen.committed(Path("part"), 3)
    assert sys.modules["o_memory"].told == ["up", ["crossed", "price"], (Path("part"), 3)]
    warnings = out.getvalue()
    assert "plugin hooks:broken (mdc-o 1.2) cannot be loaded: RuntimeError: boom" in warnings
    assert "an observer failed in committed: o_memory: ValueError" in warnings


def test_without_observers_nothing_is_imported(clean_env):
    code = (
        "import sys\nfrom mdc_core.observers import Observers\nfrom mdc_core.logs import Log\n"
        "assert Observers(Log()).secret('X') is None\nassert 'pluggy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
