"""Dates and times as people write them: 2024-01, yesterday, -1h, 09:30 America/New_York.

What is written without a zone is of the zone that the reader is told, UTC if of none. A time
that a zone's clock skips or shows twice, when summer time begins and ends, is refused.
"""

import re
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mdc_core import times
from mdc_core.errors import DataError

if TYPE_CHECKING:
    from datetime import tzinfo

EXAMPLES = "2024-01-02, '2024-01-02 09:30 America/New_York', 2024-01, yesterday, -1h"
_NAMED = {"yesterday": -1, "today": 0, "tomorrow": 1}
_AGO = re.compile(r"(?:now)?\s*([+-])\s*(\d.*)|(\d.*?)\s+ago", re.ASCII)
_UNIT = re.compile(r"(\d)\s*([smhdw])(?:ec(?:ond)?|in(?:ute)?|our|ay|eek)?s?\b\s*", re.ASCII)
_EPOCH = re.compile(r"(-?\d{8,20})(s|ms|us|ns)|@(-?\d{1,11})(?:\.(\d{1,9}))?", re.ASCII)
_DATE = r"(?P<year>\d{4})(?:(?P<sep>[-/]?)(?P<month>\d\d)(?:(?P=sep)(?P<day>\d\d))?)?"
_CLOCK = r"(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<digits>\d{1,9}))?)?)?"
_ZONE = r"(?:(?P<offset>Z|[+-]\d\d(?::?\d\d)?)|\s+(?P<zone>[A-Za-z][\w+/-]*))?"
_TIME = re.compile(rf"(?:{_DATE}|(?P<name>[a-z]+))(?:(?:T|\s+){_CLOCK})?\s*?{_ZONE}", re.ASCII)
_WIRE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
_TODAY = re.compile(rf"(?=\d\d:){_CLOCK}{_ZONE}", re.ASCII)


def zone_of(name: str) -> "tzinfo":
    """The time zone of an IANA name; raises DataError, with what may be meant."""
    if name in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, no name of a file, a folder of them
        pass
    import zoneinfo

    from mdc_core.suggest import unknown

    words = unknown("time zone", name, zoneinfo.available_timezones())
    raise DataError(f"{words} (say UTC, America/New_York, Asia/Tokyo)")


def in_zone(text: str, zone: "tzinfo | None") -> str:
    """The wire's text of a time by the clock of a zone, with its offset; other texts stay."""
    if zone in (None, UTC) or not _WIRE.fullmatch(text):
        return text
    moment = datetime.fromisoformat(f"{text[:19]}+00:00").astimezone(zone).isoformat()
    return f"{moment[:19]}{text[19:-1]}{moment[19:]}"


def parse_moment(text: str, *, end: bool = False, zone: "tzinfo | None" = None) -> int:
    """Nanoseconds since 1970 of a date or a time; as an end, a day, a month, a year are whole.

    Also `now`, `today`, `yesterday`, `tomorrow`, a length of time ago (`-1h`, `now-1h`,
    `1h ago`) and the seconds or so since 1970 (`@1704205800`, `1704205800000ms`). A day without
    a zone begins at midnight in `zone`, or else of UTC. Raises DataError for what is none of these.
    """
    text = text.strip()
    if text == "now":
        return time.time_ns()
    for pattern, read in (_AGO, _ago), (_EPOCH, _since_epoch):
        found = pattern.fullmatch(text)
        if found:
            return _possible(read(found, text), text)
    found = _TIME.fullmatch(text) or _TODAY.fullmatch(text)
    if found is None or not _is_date(found):
        raise DataError(f"not a time: {text[:60]!r}{_hint(text)}")
    ns = _civil(found, text, end, zone or UTC)
    if not end:
        return _possible(ns, text)
    _possible(min(ns, times.MAX_NS), text)
    return min(ns, times.MAX_NS + 1)  # behind the last moment that there is


