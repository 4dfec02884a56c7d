"""A check written for one event at a time."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mdc_core.contracts import Check, Finding
from mdc_core.events import Event

if TYPE_CHECKING:
    import pyarrow as pa


class PerEvent(Check):
    """A check of single events: simple to write, and slow beside a vectorised one."""

    def check(self, event: Event) -> "str | Finding | None":
        """What is wrong with this event: a sentence (a warning), a Finding, or None."""
        raise NotImplementedError

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        from mdc_core.wire.lines.jsonl import rows_of

        for row, event in enumerate(rows_of(batch)):
            found = self.check(event)
            if isinstance(found, str):
                yield Finding(row, found)
            elif found is not None:
                yield replace(found, row=row)
