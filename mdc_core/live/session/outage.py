"""What may be lost where a feed is down, from when to when."""

from collections.abc import Callable, Iterable, Sequence

from mdc_core.errors import DataError
from mdc_core.events import Event, Gap, Market
from mdc_core.times import SECOND, from_ns, to_ns

_UNDER_WAY = 60 * SECOND  # an event that took longer to come is no news, but a tape


class Outage:
    """Knows what was heard last, and so when what is lost may have happened at the earliest."""

    __slots__ = ("_brought", "_came", "_first", "_start", "is_open", "last")

    def __init__(self) -> None:
        self.is_open = False
        self.last: str | None = None  # time of the last frame, or else of the first try
        self._first: str | None = None  # time of the first try
        self._brought: Sequence[Event] = ()  # the last ones
        self._came: str | None = None  # when they came
        self._start: str | None = None

    def tried(self, stamp: str | None) -> None:
        """From here on something may be lost, if nothing was heard before."""
        self.last = self.last or stamp
        self._first = self._first or stamp

    def took(self, events: Sequence[Event], came: str | None) -> None:
        """Some events came; what is said in silence is no news of when something happened."""
        for event in events:
            if isinstance(event, Market):
                self._brought, self._came = events, came
                return

    def begin(self, stamp: str | None) -> None:
        """The feed is down at this time; one that is down already is so since before."""
        if not self.is_open:
            self.is_open = True
            self._start = self._since(self.last or stamp)

    def end(self) -> str | None:
        """It is over; since when something may be lost."""
        self.is_open = False
        return self._start

    def _since(self, last: str | None) -> str | None:
        """When the first of what is lost may have happened: the last frame came at `last`.

        What was under way when a connection broke happened before that, though not before the
        last events that were brought through, or the first try where there were none.
        """
        if last is None:
            return None
        if self._came is None:
            oldest = None if self._first is None else to_ns(self._first)
        else:
            oldest = min(_times(self._brought), default=None)
            if oldest is not None and not 0 < to_ns(self._came) - oldest <= _UNDER_WAY:
                oldest = None
        return last if oldest is None else from_ns(max(oldest, to_ns(last) - _UNDER_WAY))


def lost(
    start: str | None, end: str | None, symbols: Sequence[str], name: Callable[[str], str]
) -> list[Gap]:
    """The gaps of what may be lost between two connections: one for each symbol asked for.

    What was asked for by a wildcard, or by no name at all, is one gap without a symbol. `name`
    says which symbol the events have that come of what is asked for.
    """
    if any("*" in symbol for symbol in symbols):
        gap = Gap(start=start, end=end, reason="disconnect")
        gap.extra = {"symbols": list(symbols)}
        return [gap]
    names = dict.fromkeys(map(name, symbols)) or (None,)
    return [Gap(symbol=name, start=start, end=end, reason="disconnect") for name in names]


def bound(gap: Gap, since: str | None, now: str | None) -> None:
    """From when to when a gap is at the longest, if its codec does not say: since we are up."""
    gap.end = gap.end or gap.ts_event or now
    if gap.start is None and gap.end is not None and since is not None:
        gap.start = from_ns(min(to_ns(since), to_ns(gap.end)))
    gap.ts_event = gap.ts_event or gap.start


def put_before(gap: Gap, behind: Iterable[Event]) -> None:
    """Date a gap before what came behind it: an archive, which is in that order, has it there.

    A vendor's messages may be of one moment, or be dated later than what is in them.
    """
    concerned = (event for event in behind if gap.symbol in (None, event.symbol))
    first = min(_times(concerned), default=None)
    if first is not None and gap.ts_event is not None and to_ns(gap.ts_event) >= first:
        gap.ts_event = from_ns(first - 1)


def _times(events: Iterable[Event]) -> Iterable[int]:
    for event in events:
        if isinstance(event, Market) and event.ts_event is not None:
            try:
                yield to_ns(event.ts_event)
            except (DataError, TypeError):
                continue  # told where the event is read
