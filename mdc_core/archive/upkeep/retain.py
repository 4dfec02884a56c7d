"""Retention: which parts may go, by age and by the size of the archive, and their removal.

[retain]                     # in mdc.toml: the options of mdc retain
days = 365
[[retain.rules]]             # the first that matches holds, before --keep
symbol = "BTC*"
type = "quote"
days = 30
[[retain.rules]]
type = "trade"
keep = true                  # these never go
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

from msgspec import Meta, Struct, ValidationError, convert

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.catalog.query import EVERYTHING, Query
from mdc_core.archive.profiles import Profiles
from mdc_core.archive.read.room import CATALOG, state_room
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.upkeep.rewrite import rewritten, without
from mdc_core.archive.write.active import live
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.formats import Formats
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.config import Config, Setting
from mdc_core.errors import ConfigError, UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.suggest import known, unknown
from mdc_core.texts import plainly
from mdc_core.times import DAY, MAX_NS, MIN_NS, span_text

TABLE, RULES = "retain", "rules"
BATCH = 500  # parts that go in one transaction


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the parts of some symbols and types are kept; `keep` is for ever."""

    symbol: str = "*"
    type: str = "*"
    days: Annotated[int, Meta(ge=1)] | None = None
    keep: bool = False

    def matches(self, part: PartRow) -> bool:
        """Whether it is for a part; what has no symbol matches as an empty one."""
        return fnmatchcase(part.symbol or "", self.symbol) and fnmatchcase(
            part.type_name, self.type
        )


class Policy(NamedTuple):
    """What may go: by rules, else by age (nanoseconds), and by size (bytes).

    The age is that of the last event if it is `by_event`, else since it was stored.
    """

    age: int | None = None
    size: int | None = None
    rules: tuple[Rule, ...] = ()
    by_event: bool = False

    @property
    def empty(self) -> bool:
        """Whether it never lets anything go."""
        ages = self.age is not None or any(rule.days is not None for rule in self.rules)
        return not ages and self.size is None

    @property
    def shortest(self) -> int | None:
        """The least age at which anything may go."""
        ages = [rule.days * DAY for rule in self.rules if rule.days is not None]
        return min([*ages, *([] if self.age is None else [self.age])], default=None)

    def of(self, part: PartRow) -> tuple[bool, int | None]:
        """Whether a part must stay, and how old it may become."""
        for rule in self.rules:
            if rule.matches(part):
                return rule.keep, None if rule.days is None else rule.days * DAY
        return False, self.age


def policy(age: int | None, size: int | None, rules: tuple[Rule, ...], *, by_event: bool) -> Policy:
    """What may go; raises UsageError where that would be everything."""
    if age == 0 or size == 0:
        raise UsageError("to keep nothing is not to retain", hint="say how much is to be kept")
    return Policy(age, size, rules, by_event)


class Expired(NamedTuple):
    """A part that may go, and why; of a shared part that stays, what may go of it by symbol."""

    part: PartRow
    reason: str
    of_symbols: tuple[PartRow, ...] = ()  # empty: all of it goes

    @property
    def rows(self) -> int:
        """How many events go."""
        return sum(one.rows for one in self.of_symbols or [self.part])

    @property
    def bytes(self) -> int:
        """How many bytes go."""
        return sum(one.bytes for one in self.of_symbols or [self.part])

    @property
    def last(self) -> int | None:
        """The event time of the last that goes, as far as there is one."""
        found = (one.last for one in self.of_symbols or [self.part])
        return max((last for last in found if last is not None), default=None)


class Aged(Protocol):
    """Parts by their age: those of a catalog, or listed."""

    def oldest(self, query: Query, stored: int | None = None) -> Iterator[PartRow]:
        """The parts that are asked for, by their last moments; those without any come last.

        With `stored`, those that were stored before that, and the days of storing come first.
        """

    def size(self, query: Query) -> tuple[int, int]:
        """How many there are, and how many bytes they have."""


class ListedParts:
    """The parts of an archive that has no catalog."""

    def __init__(self, parts: Sequence[PartRow]) -> None:
        self._parts = parts

    def oldest(self, query: Query, stored: int | None = None) -> Iterator[PartRow]:
        """Those that begin before the end that is asked for, the oldest first."""

        def place(part: PartRow) -> tuple[int, bool, int, str]:
            day = 0 if stored is None else part.stored // DAY
            return day, part.begins == NO_TIME, part.ends, part.path

        for part in sorted(self._parts, key=place):
            early = query.end is None or part.begins < query.end
            if early and (stored is None or part.stored < stored):
                yield part

    def size(self, query: Query) -> tuple[int, int]:
        """Their number, and their bytes."""
        found = [one for part in self._parts for one in part.by_symbol()]
        wanted = [one for one in found if query.wants(one.symbol)]
        return len({one.key for one in wanted}), sum(one.bytes for one in wanted)


def expired(
    archive: Archive,
    parts: Aged,
    policy: Policy,
    now: int,
    query: Query = EVERYTHING,
    spared: Callable[[PartRow], bool] = lambda part: False,
) -> list[Expired]:
    """The parts that may go: those that are too old, then the oldest ones, but for the `spared`.

    A part is as old as it is stored, or by event as its last event, and so is what a shared part
    has of a symbol. What has no time never becomes too old by event, and goes last.
    What a run of `store` may still write to stays, and counts; so do journals and
    what is kept aside, where all parts are looked at.
    """
    is_live = live(archive)
    found = _Found(query)
    for part, one, age in _aged(parts, policy, now, query):
        if not is_live(part) and not spared(part):
            kept = span_text(age)
            text = f"older than {kept}" if policy.by_event else f"stored more than {kept} ago"
            found.add(part, one, text)
    if policy.size is None:
        return found.all()
    over = parts.size(query)[1] + beside(archive, query) - policy.size
    over -= sum(one.bytes for one in found.all())
    for part in parts.oldest(query, None if policy.by_event else MAX_NS) if over > 0 else ():
        for one in found.left(part):
            if over > 0 and not policy.of(one)[0] and not is_live(part) and not spared(part):
                found.add(part, one, "the oldest of too much")
                over -= one.bytes
        if over <= 0:
            break
    return found.all()


