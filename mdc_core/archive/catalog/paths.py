"""Finding the parts of an archive that can hold what is asked for, by their paths."""

import re
from pathlib import Path, PurePosixPath

from mdc_core import times
from mdc_core.archive.catalog.layout import may_hold
from mdc_core.archive.catalog.query import GAP
from mdc_core.archive.catalog.query import Query as Query
from mdc_core.archive.part_formats import suffix_of
from mdc_core.archive.storage import Directory
from mdc_core.disk import no_archive
from mdc_core.errors import DataError
from mdc_core.events import EVENT_TYPES

_TYPES = "|".join(EVENT_TYPES)
_DATE = r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d))?)?"
_PERIOD = re.compile(_DATE)
_BY_SYMBOL = re.compile(_DATE + r"\.")  # by-type as well
_BY_DATE = re.compile(rf"({_TYPES})\.")
_FLAT = re.compile(rf".*_({_TYPES})_{_DATE}\.")


def parts_below(root: Path) -> list[Path]:
    """The parts of an archive, in the order of their paths."""
    if not root.is_dir():
        raise no_archive(root)
    return sorted(root / below for below, _ in Directory(root).walk() if suffix_of(below))


def chosen(root: Path, query: Query) -> list[Path]:
    """The parts that can hold what is asked for, as far as their paths tell."""
    return [p for p in parts_below(root) if may_be_of(PurePosixPath(p.relative_to(root)), query)]


def may_be_of(below: PurePosixPath, query: Query) -> bool:
    """Whether a part can hold what is asked for, as far as its path tells."""
    # What a path says of a symbol is not always all of it: a pattern needs that.
    named = query.symbols if not query.patterns else ()
    of_all = query.with_gaps and _may_hold_type(below, (GAP,))
    if named and not of_all and not may_hold(below, named):
        return False
    if query.types and not _may_hold_type(below, query.types):
        return False
    first, last = period(below)
    if query.end is not None and first is not None and first >= query.end:
        return False
    return query.start is None or last is None or last > query.start


def _may_hold_type(path: PurePosixPath, types: tuple[str, ...]) -> bool:
    text = path.as_posix()
    return any(re.search(rf"(^|[/_=]){name}([/_.]|$)", text) for name in types)


def period(path: PurePosixPath) -> tuple[int | None, int | None]:
    """The period of a part, as [start, end) in nanoseconds, from where its layout puts it.

    Nowhere else: a symbol may look like a date, and so may the name of a run.
    """
    match = _BY_SYMBOL.match(path.name) or _FLAT.match(path.name)
    if match is None and _BY_DATE.match(path.name):
        match = _PERIOD.fullmatch(path.parts[0])
    for component in path.parts[:-1]:
        if component.startswith("date="):
            match = _PERIOD.fullmatch(component.removeprefix("date="))
    return _span(match)


def span(name: str) -> tuple[int | None, int | None]:
    """A period by its name, as [start, end) in nanoseconds."""
    return _span(_PERIOD.fullmatch(name))


def _span(match: re.Match[str] | None) -> tuple[int | None, int | None]:
    if match is None:
        return None, None
    year, month, day, hour = match.group("year", "month", "day", "hour")
    try:
        start = times.to_ns(f"{year}-{month}-{day or '01'}T{hour or '00'}:00:00Z")
        if day is None:
            following = divmod(int(year) * 12 + int(month), 12)
            return start, times.to_ns(f"{following[0]}-{following[1] + 1:02d}-01T00:00:00Z")
    except DataError:
        return None, None
    return start, start + (times.HOUR if hour else times.DAY)