def _hint(text: str) -> str:
    if re.fullmatch(r"\d{9,20}", text, re.ASCII):
        return f" (of seconds since 1970 say {text}s, of milliseconds {text}ms; us and ns as well)"
    try:
        times.parse_span(text)
    except DataError:
        return f" (say {EXAMPLES})"
    return f" (of a time ago say -{text} or '{text} ago')"


def _is_date(found: "re.Match[str]") -> bool:
    groups = found.groupdict()
    named = groups.get("name")
    if named is not None:
        return named in _NAMED
    if groups.get("year") and groups["sep"] == "" and groups["month"] and not groups["day"]:
        return False  # 202401 may be anything
    if groups["hour"] is None:
        return groups["offset"] is None
    return "year" not in groups or groups["day"] is not None


def _ago(found: "re.Match[str]", text: str) -> int:
    sign, span, ago = found.groups()
    length = times.parse_span(_UNIT.sub(r"\1\2", ago or span))
    return time.time_ns() + (length if sign == "+" else -length)


def _since_epoch(found: "re.Match[str]", text: str) -> int:
    count, unit, seconds, digits = found.groups()
    if count is not None:
        return times.parse_span(f"1{unit}") * int(count)
    fraction = int((digits or "0").ljust(9, "0"))
    return int(seconds) * times.SECOND + (-fraction if seconds[0] == "-" else fraction)


def _possible(ns: int, text: str) -> int:
    times.must_fit(ns, text)
    return ns


def _civil(found: "re.Match[str]", text: str, end: bool, zone: "tzinfo") -> int:
    """The time of a calendar's date and a clock."""
    groups = found.groupdict()
    try:
        first, after = _days(groups, zone := _zone(groups, zone))
        if groups["hour"] is None:
            day = after if end else first
            return _at(datetime(day.year, day.month, day.day), zone, midnight=True)
        hour, minute, second = (int(groups[name] or 0) for name in ("hour", "minute", "second"))
        moment = datetime(first.year, first.month, first.day, hour, minute, second)
    except (ValueError, OverflowError) as error:
        raise DataError(f"not a time: {text[:60]!r}: {error}") from None
    return _at(moment, zone, midnight=False) + int((groups["digits"] or "0").ljust(9, "0"))


def _zone(groups: dict[str, str | None], zone: "tzinfo") -> "tzinfo":
    if groups["zone"] is not None:
        return zone_of(groups["zone"])
    if groups["offset"] is not None:
        return datetime.fromisoformat(f"2000-01-01T00:00:00{groups['offset']}").tzinfo or UTC
    return zone


def _days(groups: dict[str, str | None], zone: "tzinfo") -> tuple[date, date]:
    """The first day of what is meant, and the day behind it."""
    if not groups.get("year"):
        today = datetime.now(zone).date()
        first = today + timedelta(days=_NAMED[groups.get("name") or "today"])
        return first, first + timedelta(days=1)
    year, month, day = (int(groups[name] or 0) for name in ("year", "month", "day"))
    first = date(year, month or 1, day or 1)
    if groups["day"] is not None:
        return first, first + timedelta(days=1)
    if groups["month"] is not None:
        return first, date(year + month // 12, month % 12 + 1, 1)
    return first, date(year + 1, 1, 1)


def _at(moment: datetime, zone: "tzinfo", *, midnight: bool) -> int:
    """Nanoseconds since 1970 of what a zone's clocks show; a day has its first moment anyway."""
    placed = moment.replace(tzinfo=zone)
    since = placed.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    if not midnight:
        _must_be_once(placed)
    return (since.days * 86_400 + since.seconds) * times.SECOND


def _must_be_once(placed: datetime) -> None:
    """Raise DataError for a time that the clocks of its zone skip, or show twice."""
    zone, late = placed.tzinfo, placed.replace(fold=1)
    if placed.utcoffset() == late.utcoffset():
        return
    shown = placed.replace(tzinfo=None)
    if placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != shown:
        raise DataError(f"there is no {shown} in {zone}: its clocks go forward then")
    ways = " or ".join(way.isoformat() for way in (placed, late))
    raise DataError(f"{shown} is twice in {zone}, whose clocks go back then (say {ways})")
