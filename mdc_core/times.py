"""Times: UTC nanoseconds since 1970 in columns, RFC 3339 with nine digits in text.

A row carries its times as the text of the wire, "2024-01-02T14:30:00.000279014Z": it sorts
as the time does, and no tool damages it. A column carries int64 nanoseconds.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mdc_core.errors import DataError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIN_NS, MAX_NS = -(2**63), 2**63 - 1

_MAX_MS = MAX_NS // 1_000_000
_MILLIS = tuple(f".{ms:03d}000000Z" for ms in range(1000))  # most feeds have no more
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# RFC 3339, and what Arrow takes as well: a date or an hour alone, no zone (then it is UTC).
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d(?::\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
# What nine digits lack, by the length of a text.
_PADS = {length: "0" * (30 - length) + "Z" for length in range(21, 30)}
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": MINUTE, "h": HOUR}
_UNITS |= {"d": DAY, "w": 7 * DAY}
_MANY = 1_000  # of a unit: larger numbers are divided
_SPAN = re.compile(r"(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h|d|w)", re.ASCII)


def from_ns(ns: int) -> str:
    """The text of a time in nanoseconds since 1970, UTC; raises DataError beyond 64 bits."""
    if not MIN_NS <= ns <= MAX_NS:
        raise DataError(f"time out of range (1677-09-21 to 2262-04-11): {ns} ns")
    seconds, rest = divmod(ns, SECOND)
    return f"{_second(seconds)}.{str(rest).zfill(9)}Z"  # half the time of a format of nine digits


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    """The text of a whole second: many events of a feed have the same."""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"


def from_ms(ms: int) -> str:
    """The text of a time in milliseconds since 1970, UTC."""
    if not 0 <= ms <= _MAX_MS:
        return from_ns(ms * 1_000_000)
    seconds = ms // 1000
    return _second(seconds) + _MILLIS[ms - seconds * 1000]


def to_ns(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time; one without a zone is UTC."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise DataError(f"not an RFC 3339 time: {text[:60]!r}")
    date, clock, digits, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock or '00'}{zone}")
    except ValueError as error:
        raise DataError(f"not a time: {text!r}: {error}") from None
    since = moment - _EPOCH
    ns = (since.days * 86_400 + since.seconds) * SECOND
    ns += int((digits or "0").ljust(9, "0"))
    must_fit(ns, text)
    return ns


def must_fit(ns: int, text: str) -> None:
    """Raise DataError for a time that 64 bits of nanoseconds cannot hold."""
    if not MIN_NS <= ns <= MAX_NS:
        raise DataError(f"time out of range (1677-09-21 to 2262-04-11): {text!r}")


def utc(text: str) -> str:
    """The wire's text of an RFC 3339 time in UTC with up to nine digits."""
    length = len(text)
    if length == 30 and text[-1] == "Z":
        return text
    if text[-1:] == "Z" and text[10:11] == "T":
        if 20 < length < 30 and text[19] == ".":
            return text[:-1] + _PADS[length]
        if length == 20:
            return text[:19] + ".000000000Z"
    return from_ns(to_ns(text))


def now() -> str:
    """The time of this host."""
    return from_ns(time.time_ns())


def parse_span(text: str) -> int:
    """Nanoseconds of a length of time such as `250ms`, `90s`, `1.5h`, `1h30m`."""
    parts = list(_SPAN.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise DataError(f"not a length of time: {text!r} (say 250ms, 90s, 1.5h or 1h30m)")
    span, rest = 0, 0
    for part in parts:
        whole, fraction, unit = part[1], part[2] or "", _UNITS[part[3]]
        exact, left = divmod(int(whole + fraction) * unit, 10 ** len(fraction))
        span, rest = span + exact, rest + left
    if rest:
        raise DataError(f"finer than a nanosecond: {text!r:.80}")
    if span > MAX_NS:
        raise DataError(f"longer than 292 years: {text!r:.80}")
    return span


def span_text(ns: int) -> str:
    """The text of a length of time that is read as exactly this one again: 36h, 30d, 1d1m1s."""
    scales = [(unit, scale) for unit, scale in reversed(_UNITS.items()) if unit != "w"]
    unit, scale = next((unit, scale) for unit, scale in scales if not ns % scale)
    if 0 < ns // scale < _MANY:
        return f"{ns // scale}{unit}"
    words = []
    for unit, scale in scales:
        count, ns = divmod(ns, scale)
        words += [f"{count}{unit}"] if count else []
    return "".join(words) or "0s"


def moment_text(ns: int) -> str:
    """The shortest text of a time: 2024-01-02T14:30:00Z."""
    return from_ns(ns).removesuffix("Z").rstrip("0").removesuffix(".") + "Z"
