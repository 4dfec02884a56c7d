"""Kills at steps of a command: the same ones in every run, however busy the machine is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit import forks
from tests.kit.forks.fail_points import READS


def kills(
    shell: Shell, line: str, number: int, *, after: Callable[[], object] | None = None
) -> list[str]:
    """Values of MDC_FAIL that kill a command at so many steps, spread evenly over all of them.

    The command is run once to learn its steps; `after` makes that undone.
    """
    if not forks.available():
        pytest.skip("no fork server here")
    trace = Path(shell("mktemp").out.strip())
    assert shell(line, MDC_FAIL=f"trace:{trace}").status == 0
    names = [step.partition(" ")[0] for step in trace.read_text().splitlines()]
    trace.unlink()
    if after is not None:
        after()
    steps = sum(name not in READS for name in names)
    assert steps >= number, names
    return [f"any:{1 + at * steps // number}:kill" for at in range(number)]


def killed(shell: Shell, line: str, fault: str) -> None:
    """Run a command that a fail point kills."""
    done = shell(line, MDC_FAIL=fault)
    assert done.status in (-9, 137), (fault, done)
