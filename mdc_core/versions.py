"""The versions that each event type has had, and what turns an old event into a current one.

Events are read in every version from which a chain of migrations leads to the current one;
the shortest chain is found here. A migration is a list of changes, each said rather than
programmed: `wire/migrate.py` carries them out, on the fields of a line and on columns.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct, field

from mdc_core.errors import DataError
from mdc_core.schema import version_of


class Rename(Struct, frozen=True):
    """A field has another name."""

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old} is called {self.new}"


class Default(Struct, frozen=True):
    """A field that did not exist, and what all events had in common before it did."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field} is new, {self.value} before"


class Remove(Struct, frozen=True):
    """A field that is no longer one, and stays under `extra`; `kind` as in `schema`."""

    field: str
    kind: str

    def __str__(self) -> str:
        return f"{self.field} moves under extra"


class Values(Struct, frozen=True):
    """A field whose values are spelled differently."""

    field: str
    meanings: Mapping[str | int, str]

    def __str__(self) -> str:
        pairs = ", ".join(f"{old} is {new}" for old, new in self.meanings.items())
        return f"in {self.field} {pairs}"


class ValueList(Struct, frozen=True):
    """A text of several codes with commas between them becomes a list of texts."""

    field: str

    def __str__(self) -> str:
        return f"{self.field} is a list, not a text with commas"


class SplitField(Struct, frozen=True):
    """A list of a fixed length becomes as many fields."""

    field: str
    into: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field} is divided into {', '.join(self.into)}"


class Levels(Struct, frozen=True):
    """Levels that are [price, size] become objects."""

    field: str

    def __str__(self) -> str:
        return f"a level of {self.field} is an object, not [price, size]"


Change = Rename | Default | Remove | Values | ValueList | SplitField | Levels


class Version(Struct, frozen=True):
    """A version of an event type; `migrations` are the ways to it, by earlier version."""

    number: str
    date: str
    summary: str
    migrations: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)


_FIRST = (Version("1.0.0", "2026-11-20", "first version"),)
_LATER = (Version("1.0.0", "2026-11-30", "first version"),)

# The oldest first; the last one is the version that the type has in the vocabulary.
HISTORY: Mapping[str, tuple[Version, ...]] = {
    "connection": (
        *_FIRST,
        Version("1.1.0", "2026-11-30", "cause, attempt, retry_at and breaker are new"),
    ),
    "heartbeat": (
        *_FIRST,
        Version("1.1.0", "2026-11-30", "rate, lag, clock offset, backlog and drops are new"),
    ),
    "trade": (
        Version("0.8.0", "2026-11-06", "timestamp, aggressor in numbers, sequence"),
        Version(
            "0.9.0",
            "2026-11-13",
            "names of the wire; trade_id and condition are new",
            {
                "0.8.0": (
                    Rename("timestamp", "ts_event"),
                    Rename("received", "ts_recv"),
                    Rename("sequence", "seq"),
                    Rename("source", "provider"),
                    Rename("aggressor", "side"),
                    Values("side", {0: "N", 1: "B", 2: "S"}),
                )
            },
        ),
        Version(
            "1.0.0",
            "2026-11-20",
            "a list of conditions; sides as words",
            {
                "0.9.0": (
                    Rename("side", "aggressor_side"),
                    Values("aggressor_side", {"B": "buy", "S": "sell", "N": "none"}),
                    Rename("condition", "conditions"),
                    ValueList("conditions"),
                )
            },
        ),
    ),
    "quote": (
        Version("0.8.0", "2026-11-06", "bid and ask as [price, size]"),
        Version(
            "0.9.0",
            "2026-11-13",
            "prices and sizes are fields of their own",
            {
                "0.8.0": (
                    SplitField("bid", ("bid_price", "bid_size")),
                    SplitField("ask", ("ask_price", "ask_size")),
                )
            },
        ),
        Version(
            "1.0.0",
            "2026-11-20",
            "a list of conditions; no derived spread",
            {
                "0.9.0": (
                    Rename("bid_exchange", "bid_venue"),
                    Rename("ask_exchange", "ask_venue"),
                    Rename("condition", "conditions"),
                    ValueList("conditions"),
                    Remove("spread", "number"),
                )
            },
        ),
    ),
    "book": (
        Version("0.9.0", "2026-11-13", "levels as [price, size]"),
        Version(
            "1.0.0",
            "2026-11-20",
            "levels as objects, with room for a count",
            {"0.9.0": (Levels("bids"), Levels("asks"))},
        ),
        Version("1.1.0", "2026-11-30", "how deep the book is kept up to date", {"1.0.0": ()}),
    ),
    "delta": (
        *_FIRST,
        Version("1.1.0", "2026-11-30", "checksum of the book behind a change", {"1.0.0": ()}),
    ),
    "bar": (
        Version("0.9.0", "2026-11-13", "prices as traded, trades for the number of trades"),
        Version(
            "1.0.0",
            "2026-11-20",
            "bars may be adjusted",
            {"0.9.0": (Rename("trades", "trade_count"), Default("adjustment", "raw"))},
        ),
    ),
    "news": _LATER,
    "funding": _LATER,
    "liquidation": _LATER,
    "open_interest": _LATER,
}

_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9}){0,2}", re.ASCII)


def history(type_name: str) -> tuple[Version, ...]:
    """The versions of an event type, the oldest first."""
    return HISTORY.get(type_name, _FIRST)


@lru_cache(maxsize=1_024)  # versions come from outside
def changes(type_name: str, version: str) -> tuple[Change, ...]:
    """What makes an event of some version a current one; nothing for one that is readable.

    Raises DataError for a newer major version, for one from which no chain of migrations
    leads to the current one, and for what is no version.
    """
    if not is_version(version):
        raise DataError(f"{type_name}: v is {version[:60]!r}, not a version")
    current = version_of(type_name)
    if major(version) > major(current):
        raise DataError(
            f"{type_name} version {version} is newer than {current}; update mdc to read it"
        )
    found = chain(history(type_name), _full(version), current)
    if found is not None:
        return found
    if major(version) == major(current) > 0:
        return ()  # minor versions differ in optional fields
    known = ", ".join(v.number for v in history(type_name))
    raise DataError(
        f"{type_name} version {version}: no migration leads from it to {current}, "
        f"the versions are {known}"
    )


def oldest(type_name: str, named: Iterable[tuple[str, str]]) -> str:
    """The oldest version of a type among those named that has to be migrated; the current one
    if none has to.
    """
    older = [version for name, version in named if name == type_name and changes(name, version)]
    return min(older, key=_numbers, default=version_of(type_name))


def is_version(text: str) -> bool:
    """Whether a text is a version: up to three numbers with points between them."""
    return _NUMBER.fullmatch(text) is not None


def major(version: str) -> int:
    """The first number of a version: what an older reader would misread changes it."""
    return int(version.partition(".")[0])


def _full(version: str) -> str:
    """A version with all three numbers, each without leading zeros."""
    return ".".join(map(str, _numbers(version)))


def _numbers(version: str) -> list[int]:
    return [*map(int, version.split(".")), 0, 0][:3]


def chain(versions: tuple[Version, ...], old: str, current: str) -> tuple[Change, ...] | None:
    """The changes of the shortest chain of migrations, or None if there is no chain."""
    waiting: deque[tuple[str, tuple[Change, ...]]] = deque([(old, ())])
    seen = {old}
    while waiting:
        reached, so_far = waiting.popleft()
        if reached == current:
            return so_far
        for version in versions:
            if reached in version.migrations and version.number not in seen:
                seen.add(version.number)
                waiting.append((version.number, so_far + version.migrations[reached]))
    return None
