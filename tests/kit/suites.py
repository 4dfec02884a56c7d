"""A conformance suite, run by hand: which of its tests fail."""

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.outcomes import Failed

from mdc_core.testing.golden import GoldenChanged


def failing(suite: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> set[str]:
    """The names of the tests that fail, after the expected output was recorded with this code.

    The suite stands in a file of `folder`; below `scratch` each test gets a folder of its own.
    """
    monkeypatch.setenv("MDC_UPDATE_GOLDEN", "1")
    set(failures(suite, folder, scratch / "recording"))
    monkeypatch.delenv("MDC_UPDATE_GOLDEN")
    return set(failures(suite, folder, scratch / "comparing"))


def failures(suite: Any, folder: Path, scratch: Path, *names: str) -> Iterator[str]:
    """The tests that fail, of these or of all, each as soon as it has."""
    tests = names or sorted(name for name in dir(suite) if name.startswith("test_"))
    for number, (name, more) in enumerate((n, m) for n in tests for m in _cases(suite, n)):
        method = getattr(suite, name)
        place = scratch / str(number)
        place.mkdir(parents=True)
        given = {"request": SimpleNamespace(path=folder / "test_it.py"), "tmp_path": place, **more}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GoldenChanged)
                method(**{word: given[word] for word in inspect.signature(method).parameters})
        except (Exception, Failed):
            yield name


def _cases(suite: Any, name: str) -> Iterator[dict[str, Any]]:
    """What a parametrized test is called with, one after the other."""
    marks = [m for m in getattr(getattr(suite, name), "pytestmark", []) if m.name == "parametrize"]
    if not marks:
        yield {}
    for mark in marks:
        word, values = mark.args
        yield from ({word: value} for value in values)
