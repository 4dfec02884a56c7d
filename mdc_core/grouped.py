"""What checks and filters carry from row to row and from batch to batch, key by key.

    self.highest = RunningMax()                                  # in __init__

    keys = self.groups.keys(batch, "symbol", "provider")         # for each batch
    before, known = self.highest(keys, values)

State grows with the number of distinct keys, never with the number of rows, nor with the
length of the texts: long ones are remembered by their hash.
"""

from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
Coded = tuple[Int64s, list[str | None]]

_FEW = 8  # rows up to which plain Python beats a call into Arrow
_LONGEST = 1_000  # characters of a text that is remembered as it is
_DENSE = 65_536  # combinations up to which a table beats a sort


class Codes:
    """The distinct words of a batch's text columns, found once however often they are asked."""

    def __init__(self) -> None:
        self._batch: pa.RecordBatch | None = None
        self._coded: dict[str, Coded] = {}
        self._masks: dict[tuple[str, ...], Bools] = {}

    def __call__(self, batch: pa.RecordBatch, name: str) -> Coded:
        """The number of each row's word in this batch, and the words by number."""
        self._turn_to(batch)
        if name not in self._coded:
            self._coded[name] = _coded(batch, name)
        return self._coded[name]

    def is_type(self, batch: pa.RecordBatch, *names: str) -> Bools:
        """Which rows are of one of these event types."""
        self._turn_to(batch)
        if names not in self._masks:
            codes, words = self(batch, "type")
            wanted = np.array([word in names for word in words], np.bool_)
            self._masks[names] = wanted[codes] if len(words) else np.zeros(0, np.bool_)
        return self._masks[names]

    def _turn_to(self, batch: pa.RecordBatch) -> None:
        if batch is not self._batch:
            self._batch, self._coded, self._masks = batch, {}, {}


def _coded(batch: pa.RecordBatch, name: str) -> Coded:
    index = batch.schema.get_field_index(name)
    length = batch.num_rows
    if index < 0:
        return np.zeros(length, np.int64), [None]
    column = batch.column(index)
    if length <= _FEW:
        texts = column.to_pylist()
        words = list(dict.fromkeys(texts))
        return np.array([words.index(text) for text in texts], np.int64), words
    if column.null_count == length:
        return np.zeros(length, np.int64), [None]
    if _is_constant(column):
        return np.zeros(length, np.int64), [column[0].as_py()]
    encoded = column.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), encoded.dictionary.to_pylist()


def _is_constant(column: "pa.Array[Any]") -> bool:
    """Whether every row has the same text; far cheaper to see than to encode."""
    if column.null_count or column.type != pa.string():
        return False
    buffers: Any = column.buffers()
    _, offsets, data = buffers
    ends = np.frombuffer(offsets, np.int32, len(column) + 1, 4 * column.offset)
    first, width = int(ends[0]), int(ends[1] - ends[0])
    if int(ends[-1]) - first != width * len(column) or np.any(np.diff(ends) != width):
        return False
    if not width:
        return True
    text = np.frombuffer(data or b"", np.uint8)[first : int(ends[-1])].reshape(-1, width)
    return bool((text == text[0]).all())


def _remembered(texts: list[str | None]) -> list[str | None]:
    if max((len(text) for text in texts if text is not None), default=0) <= _LONGEST:
        return texts
    return [
        text if text is None or len(text) <= _LONGEST else sha256(text.encode()).hexdigest()
        for text in texts
    ]


def remembered(column: Any) -> Any:
    """A column of texts for whoever keeps them: what is long is replaced by its hash."""
    if (pc.max(pc.binary_length(column)).as_py() or 0) <= _LONGEST:
        return column
    return pa.array(_remembered(column.to_pylist()), pa.string())


