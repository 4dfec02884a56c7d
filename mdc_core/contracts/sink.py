"""A place that takes events: a server, a queue, a database."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdc_core.contracts.options import Plugin

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Plugin):
    """A place that takes events, by its URL; it owns its connection, the driver its retries.

    Every method may raise UnavailableError or BusyError: the driver waits, closes, opens and
    writes what is not acknowledged again. For RefusedError, and any other MdcError, it stops.
    """

    def __init__(self, url: str, options: Any, credentials: Mapping[str, str]) -> None:
        self.url = url
        self.options = options
        self.credentials = credentials

    def open(self) -> None:
        """Connect; nothing has been written yet, and at first nothing has been read.

        So what is wrong with the URL is told at once, by a UsageError here or in the constructor.
        """

    def write(self, batch: "pa.RecordBatch", token: str) -> None:
        """Send the rows of a batch.

        Wherever the same rows are sent again they have the same token, and no other rows have
        it: a place that keeps tokens has each row exactly once. DataError says that it will
        never take this batch, which is then set aside.
        """
        raise NotImplementedError

    def flush(self) -> int:
        """Wait for the place; how many rows since `open`, from the first, it has for good."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connection; what is not acknowledged may be lost."""
