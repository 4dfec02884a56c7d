"""What was asked of Polygon, and what became of each channel of each symbol.

The server answers each pair of a subscription with a message of its own, or, where it does not
know the channel, not at all; a refusal ("not authorized") does not say of what. So a pair is
granted when it is named, and what is not named when as many answers have come as pairs were
asked for, or `WITHIN` after the request, is refused. No answer at all is no refusal.
"""

from collections.abc import Iterable, Mapping, Sequence

from mdc_core.plugin import Refused

WITHIN = 5_000_000_000  # nanoseconds for all answers
_PER_FRAME = 500  # pairs
_NAMED = 20  # in a message

Pair = tuple[str, str]  # a channel's prefix, and a symbol


def name_of(pair: Pair) -> str:
    """A pair as it stands in a subscription: `T.SPY`."""
    return ".".join(pair)


def frames_of(pairs: Sequence[Pair]) -> list[str]:
    """The parameters of as many requests as it takes."""
    starts = range(0, len(pairs), _PER_FRAME)
    return [",".join(map(name_of, pairs[start : start + _PER_FRAME])) for start in starts]


class Answers:
    """The answers to one subscription that are still to come."""

    def __init__(self, pairs: Iterable[Pair], now: int) -> None:
        self._open: dict[str, Pair] = {_key(name_of(pair)): pair for pair in pairs}
        self._granted = 0
        self._refusals: list[str] = []
        self._due = now + WITHIN

    def grant(self, names: str) -> None:
        """The server has subscribed to these, written with commas."""
        for name in names.split(","):
            self._granted += self._open.pop(_key(name.strip()), None) is not None

    def refuse(self, words: str) -> None:
        """The server has refused something, in these words."""
        self._refusals.append(words)

    def are_complete(self, now: int | None = None) -> bool:
        """Whether all have come, or the time for them is over."""
        late = now is not None and now >= self._due
        return late or len(self._refusals) >= len(self._open)

    @property
    def are_none(self) -> bool:
        """Whether nothing was answered at all."""
        return not self._granted and not self._refusals

    def refused(self, channels: Mapping[str, str], called: str) -> list[Refused]:
        """What was refused or left out, by symbols that lack the same of these channels.

        One without symbols says that nothing was granted. `channels` are prefixes of our words.
        """
        if not self._open:
            return []
        words = ", ".join(dict.fromkeys(self._refusals))
        how = f"refuses: {words}" if words else "left out of the subscription"
        if not self._granted:
            return [Refused(f"{called} {how}: {_list(self._open.values())}")]
        lacking: dict[str, list[str]] = {}
        for prefix, symbol in self._open.values():
            lacking.setdefault(symbol, []).append(prefix)
        alike: dict[tuple[str, ...], list[str]] = {}
        for symbol, prefixes in lacking.items():
            alike.setdefault(tuple(prefixes), []).append(symbol)
        word_of = {prefix: word for word, prefix in channels.items()}
        found = []
        for lacked, symbols in alike.items():
            told = _list([(prefix, symbol) for symbol in symbols for prefix in lacked])
            partly = () if len(lacked) == len(channels) else tuple(word_of[p] for p in lacked)
            found.append(Refused(f"{called} {how}: {told}", tuple(symbols), partly))
        return found


def _key(name: str) -> str:
    """One name for what the vendor writes in several ways: `C.C:EUR-USD`, `C.EUR/USD`."""
    prefix, _, symbol = name.partition(".")
    if symbol[:2] in ("C:", "X:"):
        symbol = symbol[2:]
    return f"{prefix}.{symbol.replace('/', '-')}"


def _list(pairs: Iterable[Pair]) -> str:
    names = [name_of(pair) for pair in pairs]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
