"""Named counters and gauges of one stage: engines write them by batch, observers read them.

The names are those that Prometheus and OpenTelemetry expect: a counter ends in `_total` and never
goes down. Any thread may write.

    mdc_events_read_total            events of the input
    mdc_events_published_total       events that the stage wrote; of these, by type:
    mdc_trade_events_total           also quote, book, delta, bar, gap, integrity, connection ...
    mdc_events_rejected_total        frames, lines and rows that were set aside
    mdc_events_dropped_total         stream: for which there was no room
    mdc_events_buffered              stream: that wait to be written
    mdc_reconnection_attempts_total  stream: times that a provider was asked again
    mdc_events_acknowledged_total    store: that are on the disk
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

EVERY = 10.0  # seconds from one reading to the next


class Telemetry:
    """The counters and gauges of a stage."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()
        self._read: dict[str, Callable[[], float]] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Count something that happened."""
        with self._lock:
            self._counters[name] += count

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Have a number that is kept elsewhere read when the values are asked for."""
        with self._lock:
            self._read[name] = read

    def values(self) -> dict[str, float]:
        """Every counter and gauge as of now."""
        with self._lock:
            found: dict[str, float] = dict(self._counters)
            read = dict(self._read)
        return found | {name: function() for name, function in read.items()}


def by_type(counts: Mapping[str, int]) -> dict[str, float]:
    """Events by type under the names of counters, and all of them."""
    found: dict[str, float] = {f"mdc_{name}_events_total": n for name, n in counts.items()}
    return {"mdc_events_published_total": sum(counts.values()), **found}
