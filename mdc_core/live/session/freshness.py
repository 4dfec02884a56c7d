"""Receiving, not only connected: a channel or a symbol that has gone silent while others go on.

What is usual is learned from the feed itself, in its own measure: of so many events that come,
so many are of this channel, or of this symbol in it. So a quiet hour, or a quiet night, is no
alarm: when everything slows down, nothing is missing. Silent is what would have come twenty times
by now, and stays away four times as long as it ever did, by its own measure and by the clock.
At the bounds of a market's day all is learned anew, and where the market is closed, or a symbol
is halted, nothing is expected. Where a codec knows the class of a symbol's instrument, each class
of a channel is watched as a whole as well, and the hours are those of the class.

Not each event is looked at, but one in ten milliseconds at most. Before an alarm all are.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from mdc_core.events import Event, Market, Status, type_of
from mdc_core.live.market.hours import NEVER, Hours, Phase
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
AssetOf = Callable[[str], str | None]


class AssetGroup(NamedTuple):
    """The symbols of a channel whose instruments are of one class."""

    asset: str


_Key = tuple[type, str | AssetGroup | None]


class _Known(Struct):
    """What is known of a channel (without a symbol), or of a symbol or a class in it."""

    first: int  # at which look it was seen first,
    last: int  # and last,
    time: int  # and when
    count: int = 0
    away: int = 0  # the most looks between two,
    longest: int = 0  # and the longest time
    told: int = 0  # -1: suspected, 1: silent, 2: and given up


class Silence(NamedTuple):
    """A channel, a symbol or a class of one, that is silent while others go on; or no more."""

    channel: str
    symbol: str | None
    seconds: float
    usual: float
    is_over: bool = False
    is_hopeless: bool = False
    asset: str | None = None  # the class, where it is all of its symbols

    def __str__(self) -> str:
        of = self.symbol or (self.asset and f"any {self.asset}")
        what = f"{self.channel} of {of}" if of else f"{self.channel} at all"
        if self.is_over:
            return f"{what} again, after {self.seconds:.0f} s"
        return f"no {what} for {self.seconds:.0f} s, while others come (usual: {self.usual:.1f} s)"


class Freshness:
    """What comes on one connection, and what of it has gone silent."""

    def __init__(self, hours: Hours) -> None:
        self.due = 0  # when an event is to be looked at
        self.mute_due = NEVER  # when all has been silent for too long
        self.asset_of: AssetOf = lambda symbol: None  # by how a symbol is written
        self._hours = hours
        self._assets: dict[str, str | None] = {}
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
        self._phases: dict[str | None, Phase] = {}  # of the classes that came
        self._until = NEVER  # when one of them ends
        self.mute_due = NEVER

    def reconnected(self, now: int) -> None:
        """Another connection: what is usual is known, and nothing is late yet."""
        if now < self._until:
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
        if now >= self._until:
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
            if event.symbol is None:
                self._phase_of(None, now)
            else:
                self._saw_symbol(kind, event.symbol, now, found, is_first=is_first)
            if is_first:
                is_first = False
                self._looks += 1
        if now >= self._check_due:
            found += self._check(now)
            self._mute(now)
        self.due = 0 if self._suspects else now + BETWEEN
        return found

    def _saw_symbol(
        self, kind: type, symbol: str, now: int, found: list[Silence], *, is_first: bool
    ) -> None:
        """An event of a symbol, which stands for its class as well."""
        asset = self._asset(symbol)
        self._phase_of(asset, now)
        group: _Key = kind, None if asset is None else AssetGroup(asset)
        if asset is not None and (is_first or group in self._suspects):
            self._saw(group, now, found)
        if is_first or (kind, symbol) in self._suspects:
            self._saw((kind, symbol), now, found)

    def _asset(self, symbol: str) -> str | None:
        if symbol not in self._assets:
            if len(self._assets) >= MOST:
                return self.asset_of(symbol)
            self._assets[symbol] = self.asset_of(symbol)
        return self._assets[symbol]

    def _phase_of(self, asset: str | None, now: int) -> Phase:
        phase = self._phases.get(asset)
        if phase is None:
            phase = self._phases[asset] = self._hours.at(now, asset)
            self._until = min(self._until, phase.until)
        return phase

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
        """What is silent by now; a symbol only where its channel, and its class, is not."""
        self._check_due = now + max(CHECK, len(self._known) * EACH)
        if None in self._halted or not any(phase.is_open for phase in self._phases.values()):
            return []
        found: list[Silence] = []
        silent: set[_Key] = set()
        for key, known in self._known.items():
            if not self._is_expected(key, silent) or not (late := self._lateness(known, now)):
                continue
            if not isinstance(key[1], str):
                silent.add(key)
            self._tell(key, known, now, late, found)
        return found

    def _is_expected(self, key: _Key, silent: set[_Key]) -> bool:
        """Whether anything should come of it, and nothing above it is silent already."""
        kind, name = key
        if name is None:
            return self._is_open(kind) and not self._is_halted(kind)
        if (kind, None) in silent:
            return False
        if isinstance(name, AssetGroup):
            return self._phases[name.asset].is_open and not self._is_halted(kind, name.asset)
        asset = self._asset(name)
        above = asset is not None and (kind, AssetGroup(asset)) in silent
        phase = self._phases.get(asset)
        return not above and name not in self._halted and phase is not None and phase.is_open

    def _is_open(self, kind: type) -> bool:
        """Whether a market is open of which something came on this channel."""
        names = (name for channel, name in self._known if channel is kind)
        assets = {self._asset(name) for name in names if isinstance(name, str)} or {None}
        return any(self._phases[one].is_open for one in assets if one in self._phases)

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
        if key not in self._suspects and not known.told:
            self._suspects.add(key)  # look at all events now: it may be there, and unseen
            known.told = -1
            return
        if known.told == -1 and late >= EXPECTED * 1.5:
            known.told = 1
            found.append(self._silence(key, known, now))
        elif known.told == 1 and late >= EXPECTED * 3 and not isinstance(key[1], str):
            known.told = 2
            found.append(self._silence(key, known, now, is_hopeless=True))

    def _silence(
        self,
        key: _Key,
        known: _Known,
        now: int,
        *,
        is_over: bool = False,
        is_hopeless: bool = False,
    ) -> Silence:
        name = type_of(key[0]())
        seconds, usual = (now - known.time) / SECOND, known.longest / SECOND
        return Silence(
            name,
            key[1] if isinstance(key[1], str) else None,
            seconds,
            usual,
            is_over,
            is_hopeless,
            key[1].asset if isinstance(key[1], AssetGroup) else None,
        )

    def _is_halted(self, kind: type, asset: str | None = None) -> bool:
        """Whether most of a channel's symbols are halted, or those of a class."""
        names = (name for channel, name in self._known if channel is kind)
        symbols = [name for name in names if isinstance(name, str)]
        if asset is not None:
            symbols = [symbol for symbol in symbols if self._asset(symbol) == asset]
        return sum(symbol in self._halted for symbol in symbols) * 2 >= max(len(symbols), 1)

    def _mute(self, now: int) -> None:
        """When all of it has been silent for too long, where that is known."""
        is_known = any(phase.is_open and phase.is_known for phase in self._phases.values())
        due = now + max(MUTE, 10 * self._longest)
        is_judged = is_known and self._looks >= 5 * LEARNED and not self._halted
        self.mute_due = due if is_judged and due < self._until else NEVER
