"""What the first values of a column look like."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
from msgspec import Struct

from mdc_core.errors import DataError
from mdc_core.mapping.columns.converting import Array
from mdc_core.mapping.columns.patterns import AUTOMATIC
from mdc_core.schema import SCALE

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_ZONED = re.compile(r"\d{8} +\d\d:\d\d(:\d\d)? [A-Z][A-Za-z_]*(/[A-Za-z_]+)*")
_DAY = re.compile(r"\d{4}[-./]?\d\d[-./]?\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{4}", re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d([.,]\d{1,9})?)?", re.ASCII)
_SLASHES = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)(?:[ T]+(\d{1,2}:\d\d(:\d\d)?([.,]\d+)?)( ?[AP]M)?)?",
    re.I,
)
_NAMED = re.compile(r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}")
_FLAGS = ("true", "false", "t", "f")
_INTERVAL = re.compile(r"\d+(s|m|h|d|w|mo)")
_COUNTS = {"s": (9, 10), "ms": (12, 13), "us": (15, 16), "ns": (18, 19)}
_NOISE = 16
_NOTHING = ("", "nan", "n/a", "na", "null", "none", "-")  # how others say that there is none
_LENGTHS = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class Looks(Struct, frozen=True):
    """What the values of a column may be."""

    is_empty: bool = False
    is_number: bool = False
    is_whole: bool = False
    has_comma: bool = False  # 1,25
    digits: int = 0  # most behind the point, but for those of noise
    noisy: int = 0  # values of 16 digits and more, as the sum of two floats has
    unit: str | None = None  # what a time is counted in, if it is
    is_time: bool = False  # by itself, or with a format
    form: str | None = None  # its format, if it needs one
    forms: tuple[str, ...] = ()  # where there is more than one way to read it
    is_day: bool = False
    is_clock: bool = False
    clock: str = ""  # its format, if it is one
    is_flag: bool = False
    is_interval: bool = False
    example: str = ""


def looks_of(column: Array) -> Looks:
    """What the values of a column look like, null left out."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Looks(is_time=True)
    if pa.types.is_boolean(kind):
        return Looks(is_flag=True)
    if pa.types.is_nested(kind):
        return Looks()
    try:
        cells = column.cast(pa.string()).to_pylist()
        texts = [text for text in cells if text is not None and text.lower() not in _NOTHING]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return Looks()
    return _of_texts(texts) if texts else Looks(is_empty=True)


def _mostly(matches: Iterable[object], texts: Sequence[str]) -> bool:
    """Whether at least half of the values match; the others are rejected when they are read."""
    return 2 * sum(map(bool, matches)) >= len(texts)


def _of_texts(texts: list[str]) -> Looks:
    german = [t for t in texts if _COMMA.fullmatch(t) or _is_whole(t)]
    comma = any("," in text for text in german) and _mostly(german, texts)
    numbers = [text for text in texts if _NUMBER.fullmatch(text)]
    if comma or _mostly(numbers, texts):
        plain = [] if comma else [text for text in numbers if _significant(text) < _NOISE]
        whole = not comma and all(map(_is_whole, numbers))
        days = list(filter(_is_day_number, numbers))
        return Looks(
            is_number=True,
            has_comma=comma,
            is_whole=whole,
            digits=min(max(map(_places, plain), default=0), SCALE),
            noisy=0 if comma else len(numbers) - len(plain),
            unit=None if comma else _unit(numbers),
            is_time=whole and _mostly(days, texts),
            is_day=whole and _mostly((len(text) == 8 for text in days), texts),
            is_flag=_mostly((text in ("0", "1") for text in texts), texts),
            example=numbers[0] if numbers else texts[0],
        )
    form, forms = _forms(texts)
    times = list(filter(_is_time, texts))
    clocks = list(filter(_CLOCK.fullmatch, texts))
    shown = list(filter(_SLASHES.fullmatch, texts)) if forms else times
    return Looks(
        is_time=bool(form or forms) or _mostly(times, texts),
        form=form,
        forms=forms,
        is_day=_mostly(map(_DAY.fullmatch, texts), texts),
        is_clock=_mostly(clocks, texts),
        clock=_clock_form(clocks[0]) if clocks else "",
        is_flag=_mostly((text.lower() in _FLAGS for text in texts), texts),
        is_interval=_mostly(map(_INTERVAL.fullmatch, texts), texts),
        example=(shown or texts)[0],
    )


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def _is_time(text: str) -> bool:
    return bool(
        _ISO.fullmatch(text)
        or _ZONED.fullmatch(text)
        or any(re.match(pattern, text) for pattern in AUTOMATIC)
    )


