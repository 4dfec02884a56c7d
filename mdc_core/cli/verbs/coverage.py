"""Show which days are complete, partial or missing, and how much of each is covered.

Each day of a symbol and event type has one state; bars and flow have a line for each interval.
`complete`: events are held, and nothing tells that any are missing. `partial`: a gap event says
that some are, or what is held of the session begins late or ends early, by more than --tolerance
after the open or before the close. `missing`: the market was open, and nothing is held. `empty`: it
was asked for and there is nothing, as gap events of reason empty and count 0 say. `closed`: it is a
weekend or a holiday, and nothing is held; `outside`: events are held all the same.

A partial day is shaded by what is covered of it: from its first to its last event, without gaps.
The percentage of a line is the share of its open days' time that is covered.

--calendar says when a market is open: XNYS and others of exchange_calendars, 24/7, or
weekdays. `PATTERN=NAME` is for the symbols of a pattern, as in `XNYS,*/USD=24/7`. A day is then a
session, from its open to its close, with its market's date: the Sunday evening of CME is Monday's,
and what is held outside of sessions is of the date on the market's clock. It is shown, but makes no
session complete. Gaps outside of sessions and in their breaks do not count. Without a calendar,
or with weekdays, a day is one of UTC and has 24 hours: trades of a stock cover a quarter of it, so
name its exchange. CMES and us_futures close at 17:00
in Chicago for the calendars; events are expected up to 16:00, when trading halts.

The days are from --from to --to, else from the first to the last day on which anything of
what is shown is held; days to come are not shown. Every symbol and type is shown that the
archive holds on any day, and those that are named. Types that come irregularly (status,
correction, cancel, dividend, split, news, liquidation, funding, open_interest) are shown if they
are named, and are complete on a day on which there is one. Trades, quotes, books, and bars
and flow of less than a day can begin late and end early; a bar of a week or a month is of each of
its days. A hole in the middle of a day is seen if there is a gap event of it. With --strict the
status is 1 if any day is missing or partial, or if there is nothing at all.

A map of more days than there is room for has cells of a week, a month, a quarter or a year:
they are complete, missing or closed if all their open days are, else partial, and shaded by what
is covered of all."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.archive.coverage.calendars import CALENDARS
from mdc_core.cli import offers
from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import DAY, DAY_END, SPAN, ListOption, Session, command, option
from mdc_core.cli.selection import FORCE, JSON, OUTPUT, missed, must_be_a_span, selecting_symbols
from mdc_core.cli.show import shown
from mdc_core.disk import must_be_new
from mdc_core.errors import EXIT_FINDINGS, DataError, NothingFoundError, UsageError
from mdc_core.pipelines.inputs import archive_at

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.coverage.survey import CoverageRow, CoverageSurvey

GROUP = "check 3"
EXAMPLES = (
    "mdc coverage",
    "mdc coverage --symbol SPY --type trade --calendar 24/7 --json",
    "mdc coverage --calendar 'weekdays,BTC*=24/7' --output coverage.html",
    "mdc coverage --from 2024-01-01 --to 2024-01-31 --format svg > coverage.svg",
)
NAMED = 3  # symbols of one kind
FORMATS = ("text", "html", "svg", "png", "json")
UNITS = ("day", "week", "month", "quarter", "year")


@command()
@of_archive
@selecting_symbols
@option(
    "--from", "start", was="--since", type=DAY, help="from this day on", shell_complete=offers.dates
)
@option(
    "--to",
    "end",
    was="--until",
    type=DAY_END,
    help="up to and with this day",
    shell_complete=offers.dates,
)
@option(
    "--calendar",
    cls=ListOption,
    metavar="[PATTERN=]NAME,...",
    help="when the market is open; exchange_calendars has more than are listed below",
    shell_complete=offers.calendars,
    values=CALENDARS,
)
@option(
    "--tolerance",
    type=SPAN,
    default="15m",
    show_default=True,
    help="how late events may begin, and how early they may end",
)
@option(
    "--cell",
    "unit",
    was="--by",
    type=click.Choice(UNITS),
    help="what a cell of the map is  [default: what there is room for]",
)
@option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="what to write  [default: as --output ends, else text]",
)
@OUTPUT
@FORCE
@option("--strict", was="--check", is_flag=True, help="status 1 if any day is missing or partial")
@JSON
@click.pass_obj
def coverage(
    session: Session,
    root: Path | str,
    query: "Query",
    start: int | None,
    end: int | None,
    calendar: tuple[str, ...],
    tolerance: int,
    unit: str | None,
    form: str | None,
    output: Path | None,
    force: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Show which days are complete, partial or missing, and how much of each is covered."""
    form = _form(form, output, as_json)
    if output is not None:
        must_be_new(output, force=force)
    place = archive_at(root, "coverage")
    try:
        survey = _survey(place, query, (start, end), calendar, tolerance)
    except NothingFoundError:
        absent = missed(session, place, query, whole=True, answers=form == "json")
        if absent or query.allow_empty:  # it is told already, and what there is instead
            return absent
        raise
    absent = missed(session, place, query, whole=True, answers=form == "json")
    _tell(session, survey, calendar)
    wrong = 0 if survey.count else 1

    def judged() -> "Iterator[CoverageRow]":
        nonlocal wrong
        for line in survey.lines():
            counts = line.counts()
            wrong += counts["missing"] + counts["partial"]
            yield line

    from mdc_core.cli.coverage_map.report import Report

    words = ", ".join(calendar)
    report = Report(place, words, tolerance, unit, survey.first, survey.count, survey.keys)
    report.write(form, output, judged(), session.environ)
    if survey.problems:
        return DataError.exit_status
    return EXIT_FINDINGS if strict and wrong else absent


