"""The hooks: what an observer (entry-point group `mdc.hooks`) can be told, or asked.

    from mdc_core.plugin import hookimpl

    @hookimpl
    def committed(path, rows):
        print(path, rows)

An observer is a module or an object. It may take fewer arguments than are listed here. It is
called where the thing happens, in the thread that does it, and the work waits for it; an error
of its own is told and does no harm.
"""

from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pluggy
from msgspec import Struct

from mdc_core.events import Connection, Gap, Integrity
from mdc_core.suggest import known, unknown

PROJECT = "mdc"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class RunInfo(Struct, frozen=True):
    """One stage of a pipeline that is run: `mdc A then B` has two, as `mdc A | mdc B` has."""

    stage: str  # stream, validate, store, the name of a filter
    request: Mapping[str, Any]  # what was asked for, as `begin` says it
    run_id: str | None = None  # the same in all stages; known when the first event is


class Hooks:
    """Every hook there is."""

    @hookspec(firstresult=True)
    def secret(self, name: str) -> str | None:
        """The value of a secret such as `APCA_API_KEY_ID`, if this observer knows it."""

    @hookspec
    def run_started(self, run: RunInfo) -> None:
        """A stage begins to work; nothing has been read yet."""

    @hookspec
    def run_ended(self, run: RunInfo, counts: Mapping[str, int], status: int) -> None:
        """A stage has ended: events by type that it wrote (a sink: read), and its exit status."""

    @hookspec
    def measured(self, run: RunInfo, values: Mapping[str, float]) -> None:
        """The counters (`..._total`) and gauges of a stage: every 10 s, and at its end.

        Every stage has mdc_events_read_total and mdc_events_rejected_total; what it writes is in
        mdc_events_published_total, and by type in mdc_trade_events_total and so on. A live feed
        has mdc_events_dropped_total, mdc_events_buffered and mdc_reconnection_attempts_total, and
        `store` has mdc_events_acknowledged_total.
        """

    @hookspec
    def connection_changed(self, event: Connection) -> None:
        """The connection to a provider came up, went down or was resubscribed."""

    @hookspec
    def gap(self, event: Gap) -> None:
        """Events are missing: a disconnect, an overflow, an input that is truncated."""

    @hookspec
    def retried(self, cause: str, delay: float) -> None:
        """A provider did not answer, or not any more; it is asked again in `delay` seconds."""

    @hookspec
    def set_aside(self, count: int, reason: str) -> None:
        """So many frames, lines or rows could not be read; the reason is that of the last."""

    @hookspec
    def findings(self, events: Sequence[Integrity]) -> None:
        """Checks found these things in a batch."""

    @hookspec
    def committed(self, path: Path, rows: int) -> None:
        """A file is complete and in its place: a part of an archive, or a package."""


def manager() -> pluggy.PluginManager:
    """What observers are registered with."""
    made = pluggy.PluginManager(PROJECT)
    made.add_hookspecs(Hooks)
    return made


def faults(observer: object) -> Iterator[str]:
    """Hooks of an observer that there are not, and arguments that they are not called with."""
    specs = {name: list(signature(spec).parameters)[1:] for name, spec in _SPECS.items()}
    plugins = manager()
    for name in dir(observer):
        how = plugins.parse_hookimpl_opts(observer, name)
        hook = name if how is None else how.get("specname") or name
        if how is not None and hook not in specs:
            yield f"{unknown('hook', hook, specs)} ({known(specs)})"
        elif how is not None:
            for given in signature(getattr(observer, name)).parameters.values():
                asked = given.kind is given.POSITIONAL_OR_KEYWORD and given.default is given.empty
                if asked and given.name not in specs[hook]:
                    yield f"the hook {hook} has no {given.name!r}: ({', '.join(specs[hook])})"


_SPECS = {name: spec for name, spec in vars(Hooks).items() if not name.startswith("_")}
