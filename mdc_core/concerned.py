"""The symbols that a gap is about, also one that has none of its own."""

import json
from collections.abc import Iterable

from mdc_core.patterns import is_pattern, matches, prefix


class Concerned:
    """Those that are named, by themselves or by a pattern; where none is named, all."""

    __slots__ = ("names", "patterns")

    def __init__(self, names: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        self.names, self.patterns = frozenset(names), tuple(patterns)

    @classmethod
    def of(cls, symbol: str | None, extra: str | None) -> "Concerned":
        """Those of a `gap` event: its symbol, else `symbols` in its extra fields, as JSON."""
        if symbol is not None:
            return cls((symbol,))
        words = _named(extra)
        return cls(words, filter(is_pattern, words))

    @property
    def are_all(self) -> bool:
        """Whether none is named."""
        return not self.names

    def has(self, symbol: str | None) -> bool:
        """Whether a symbol is among them; what has no symbol is so where all are."""
        if self.are_all or symbol in self.names:
            return True
        if symbol is None:
            return "*" in self.patterns
        return any(matches(pattern, symbol) for pattern in self.patterns)

    def meet(self, names: Iterable[str], patterns: Iterable[str]) -> bool:
        """Whether one of these names is among them, or may be, of those that a pattern matches."""
        if any(map(self.has, names)):
            return True
        return any(self.are_all or self._may_match(pattern) for pattern in patterns)

    def _may_match(self, pattern: str) -> bool:
        if any(matches(pattern, name) for name in self.names):
            return True
        begins = prefix(pattern)
        own = map(prefix, self.patterns)
        return any(begins.startswith(some) or some.startswith(begins) for some in own)


def _named(extra: str | None) -> list[str]:
    try:
        found = json.loads(extra) if extra else None
    except ValueError:
        return []
    words = found.get("symbols") if isinstance(found, dict) else None
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
