"""What is asked of OKX, and what it has answered: one answer for each argument of a request."""

import re
from collections.abc import Iterable, Sequence

from mdc_core.plugin import Effect, Refused, Send, Up
from mdc_providers.okx.messages import Arg, encode
from mdc_providers.okx.provider import ours

Pair = tuple[str, str]  # a channel, and an instrument or (of liquidations) a type of instruments
_PER_REQUEST = 100  # arguments: a request may have 64 KiB
_ANSWER_WITHIN = 8_000_000_000  # nanoseconds, less than `login_within`
_NAMED = re.compile(r"channel:([\w-]+),\s*(?:instId|instType):([\w-]+)")


def type_of_instrument(symbol: str) -> str:
    """The type of an instrument by the form of its id; spot is traded with margin."""
    if symbol.endswith("-SWAP"):
        return "SWAP"
    if re.search(r"-\d{6}-\d+-[CP]$", symbol):
        return "OPTION"
    return "FUTURES" if re.search(r"-\d{6}$", symbol) else "MARGIN"


def pair_of(channel: str, symbol: str) -> Pair:
    """What is asked for to get this channel of this symbol."""
    is_typed = channel == "liquidation-orders"
    return channel, type_of_instrument(symbol) if is_typed else symbol


def _arg(pair: Pair) -> Arg:
    channel, name = pair
    if channel == "liquidation-orders":
        return Arg(channel, inst_type=name)
    return Arg(channel, inst_id=name)


class Subscriptions:
    """The subscriptions of a connection; what is refused is told when all is answered."""

    def __init__(self) -> None:
        self.is_up = False
        self._on: dict[Pair, None] = {}
        self._open: dict[Pair, None] = {}
        self._refused: dict[Pair, str] = {}
        self._wanted: dict[Pair, None] = {}
        self._leaving: dict[Pair, None] = {}
        self._left: dict[Pair, None] = {}
        self._due: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether everything is answered."""
        return not (self._open or self._leaving or self._left)

    def begin(self, wanted: Iterable[Pair], now: int) -> Sequence[Effect]:
        """Ask for these, and for no others any more."""
        self._wanted = dict.fromkeys(wanted)
        self._refused.clear()
        self._leaving = {pair: None for pair in self._on if pair not in self._wanted}
        self._open = {pair: None for pair in self._wanted if pair not in self._on}
        self._due = now + _ANSWER_WITHIN
        return self.requests("subscribe", self._open) if self._open else self._settled()

    def requests(self, op: str, pairs: Iterable[Pair], again: str | None = None) -> list[Effect]:
        """The frames that ask for these, or leave them."""
        args = [_arg(pair) for pair in pairs]
        steps = range(0, len(args), _PER_REQUEST)
        frames = ({"op": op, "args": args[start : start + _PER_REQUEST]} for start in steps)
        return [Send(encode(frame).decode(), again) for frame in frames]

    def accept(self, pair: Pair) -> Sequence[Effect]:
        """It is subscribed to."""
        self._on[pair] = None
        if pair not in self._open:
            return ()
        del self._open[pair]
        return self._settled()

    def leave(self, pair: Pair) -> Sequence[Effect]:
        """It is no longer subscribed to."""
        if pair not in self._left:
            return ()
        del self._left[pair]
        self._on.pop(pair, None)
        return self._settled()

    def refuse(self, text: str) -> Sequence[Effect]:
        """The venue says no: to what it names in its text, or to all that is not answered."""
        named = [(found[1], found[2]) for found in _NAMED.finditer(text)]
        about = [pair for pair in named if pair in self._open] or [*self._open]
        if named and named[0] not in self._open:
            self._on.pop(named[0], None)  # asked for once more, in vain
            return [_refusal([named[0]], text, {})]
        if not about:
            return [Refused(f"okx says: {text}")]
        for pair in about:
            del self._open[pair]
            self._refused[pair] = text
        return self._settled()

    def late(self, now: int) -> Sequence[Effect]:
        """What to do about what is not answered in time, as long as anything is answered."""
        if self._due is None or now < self._due or not (self._open or self._left):
            return ()
        self._due = None
        if not (self._on or self._refused):
            return ()
        self._refused |= dict.fromkeys(self._open, "no answer")
        self._open.clear()
        self._left.clear()
        return self._settled()

    def _settled(self) -> Sequence[Effect]:
        """All that was asked for is answered: leave what is no longer wanted, then it is done."""
        if self._open or self._left:
            return ()
        refused = self._refusals()
        leaving, self._leaving = self._leaving, {}
        if not any(pair in self._on for pair in self._wanted):
            return refused
        if leaving:
            self._left = leaving
            return [*refused, *self.requests("unsubscribe", leaving)]
        self.is_up = True
        return [Up(), *refused]

    def _refusals(self) -> list[Effect]:
        by_name: dict[str, list[Pair]] = {}
        for pair in self._refused:
            by_name.setdefault(pair[1], []).append(pair)
        found: list[Effect] = [
            _refusal(pairs, self._refused[pairs[0]], self._wanted) for pairs in by_name.values()
        ]
        self._refused.clear()
        return found


def _refusal(pairs: list[Pair], text: str, wanted: Iterable[Pair]) -> Refused:
    """The refusal of a symbol, or of some of its channels."""
    symbol = pairs[0][1]
    channels = tuple(ours(channel) for channel, _ in pairs)
    if [pair for pair in wanted if pair[1] == symbol] == pairs:
        return Refused(f"okx refuses {symbol}: {text}", (symbol,))
    return Refused(f"okx refuses {symbol} ({', '.join(channels)}): {text}", (symbol,), channels)
