"""The suite for observers: each hook that they have is called as mdc calls it."""

import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from mdc_core.hooks import RunInfo, faults, manager
from mdc_core.testing.suites.format_suite import odd_rows

_RUN = RunInfo("store", {"root": "data"}, "0190b5c8-0000-7000-8000-000000000000")
# What may come: a run that has not begun, events without a single value.
CALLS: dict[str, tuple[dict[str, Any], ...]] = {
    "secret": ({"name": "NO_SUCH_SECRET"},),
    "run_started": ({"run": _RUN}, {"run": RunInfo("head", {})}),
    "run_ended": (
        {"run": _RUN, "counts": {"trade": 3}, "status": 0},
        {"run": RunInfo("head", {}), "counts": {}, "status": 70},
    ),
    "measured": ({"run": _RUN, "values": {"mdc_events_read_total": 3.0}},),
    "connection_changed": tuple({"event": event} for event in odd_rows("connection")),
    "gap": tuple({"event": event} for event in odd_rows("gap")),
    "retried": ({"cause": "connection lost", "delay": 1.5},),
    "set_aside": ({"count": 2, "reason": "not JSON"},),
    "findings": ({"events": odd_rows("integrity")}, {"events": []}),
    "committed": ({"path": Path("data/SPY/trade/2024-01-02.parquet"), "rows": 3},),
}


class ObserverSuite:
    """Set `observer` to what the entry point names: a module or an object.

    What your observer does when it is told is for tests of your own.
    """

    observer: ClassVar[Any]

    def test_documented(self) -> None:
        """The module says what the observer does."""
        mine = self.observer
        module = mine if isinstance(mine, ModuleType) else sys.modules[type(mine).__module__]
        assert (module.__doc__ or "").strip(), "the module's docstring is the plugin's help"

    def test_hooks(self) -> None:
        """It has hooks, and each is one that there is, with arguments that it is called with."""
        assert not list(faults(self.observer))
        assert self._hooks(), "there is no @hookimpl in it"

    def test_calls(self) -> None:
        """Each hook can be called, whatever comes: in the main thread, and in another."""
        self._call_all()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._call_all).result()

    def test_events_unchanged(self) -> None:
        """What it is told is everybody's: it goes on as it was."""
        assert self._call_all() == CALLS

    def test_secret(self) -> None:
        """A secret that it does not know is None, so that others are asked."""
        if ask := self._hooks().get("secret"):
            assert ask(**CALLS["secret"][0]) is None

    def _hooks(self) -> dict[str, Any]:
        """The hooks that it has, each to be called as mdc does."""
        plugins = manager()
        plugins.register(self.observer)
        return {caller.name: caller for caller in plugins.get_hookcallers(self.observer) or ()}

    def _call_all(self) -> dict[str, tuple[dict[str, Any], ...]]:
        """Call each hook with all that it may be told; returns what that is afterwards."""
        told = deepcopy(CALLS)
        for name, call in self._hooks().items():
            for given in told[name]:
                call(**given)
        return told
