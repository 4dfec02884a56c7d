"""Messages of Arrow IPC streams as pyarrow reads them, one by one."""

from typing import Any

import pyarrow as pa

from mdc_core.errors import TruncatedError
from mdc_core.wire.sniff import Exactly
from mdc_core.wire.tables.arrow import Incoming, check_columns


class _Fed:
    """The messages that pyarrow is to read next."""

    def __init__(self) -> None:
        self._messages: list[Any] = []

    def give(self, message: Any) -> None:
        """Append a message."""
        self._messages.append(memoryview(message))

    def take(self, size: int) -> Any:
        """The next bytes, of one message."""
        if not self._messages:
            return b""
        data = self._messages[0][:size]
        self._messages[0] = self._messages[0][len(data) :]
        if not self._messages[0]:
            self._messages.pop(0)
        return data


class MessageReader:
    """The batches of the streams with one schema, one by one."""

    def __init__(self, schema: bytes, name: str) -> None:
        self._message = schema
        self.name = name
        self._open()
        self.schema = self._reader.schema
        try:
            self.incoming = Incoming(self.schema, name, checked=True)
            self.alone = "run_id" in self.schema.names
        except UnicodeDecodeError as error:  # the name of a column
            raise broken(name, error) from None
        self.has_dictionaries = any(_has_dictionary(field.type) for field in self.schema)

    def begin(self) -> None:
        """A stream with this schema begins; dictionaries are those of one stream."""
        if self.has_dictionaries:
            self._open()

    def _open(self) -> None:
        self._fed = _Fed()
        self._fed.give(self._message)
        try:
            self._reader = pa.ipc.open_stream(pa.PythonFile(Exactly(self._fed.take), "r"))
        except (pa.ArrowException, OSError) as error:
            raise broken(self.name, error) from None

    def dictionary(self, message: bytes) -> None:
        """Take a dictionary, for the batches that follow."""
        self._fed.give(message)

    def read(
        self, block: memoryview, start: int, end: int, *, lend: bool = False
    ) -> pa.RecordBatch:
        """The columns of one message, which refer to the block if it lends its bytes."""
        data = block[start:end]
        self._fed.give(data if lend and start % 8 == 0 else bytes(data))
        try:
            batch = self._reader.read_next_batch()
        except (pa.ArrowException, OSError, StopIteration) as error:
            raise broken(self.name, error) from None
        check_columns(batch, self.name)  # or joining it may read beyond its buffers
        return batch


def broken(name: str, error: Exception) -> TruncatedError:
    return TruncatedError(f"{name}: the Arrow stream breaks off: {error}")


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    return any(_has_dictionary(kind.field(i).type) for i in range(kind.num_fields))