class GroupKeys:
    """Numbers for the distinct combinations of some text columns, the same in every batch."""

    def __init__(self, *names: str, words: Codes | None = None) -> None:
        self.names = names
        self.words = words or Codes()
        self._known: dict[tuple[str | None, ...], int] = {}
        self._batch: pa.RecordBatch | None = None
        self._numbers: Int64s = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, batch: pa.RecordBatch) -> Int64s:
        """The number of each row's combination, counted from 0."""
        if batch is not self._batch:
            self._numbers = self._number(batch)
            self._batch = batch
        return self._numbers

    def _number(self, batch: pa.RecordBatch) -> Int64s:
        combined: Int64s = np.zeros(batch.num_rows, np.int64)
        columns: list[list[str | None]] = []
        size = 1
        for name in self.names:
            codes, words = self.words(batch, name)
            columns.append(_remembered(words))
            if len(words) > 1:
                combined = codes if size == 1 else combined * len(words) + codes
                size *= len(words)
        if size == 1 and batch.num_rows:
            return np.full(batch.num_rows, self._find(np.zeros(1, np.int64), columns)[0])
        if size <= _DENSE + 4 * batch.num_rows:
            present = np.flatnonzero(np.bincount(combined, minlength=size))
            table = np.zeros(size, np.int64)
            table[present] = self._find(present, columns)
            return table[combined]
        present, inverse = np.unique(combined, return_inverse=True)
        return self._find(present, columns)[inverse]

    def _find(self, combined: Int64s, columns: list[list[str | None]]) -> Int64s:
        texts: list[list[str | None]] = []
        for words in reversed(columns):
            if len(words) == 1:
                texts.append(words * len(combined))
                continue
            combined, codes = np.divmod(combined, len(words))
            texts.append([words[code] for code in codes.tolist()])
        known = self._known
        found = [known.setdefault(key, len(known)) for key in zip(*reversed(texts), strict=True)]
        return np.array(found, np.int64)


class Groups:
    """What checks group rows by: each is numbered once, for all that ask for it."""

    def __init__(self) -> None:
        self._codes = Codes()
        self._keys: dict[tuple[str, ...], GroupKeys] = {}

    def keys(self, batch: pa.RecordBatch, *names: str) -> Int64s:
        """The number of each row's combination of these text columns, the same in every batch."""
        if names not in self._keys:
            self._keys[names] = GroupKeys(*names, words=self._codes)
        return self._keys[names](batch)

    def codes(self, batch: pa.RecordBatch, name: str) -> Coded:
        """The number of each row's word in this batch, and the words by number."""
        return self._codes(batch, name)

    def is_type(self, batch: pa.RecordBatch, *names: str) -> Bools:
        """Which rows are of one of these event types."""
        return self._codes.is_type(batch, *names)


class GroupRuns:
    """The rows of each key brought together, in their order: the runs of a stable sort."""

    def __init__(self, keys: Int64s) -> None:
        if len(keys) == 1:  # a quiet feed
            self.room = int(keys[0]) + 1
            self.order = self.starts = np.zeros(1, np.int64)
            self.ends, self.keys = np.ones(1, np.int64), keys
            return
        self.room = int(keys.max()) + 1
        # A stable sort of 16-bit keys is a radix sort: linear.
        narrow = keys.astype(np.uint16) if self.room <= 65_536 else keys
        self.order = np.argsort(narrow, kind="stable")
        ordered = keys[self.order]
        changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        self.starts = np.concatenate(([0], changes))
        self.ends = np.concatenate((changes, [len(keys)]))
        self.keys = ordered[self.starts]

    def spread(self, values: Int64s) -> Int64s:
        """One value for each run, as one for each row of it."""
        return np.repeat(values, self.ends - self.starts)


def widened(values: npt.NDArray[np.generic], room: int) -> npt.NDArray[np.generic]:
    """The same array with room for that many keys, zero where new."""
    if room <= len(values):
        return values
    wider = np.zeros(max(room, 2 * len(values)), values.dtype)
    wider[: len(values)] = values
    return wider


