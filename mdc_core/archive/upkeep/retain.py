"""Retention: which parts may go, by age and by the size of the archive, and their removal.

[retain]                     # in mdc.toml: the options of mdc retain
days = 365
[[retain.rules]]             # the first that matches holds, before --days
symbol = "BTC*"
type = "quote"
days = 30
[[retain.rules]]
type = "trade"
keep = true                  # these never go
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, ValidationError, convert

from mdc_core.archive.catalog.catalog import Catalog, ChangedError, PartRow
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.write.active import live
from mdc_core.archive.write.archive import Archive
from mdc_core.archive.write.replace import Replacement, clear_trash
from mdc_core.config import Config, Setting
from mdc_core.errors import ConfigError, UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.suggest import known, unknown
from mdc_core.times import DAY

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
    """What may go: by rules, else by age (nanoseconds), and by size (bytes)."""

    age: int | None = None
    size: int | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it never lets anything go."""
        ages = self.age is not None or any(rule.days is not None for rule in self.rules)
        return not ages and self.size is None

    def of(self, part: PartRow) -> tuple[bool, int | None]:
        """Whether a part must stay, and how old it may become."""
        for rule in self.rules:
            if rule.matches(part):
                return rule.keep, None if rule.days is None else rule.days * DAY
        return False, self.age


def policy(age: int | None, size: int | None, rules: tuple[Rule, ...]) -> Policy:
    """What may go; raises UsageError where that would be everything."""
    if age == 0 or size == 0:
        raise UsageError("to keep nothing is not to retain", hint="say how much is to be kept")
    return Policy(age, size, rules)


class Expired(NamedTuple):
    """A part that may go, and why."""

    part: PartRow
    reason: str


def expired(archive: Archive, parts: Sequence[PartRow], policy: Policy, now: int) -> list[Expired]:
    """The parts that may go: those that are too old, then the oldest ones.

    A part is as old as its last event. What has no time never becomes too old, and goes last.
    What a run of `store` may still write to stays, and counts.
    """
    is_live = live(archive)
    found: list[Expired] = []
    others: list[PartRow] = []
    for part in parts:
        if is_live(part):
            continue
        keep, age = policy.of(part)
        if age is not None and part.begins != NO_TIME and part.ends < now - age:
            found.append(Expired(part, f"older than {_span(age)}"))
        elif not keep:
            others.append(part)
    if policy.size is not None:
        over = sum(p.bytes for p in parts) - sum(e.part.bytes for e in found) - policy.size
        others.sort(key=lambda part: (part.begins == NO_TIME, part.ends, part.path))
        for part in others:
            if over <= 0:
                break
            found.append(Expired(part, "the oldest of too much"))
            over -= part.bytes
    return found


def remove(archive: Archive, catalog: Catalog, gone: Sequence[Expired]) -> Iterator[Expired]:
    """Remove parts, so many in one transaction; within `rewriting`. Gives those removed.

    What another command has changed in the meantime stays.
    """
    for start in range(0, len(gone), BATCH):
        some = gone[start : start + BATCH]
        try:
            _commit(archive, catalog, some)
            yield from some
        except ChangedError:
            for one in some:
                try:
                    _commit(archive, catalog, [one])
                except ChangedError:
                    continue
                yield one
        clear_trash(archive)


def _commit(archive: Archive, catalog: Catalog, gone: Iterable[Expired]) -> None:
    replacement = Replacement(archive, catalog)
    for one in gone:
        replacement.remove(one.part)
    replacement.commit()


def _span(age: int) -> str:
    days, rest = divmod(age, DAY)
    return f"{days:,} days" if not rest else f"{age / DAY:.2f} days"


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
            problem = str(error).replace("`$.", "`")
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
