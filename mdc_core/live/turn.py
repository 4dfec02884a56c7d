"""What one call of a codec has led to, in the order in which it is to be done."""

from collections.abc import Iterable

from mdc_core.errors import DataError, MdcError
from mdc_core.events import Event, Gap, Market
from mdc_core.live.actions import Action, Disconnect, Put
from mdc_core.times import SECOND, from_ns, to_ns

_UNDER_WAY = 60 * SECOND  # an event that took longer to come is no news, but a tape


class Turn:
    """What one call of a codec has led to so far."""

    __slots__ = ("_error", "events", "rest", "stamp")

    def __init__(self, stamp: str | None) -> None:
        self.stamp = stamp
        self.events: list[Event] = []
        self.rest: list[Action] = []
        self._error: MdcError | None = None

    def end(self, error: MdcError) -> None:
        """Close the connection behind what has come; the first reason counts."""
        self._error = self._error or error

    def actions(self) -> list[Action]:
        """Events first, for they came before the answers to them."""
        events: list[Action] = [Put(self.events)] if self.events else []
        if not self.rest and self._error is None:
            return events
        last: list[Action] = [Disconnect(self._error)] if self._error is not None else []
        return [*events, *self.rest, *last]


def bound(gap: Gap, since: str | None, now: str | None) -> None:
    """From when to when a gap is at the longest, if its codec does not say: since we are up."""
    gap.end = gap.end or gap.ts_event or now
    if gap.start is None and gap.end is not None and since is not None:
        gap.start = from_ns(min(to_ns(since), to_ns(gap.end)))
    gap.ts_event = gap.ts_event or gap.start


def lost_since(brought: Iterable[Event], came: str | None, last: str | None) -> str | None:
    """When the first of what is lost may have happened: the last frame came at `last`.

    What was under way when a connection broke happened before that, though not before the
    last events that were brought through, at `came`.
    """
    oldest = min(_times(brought), default=None)
    if came is None or last is None or oldest is None:
        return last
    if not 0 < to_ns(came) - oldest <= _UNDER_WAY:
        return last
    return from_ns(max(oldest, to_ns(last) - _UNDER_WAY))


def _times(events: Iterable[Event]) -> Iterable[int]:
    for event in events:
        if isinstance(event, Market) and event.ts_event is not None:
            try:
                yield to_ns(event.ts_event)
            except (DataError, TypeError):
                continue  # told where the event is read