def _is_day_number(text: str) -> bool:
    """20240102, 20240102093000 or 20240102093000123."""
    if len(text) not in (8, 12, 14, 17) or not text.isdecimal():
        return False
    return text[:2] in ("19", "20") and 1 <= int(text[4:6]) <= 12 and 1 <= int(text[6:8]) <= 31


def _unit(numbers: list[str]) -> str | None:
    """The unit that numbers count since 1970, by how long most of them are."""
    for unit, range_ in _COUNTS.items():
        if numbers and _mostly((len(t.partition(".")[0]) in range_ for t in numbers), numbers):
            return unit
    return None


def _places(text: str) -> int:
    exponent = Decimal(text.strip()).normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _clock_form(text: str) -> str:
    """The format of a time of day."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return ""
    seconds, fraction = found.groups()
    return "%H:%M" + (":%S" if seconds else "") + (f"{fraction[0]}%f" if fraction else "")


def _significant(text: str) -> int:
    return len(Decimal(text.strip()).normalize().as_tuple().digits)


def _forms(texts: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """The format of days such as 01/02/2024; or both, where nothing tells which."""
    found = [_SLASHES.fullmatch(text.strip()) for text in texts]
    matches = [match for match in found if match is not None]
    if not _mostly(matches, texts):
        named = list(filter(_NAMED.fullmatch, texts))
        form = f"%d{named[0][-9]}%b{named[0][-5]}%Y" if _mostly(named, texts) else None
        return form, ()
    one = matches[0]
    year = "%Y" if len(one[4]) == 4 else "%y"
    clock = ""
    if one[5]:
        seconds = "%S" if one[6] else None
        clock = " " + ":".join(filter(None, ["%I" if one[8] else "%H", "%M", seconds]))
        clock += (one[7][0] + "%f" if one[7] else "") + (
            one[8].replace(one[8].strip(), "%p") if one[8] else ""
        )
    forms = [
        f"{sep}".join(order) + clock
        for sep in [one[2]]
        for order in (("%d", "%m", year), ("%m", "%d", year))
    ]
    if any(int(match[1]) > 12 for match in matches):
        return forms[0], ()
    if any(int(match[3]) > 12 for match in matches):
        return forms[1], ()
    return (forms[0], ()) if one[2] == "." else (None, (forms[1], forms[0]))


def fits(field: str, look: Looks) -> bool:
    """Whether the values of a column can be a field."""
    if field in ("ts_event", "ts_recv"):
        return look.is_time or look.unit is not None
    if field == "seller_took":
        return look.is_flag
    if field == "interval":
        return look.is_interval
    if field in ("symbol", "aggressor_side", "venue", "tape", "trade_id"):
        return True
    return look.is_number or look.is_empty


def interval_of(times: list[Any]) -> str | None:
    """The least time between two of some moments, as the length of a bar."""
    steps = [abs(b - a) for a, b in pairwise(times) if b != a]
    if not steps or min(steps) % 1_000_000_000:
        return None
    seconds = min(steps) // 1_000_000_000
    if 28 * 86_400 <= seconds <= 31 * 86_400:
        return "1mo"
    for unit, length in _LENGTHS:
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    raise DataError("no whole seconds")
