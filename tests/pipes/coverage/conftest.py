"""The archives that the tests of this folder share."""

from pathlib import Path

import pytest

from tests.pipes.coverage.coverage_days import Archive, whole_week


@pytest.fixture
def data(tmp_path: Path) -> Archive:
    """An archive to be filled."""
    return Archive(tmp_path / "data")


@pytest.fixture
def week(data: Archive) -> Archive:
    """The archive with a week that is whole."""
    return whole_week(data)
