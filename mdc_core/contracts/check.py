"""A judgement on events."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

from mdc_core.contracts.options import Plugin
from mdc_core.events import Event

if TYPE_CHECKING:
    import pyarrow as pa

    from mdc_core.grouped import Groups


Severity = Literal["info", "warning", "error"]


class Finding(Struct, frozen=True):
    """What a check found at a row of the batch (0 is the first), or about no row of it.

    `values` are the numbers that the message speaks of, for those who count on with them:
    they go out as `extra.values` of the `integrity` event. One about no row may be `of` an event:
    of its symbol, its times, its channel and its number.
    """

    row: int | None
    message: str
    severity: Severity = "warning"
    values: Mapping[str, int | Decimal] = {}
    of: Event | None = None


class Check(Plugin):
    """A judgement on events: called with each batch in turn, state carried between them.

    Its `scope` is the market, or all events: also those about the data (gap, connection).
    Checks are asked one after another in the thread that reads: one that is slow holds up the
    pipe, and a live feed before it does as `--overflow` says. `mdc -v validate` tells how long
    each took; one that never returns ends with the second Ctrl-C.
    """

    scope: ClassVar[Literal["market", "all"]] = "market"

    def __init__(self, options: Any) -> None:
        self.options = options

    @cached_property
    def groups(self) -> "Groups":
        """Numbers for what rows are grouped by; the engine lets all checks share one."""
        from mdc_core.grouped import Groups

        return Groups()

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        """The findings in this batch, in any order; the batch stays as it is."""
        raise NotImplementedError

    def tick(self, now: int) -> Iterable[Finding]:
        """What is found as time goes by, asked about once a second; it is about no row.

        `now` is in nanoseconds since 1970, and also goes on while nothing comes.
        """
        return ()

    def close(self) -> Iterable[Finding]:
        """What is found at the end of the input; it is about no row."""
        return ()
