"""Every request to an object store fails once, each way: nothing acknowledged is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit import forks

every_request: Any = pytest.importorskip("tests.torture.every_request", reason="no moto here")

pytestmark = pytest.mark.skipif(not forks.available(), reason="no fork server here")

PARTS = 8  # of the faults of a scenario


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", every_request.SCENARIOS)
def test_every_request(
    name: str,
    part: int,
    forked_env: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with every_request.requests(name, forked_env, tmp_path) as runs:
        runs.survives(list(runs.faults())[part::PARTS], record_property)
