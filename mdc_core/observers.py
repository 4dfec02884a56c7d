"""The installed observers (entry-point group `mdc.hooks`), loaded when there are any."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdc_core import registry
from mdc_core.errors import ConfigError
from mdc_core.installed import PluginRef
from mdc_core.texts import said
from mdc_core.wire.stdout import reserved

if TYPE_CHECKING:
    from mdc_core.events import Event
    from mdc_core.logs import Log


def observer(ref: PluginRef) -> Any:
    """An observer; raises ConfigError where it cannot be loaded, or called as it says."""
    from mdc_core.hooks import faults

    found = registry.import_plugin(ref)
    if wrong := "; ".join(faults(found)):
        raise ConfigError(f"{registry.describe(ref)}: {wrong}")
    return found


class Observers:
    """Those who asked to be told; with none installed, telling them costs nothing.

    An observer that fails is reported and does not stop the work.
    """

    def __init__(self, log: "Log") -> None:
        self._log = log
        self._hook = self._load()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._hook is not None

    def _load(self) -> Any:
        refs = registry.find("hooks")
        if not refs:
            return None
        from mdc_core.hooks import manager

        plugins = manager()
        for ref in refs.values():
            try:
                plugins.register(observer(ref), ref.name)
            except ConfigError as error:
                self._log.warning(f"{error}; going on without it")
        return plugins.hook

    @property
    def present(self) -> bool:
        """Whether there are any."""
        return self._hook is not None

    def secret(self, name: str) -> str | None:
        """The value of a secret, from the first observer that knows it."""
        value = self._call("secret", name=name)
        return value if isinstance(value, str) else None

    def run_started(self, **run: Any) -> None:
        """Tell that a stage begins."""
        if self._hook is not None:
            self._call("run_started", run=_info(run))

    def run_ended(self, counts: Mapping[str, int], status: int, **run: Any) -> None:
        """Tell that a stage has ended."""
        if self._hook is not None:
            self._call("run_ended", run=_info(run), counts=dict(counts), status=status)

    def measured(self, values: Mapping[str, float], **run: Any) -> None:
        """Tell of the counters and gauges of a stage."""
        self._call("measured", run=_info(run), values=values)

    def news(self, events: "Sequence[Event]") -> None:
        """Tell of the connections that changed, and of the gaps, among some events."""
        if self._hook is None:
            return
        from mdc_core.events import Connection, Gap

        for event in events:
            if isinstance(event, Connection):
                self._call("connection_changed", event=event)
            elif isinstance(event, Gap):
                self._call("gap", event=event)

    def retried(self, cause: str, delay: float) -> None:
        """Tell that a provider is asked again."""
        self._call("retried", cause=cause, delay=delay)

    def set_aside(self, count: int, reason: str) -> None:
        """Tell that something could not be read."""
        self._call("set_aside", count=count, reason=reason)

    def findings(self, events: "Sequence[Event]") -> None:
        """Tell what checks found."""
        self._call("findings", events=events)

    def committed(self, path: Path | str, rows: int) -> None:
        """Tell that a file is complete."""
        self._call("committed", path=Path(path), rows=rows)

    def _call(self, hook: str, **arguments: Any) -> Any:
        if self._hook is None:
            return None
        try:
            with reserved():
                return getattr(self._hook, hook)(**arguments)
        except KeyboardInterrupt:
            raise
        # A stranger's code may raise anything; the data goes on.
        except BaseException as error:
            self._log.warning(f"an observer failed in {hook}: {_place(error)}")
            return None


def _info(run: Mapping[str, Any]) -> Any:
    from mdc_core.hooks import RunInfo

    return RunInfo(**run)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__") if trace is not None else "?"
    return f"{module}: {type(error).__name__}: {said(error)}"
