"""Which events of a capture were asked for, which may hold more than that."""

from collections.abc import Callable, Iterable, Sequence

from mdc_core.contracts import Subscription
from mdc_core.events import Event, Gap, Market

EVERYTHING = "*"


def asked_for(
    wanted: Subscription, channels: Sequence[str]
) -> Callable[[Iterable[Event]], list[Event]]:
    """What gives the events of the symbols and channels that were asked for.

    No symbols, or no channels, ask for all there are. `channels` are all of the provider's: a
    type of event that belongs to none of them, such as a correction, comes with any of them.
    """
    symbols = set() if EVERYTHING in wanted.symbols else set(wanted.symbols)
    known, asked = _types(channels), _types(wanted.channels)

    def wants(event: Event) -> bool:
        if not isinstance(event, Market | Gap):
            return True
        if symbols and event.symbol is not None and event.symbol not in symbols:
            return False
        kind = type(event).__name__.lower()
        return not asked or kind in asked or kind not in known

    return list if not symbols and not asked else lambda events: list(filter(wants, events))


def _types(channels: Iterable[str]) -> set[str]:
    """The types of events by which channels are named: `daily_bar` brings bars."""
    found = {channel.rpartition("_")[2] for channel in channels}
    return found | {"delta"} if "book" in found else found
