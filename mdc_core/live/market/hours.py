"""When a feed is expected to speak: the phases of a market's day.

US stocks (and what is traded like them): 04:00 to 20:00 in New York in three phases, holidays and
half days by the rules of the exchange, which are built in. Foreign exchange: Sunday 17:00 to Friday
17:00 in New York. CME futures: Sunday 18:00 to Friday 17:00, with a break from 17:00 to 18:00;
holidays, and days that end early, are known where the extra `calendar` is installed, else nothing
is expected on holidays of US stocks. Crypto never closes. Stocks of another exchange, by its MIC,
have its sessions where the extra is installed. Of others nothing is known: their silence is no
news.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mdc_core.live.market.exchange import sessions_of
from mdc_core.times import SECOND

NEVER = 2**63
_US = frozenset(
    ("XNYS", "XNAS", "ARCX", "BATS", "BATY", "EDGA", "EDGX", "IEXG", "XASE", "XBOS", "XCHI")
)
_STOCKS = frozenset(("equity", "etf", "fund", "index", "option"))
_ONE_OFF = frozenset(
    date.fromisoformat(day)
    for day in ("2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09", "2007-01-02", "2004-06-11")
)
_HALF = time(13)


class Phase(NamedTuple):
    """What a market does for a while: its name, whether it is open, up to when."""

    name: str
    is_open: bool
    until: int
    is_known: bool = True  # whether nothing but a fault explains that all is silent


class Hours:
    """The hours of what a provider has, by the classes of its assets and its venues."""

    def __init__(self, assets: Iterable[str] = (), venues: Iterable[str] = ()) -> None:
        is_us = not _US.isdisjoint(venues)
        self._is_us = is_us
        self._venues = tuple(sorted({*venues} - _US))
        kinds = {_kind(asset, is_us=is_us) for asset in assets} or {"unknown"}
        self.kind = kinds.pop() if len(kinds) == 1 else "stocks" if "stocks" in kinds else "unknown"
        self._is_mixed = bool(kinds)

    def at(self, ns: int, asset: str | None = None) -> Phase:
        """The phase of a moment, of this class of assets (None: of all that the provider has)."""
        kind = self.kind if asset is None else _kind(asset, is_us=self._is_us)
        match kind:
            case "crypto":
                return Phase("open", True, NEVER)
            case "stocks":
                found = _of_stocks(ns)
                is_mixed = asset is None and self._is_mixed
                return found._replace(is_known=False) if is_mixed else found
            case "fx":
                return _of_week(ns, has_breaks=False)
            case "future":
                return _of_futures(ns)
            case "abroad":
                return _of_exchange(ns, self._venues)
        return Phase("unknown", True, NEVER, is_known=False)


def _kind(asset: str, *, is_us: bool) -> str:
    if asset in ("crypto", "fx", "future"):
        return asset
    if asset not in _STOCKS:
        return "unknown"
    return "stocks" if is_us else "abroad"


def _of_exchange(ns: int, venues: tuple[str, ...]) -> Phase:
    sessions = sessions_of(venues)
    found = None if sessions is None else sessions.at(ns)
    if found is None:
        return Phase("unknown", True, NEVER, is_known=False)
    return Phase(found.name, found.name == "session", found.until)


def _of_futures(ns: int) -> Phase:
    """The week, and of its days those that the exchange has, and as long as it has them."""
    week, sessions = _of_week(ns, has_breaks=True), sessions_of(("CMES",))
    found = None if sessions is None else sessions.at(ns)
    if found is None or not week.is_open:
        return week
    return Phase(found.name, found.name == "session", min(found.until, week.until))


def _of_stocks(ns: int) -> Phase:
    local = _local(ns)
    day = local.date()
    if not is_session(day):
        return Phase("closed", False, _ns(day + timedelta(1), time(0)))
    close = _HALF if is_half_day(day) else time(16)
    late = time(17) if close == _HALF else time(20)
    for name, end in (
        ("night", time(4)),
        ("pre-market", time(9, 30)),
        ("session", close),
        ("post-market", late),
    ):
        if local.time() < end:
            return Phase(name, name != "night", _ns(day, end), is_known=name == "session")
    return Phase("night", False, _ns(day + timedelta(1), time(0)))


def _of_week(ns: int, *, has_breaks: bool) -> Phase:
    """Sunday evening to Friday afternoon, by the clock of New York."""
    local = _local(ns)
    day, weekday = local.date(), local.weekday()
    opens, closes = time(18 if has_breaks else 17), time(17)
    if weekday == 5 or (weekday == 4 and local.time() >= closes):
        sunday = day + timedelta(6 - weekday)
        return Phase("weekend", False, _ns(sunday, opens))
    if weekday == 6 and local.time() < opens:
        return Phase("weekend", False, _ns(day, opens))
    if local.time() < closes:
        return Phase("open", True, _ns(day, closes), is_known=not has_breaks or is_session(day))
    if local.time() < opens:
        return Phase("break", False, _ns(day, opens))
    return Phase("open", True, _ns(day + timedelta(1), closes), is_known=False)


@lru_cache(maxsize=64)
def is_session(day: date) -> bool:
    """Whether US stocks are traded on this day."""
    return day.weekday() < 5 and day not in _holidays(day.year) and day not in _ONE_OFF


def is_half_day(day: date) -> bool:
    """Whether a session ends at 13:00."""
    year = day.year
    thanksgiving = _nth(year, 11, 3, 4)
    fourth = date(year, 7, 4)
    early = {thanksgiving + timedelta(1), date(year, 12, 24)}
    if 1 <= fourth.weekday() <= 4:
        early.add(date(year, 7, 3))
    return day in early and is_session(day)


@lru_cache(maxsize=16)
def _holidays(year: int) -> frozenset[date]:
    found = {
        _nth(year, 1, 0, 3),  # Martin Luther King
        _nth(year, 2, 0, 3),  # Presidents
        _easter(year) - timedelta(2),
        _nth(year, 6, 0, 1) - timedelta(7),  # Memorial: the last Monday in May
        _observed(date(year, 7, 4)),
        _nth(year, 9, 0, 1),  # Labor
        _nth(year, 11, 3, 4),  # Thanksgiving
        _observed(date(year, 12, 25)),
    }
    new_year = date(year, 1, 1)
    if new_year.weekday() != 5:  # the Friday before is of the old year, and open
        found.add(_observed(new_year))
    if year >= 2022:
        found.add(_observed(date(year, 6, 19)))  # Juneteenth
    return frozenset(found)


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (number - 1))


def _observed(day: date) -> date:
    """A holiday on a Saturday is kept on Friday, one on a Sunday on Monday."""
    return day + timedelta({5: -1, 6: 1}.get(day.weekday(), 0))


def _easter(year: int) -> date:
    """Easter Sunday (the anonymous Gregorian algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _zone() -> ZoneInfo:
    return ZoneInfo("America/New_York")


def _local(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // SECOND, UTC).astimezone(_zone())


def _ns(day: date, at: time) -> int:
    return int(datetime.combine(day, at, _zone()).timestamp()) * SECOND
