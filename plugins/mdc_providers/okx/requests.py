"""What OKX is asked: the arguments of requests, each of which is answered by itself."""

import re
from collections.abc import Iterable

from mdc_core.plugin import Send
from mdc_providers.okx.messages import Arg, encode

Pair = tuple[str, str]  # a channel, and an instrument or (of liquidations) a type of instruments
_PER_REQUEST = 100  # arguments: a request may have 64 KiB
LIQUIDATIONS = "liquidation-orders"  # of all instruments of a type
_TYPES = ("SWAP", "OPTION", "FUTURES", "MARGIN")
_NAMED = re.compile(r"channel:([\w-]+),\s*(?:instId|instType):([\w-]+)")


def key_of(pair: Pair) -> Pair:
    """What OKX is asked for: liquidations are those of all instruments of a type."""
    channel, name = pair
    return (channel, _type_of(name)) if channel == LIQUIDATIONS else pair


def _type_of(name: str) -> str:
    """The type of an instrument by the form of its id; spot is traded with margin."""
    if name in _TYPES:
        return name
    if name.endswith("-SWAP"):
        return "SWAP"
    if re.search(r"-\d{6}-\d+-[CP]$", name):
        return "OPTION"
    return "FUTURES" if re.search(r"-\d{6}$", name) else "MARGIN"


def requests(op: str, pairs: Iterable[Pair], again: str | None = None) -> list[Send]:
    """The frames that ask for these, or leave them."""
    args = [_arg(*key_of(pair)) for pair in pairs]
    starts = range(0, len(args), _PER_REQUEST)
    frames = ({"op": op, "args": args[start : start + _PER_REQUEST]} for start in starts)
    return [Send(encode(frame).decode(), again) for frame in frames]


def _arg(channel: str, name: str) -> Arg:
    return Arg(channel, inst_type=name) if channel == LIQUIDATIONS else Arg(channel, inst_id=name)


def named_in(text: str) -> list[Pair]:
    """What a refusal names in its text."""
    return [(found[1], found[2]) for found in _NAMED.finditer(text)]