class Lag:
    """The value before, within each key."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.generic] = np.zeros(0, np.int64)
        self._seen: npt.NDArray[np.generic] = np.zeros(0, np.bool_)

    def __call__(self, keys: Int64s, values: Int64s) -> tuple[Int64s, Bools]:
        """The value of the row before with the same key, and whether there is one."""
        if not len(keys):
            return values, np.zeros(0, np.bool_)
        runs = GroupRuns(keys)
        self._last, self._seen = widened(self._last, runs.room), widened(self._seen, runs.room)
        ordered = values[runs.order]
        before, known = np.empty_like(ordered), np.ones(len(keys), np.bool_)
        before[1:] = ordered[:-1]
        before[runs.starts] = self._last[runs.keys]
        known[runs.starts] = self._seen[runs.keys]
        self._last[runs.keys] = ordered[runs.ends - 1]
        self._seen[runs.keys] = True
        result, result_known = np.empty_like(before), np.empty_like(known)
        result[runs.order], result_known[runs.order] = before, known
        return result, result_known


class RunningMax:
    """The highest value so far, within each key."""

    def __init__(self) -> None:
        self._highest: npt.NDArray[np.generic] = np.zeros(0, np.int64)
        self._seen: npt.NDArray[np.generic] = np.zeros(0, np.bool_)

    def __call__(self, keys: Int64s, values: Int64s) -> tuple[Int64s, Bools]:
        """The highest value before each row with its key, and whether there is one."""
        if not len(keys):
            return values, np.zeros(0, np.bool_)
        runs = GroupRuns(keys)
        self._highest = widened(self._highest, runs.room)
        self._seen = widened(self._seen, runs.room)
        seen = self._seen[runs.keys]
        carried = np.where(seen, self._highest[runs.keys], np.iinfo(np.int64).min)
        tops = np.maximum(_running_max(values[runs.order], runs), runs.spread(carried))
        before, known = np.empty_like(tops), np.ones(len(keys), np.bool_)
        before[1:] = tops[:-1]
        before[runs.starts] = carried
        known[runs.starts] = seen
        self._highest[runs.keys] = tops[runs.ends - 1]
        self._seen[runs.keys] = True
        result, result_known = np.empty_like(before), np.empty_like(known)
        result[runs.order], result_known[runs.order] = before, known
        return result, result_known

    def restart(self, key: int, value: int) -> None:
        """Count from this value on, though it may be lower."""
        self._highest[key] = value


def _running_max(ordered: Int64s, runs: GroupRuns) -> Int64s:
    """The running maximum within each run."""
    falls = ordered[1:] < ordered[:-1]
    falls[runs.starts[1:] - 1] = False
    if not falls.any():
        return ordered
    low = int(ordered.min())
    step = int(ordered.max()) - low + 1
    if step * len(runs.starts) < 2**62:
        # Each run is lifted above the one before it, so that one pass serves them all.
        lift = runs.spread(np.arange(len(runs.starts)) * step - low)
        return np.maximum.accumulate(ordered + lift) - lift
    pieces = np.split(ordered, runs.starts[1:])
    return np.concatenate([np.maximum.accumulate(piece) for piece in pieces])


class ForwardFill:
    """The last known value, within each key: what an absent one stands for."""

    def __init__(self, *kinds: npt.DTypeLike) -> None:
        self._last: list[npt.NDArray[np.generic]] = [np.zeros(0, kind) for kind in kinds]
        self._seen: npt.NDArray[np.generic] = np.zeros(0, np.bool_)

    def __call__(
        self, runs: GroupRuns, known: Bools, *values: npt.NDArray[np.generic]
    ) -> tuple[Bools, list[npt.NDArray[np.generic]]]:
        """The values (several columns of one thing) with the last known where absent."""
        self._last = [widened(last, runs.room) for last in self._last]
        self._seen = widened(self._seen, runs.room)
        ordered = known[runs.order]
        # The place of the last known value at or before each row; -1: before this batch.
        at = np.maximum.accumulate(np.where(ordered, np.arange(len(ordered)), -1))
        carried = at < runs.spread(runs.starts)
        places = np.empty(len(at), np.int64)
        places[runs.order] = runs.order[at]
        missing = np.empty(len(at), np.bool_)
        missing[runs.order] = carried
        keys = np.empty(len(at), np.int64)
        keys[runs.order] = runs.spread(runs.keys)
        filled = [
            np.where(missing, last[keys], column[places])
            for last, column in zip(self._last, values, strict=True)
        ]
        found = ~missing | self._seen[keys].astype(np.bool_)
        self.learn(runs, filled, found)
        return found, filled

    def learn(self, runs: GroupRuns, values: list[npt.NDArray[np.generic]], known: Bools) -> None:
        """Remember the value of each key's last row."""
        self._last = [widened(last, runs.room) for last in self._last]
        self._seen = widened(self._seen, runs.room)
        ends = runs.order[runs.ends - 1]
        for last, column in zip(self._last, values, strict=True):
            last[runs.keys] = column[ends]
        self._seen[runs.keys] = known[ends]
