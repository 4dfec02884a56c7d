"""The provider that the tests of this folder share."""

from pathlib import Path

import pytest

from tests.pipes.live import venues


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the package of `venues`."""
    return venues.install(tmp_path / "installed")
