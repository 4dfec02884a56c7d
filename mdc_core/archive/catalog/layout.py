"""Where a part lies below the root: layout, partition, and symbols as file names."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal, get_args

from mdc_core import times

Layout = Literal["by-symbol", "by-date", "by-type", "flat", "hive"]
Partition = Literal["none", "hourly", "daily", "monthly"]
LAYOUTS: tuple[str, ...] = get_args(Layout)
PARTITIONS: tuple[str, ...] = get_args(Partition)

NO_SYMBOL = "_"
MIXED = "~mixed"  # stands for the symbol in the paths of shared parts: no symbol is written so
NO_DATE = "undated"
_LONGEST = 120
_CUT = "%~"  # in the name of a symbol that is longer: what is behind it is a hash
_UNSAFE = re.compile(rb"[^A-Za-z0-9.\-]")
_LOWER = re.compile(rb"[a-z][^A-Z]*([A-Z]?)")  # the first in lower case, the next in upper case
# Names that Windows keeps for devices, with or without a suffix.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def encode_symbol(symbol: str | None) -> str:
    """A symbol as one component of a path: percent-encoded, never hidden, never a parent.

    Names of different symbols differ without regard to case as well: a letter is encoded where
    the case changes, which begins as upper case: `%73py`, `BAC%70%4C`.
    """
    return _encoded(symbol, changes_of_case=True)


def names_of(symbol: str | None) -> tuple[str, ...]:
    """The names that a symbol can have in paths: the current one, then that of older versions."""
    return tuple(dict.fromkeys((encode_symbol(symbol), _encoded(symbol))))


def _encoded(symbol: str | None, *, changes_of_case: bool = False) -> str:
    if symbol is None:
        return NO_SYMBOL
    data = symbol.encode("utf-8", "surrogatepass")
    if changes_of_case and _LOWER.search(data):
        encoded = {match.start() for match in _UNSAFE.finditer(data)}
        for match in _LOWER.finditer(data):
            encoded |= {match.start(), match.start(1)}
        name = "".join(f"%{b:02X}" if at in encoded else chr(b) for at, b in enumerate(data))
    else:
        name = _UNSAFE.sub(lambda m: f"%{m[0][0]:02X}".encode(), data).decode()
    if not name:
        return "%"
    if name.startswith("."):
        name = "%2E" + name[1:]
    if name.endswith("."):
        name = name[:-1] + "%2E"
    if _DEVICE.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > _LONGEST:
        from hashlib import sha256

        digest = sha256(data).hexdigest()[:32]
        name = f"{name[: _LONGEST - 40].rpartition('%')[0] or name[:40]}{_CUT}{digest}"
    return name


def names_in_paths(symbol: str | None, shares: Sequence[object]) -> tuple[str, ...]:
    """What can stand for the symbol in the path of a part, or for those that share it."""
    return (MIXED,) if shares else names_of(symbol)


def in_folders(layout: str, symbol: str | None, type_name: str) -> dict[str, str | None]:
    """The columns that the folders of a part of one symbol say, and its file need not."""
    if layout != "hive" or _CUT in encode_symbol(symbol):
        return {}
    return {"type": type_name, "symbol": symbol}


def with_current_name(path: str, layout: str, symbol: str | None) -> str:
    """The path of a part with the symbol as it is written now, where an older version wrote it."""
    name, *older = names_of(symbol)
    pieces = path.split("/")
    at = 1 if layout in ("by-date", "by-type") else 0
    begins, ends = {"hive": ("symbol=", ""), "flat": ("", "_")}.get(layout, ("", ""))
    for old in older:
        rest = pieces[at].removeprefix(f"{begins}{old}{ends}")
        if rest != pieces[at] and (layout == "flat" or not rest):
            pieces[at] = f"{begins}{name}{ends}{rest}"
    return "/".join(pieces)


def period_of(ns: int | None, partition: Partition) -> str:
    """The name of the period (UTC) that a time falls in."""
    if partition == "none":
        return "all"
    if ns is None:
        return NO_DATE
    text = times.from_ns(ns)
    return text[: {"hourly": 13, "daily": 10, "monthly": 7}[partition]]


def partition_of(period: str) -> Partition:
    """The partition that a period is of, by its name."""
    lengths: dict[int, Partition] = {13: "hourly", 10: "daily", 7: "monthly"}
    return lengths.get(len(period), "none")


def part_path(
    layout: Layout, symbol: str | None, type_name: str, period: str, part: str
) -> PurePosixPath:
    """The path of a part below the root, its suffix left out."""
    return _path(layout, encode_symbol(symbol), type_name, period, part)


def example_paths() -> dict[str, str]:
    """How the paths of each layout look, for a help text."""
    part = ("SPY", "trade", "2024-01-02", "RUN.parquet")
    return {layout: str(part_path(layout, *part)) for layout in get_args(Layout)}


def mixed_path(layout: Layout, type_name: str, period: str, part: str) -> PurePosixPath:
    """The path of a part that several symbols share, its suffix left out."""
    return _path(layout, MIXED, type_name, period, part)


def _path(layout: Layout, name: str, type_name: str, period: str, part: str) -> PurePosixPath:
    stem = f"{period}.{part}"
    match layout:
        case "by-symbol":
            return PurePosixPath(name, type_name, stem)
        case "by-date":
            return PurePosixPath(period, name, f"{type_name}.{part}")
        case "by-type":
            return PurePosixPath(type_name, name, stem)
        case "flat":
            return PurePosixPath(f"{name}_{type_name}_{stem}")
        case "hive":
            return PurePosixPath(f"symbol={name}", f"type={type_name}", f"date={period}", part)


def whole_path(
    layout: Layout,
    symbol: str | None,
    type_name: str,
    period: str,
    number: int = 0,
    *,
    shared: bool = False,
) -> PurePosixPath:
    """The path of the one part of a period, or of the n-th where there are several.

    Of a symbol, or `shared` by several; without its suffix. The number stands behind a dot, as
    the name of a part does: behind a hyphen it would make a day of a month.
    """
    behind = f".{number}" if number else ""
    name = MIXED if shared else encode_symbol(symbol)
    if layout == "hive":
        return _path(layout, name, type_name, period, f"data{behind}")
    path = _path(layout, name, type_name, period, "")
    return path.with_name(path.name.removesuffix(".") + behind)


def may_hold(path: PurePosixPath, symbols: tuple[str, ...]) -> bool:
    """Whether a file below a root can hold one of these symbols, by its path."""
    if MIXED in path.parts or path.name.startswith(f"{MIXED}_"):
        return True
    # Where case does not count, files of an older version may lie under another symbol's name.
    components = {piece.removeprefix("symbol=").casefold() for piece in path.parts}
    for symbol in symbols:
        for name in map(str.casefold, names_of(symbol)):
            if name in components or path.name.casefold().startswith(f"{name}_"):
                return True
    return False


def place_in_order(layout: str, symbol: str | None, type_name: str) -> str:
    """A key by which symbols and types stand as the paths of their own parts do."""
    name = encode_symbol(symbol)
    match layout:
        case "by-type":
            return f"{type_name}/{name}/"
        case "flat":
            return f"{name}_{type_name}_"
        case _:
            return f"{name}/{type_name}/"
