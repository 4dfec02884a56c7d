"""A file of Lean's as rows of events: the columns of each kind, and what they mean."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mdc_core.columns import WallClock
from mdc_core.plugin import BadRow, DataError
from mdc_exporters.lean.clock import DAY, SECOND
from mdc_exporters.lean.files import DataFile
from mdc_exporters.lean.repeated import Piece, SetAside, clock_text, told_apart
from mdc_exporters.lean.text import (
    MILLISECONDS,
    NUMBER,
    TEN_THOUSANDTHS,
    TEXT,
    Block,
    Column,
    Layout,
    parse,
    read_blocks,
)
from mdc_exporters.lean.zips import ZipEntry

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Columns = dict[str, Column]

_LISTED = "exchange", "condition", "suspicious"  # what a listed instrument's tick has besides
_EXTRA = {"": None, "0": None, "1": '{"suspicious":1}'}
_INTERVALS = {
    "second": ("1s", SECOND),
    "minute": ("1m", 60 * SECOND),
    "hour": ("1h", 3_600 * SECOND),
    "daily": ("1d", DAY),
}
_ZERO = pa.scalar(Decimal(0), NUMBER)
_MAX_SECONDS = 2**63 // SECOND - 2 * 86_400  # of a time in nanoseconds, in any zone

# By event type, the columns that differ from row to row, besides ts_event.
VARYING = {
    "trade": ("price", "size", "venue", "conditions", "extra"),
    "quote": (
        "bid_price",
        "bid_size",
        "bid_venue",
        "ask_price",
        "ask_size",
        "ask_venue",
        "conditions",
        "extra",
    ),
    "bar": ("open", "high", "low", "close", "volume", "ts_close"),
}

# The exchange letters of US stock ticks (QuantConnect/Lean, Common/Exchange.cs, commit
# 24863901deff) as MICs (ISO 10383); D is any off-exchange report.
_MICS = {
    "A": "XASE",
    "B": "XBOS",
    "C": "XCIS",
    "D": "FINR",
    "H": "EPRL",
    "I": "XISE",
    "IEX": "IEXG",
    "J": "EDGA",
    "K": "EDGX",
    "L": "LTSE",
    "M": "XCHI",
    "MM": "MEMX",
    "MP": "EPRL",
    "N": "XNYS",
    "P": "ARCX",
    "Q": "XNAS",
    "T": "XNAS",
    "U": "MEMX",
    "V": "IEXG",
    "W": "CBSX",
    "X": "XPSX",
    "Y": "BATY",
    "Z": "BATS",
}


def type_of(file: DataFile) -> str:
    """The event type of a file's rows."""
    return file.kind if file.resolution == "tick" else "bar"


def layout_of(file: DataFile) -> Layout:
    """The columns of a file; stock prices are in ten-thousandths, all others as they are."""
    listed = file.security_type in ("equity", "index")
    flags = _LISTED if listed else ("suspicious",)
    price: pa.DataType = TEN_THOUSANDTHS if file.security_type == "equity" else NUMBER
    names: tuple[str, ...]
    widths: tuple[int, ...]
    required: tuple[str, ...]
    if type_of(file) == "bar":
        names = ("open", "high", "low", "close", "volume")
        widths, required = (6,), ("time", *names)
    elif file.kind == "trade":
        names = ("price", "size", *flags)
        widths, required = (3, len(names) + 1), ("time", "price", "size")
    elif file.security_type in ("forex", "cfd"):
        names, widths, required = ("bid", "ask"), (3,), ("time", "bid", "ask")
    else:
        names = ("bid", "bid_size", "ask", "ask_size", *flags)
        widths, required = (8,) if listed else (5, 6), ("time",)
    columns = dict.fromkeys(names, price)
    columns |= {name: NUMBER for name in names if name == "volume" or name.endswith("size")}
    columns |= {name: TEXT for name in names if name in _LISTED}
    time = MILLISECONDS if file.day else TEXT
    return Layout({"time": time, **columns}, widths, required)


def constants(file: DataFile) -> dict[str, Any]:
    """What holds for all rows of a file."""
    values = {
        "type": type_of(file),
        "symbol": file.symbol,
        "provider": "lean",
        # A market of stocks is many venues, any other is its own one.
        "venue": None if file.security_type in ("equity", "index") else file.market,
        "channel": file.channel,
    }
    if type_of(file) != "bar":
        return values
    interval, _ = _INTERVALS[file.resolution]
    return {**values, "interval": interval, "adjustment": "raw", "is_final": True}


