"""Fixtures that more than one test file needs."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from mdc_core.archive.storage import COLUMNS
from tests.kit import forks
from tests.kit.deadline import DEADLINE
from tests.kit.many import left_out

pytest_plugins = ("tests.kit.installed",)
ROOT = Path(__file__).resolve().parents[1]
FOREIGN = ("MDC_", "ALPACA_", "FINNHUB_", "TIINGO_", "POLYGON_", "MASSIVE_", "PYTHON")
CONTROL = ("begin", "end", "heartbeat")

# The same examples in every run; `--hypothesis-profile random` looks for new ones.
# How long one takes says nothing where something else runs as well, and what a test makes in its
# folder does not come back.
CALM = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("fixed", derandomize=True, **CALM)
settings.register_profile("random", **CALM)
settings.load_profile("fixed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose a few cases where a few are run; end a test that hangs."""
    without = left_out(items)
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in without])
    items[:] = [item for item in items if item.nodeid not in without]
    # Behind what it waits for itself.
    limit = pytest.mark.timeout(2 * DEADLINE)
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(limit)


class Done(NamedTuple):
    """What a shell command did."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events on standard output, control events left out, numbers as text."""
        return [e for e in self.all_events if e["type"] not in CONTROL]

    @property
    def all_events(self) -> list[dict[str, Any]]:
        """The events on standard output, numbers as their text."""
        lines = self.out.split("\n")  # not splitlines: an event may hold U+2028
        return [json.loads(line, parse_float=str, parse_int=str) for line in lines if line]

    @property
    def lines(self) -> list[str]:
        """The lines of the events on standard output, control events left out."""
        return [line for line in self.out.split("\n") if line and not is_control(line)]


def is_control(line: str) -> bool:
    """Whether a line is a begin, end or heartbeat event."""
    return any(line.startswith(f'{{"type":"{name}"') for name in CONTROL)


def only_says_error(out: str) -> bool:
    """Whether nothing was written but `begin`, and `end` for an error."""
    kinds = [json.loads(line) for line in out.splitlines()]
    return [event["type"] for event in kinds] == ["begin", "end"] and kinds[1]["reason"] == "error"


def says_nothing(out: str) -> bool:
    """Whether nothing was written, or nothing but that there was an error."""
    return not out or only_says_error(out)


def parts_of(root: Path) -> list[Path]:
    """The parts of an archive: its catalog, journals and files of columns left out."""
    below = (path for path in root.rglob("*") if path.is_file() and path.name != COLUMNS)
    return sorted(path for path in below if "_mdc" not in path.relative_to(root).parts)


Shell = Callable[..., Done]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real market data and protocol samples beside the checkout."""
    path = Path(os.environ.get("MDC_SHARED", ROOT.parent / "shared")).resolve()
    if not (path / "data" / "lean").is_dir():
        pytest.skip(f"no real market data at {path} (set MDC_SHARED)")
    return path


@pytest.fixture(scope="session")
def quiet_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without the settings of whoever runs the tests, `mdc` on its PATH."""
    home = tmp_path_factory.mktemp("home")
    env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    places = {"XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)}
    return env | places | {"PATH": path, "DEADLINE": str(int(DEADLINE))}


@pytest.fixture(scope="session")
def forked_env(quiet_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The same environment with an `mdc` that is forked, and not started: see tests/kit/forks."""
    with forks.forking() as folder:
        yield quiet_env | {"PATH": f"{folder}{os.pathsep}{quiet_env['PATH']}"}


@pytest.fixture
def shell(tmp_path: Path, forked_env: dict[str, str]) -> Shell:
    """Run a line of shell in an empty directory, with pipefail."""

    def run(line: str, *, stdin: bytes = b"", cwd: Path = tmp_path, **env: str) -> Done:
        status, out, said = _forked(line, stdin, cwd, forked_env, env) or _by_bash(
            line, stdin, cwd, forked_env | env
        )
        err = said.decode()
        assert "Traceback" not in err, err
        return Done(status, out.decode(), err)

    return run


def _forked(
    line: str, stdin: bytes, cwd: Path, forked_env: dict[str, str], env: dict[str, str]
) -> tuple[int, bytes, bytes] | None:
    """What a line that is one command did, where it can be forked: most lines are."""
    words = forks.plain(line)
    if words is None or "PATH" in env or not forks.available():
        return None
    folder = Path(forked_env["PATH"].partition(os.pathsep)[0])
    return forks.run(words, folder, cwd, forked_env | env, stdin)


def _by_bash(line: str, stdin: bytes, cwd: Path, env: dict[str, str]) -> tuple[int, bytes, bytes]:
    command = ["bash", "-o", "pipefail", "-c", line]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=env, check=False)
    return done.returncode, done.stdout, done.stderr


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults were injected, and how many left something wrong."""
    counts = Counter[str]()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", None) == "call":
            found = dict(report.user_properties)
            counts.update({name: found.get(name, 0) for name in ("faults", "broken")})
    if counts["faults"]:
        terminalreporter.write_line(f"faults: {counts['faults']:,}, broken: {counts['broken']}")
