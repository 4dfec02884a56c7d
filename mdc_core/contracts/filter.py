"""Events to events."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


class Keep(Struct, frozen=True):
    """These rows of the batch (0 is the first), in order, and their text untouched."""

    rows: Sequence[int]


class Filter(Plugin):
    """Events to events: called with each batch in turn, state carried between them.

    Events about the data (integrity, gap, connection) do not come here: they go past the
    filter, in their place, and `about_data` is told of them. A filter that `derives` uses its
    input up and writes something else, as bars are made of trades: its input counts as used,
    and its output as derived.
    """

    derives: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    def __call__(
        self, batch: "pa.RecordBatch"
    ) -> "pa.RecordBatch | Keep | Iterable[pa.RecordBatch] | None":
        """What comes out for this batch; the same object, if nothing changes.

        How the events are cut into batches must make no difference to what comes out.
        """
        raise NotImplementedError

    def about_data(
        self, batch: "pa.RecordBatch"
    ) -> "pa.RecordBatch | Iterable[pa.RecordBatch] | None":
        """What comes out in front of these events about the data, which pass by themselves.

        A filter that carries a state from row to row learns here where rows are missing.
        """
        return None

    def tick(self, now: int) -> "pa.RecordBatch | Iterable[pa.RecordBatch] | None":
        """What comes out as time goes by, asked about once a second; nanoseconds since 1970."""
        return None

    def close(self) -> "pa.RecordBatch | Iterable[pa.RecordBatch] | None":
        """What comes out at the end of the input."""
        return None