def _aged(
    parts: Aged, policy: Policy, now: int, query: Query
) -> Iterator[tuple[PartRow, PartRow, int]]:
    """The parts that are too old, of shared ones each symbol's share, and how old they may be."""
    youngest = policy.shortest
    if youngest is None:
        return
    limit = max(now - youngest, MIN_NS)
    if policy.by_event:
        listed = parts.oldest(replace(query, end=limit))
    else:
        listed = parts.oldest(query, limit)
    for part in listed:
        for one in part.by_symbol():
            _, age = policy.of(one)
            last = one.ends if policy.by_event else one.stored
            timed = one.begins != NO_TIME or not policy.by_event
            if age is not None and timed and last < now - age and query.wants(one.symbol):
                yield part, one, age


class _Found:
    """What may go, by part and symbol."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._parts: dict[tuple[str, str], PartRow] = {}
        self._gone: dict[tuple[str, str], dict[str | None, tuple[PartRow, str]]] = {}

    def left(self, part: PartRow) -> list[PartRow]:
        """What is wanted of a part, and was not found yet, by symbol."""
        gone = self._gone.get(part.key, {})
        wanted = (one for one in part.by_symbol() if one.symbol not in gone)
        return [one for one in wanted if self._query.wants(one.symbol)]

    def add(self, part: PartRow, one: PartRow, reason: str) -> None:
        """Note what may go of a part."""
        self._parts[part.key] = part
        self._gone.setdefault(part.key, {})[one.symbol] = one, reason

    def all(self) -> list[Expired]:
        """Each part of which something goes; for several reasons only if not all of it does."""
        found = []
        for key, gone in self._gone.items():
            part, reasons = self._parts[key], {reason for _, reason in gone.values()}
            whole = len(gone) == len(part.symbols)
            for reason in sorted(reasons)[:1] if whole else sorted(reasons):
                some = tuple(one for one, why in gone.values() if why == reason)
                found.append(Expired(part, reason, () if whole else some))
        return found


def beside(archive: Archive, query: Query) -> int:
    """The bytes of journals and what is kept aside; nothing where only some parts count."""
    if query.types or not query.is_of_all:
        return 0
    return sum(one.bytes for one in state_room(archive) if one.kind != CATALOG)


def remove(archive: Archive, catalog: Catalog, gone: Sequence[Expired]) -> Iterator[Expired]:
    """Remove parts, so many in one transaction; within `rewriting`. Gives those removed.

    What another command has changed in the meantime stays.
    """
    files: dict[tuple[str, str], list[Expired]] = {}
    for one in gone:
        files.setdefault(one.part.key, []).append(one)
    listed = list(files.values())
    for start in range(0, len(listed), BATCH):
        some = listed[start : start + BATCH]
        try:
            _commit(archive, catalog, some)
            yield from chain.from_iterable(some)
        except ChangedError:
            for of_file in some:
                try:
                    _commit(archive, catalog, [of_file])
                except ChangedError:
                    continue
                yield from of_file
        clear_trash(archive)
    if gone:
        catalog.forget_origins()


def _commit(archive: Archive, catalog: Catalog, files: Iterable[list[Expired]]) -> None:
    """Remove what goes; a shared part of which something stays is written anew."""
    replacement = Replacement(archive, catalog)
    try:
        for gone in files:
            part = gone[0].part
            if gone[0].of_symbols:
                symbols = frozenset(one.symbol for some in gone for one in some.of_symbols)
                file, formats = replacement.stage(), Formats.like([part], Profiles())
                staying = without(part, symbols)
                new = rewritten(archive, part, file, formats, part.tier, "retain", staying)
                replacement.add(file, new)
            replacement.remove(part)
        replacement.commit()
    finally:
        replacement.abandon()


def read_rules(config: Config) -> tuple[Rule, ...]:
    """What [[retain.rules]] in the nearest mdc.toml says; raises ConfigError for nonsense."""
    for file, tables in config.files:
        table = tables.get(TABLE, {})
        if isinstance(table, dict) and RULES in table:
            return _rules(table[RULES], file)
    return ()


def _rules(listed: Any, file: Path) -> tuple[Rule, ...]:
    setting = Setting(listed, file, TABLE)
    if not isinstance(listed, list):
        raise setting.complaint(RULES, "must be a list of tables: [[retain.rules]]")
    rules: list[Rule] = []
    for number, table in enumerate(listed, 1):
        try:
            rules.append(_sound(convert(table, Rule)))
        except (ValidationError, ConfigError) as error:
            problem = plainly(error)
            raise setting.complaint(
                f"rule {number}", problem, getattr(error, "hint", None)
            ) from None
    return tuple(rules)


def _sound(rule: Rule) -> Rule:
    """The same rule; raises ConfigError where it says nothing, or speaks of no type."""
    if rule.keep == (rule.days is not None):
        raise ConfigError("says either days = N or keep = true")
    if not any(fnmatchcase(name, rule.type) for name in EVENT_TYPES):
        raise ConfigError(unknown("event type", rule.type, EVENT_TYPES), hint=known(EVENT_TYPES))
    return rule
