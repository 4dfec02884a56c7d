"""A request to an object store fails: some of what tests/torture/test_every_request.py tries."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit import forks

every_request: Any = pytest.importorskip("tests.torture.every_request", reason="no moto here")

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")
QUICK = ("403", "403+", "500", "cut")  # that a client does not try again for seconds


@pytest.mark.parametrize("name", every_request.SCENARIOS)
def test_some_requests(
    name: str,
    forked_env: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    dice = random.Random(os.environ.get("MDC_SEED", "0") + name)
    with every_request.requests(name, forked_env, tmp_path) as runs:
        faults = list(runs.faults())
        changes = [fault for fault in faults if not fault.step.startswith(("GET", "HEAD"))]
        chosen = dice.sample([f for f in faults if f.text.partition(":")[2] in QUICK], 1)
        some = [fault for fault in changes if fault.text.endswith((":403+", ":lost"))]
        chosen += dice.sample(some, min(1, len(some)))
        runs.survives(chosen, record_property)
