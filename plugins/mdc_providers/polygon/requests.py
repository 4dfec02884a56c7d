"""What Polygon is asked: pairs of a channel and a symbol, such as `T.SPY`.

The server answers each pair of a subscription with a message of its own, or, where it does not
know the channel, not at all; a refusal ("not authorized") does not say of what.
"""

from collections.abc import Sequence

from mdc_core.plugin import Send
from mdc_providers.polygon.messages import encode

WITHIN = 5.0  # seconds for all answers
_PER_FRAME = 500  # pairs

Pair = tuple[str, str]  # a channel's prefix, and a symbol


def requests(action: str, pairs: Sequence[Pair]) -> list[Send]:
    """The frames that subscribe to pairs, or unsubscribe from them."""
    names = [".".join(pair) for pair in pairs]
    starts = range(0, len(names), _PER_FRAME)
    frames = ({"action": action, "params": ",".join(names[n : n + _PER_FRAME])} for n in starts)
    return [Send(encode(frame).decode()) for frame in frames]


def named_in(names: str) -> list[Pair]:
    """The pairs of an answer, written with commas."""
    parts = [name.strip().partition(".") for name in names.split(",")]
    return [(prefix, symbol) for prefix, _, symbol in parts]


def key_of(pair: Pair) -> Pair:
    """One for what the vendor writes in several ways: `C.C:EUR-USD`, `C.EUR/USD`."""
    prefix, symbol = pair
    if symbol[:2] in ("C:", "X:"):
        symbol = symbol[2:]
    return prefix, symbol.replace("/", "-")
