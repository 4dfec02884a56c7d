"""A plugin, and its options."""

from typing import ClassVar

from msgspec import Struct

# The number of the promise that these contracts are. It changes when a plugin that kept to
# them would no longer work.
CONTRACT = 1


class Options(Struct, frozen=True, kw_only=True):
    """A plugin's options: one field each, with type, default and `Meta(description=...)`.

    Types: str, int, float, bool, Decimal, Path, a Literal of strings, or tuple[str, ...];
    any of them `| None`. Core makes flags, MDC_... names, mdc.toml keys and help of them.
    """


class Plugin:
    """What all plugins share."""

    Options: ClassVar[type[Options]] = Options
    contract: ClassVar[int | None] = None  # the CONTRACT it was written for, if it says so
    secrets: ClassVar[tuple[str, ...]] = ()  # environment names; the values are `credentials`
    requires: ClassVar[tuple[str, ...]] = ()  # modules of an extra that it imports
