"""The simulated market that a mock server plays: what each of a provider's channels carries."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from mdc_core import registry
from mdc_core.contracts import Stream, Subscription
from mdc_core.errors import DataError, UsageError
from mdc_core.events import Book, Delta, Event, type_of
from mdc_core.live.sandbox.occasions import OCCASIONS, Occasions
from mdc_core.live.sandbox.playback import Lists, Playback
from mdc_core.times import parse_span

_BOOK, _CHANGES = "book", "delta"  # a book is simulated as its changes, from an empty one on
_RATE = 2.0  # events of a symbol in a second, where much is said but now and then


def kind_of(provider: type[Stream], channel: str, options: Any = None) -> str | None:
    """Of which kind of simulated events a channel is; None: of none.

    It is named as in `Sandbox.simulates`. A bar has the `interval` of the provider's options.
    """
    sandbox = provider.sandbox
    kind = channel if sandbox is None else sandbox.simulates.get(channel, channel)
    if kind == "bar" and (interval := _interval(options)):
        kind = f"bar:{interval}"
    kind = _CHANGES if kind == _BOOK else kind
    known = (*registry.load("stream", "sim").channels, *OCCASIONS)
    return kind if kind.partition(":")[0] in known else None


def simulated_channels(provider: type[Stream]) -> tuple[str, ...]:
    """Those of a provider's channels of which there is a simulated market."""
    return tuple(c for c in provider.channels if kind_of(provider, c) is not None)


def simulated_tape(
    provider: type[Stream],
    symbols: tuple[str, ...],
    channels: tuple[str, ...] = (),
    options: Any = None,
) -> Playback:
    """A simulated market in these symbols, without end, of what a provider's channels carry.

    Raises UsageError where none of these channels has anything that is simulated.
    """
    wanted = channels or provider.default_channels
    found = dict.fromkeys(kind_of(provider, name, options) for name in wanted)
    kinds = [kind for kind in found if kind is not None]
    if not kinds:
        raise UsageError(
            f"there is no simulated market of {', '.join(wanted)}",
            hint="play a file of your own: mdc mock PROVIDER FILE",
        )
    return Playback(lambda: _with_snapshots(_market(symbols, kinds)))


def not_simulated(provider: type[Stream], channels: Sequence[str]) -> list[str]:
    """The channels of which nothing is played."""
    return [name for name in channels if kind_of(provider, name) is None]


def _interval(options: Any) -> str | None:
    """The length of a bar that is asked for; a month has none."""
    interval = getattr(options, "interval", None)
    try:
        return interval if isinstance(interval, str) and parse_span(interval) > 0 else None
    except DataError:
        return None


def _market(symbols: tuple[str, ...], kinds: Sequence[str]) -> Lists:
    """The events of these kinds, in small lists."""
    market = registry.load("stream", "sim")
    plain = tuple(kind for kind in kinds if kind in market.channels)
    occasions = [kind for kind in kinds if kind not in plain]
    if not occasions:
        return market(Subscription(symbols, plain), market.Options(), {}).events()  # type: ignore[no-any-return]
    inner = plain if {"trade", "quote"} & {*plain} else (*plain, "trade")
    options = market.Options(rate=_RATE * max(len(symbols), 1))
    lists = market(Subscription(symbols, inner), options, {}).events()
    return _besides(lists, plain, Occasions(occasions))


def _besides(lists: Lists, plain: Sequence[str], occasions: Occasions) -> Iterator[list[Event]]:
    """The market's events of some types, and what they give occasion to."""
    counts: dict[str | None, int] = {}
    for event in chain.from_iterable(lists):
        behind = [*occasions.after(event)]
        found = [event] if type_of(event) in plain else []
        if found and event.seq is not None:  # as if it had no others
            event.seq = counts[event.symbol] = counts.get(event.symbol, 0) + 1
        if found or behind:
            yield [*found, *behind]


def _with_snapshots(lists: Lists) -> Lists:
    """With a book of nothing in the place of `clear`: a server has to begin with a snapshot."""
    for events in lists:
        yield [_snapshot(e) if isinstance(e, Delta) and e.action == "clear" else e for e in events]


def _snapshot(clear: Delta) -> Book:
    return Book(symbol=clear.symbol, ts_event=clear.ts_event, bids=[], asks=[])
