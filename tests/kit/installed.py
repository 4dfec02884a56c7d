"""Fixtures: `mdc` in an empty directory, and a third party's package beside it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MDC = str(Path(sys.executable).parent / "mdc")
Run = Callable[..., "subprocess.CompletedProcess[str]"]

ENTRY_POINTS = """\
# what a third party's package declares
[console_scripts]
acme = acme_feed:main

[mdc.stream]
acme = acme_feed:Acme
broken = acme_broken:Broken
extra = acme_extra:Extra
gone = acme_gone:Gone
notone = acme_feed:helper

[mdc.validate]
spread = acme_check:Spread
ruined = acme_broken:Ruined

[mdc.filter]
thin = acme_filter:Thin [fast]
"""
FEED = '''\
"""Acme's feed, for tests.

It does nothing at all.
"""
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from msgspec import Meta
from mdc_core.plugin import Options, Stream

EXAMPLES = ("mdc stream acme SPY",)

def helper():
    pass

class Acme(Stream):
    """A stream."""

    secrets = ("ACME_TOKEN",)

    class Options(Options):
        feed: Annotated[Literal["iex", "sip"], Meta(description="which feed")] = "iex"
        depth: Annotated[int, Meta(description="levels", ge=1, le=10)] = 5
        ratio: float = 0.5
        tick: Decimal = Decimal("0.01")
        adjust: bool = False
        cache_dir: Path | None = None
        tags: tuple[str, ...] = ()
        note: str | None = None

    def endpoints(self):
        return ()

    def receive(self, frame, now):
        return ()
'''
CHECK = '''\
"""Spreads that are too wide."""
from decimal import Decimal
from mdc_core.plugin import Check, Options

class Spread(Check):
    class Options(Options):
        most: Decimal = Decimal("1")

    def __call__(self, batch):
        return ()
'''
FILTER = '''\
"""Keep every second event."""
from mdc_core.plugin import Filter, Options

class Thin(Filter):
    class Options(Options):
        every: int = 2

    def __call__(self, batch):
        return batch.take(list(range(0, batch.num_rows, self.options.every)))
'''


def distribution(
    folder: Path, name: str, entry_points: str, *, version: str = "1.2", metadata: str = ""
) -> None:
    """Install a distribution's metadata into a folder of the import path."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(entry_points)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n{metadata}\n")


@pytest.fixture
def install() -> Callable[..., None]:
    """Install a distribution's metadata into a folder."""
    return distribution


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A folder with the package mdc-acme: some plugins work, some are broken."""
    folder = tmp_path / "acme"
    needs = "Requires-Dist: no_such-lib (>=1) ; extra == 'fast'\n"
    distribution(folder, "mdc-acme", ENTRY_POINTS, metadata=needs)
    (folder / "acme_feed.py").write_text(FEED)
    (folder / "acme_check.py").write_text(CHECK)
    (folder / "acme_filter.py").write_text(FILTER)
    (folder / "acme_broken.py").write_text('"""Broken on purpose."""\nraise SystemExit("boom")\n')
    (folder / "acme_extra.py").write_text('"""Needs more."""\nimport no_such_lib\n')
    return folder


@pytest.fixture
def clean_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("MDC_", "ACME_")) and name != "MDC_SHARED":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def mdc(tmp_path: Path, clean_env: None, forked_env: dict[str, str]) -> Run:
    """Run `mdc` in an empty directory."""
    forked = {"PATH": forked_env["PATH"]}
    command = str(shutil.which("mdc", path=forked["PATH"]))

    def run(*args: str, path: Path | None = None, stdin: str = "", **env: str):
        (tmp_path / "here").mkdir(exist_ok=True)
        if path is not None:
            env["PYTHONPATH"] = str(path)
        return subprocess.run(
            [command, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path / "here",
            env=plain_environ() | forked | env,
        )

    return run


def plain_environ() -> dict[str, str]:
    """The environment, without what whoever runs the tests tells Python."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture
def env_with_acme(acme: Path, clean_env: None) -> dict[str, str]:
    """An environment in which the package mdc-acme is installed."""
    return plain_environ() | {"PYTHONPATH": str(acme)}
