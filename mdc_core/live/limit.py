"""When a feed has given enough: after a number of events, or a length of time."""

import time
from collections.abc import Callable

from mdc_core.events import Event, Market
from mdc_core.times import SECOND


class EventLimit:
    """Counts events about instruments; those about the data itself do not count."""

    def __init__(
        self,
        events: int | None = None,
        duration: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = events
        self._clock = clock
        self._deadline = None if duration is None else clock() + duration / SECOND

    @property
    def is_full(self) -> bool:
        """Whether so many events came as were asked for."""
        return self._left == 0

    @property
    def reached(self) -> bool:
        """Whether that was all."""
        late = self._deadline is not None and self._clock() >= self._deadline
        return late or self.is_full

    def cut(self, events: list[Event]) -> list[Event]:
        """The events up to the limit."""
        if self._left is None:
            return events
        if len(events) < self._left:
            others = [kind for kind in set(map(type, events)) if not issubclass(kind, Market)]
            self._left -= len(events)
            if others:
                self._left += sum(type(event) in others for event in events)
            return events
        for place, event in enumerate(events):
            if isinstance(event, Market):
                self._left -= 1
                if self._left == 0:
                    return events[: place + 1]
        return events
