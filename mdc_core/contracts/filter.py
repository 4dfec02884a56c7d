"""Events to events."""

from typing import TYPE_CHECKING, Any

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


class Filter(Plugin):
    """Events to events: called with each batch in turn, state carried between them."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def __call__(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """What comes out for this batch; the same object, if nothing changes."""
        raise NotImplementedError

    def close(self) -> "pa.RecordBatch | None":
        """What comes out at the end of the input."""
        return None