class Reading(NamedTuple):
    """A file to read: its entry in the zip, its clock, which times, how much at once."""

    file: DataFile
    entry: ZipEntry
    clock: WallClock
    start: int | None
    end: int | None
    block_bytes: int


def read_rows(reading: Reading, set_aside: SetAside) -> Iterator[tuple[Int64s, Columns]]:
    """The rows of a file in [start, end), in its own order, and their keys to merge them by."""
    latest = np.iinfo(np.int64).min
    for times, values in _read_blocks(reading, set_aside):
        # Rows that go back in time keep their place: to judge them is a check's work.
        keys = np.maximum.accumulate(np.maximum(times, latest))
        latest = keys[-1]
        chosen = _between(times, reading.start, reading.end)
        if not chosen.all():
            keys, mask = keys[chosen], pa.array(chosen)
            values = {name: column.filter(mask) for name, column in values.items()}
        if not len(keys):
            continue
        del times, chosen  # this may wait long with many others
        yield keys, values


def _read_blocks(reading: Reading, set_aside: SetAside) -> Iterator[tuple[Int64s, Columns]]:
    """The times and the columns of a file, block by block, up to where it can be read."""
    file, clock = reading.file, reading.clock
    is_bar = type_of(file) == "bar"
    for piece, again in told_apart(_pieces(reading, set_aside), str(clock), is_bar, set_aside):
        times = clock.utc(piece.wall, again)
        values = piece.columns | {"ts_event": _time(times)}
        if is_bar:
            values["ts_close"] = _time(_closes(file, piece.wall, times, clock))
        yield times, values


def _pieces(reading: Reading, set_aside: SetAside) -> Iterator[Piece]:
    """The rows of a file by its wall clock."""
    file = reading.file
    try:
        for block in read_blocks(file.path, reading.entry, reading.block_bytes):
            yield from _read_block(reading, block, set_aside)
    except DataError as error:
        where = f"{file.path}#{reading.entry.name}"
        set_aside(BadRow(b"", where, str(error), breaks_off=True))


def _read_block(reading: Reading, block: Block, set_aside: SetAside) -> Iterator[Piece]:
    """The rows of a block: halved until the lines that cannot be read stand alone."""
    try:
        rows = _read_lines(reading, block)
    except DataError as error:
        halves = block.halves()
        if halves is None:
            number, line = next(block.lines())
            cut = not block.text.endswith(b"\n") or b"\0" in line
            set_aside(BadRow(line, f"{block.place} line {number}", str(error), breaks_off=cut))
            return
    else:
        yield rows
        return
    for half in halves:
        yield from _read_block(reading, half, set_aside)


def _read_lines(reading: Reading, block: Block) -> Piece:
    """The columns of a block; raises DataError if any line is bad."""
    file = reading.file
    if b"\0" in block.text:
        raise DataError("zero bytes: something is missing here")
    columns = parse(block, layout_of(file))
    wall = _wall_clock(file, columns["time"])
    twice = None
    # A day begins when it does, whatever its clock shows at that moment.
    if file.resolution != "daily" and (odd := reading.clock.odd(wall)):
        twice, never = odd
        if never.any():
            raise DataError(f"{clock_text(wall[never][0])} does not exist in {reading.clock}")
    return Piece(block, wall, twice, _VALUES[type_of(file)](file, columns))


def _between(times: Int64s, start: int | None, end: int | None) -> Bools:
    chosen = np.ones(len(times), np.bool_)
    if start is not None:
        chosen &= times >= start
    if end is not None:
        chosen &= times < end
    return chosen


