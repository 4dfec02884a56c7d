#!/usr/bin/env python3
"""Set up mdc in this checkout, and run it: needs Python 3.11 or later with venv and pip.

python3 run.py setup     make .venv, or bring it up to date
python3 run.py demo      and show a pipe from a live feed to an archive and back
python3 run.py test      and run everything that is checked: ruff, mypy, docs, tests
python3 run.py torture   and run what takes longer: kills, full disks, cut lines, a soak
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "mdc-installed"

PIPE = (
    "mdc stream alpaca SPY AAPL --mock --limit 100000"
    " | mdc validate | mdc store --format parquet --root data"
)
LOOK = "mdc cat --root data --symbol SPY"
LARGE = "jq -c 'select(.type == \"trade\" and .size >= 500)'"
CHECKS = (
    "python -m ruff check .",
    "python -m ruff format --check .",
    "python -m mypy",
    "python tools/docs.py --check",
    "python -m pytest -n auto",
)
TORTURE = (
    "python -m pytest -n auto -m torture --timeout 1800 tests/torture",
    "MDC_MANY=20 python -m pytest -n auto --hypothesis-profile random tests/unit"
    " tests/pipes/read/test_verify.py tests/pipes/query/test_query_random.py"
    " tests/pipes/importers/test_local_clocks.py tests/pipes/coverage/test_coverage_sessions.py"
    " tests/pipes/query/test_query_times.py tests/pipes/cli/plugins/test_plugin_new.py"
    " tests/providers/suites",
    "MDC_MANY=1 python -m pytest -n auto -m some tests/pipes tests/providers",
    "python -m tests.torture.soak --minutes 10 --rate 20000 --reconnect-every 20",
)


def setup() -> None:
    """Make .venv, and install the locked requirements and this checkout into it."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    if STAMP.exists() and STAMP.read_text() == f"{wanted.hexdigest()} {ROOT}":
        return
    if not (BIN / "python").exists():
        make_venv()
    install = "python -m pip --disable-pip-version-check install --quiet"
    run(f"{install} --require-hashes -r requirements.lock")
    run(f"{install} --no-deps --no-build-isolation -e .")
    # Once, and not by each of the thousands of commands that the tests start.
    run("python -m compileall -q mdc_core plugins")
    STAMP.write_text(f"{wanted.hexdigest()} {ROOT}")


def make_venv() -> None:
    """Make .venv, or nothing at all."""
    say("python3 -m venv .venv")
    try:
        venv.create(VENV, with_pip=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV)
        sys.exit("run.py: this Python has no pip to install (Debian: package python3-venv)")


def demo() -> None:
    """Collect a feed into ./demo/data, and read large trades back."""
    folder = ROOT / "demo"
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(exist_ok=True)
    run(PIPE, folder)
    if shutil.which("jq"):
        run(f"{LOOK} | {LARGE} | head", folder)
    else:
        say("jq is not installed; without it, any trades:")
        run(f"{LOOK} --type trade | mdc head", folder)
    say("the archive is in demo/data")


def test(checks: tuple[str, ...] = CHECKS) -> None:
    """Run every check; all of them, also behind one that fails."""
    failed = [check for check in checks if not run(check, must=False)]
    if failed:
        sys.exit(f"run.py: failed: {', '.join(failed)}")


def torture() -> None:
    """Run what is too long for every change."""
    test(TORTURE)


def run(line: str, folder: Path = ROOT, *, must: bool = True) -> bool:
    """Show a line of shell and run it in the environment; whether it did well."""
    say(line)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    env |= {"VIRTUAL_ENV": str(VENV), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    # One more test at a time than there are cores: some wait for a server, or for a clock.
    env.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(cores() + 1))
    status = subprocess.run(["/bin/sh", "-c", line], cwd=folder, env=env, check=False).returncode
    if status and must:
        sys.exit(f"run.py: status {status}: {line}")
    return status == 0


def cores() -> int:
    """How many this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def say(line: str) -> None:
    """Show what is done, on stderr, before its own output."""
    print(f"+ {line}", file=sys.stderr, flush=True)


COMMANDS = {
    "setup": (setup,),
    "demo": (setup, demo),
    "test": (setup, test),
    "torture": (setup, torture),
}


def main(args: list[str]) -> None:
    """Run one command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the reason to look
        sys.exit(f"run.py: Python 3.11 or later is needed, this is {sys.version.split()[0]}")
    if len(args) != 1 or args[0] not in COMMANDS:
        sys.exit(str(__doc__))
    for step in COMMANDS[args[0]]:
        step()


if __name__ == "__main__":
    main(sys.argv[1:])
