"""What a stream that runs can be told and asked by `mdc ctl`."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from mdc_core.control import WITHIN
from mdc_core.errors import UnavailableError, UsageError
from mdc_core.live.feed import Feed
from mdc_core.live.heartbeat import HeartbeatMaker
from mdc_core.times import from_ns

if TYPE_CHECKING:
    from mdc_core.events import Heartbeat

_MEASURED = ("rate", "lag_p50", "lag_p99", "clock_offset")  # of a heartbeat


class SymbolChange(NamedTuple):
    """Symbols that a feed is told to add and to drop, and whom to tell what came of it."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    told: Callable[[str], None] = lambda text: None


class FeedControl:
    """Carries out the requests of `mdc ctl` for one feed; in the thread of its socket."""

    def __init__(
        self,
        feed: Feed,
        about: Mapping[str, Any],
        changes: SimpleQueue[SymbolChange],
        counted: Callable[[], int],
        heartbeats: HeartbeatMaker | None,
    ) -> None:
        self._feed, self._about, self._changes = feed, about, changes
        self._counted, self._heartbeats = counted, heartbeats
        self._since = from_ns(time.time_ns())

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request; raises MdcError for what cannot be done."""
        match request.get("do"):
            case "status":
                return self._status()
            case "subscribe":
                return self._change(SymbolChange(add=_symbols(request)))
            case "unsubscribe":
                return self._change(SymbolChange(drop=_symbols(request)))
            case "reset":
                return self._reset(_symbols(request))
            case other:
                raise UsageError(f"cannot do {other!r}")

    def _status(self) -> dict[str, Any]:
        buffer, lines = self._feed.buffer, self._feed.states
        events = self._counted()
        found = {
            **self._about,
            "pid": os.getpid(),
            "since": self._since,
            "state": "up" if lines and all(line.state == "up" for line in lines) else "down",
            "events": events,
            "buffered": buffer.waiting,
            "dropped": buffer.dropped.total(),
            **dict.fromkeys(_MEASURED),
            "lines": [line._asdict() for line in lines],
        }
        if self._heartbeats is not None:
            beat = self._heartbeats.since(events, time.time_ns())
            found |= {name: _number(beat, name) for name in _MEASURED}
        return found

    def _change(self, change: SymbolChange) -> dict[str, Any]:
        answers = SimpleQueue[str]()
        self._changes.put(change._replace(told=answers.put))
        try:
            return {"told": answers.get(timeout=WITHIN / 2)}
        except Empty:
            raise UnavailableError("it has not answered: what reads its events is slow") from None

    def _reset(self, symbols: Sequence[str]) -> dict[str, Any]:
        asked = {symbol for line in self._feed.states for symbol in line.symbols}
        if missing := sorted(set(symbols) - asked):
            raise UsageError(f"it does not ask for {', '.join(missing)}")
        count = self._feed.renew(symbols)
        if not count:
            raise UnavailableError("there is no connection to be made anew")
        return {"told": "connects anew", "connections": count}


def _symbols(request: Mapping[str, Any]) -> tuple[str, ...]:
    found = request.get("symbols")
    if not isinstance(found, list) or not found or not all(isinstance(s, str) for s in found):
        raise UsageError("no symbols")
    return tuple(found)


def _number(beat: "Heartbeat", name: str) -> str | None:
    value = getattr(beat, name)
    return None if value is None else format(value, "f")
