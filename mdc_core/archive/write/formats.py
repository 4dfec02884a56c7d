"""Which format writes a part: the plugin, its options, and the compression profile."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from mdc_core import registry
from mdc_core.archive.catalog.catalog import PartRow
from mdc_core.archive.part_formats import check_reads
from mdc_core.archive.profiles import Profile, Profiles, formatted
from mdc_core.contracts import PartFormat
from mdc_core.errors import ConfigError
from mdc_core.texts import plainly

# What catalogs, footers and suffixes call the codecs.
_CODECS = {
    "zstd": "zstd",
    "lz4": "lz4",
    "snappy": "snappy",
    "gzip": "gzip",
    "none": "none",
    "uncompressed": "none",
    ".gz": "gzip",
    ".zst": "zstd",
    ".lz4": "lz4",
}


FALLBACK = "parquet"


class FormatError(ConfigError):
    """A format that failed at a part; its events are whole in the journal."""


class Formats:
    """The formats of an archive's parts, by symbol and tier."""

    def __init__(
        self,
        name: str,
        plugin: type[PartFormat],
        options: Any,
        profiles: Profiles | None = None,
    ) -> None:
        self.name = name
        self.options = options
        self.profiles = profiles or Profiles()
        self._plugin = plugin
        self._made: dict[Profile | None, PartFormat] = {}

    @classmethod
    def load(
        cls, name: str, options: dict[str, Any] | None = None, profiles: Profiles | None = None
    ) -> "Formats":
        """The installed plugin of this name; raises ConfigError if it is not there."""
        plugin: type[PartFormat] = registry.load("store", name)
        check_reads(name, plugin)
        try:
            made = msgspec.convert(options or {}, plugin.Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"options of the format {name}: {plainly(error)}") from None
        return cls(name, plugin, made, profiles)

    @classmethod
    def like(
        cls, parts: Sequence[PartRow], profiles: Profiles, row_group: int | None = None
    ) -> "Formats":
        """The format of some parts; compressed as the last was where no profile says more."""
        last = max(parts, key=lambda part: part.made_at)
        name, _, level = (last.codec or PurePosixPath(last.suffix).suffix).partition("-")
        options: dict[str, Any] = {"compression": _CODECS[name]} if name in _CODECS else {}
        if options and level.isdecimal():
            options["level"] = int(level)
        if row_group is not None:
            options["row_group"] = row_group  # not for formats that have none
        return cls.load(last.format, options, profiles)

    def instead(self) -> "Formats":
        """Parquet, for events whose own format cannot write them."""
        return Formats.load(FALLBACK, {}, self.profiles)

    def of(self, symbol: str | None, tier: str = "hot") -> PartFormat:
        """The format of a symbol's parts."""
        return self.with_profile(self.profiles.of(symbol, tier))

    def with_profile(self, profile: Profile | None) -> PartFormat:
        """The format with a compression profile."""
        if profile not in self._made:
            self._made[profile] = formatted(self._plugin, self.options, profile)
        return self._made[profile]

    def codec(self, symbol: str | None, tier: str = "hot") -> str:
        """The codec and level of a symbol's parts, as `zstd-3`; empty if not known."""
        options = self.of(symbol, tier).options
        codec, level = getattr(options, "compression", ""), getattr(options, "level", None)
        return f"{codec}-{level}" if level is not None else str(codec)
