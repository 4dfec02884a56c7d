"""The hooks: what an observer (entry-point group `mdc.hooks`) can be told, or asked.

    from mdc_core.hooks import hookimpl

    @hookimpl
    def committed(path, rows):
        print(path, rows)

An observer is a module or an object. It may take fewer arguments than are listed here.
"""

from collections.abc import Sequence
from pathlib import Path

import pluggy

from mdc_core.events import Connection, Integrity

PROJECT = "mdc"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Every hook there is."""

    @hookspec(firstresult=True)
    def secret(self, name: str) -> str | None:
        """The value of a secret such as `APCA_API_KEY_ID`, if this observer knows it."""

    @hookspec
    def connection_changed(self, event: Connection) -> None:
        """The connection to a provider came up, went down or was resubscribed."""

    @hookspec
    def findings(self, events: Sequence[Integrity]) -> None:
        """Checks found these things in a batch."""

    @hookspec
    def committed(self, path: Path, rows: int) -> None:
        """A part of the archive is complete and in its place."""
