"""Compression profiles: names for codecs with their levels, by symbol and tier in mdc.toml.

    [compression]
    profile = "high-volume"    # for everything else
    [compression.symbols]
    SPY = "realtime"
    [compression.tiers]
    cold = "cold"

What is said for a symbol comes before what is said for a tier, and that before `profile`;
where nothing is said, the format's own options hold.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert, structs

from mdc_core.config import Config, Setting
from mdc_core.contracts import Options, PartFormat
from mdc_core.errors import ConfigError
from mdc_core.suggest import known, unknown
from mdc_core.texts import plainly

TABLE = "compression"
_FIELDS = {"compression", "level"}  # of the options of a format that profiles apply to


class Profile(Struct, frozen=True):
    """A codec and its level under a name that says what it is good for."""

    name: str
    codec: str
    level: int | None = None
    use: str = ""

    @property
    def summary(self) -> str:
        """The codec with its level, and what it is good for."""
        return f"{self.codec}{'' if self.level is None else f' {self.level}'}: {self.use}"


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("realtime", "lz4", use="least work to write and to read"),
        Profile("high-volume", "zstd", 3, "small for little work"),
        Profile("warm", "zstd", 6, "smaller, for data that are read now and then"),
        Profile("cold", "zstd", 19, "smallest, slow to write, as fast to read"),
        Profile("portable", "gzip", 6, "what every other tool can read"),
        Profile("none", "none", use="no compression"),
    )
}


class Profiles(Struct, frozen=True):
    """Which profile is for what: by symbol, by tier, and for everything else."""

    default: str | None = None
    symbols: dict[str, str] = {}
    tiers: dict[str, str] = {}

    def of(self, symbol: str | None, tier: str | None) -> Profile | None:
        """The profile of a symbol in a tier; None leaves it to the format's options."""
        name = None if symbol is None else self.symbols.get(symbol)
        if name is None and tier is not None:
            name = self.tiers.get(tier)
        name = name or self.default
        return None if name is None else named(name)


def named(name: str) -> Profile:
    """The profile of that name; raises ConfigError where there is none."""
    if name not in PROFILES:
        raise ConfigError(_no_profile(name), hint=known(PROFILES))
    return PROFILES[name]


def _no_profile(name: str) -> str:
    return unknown("compression profile", name, PROFILES)


def read_profiles(config: Config) -> Profiles:
    """What mdc.toml says; raises ConfigError, with file and key, for what makes no sense."""
    symbols, tiers = _entries(config, "symbols"), _entries(config, "tiers")
    for name, file in config.tables(TABLE).items():
        if name not in ("symbols", "tiers"):
            problem = unknown("table", name, ["symbols", "tiers"])
            raise Setting(None, file, TABLE).complaint(name, problem)
    default = None
    for key, setting in config.settings(TABLE).items():
        if key != "profile":
            raise setting.complaint(key, unknown("option", key, ["profile"]))
        default = _checked(key, setting)
    return Profiles(default, symbols, tiers)


def _entries(config: Config, name: str) -> dict[str, str]:
    """The entries of one table within, the nearest file first."""
    config.settings(TABLE, name)  # refuses what is no table
    found: dict[str, str] = {}
    for file, tables in config.files:
        # From the file itself, for `settings` reads options: BRK-B would become BRK_B.
        for key, value in tables.get(TABLE, {}).get(name, {}).items():
            found.setdefault(key, _checked(key, Setting(value, file, f"{TABLE}.{name}")))
    return found


def _checked(key: str, setting: Setting) -> str:
    """The name of a profile; raises ConfigError for anything else."""
    value: Any = setting.value
    if isinstance(value, dict):
        inner = next(iter(value), "")
        raise setting.complaint(key, "is a table", f'quote a name with a dot: "{key}.{inner}"')
    if not isinstance(value, str):
        raise setting.complaint(key, f"must be the name of a profile, not {value!r}")
    if value not in PROFILES:
        raise setting.complaint(key, _no_profile(value), known(PROFILES))
    return value


def formatted(
    plugin_class: type[PartFormat], options: Options, profile: Profile | None
) -> PartFormat:
    """The format with a profile's codec and level, or as it is where it has no such options."""
    if profile is None or not _FIELDS.issubset(options.__struct_fields__):
        return plugin_class(options)
    said = structs.asdict(options) | {"compression": profile.codec, "level": profile.level}
    try:
        return plugin_class(convert(said, type(options), dec_hook=_as_is))
    except ValidationError as error:
        what = f"profile {profile.name} is not for {plugin_class.__name__} files"
        raise ConfigError(f"{what}: {plainly(error)}") from None


def _as_is(kind: type, value: Any) -> Any:
    """A value that is of its type already, such as a path."""
    return value