def _form(form: str | None, output: Path | None, as_json: bool) -> str:
    """What to write: as it is said, else as the file is named."""
    if as_json:
        if form not in (None, "json"):
            raise UsageError(f"--json and --format {form} exclude each other")
        return "json"
    if form is None and output is not None:
        suffix = output.suffix.removeprefix(".").lower()
        form = {"txt": "text", "htm": "html"}.get(suffix, suffix)
        if form not in FORMATS:
            raise UsageError(
                f"cannot tell what to write by the name {output}",
                hint=f"say --format, or end it in .{', .'.join(FORMATS)}",
            )
    return form or "text"


def _survey(
    root: Path | str,
    query: "Query",
    span: tuple[int | None, int | None],
    calendar: tuple[str, ...],
    tolerance: int,
) -> "CoverageSurvey":
    """The coverage that is asked for."""
    from mdc_core.archive.coverage.sessions import Calendars
    from mdc_core.archive.coverage.survey import CoverageRequest, CoverageSurvey
    from mdc_core.archive.coverage.views import ABOUT_DATA
    from mdc_core.times import DAY

    for name in query.types:
        if name in ABOUT_DATA:
            raise UsageError(f"{name} events tell of other events, they have no coverage")
    start, end = span
    must_be_a_span(start, end)
    first = None if start is None else start // DAY
    last = None if end is None else (end - 1) // DAY
    asked = CoverageRequest(query.symbols, query.types, first, last, tolerance, query.patterns)
    return CoverageSurvey(root, asked, Calendars(calendar), time.time_ns() // DAY)


def _tell(session: Session, survey: "CoverageSurvey", calendar: tuple[str, ...]) -> None:
    """Say on what the map rests, and what could not be read for it."""
    if not survey.count:
        session.log.note("nothing is held")
    elif not calendar:
        session.log.note(
            "no --calendar: every day counts as open, for 24 hours of UTC (--calendar XNYS)"
        )
    elif left := survey.without_calendar:
        more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
        of = shown(", ".join(left[:NAMED]) + more)
        session.log.note(f"no calendar of {of}: every day counts as open, for 24 hours of UTC")
    if survey.timeless_gaps:
        session.log.warning(
            f"gap events without a time, which are of no day: {survey.timeless_gaps:,}"
        )
    for problem in survey.problems:
        session.log.error(shown(problem))


command = coverage
