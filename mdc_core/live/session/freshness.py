"""Receiving, not only connected: a channel or a symbol that has gone silent while others go on.

What is usual is learned from the feed itself, in its own measure: of so many events that come,
so many are of this channel, or of this symbol in it. So a quiet hour, or a quiet night, is no
alarm: when everything slows down, nothing is missing. Silent is what would have come twenty times
by now, and stays away four times as long as it ever did, by its own measure and by the clock.
At the bounds of a market's day all is learned anew, and where the market is closed, or a symbol
is halted, nothing is expected.

Not each event is looked at, but one in ten milliseconds at most. Before an alarm all are.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from mdc_core.events import Event, Market, Status, type_of
from mdc_core.live.hours import NEVER, Hours
from mdc_core.times import SECOND

BETWEEN = SECOND // 100  # from one look to the next
CHECK, EACH = SECOND, SECOND // 1000  # from one check to the next: at least, and for each known
LEARNED = 20  # looks at one before it is known
EXPECTED = 20.0  # so many are expected before it is silent; as many again, and it is hopeless
FACTOR = 4  # times the longest time that it stayed away
SHORTEST = 10 * SECOND
MUTE = 30 * SECOND  # the shortest silence of everything
MOST = 5_000  # channels and symbols that are followed

_HALTED, _TRADES = frozenset(("halted", "paused", "closed")), frozenset(("trading", "quoting"))
_Key = tuple[type, str | None]


class _Known(Struct):
    """What is known of a channel (without a symbol), or of a symbol in it."""

    first: int  # at which look it was seen first,
    last: int  # and last,
    time: int  # and when
    count: int = 0
    away: int = 0  # the most looks between two,
    longest: int = 0  # and the longest time
    told: int = 0  # -1: suspected, 1: silent, 2: and given up


class Silence(NamedTuple):
    """A channel, or a symbol of one, that is silent while others go on; or is so no more."""

    channel: str
    symbol: str | None
    seconds: float
    usual: float
    is_over: bool = False
    is_hopeless: bool = False

    def __str__(self) -> str:
        what = f"{self.channel} of {self.symbol}" if self.symbol else f"{self.channel} at all"
        if self.is_over:
            return f"{what} again, after {self.seconds:.0f} s"
        return f"no {what} for {self.seconds:.0f} s, while others come (usual: {self.usual:.1f} s)"


class Freshness:
    """What comes on one connection, and what of it has gone silent."""

    def __init__(self, hours: Hours) -> None:
        self.due = 0  # when an event is to be looked at
        self.mute_due = NEVER  # when all has been silent for too long
        self._hours = hours
        self._halted: set[str | None] = set()
        self._forget(0)

    def _forget(self, now: int) -> None:
        """Learn anew: another phase of the day, or another subscription."""
        self._known: dict[_Key, _Known] = {}
        self._suspects: set[_Key] = set()
        self._looks = 0
        self._first = self._time = now
        self._longest = 0
        self._check_due = now + CHECK
        self._phase = self._hours.at(now)
        self.mute_due = NEVER

    def reconnected(self, now: int) -> None:
        """Another connection: what is usual is known, and nothing is late yet."""
        if now < self._phase.until:
            for known in self._known.values():
                known.last, known.time = self._looks, now
                known.told = max(known.told, 0)
            self._time = now
        else:
            self._forget(now)
        self._suspects.clear()
        self._mute(now)

    def resubscribed(self, now: int) -> None:
        """Something else is asked for."""
        self._forget(now)

    def status(self, event: Status) -> None:
        """A symbol, or the market, is halted, or trades again."""
        if event.status in _HALTED:
            self._halted.add(event.symbol)
        elif event.status in _TRADES:
            ended = self._halted if event.symbol is None else self._halted & {event.symbol}
            self._halted = self._halted - ended
            for key, known in self._known.items() if ended else ():
                if event.symbol is None or key[1] in (event.symbol, None):
                    known.last, known.time = self._looks, self._time

    def muteness(self, now: int) -> str:
        """That all has been silent for too long; from now on longer is allowed."""
        silence, usual = now - self._time, self._longest
        self._longest, self.mute_due = silence, NEVER
        seconds = f"{silence / SECOND:.0f} s"
        return f"nothing has happened for {seconds}, where {usual / SECOND:.1f} s are the longest"

    def took(self, events: Sequence[Event], now: int) -> list[Silence]:
        """Some events came; what has gone silent, or speaks again."""
        if now >= self._phase.until:
            self._forget(now)
        if now - self._time > self._longest and self._looks:
            self._longest = now - self._time
        self._time = now
        found: list[Silence] = []
        looked = events if self._suspects else (events[self._looks % len(events)],)
        is_first = True
        for event in looked:
            if not isinstance(event, Market):
                continue
            kind = type(event)
            if is_first or (kind, None) in self._suspects:
                self._saw((kind, None), now, found)
            key = kind, event.symbol
            if event.symbol is not None and (is_first or key in self._suspects):
                self._saw(key, now, found)
            if is_first:
                is_first = False
                self._looks += 1
        if now >= self._check_due:
            found += self._check(now)
            self._mute(now)
        self.due = 0 if self._suspects else now + BETWEEN
        return found

    def _saw(self, key: _Key, now: int, found: list[Silence]) -> None:
        known = self._known.get(key)
        if known is None:
            if len(self._known) < MOST:
                self._known[key] = _Known(self._looks, self._looks, now, 1)
            return
        if known.told > 0:
            found.append(self._silence(key, known, now, is_over=True))
        elif key not in self._suspects:
            known.away = max(known.away, self._looks - known.last)
            known.longest = max(known.longest, now - known.time)
        self._suspects.discard(key)
        known.told = 0
        known.count += 1
        known.last, known.time = self._looks, now

    def _check(self, now: int) -> list[Silence]:
        """What is silent by now; a symbol only where its channel is not."""
        self._check_due = now + max(CHECK, len(self._known) * EACH)
        if not self._phase.is_open or None in self._halted:
            return []
        found: list[Silence] = []
        silent: set[type] = set()
        for key, known in self._known.items():
            kind, symbol = key
            if symbol is None:
                late = self._lateness(known, now)
                if late and not self._is_halted(kind):
                    silent.add(kind)
                    self._tell(key, known, now, late, found)
            elif kind not in silent and symbol not in self._halted:
                self._tell(key, known, now, self._lateness(known, now), found)
        return found

    def _lateness(self, known: _Known, now: int) -> float:
        """How many times one would have come by now, 0 if that says nothing."""
        if known.count < LEARNED:
            return 0.0
        behind, wall = self._looks - known.last, now - known.time
        if wall < max(SHORTEST, FACTOR * known.longest) or behind < FACTOR * known.away:
            return 0.0
        expected = behind * known.count / max(known.last - known.first + 1, 1)
        return expected if expected >= EXPECTED else 0.0

    def _tell(self, key: _Key, known: _Known, now: int, late: float, found: list[Silence]) -> None:
        if not late:
            return
        if key not in self._suspects and not known.told:
            self._suspects.add(key)  # look at all events now: it may be there, and unseen
            known.told = -1
            return
        if known.told == -1 and late >= EXPECTED * 1.5:
            known.told = 1
            found.append(self._silence(key, known, now))
        elif known.told == 1 and late >= EXPECTED * 3 and key[1] is None:
            known.told = 2
            found.append(self._silence(key, known, now, is_hopeless=True))

    def _silence(self, key: _Key, known: _Known, now: int, **how: bool) -> Silence:
        name = type_of(key[0]())
        seconds, usual = (now - known.time) / SECOND, known.longest / SECOND
        return Silence(name, key[1], seconds, usual, **how)

    def _is_halted(self, kind: type) -> bool:
        """Whether most of a channel's symbols are halted."""
        symbols = [symbol for channel, symbol in self._known if channel is kind and symbol]
        return sum(symbol in self._halted for symbol in symbols) * 2 >= max(len(symbols), 1)

    def _mute(self, now: int) -> None:
        """When all of it has been silent for too long, where that is known."""
        is_known = self._phase.is_open and self._phase.is_known and self._looks >= 5 * LEARNED
        due = now + max(MUTE, 10 * self._longest)
        self.mute_due = due if is_known and due < self._phase.until and not self._halted else NEVER
