"""The days of a coverage as JSON."""

from collections.abc import Iterable, Iterator
from textwrap import indent
from typing import Any

from mdc_core import times
from mdc_core.archive.catalog.part_stats import WITH_INTERVAL
from mdc_core.archive.coverage.sessions import date_of
from mdc_core.archive.coverage.survey import STATES, CoverageRow
from mdc_core.cli.show import json_text


def as_json(said: dict[str, Any], first: int, lines: Iterable[CoverageRow]) -> Iterator[str]:
    """One JSON object, as `show.answer` writes it, in pieces, so that it may be long."""
    head = json_text(said)
    before = f'{head[:-2]},\n  "coverage": ['
    separator = ""
    days: list[str] = []
    for line in lines:
        days = days or [date_of(first + at).isoformat() for at in range(len(line.states))]
        yield before + separator
        one = json_text(_of_line(line, days))
        before, separator = indent(one, "    "), ","
    yield before
    yield "  ]\n}"


def _of_line(line: CoverageRow, days: list[str]) -> dict[str, Any]:
    good, of = line.complete()
    return {
        "symbol": line.symbol,
        "type": line.type_name,
        **({"interval": line.interval} if line.type_name in WITH_INTERVAL else {}),
        "counts": line.counts(),
        "open_days": of,
        "complete_days": good,
        "covered": _share(line.covered() / of) if of else None,
        "undated": line.undated,
        "days": [_day(line, at, day) for at, day in enumerate(days)],
    }


def _day(line: CoverageRow, at: int, day: str) -> dict[str, Any]:
    """One day for JSON: with what is covered of it, and from when to when, where it is held."""
    state, first, last = STATES[line.states[at]], int(line.first[at]), int(line.last[at])
    said: dict[str, Any] = {"day": day, "state": state, "events": int(line.rows[at])}
    if line.open[at]:
        said["covered"] = _share(float(line.shares[at]))
    if first <= last:
        said |= {"first": times.from_ns(first), "last": times.from_ns(last)}
    return said


def _share(share: float) -> float:
    """A share with few digits; 1 and 0 only if it is all, or nothing."""
    if share in (0, 1):
        return share
    return min(max(round(share, 6), 0.000001), 0.999999)
