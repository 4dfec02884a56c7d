"""What may be lost where a feed is down, from when to when."""

from collections.abc import Iterable, Sequence

from mdc_core.errors import DataError
from mdc_core.events import Event, Gap, Market
from mdc_core.times import SECOND, from_ns, to_ns

_UNDER_WAY = 60 * SECOND  # an event that took longer to come is no news, but a tape


class Outage:
    """Knows what was heard last, and so when what is lost may have happened at the earliest."""

    __slots__ = ("_start", "brought", "came", "is_open", "last")

    def __init__(self) -> None:
        self.is_open = False
        self.last: str | None = None  # time of the last frame, or else of the first try
        self.brought: Sequence[Event] = ()  # the last ones
        self.came: str | None = None  # when they came
        self._start: str | None = None

    def tried(self, stamp: str | None) -> None:
        """From here on something may be lost, if nothing was heard before."""
        self.last = self.last or stamp

    def begin(self, stamp: str | None) -> None:
        """The feed is down at this time; one that is down already is so since before."""
        if not self.is_open:
            self.is_open = True
            self._start = lost_since(self.brought, self.came, self.last or stamp)

    def end(self) -> str | None:
        """It is over; since when something may be lost."""
        self.is_open = False
        return self._start


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
