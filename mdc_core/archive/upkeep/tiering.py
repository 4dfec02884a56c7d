"""Tiers as mdc.toml describes them: when events move on, where to, and how compressed.

    [tier.warm]
    after = "7d"               # by the time of a part's last event
    directory = "../warm"      # relative to the root, absolute, or a URL
    profile = "warm"           # like [compression.tiers] warm = "warm"
    [tier.cold]
    after = "90d"
    [tier.archive]             # there is none unless it is described

A part is hot until it is warm. Without a directory a part stays where it is, and is compressed
anew. A directory belongs to one archive, and lies beside its root. Where no tier `archive` is
described, cold parts of more than a year are told of, as what `mdc retain` may remove.
"""

from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath

from msgspec import Struct, structs

from mdc_core import times
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.profiles import PROFILES, Profiles, read_profiles
from mdc_core.archive.row_time import NO_TIME
from mdc_core.archive.storage import URL
from mdc_core.archive.write.archive import Archive
from mdc_core.config import Config, Setting
from mdc_core.errors import ConfigError, DataError
from mdc_core.suggest import known, unknown

TABLE = "tier"
ORDER = ("hot", "warm", "cold", "archive")
EXPIRES = 365 * times.DAY
_DEFAULTS = {
    "warm": (7 * times.DAY, "warm"),
    "cold": (90 * times.DAY, "cold"),
    "archive": (EXPIRES, "cold"),
}
_KEYS = ("after", "directory", "profile")


class Tier(Struct, frozen=True):
    """Where parts of some age belong; no directory: wherever they are."""

    name: str
    after: int
    directory: str | None = None


class Tiers(Struct, frozen=True):
    """The tiers behind `hot`, in their order, and the profiles of all."""

    tiers: tuple[Tier, ...]
    profiles: Profiles

    @property
    def places(self) -> dict[str, str]:
        """The directories by name, each with its tier."""
        return {t.directory: t.name for t in reversed(self.tiers) if t.directory is not None}

    def due(self, part: PartRow, now: int) -> Tier | None:
        """The tier that a part belongs to; None if it is hot. It never goes back."""
        rank = ORDER.index(part.tier) if part.tier in ORDER else 0
        found = None
        for tier in self.tiers:
            if now - moment_of_part(part) >= tier.after or ORDER.index(tier.name) <= rank:
                found = tier
        return found

    def expired(self, part: PartRow, now: int) -> bool:
        """Whether a part is older than the last tier is meant for."""
        last = self.tiers[-1].name
        return last != "archive" and now - moment_of_part(part) >= EXPIRES


def moment_of_part(part: PartRow) -> int:
    """When a part was last of today: its last event, else when it was made."""
    if part.last is not None:
        return part.last
    return part.ends if part.ends != NO_TIME else part.made_at


def read_tiers(config: Config, archive: Archive) -> Tiers:
    """What mdc.toml says; raises ConfigError, with file and key, for what makes no sense."""
    profiles = read_profiles(config)
    by_tier = {name: profile for name, (_, profile) in _DEFAULTS.items()} | profiles.tiers
    tiers: list[Tier] = []
    tables = config.tables(TABLE)
    for name, file in tables.items():
        if name not in _DEFAULTS:
            hint = f"there are {', '.join(_DEFAULTS)}; hot is what lies in the root"
            raise Setting(None, file, TABLE).complaint(name, unknown("tier", name, _DEFAULTS), hint)
    for name, (after, _) in _DEFAULTS.items():
        if name == "archive" and name not in tables:
            continue
        directory = None
        for key, setting in config.settings(TABLE, name).items():
            if key not in _KEYS:
                raise setting.complaint(key, unknown("option", key, _KEYS), known(_KEYS))
            if key == "after":
                after = _span(setting)
                if tiers and after < tiers[-1].after:
                    raise setting.complaint(key, f"comes before {tiers[-1].name}")
            elif key == "directory":
                directory = _directory(setting, archive, tiers)
            else:
                by_tier[name] = _profile(setting)
        tiers.append(Tier(name, max([after, *(t.after for t in tiers)]), directory))
    return Tiers(tuple(tiers), structs.replace(profiles, tiers=by_tier))


def _span(setting: Setting) -> int:
    try:
        return times.parse_span(str(setting.value))
    except DataError as error:
        raise setting.complaint("after", str(error)) from None


def _profile(setting: Setting) -> str:
    if setting.value not in PROFILES:
        problem = unknown("compression profile", str(setting.value), PROFILES)
        raise setting.complaint("profile", problem, known(PROFILES))
    return str(setting.value)


def _directory(setting: Setting, archive: Archive, before: list[Tier]) -> str:
    """The name of a place; no place of an archive lies within another."""
    name = setting.value
    if not isinstance(name, str) or not name.strip():
        raise setting.complaint("directory", "must be a directory or a URL")
    name = name.rstrip("/") or "/"
    if archive.local is None and not URL.match(name) and not Path(name).is_absolute():
        raise setting.complaint("directory", f"must be absolute: {archive.root} is a URL")
    there = _path(archive, name)
    if _nested(there, _path(archive, "")):
        hint = "a directory of its own, beside the root"
        raise setting.complaint("directory", "lies within the archive, or around it", hint)
    for other in before:
        place = _path(archive, other.directory or name)
        if there != place and _nested(there, place):
            raise setting.complaint("directory", f"lies within that of {other.name}, or around it")
    try:
        if not URL.match(name):  # a store at a URL is looked at when it is used
            archive.place_at(name)
    except ConfigError as error:
        raise setting.complaint("directory", str(error), error.hint) from None
    used = [*(tier.directory for tier in before if tier.directory), *_known(archive)]
    return next((other for other in used if _path(archive, other) == there), name)


def _known(archive: Archive) -> list[str]:
    """The places that have parts: a directory goes on under the name that it has there."""
    with suppress(DataError):
        if archive.has_catalog:
            with archive.catalog(read_only=True) as catalog:
                return [name for name in catalog.places() if name]
    return []


def _path(archive: Archive, name: str) -> PurePath:
    """Where a place is; a URL is a path as well."""
    if URL.match(name) or (archive.local is None and not name):
        return PurePosixPath(name or archive.root)
    return ((archive.local or Path()) / name).resolve()


def _nested(one: PurePath, other: PurePath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
