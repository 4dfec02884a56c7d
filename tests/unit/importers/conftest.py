"""A Lean data folder to fill."""

from pathlib import Path

import pytest

from tests.unit.importers.lean_folder import LeanFolder


@pytest.fixture
def lean(tmp_path: Path) -> LeanFolder:
    return LeanFolder(tmp_path / "data")