def _wall_clock(file: DataFile, column: Any) -> Int64s:
    """Nanoseconds since 1970 as the wall clock of the data zone shows them."""
    if file.day is not None:
        words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)
        words = words[column.offset : column.offset + len(column)]
        since_midnight, high = words[:, 0], words[:, 1]
        wrong = (high != 0) | (since_midnight < 0) | (since_midnight >= DAY)
        if wrong.any():
            raise DataError("time is not in the milliseconds of a day")
        wall: Int64s = since_midnight + WallClock.wall(file.day)
        return wall
    shaped = pc.match_substring_regex(column, r"^\d{8} \d\d:\d\d$")
    text: Any = pc.if_else(shaped, column, None)
    moments: Any = pc.strptime(text, format="%Y%m%d %H:%M", unit="s", error_is_null=True)
    seconds = moments.cast(pa.int64()).fill_null(_MAX_SECONDS + 1).to_numpy()
    wrong = np.abs(seconds) > _MAX_SECONDS
    if wrong.any():
        raise DataError("time is not yyyyMMdd HH:mm")
    wall = seconds * SECOND
    return wall


def _closes(file: DataFile, wall: Int64s, times: Int64s, clock: WallClock) -> Int64s:
    """The ends of bars; a day ends on the wall clock, whatever its length."""
    if file.resolution == "daily":
        return clock.utc(wall + DAY)
    closes: Int64s = times + _INTERVALS[file.resolution][1]
    return closes


def _time(times: Int64s) -> Column:
    return pa.array(times).view(pa.timestamp("ns", "UTC"))


def _trade(file: DataFile, columns: Columns) -> Columns:
    return {
        "price": _number(columns["price"]),
        "size": columns["size"],
        **_venue(file, columns, "venue"),
        **_conditions(columns),
        **_suspicious(columns),
    }


def _quote(file: DataFile, columns: Columns) -> Columns:
    values = {**_conditions(columns), **_suspicious(columns)}
    for side in ("bid", "ask"):
        price: Any = _number(columns[side])
        sizes: Any = columns.get(f"{side}_size")
        if sizes is not None:
            values[f"{side}_size"] = sizes
        values |= {f"{side}_price": price, **_venue(file, columns, f"{side}_venue")}
        if sizes is not None:
            # Lean writes 0,0 for a side that a row does not tell of.
            there = pc.or_kleene(pc.not_equal(price, _ZERO), pc.not_equal(sizes, _ZERO))
            for name in values.keys() & {f"{side}_price", f"{side}_size", f"{side}_venue"}:
                values[name] = pc.if_else(there, values[name], None)
    return values


def _bar(file: DataFile, columns: Columns) -> Columns:
    prices = {name: _number(columns[name]) for name in ("open", "high", "low", "close")}
    return {**prices, "volume": columns["volume"]}


_VALUES: dict[str, Callable[[DataFile, Columns], Columns]] = {
    "trade": _trade,
    "quote": _quote,
    "bar": _bar,
}


def _number(column: Column) -> Column:
    """Prices as they are; ten-thousandths by moving the point, which is exact and free."""
    if column.type != TEN_THOUSANDTHS:
        return column
    return pa.Array.from_buffers(NUMBER, len(column), column.buffers(), offset=column.offset)


def _venue(file: DataFile, columns: Columns, name: str) -> Columns:
    """The venue of each row: a MIC for a letter of the US tapes, other words as they are."""
    if "exchange" not in columns:
        return {}
    mics = _MICS if (file.security_type, file.market) == ("equity", "usa") else {}
    column = columns["exchange"]
    return {name: _each(column, lambda word: mics.get(word, word) or None, pa.string())}


def _conditions(columns: Columns) -> Columns:
    """The hexadecimal bit set as it is written, where a bit is set."""
    if "condition" not in columns:
        return {}
    kind, column = pa.list_(pa.string()), columns["condition"]
    return {"conditions": _each(column, lambda bits: [bits] if bits.strip("0") else None, kind)}


def _suspicious(columns: Columns) -> Columns:
    if "suspicious" not in columns:
        return {}
    column = columns["suspicious"]
    known = pc.is_in(column, pa.array(_EXTRA))
    if not pc.all(known).as_py():
        raise DataError("suspicious is neither 0 nor 1")
    return {"extra": _each(column, _EXTRA.__getitem__, pa.string())}


def _each(column: Any, meaning: Callable[[str], Any], kind: pa.DataType) -> Column:
    """A column of few distinct words, each replaced by what it means."""
    encoded = column.dictionary_encode()
    meanings = [meaning(word) for word in encoded.dictionary.to_pylist()]
    return pa.array(meanings, kind).take(encoded.indices)
