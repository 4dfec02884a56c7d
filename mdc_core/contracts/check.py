"""A judgement on events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


Severity = Literal["info", "warning", "error"]


class Finding(Struct, frozen=True):
    """What a check found at a row of the batch (0 is the first), or about no row of it."""

    row: int | None
    message: str
    severity: Severity = "warning"


class Check(Plugin):
    """A judgement on events: called with each batch in turn, state carried between them.

    Its `scope` is the market, or all events: also those about the data (gap, connection).
    """

    scope: ClassVar[Literal["market", "all"]] = "market"

    def __init__(self, options: Any) -> None:
        self.options = options

    def __call__(self, batch: "pa.RecordBatch") -> Iterable[Finding]:
        """The findings in this batch, in any order; the batch stays as it is."""
        raise NotImplementedError

    def close(self) -> Iterable[Finding]:
        """What is found at the end of the input; it is about no row."""
        return ()
