"""A plugin, and its options."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

# The number of the promise that these contracts are. It changes when a plugin that kept to
# them would no longer work.
CONTRACT = 1

# Kinds of options beyond those of Python: what people write, and what the plugin gets.
Span = Annotated[int, Meta(extra={"kind": "span"})]  # 250ms, 1h30m: nanoseconds
Moment = Annotated[int, Meta(extra={"kind": "moment"})]  # a date or time: ns since 1970, UTC
Size = Annotated[int, Meta(extra={"kind": "size"})]  # 500MB, 1.5GiB: bytes
Symbols = Annotated[tuple[str, ...], Meta(extra={"kind": "symbols"})]  # SPY,QQQ: each once


def Argument() -> Meta:  # noqa: N802 - a word of a declaration, as Meta is
    """Mark the option of a filter that is given without a flag: `mdc NAME VALUE`."""
    return Meta(extra={"positional": True})


class Options(Struct, frozen=True, kw_only=True):
    """A plugin's options: one field each, with type, default and `Meta(description=...)`.

    Types: str, int, float, bool, Decimal, Path, a Literal, Span, Moment, Size, Symbols, or
    tuple[T, ...] of one of them (a list with commas, or repeated); any of them `| None`. `Meta`
    may have bounds (ge, gt, le, lt) or for text pattern, min_length and max_length, and for a
    Span of 0 a word: `Meta(extra={"zero": "update"})`. Core makes flags,
    MDC_... names, mdc.toml keys and help of them.
    """


class Plugin:
    """What all plugins share."""

    Options: ClassVar[type[Options]] = Options
    contract: ClassVar[int | None] = None  # the CONTRACT it was written for, if it says so
    secrets: ClassVar[tuple[str, ...]] = ()  # environment names; the values are `credentials`
    optional_secrets: ClassVar[tuple[str, ...]] = ()  # those that it can do without
    requires: ClassVar[tuple[str, ...]] = ()  # modules of an extra that it imports
