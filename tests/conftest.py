"""Fixtures that more than one test file needs."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real market data and protocol samples beside the checkout."""
    path = Path(os.environ.get("MDC_SHARED", ROOT.parent / "shared"))
    if not (path / "data" / "lean").is_dir():
        pytest.skip(f"no real market data at {path} (set MDC_SHARED)")
    return path
