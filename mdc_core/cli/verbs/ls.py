"""List what an archive holds.

One line for each symbol and event type: periods (days, as a rule), files, events, bytes,
first and last event time, tiers. The catalog answers; where there is none, the footers of
Parquet files do, and other files are read. Events that are only in journals yet are told of
beside it. `--from` and `--to` choose files that have events in that time; the numbers are of
whole files.

`--links` makes a directory of hard links to these files as they are at this moment, for
programs that read Parquet themselves: what `compact`, `tier` or `retain` do to the archive
changes nothing there. What cannot be linked is copied."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command, option
from mdc_core.cli.selection import JSON, missed, selecting
from mdc_core.cli.show import answer, by_symbol, human, shown, table, time_text
from mdc_core.cli.types import PathType
from mdc_core.errors import DataError
from mdc_core.pipelines.inputs import archive_at
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.catalog.totals import PartTotals
    from mdc_core.archive.read.summary import PartGroup, StoredPart

GROUP = "look 5"
EXAMPLES = (
    "mdc ls --root data",
    "mdc ls --symbol SPY --type trade --json",
    "mdc ls --tree",
    "mdc ls --type trade --links trades && ls trades/*/trade/*.parquet",
)


@command()
@of_archive
@selecting
@option("--tree", is_flag=True, help="every file, below its symbol and type")
@option(
    "--links",
    "folder",
    type=PathType(),
    metavar="DIR",
    help="make a directory of hard links to the files",
)
@JSON
@click.pass_obj
def ls(
    session: Session,
    root: Path | str,
    query: "Query",
    tree: bool,
    folder: Path | None,
    as_json: bool,
) -> int:
    """List what an archive holds."""
    from mdc_core.archive.health.missing import missing
    from mdc_core.archive.read.snapshot import no_parts, snapshot
    from mdc_core.archive.read.summary import summaries, summed
    from mdc_core.archive.write.archive import Archive

    place = archive_at(root, "ls")
    if folder is not None:
        made = _linked(place, query, folder)
        session.log.note(f"{counted(made, 'file')} in {folder}")
    if tree:
        parts = list(summaries(place, query))
        problems = [part.problem for part in parts if part.problem]
        rows, gone = _files(parts), missing(Archive.open(place), query)
    else:
        found = summed(place, query)
        rows, problems, gone = _totals(found.totals), found.problems, list(found.missing)
    if as_json:
        answer(rows)
    elif tree:
        _show_tree(rows)
    elif rows:
        _show(rows)
    more = snapshot(place, query, no_parts).unsealed
    if more:
        text = f"{counted(more, 'more event')} in journals, not sealed yet"
        session.log.note(f"{text} (mdc recover seals what was left behind)")
    for problem in problems + gone:
        session.log.error(problem)
    absent = missed(session, place, query, whole=True)
    return DataError.exit_status if problems or gone else absent


def _linked(place: Path | str, query: "Query", folder: Path) -> int:
    """Link the files that are asked for; how many there are."""
    from mdc_core.archive.read.links import link_parts
    from mdc_core.archive.read.snapshot import snapshot

    now = snapshot(place, query)
    try:
        link_parts(now.archive, now.parts, folder)
        return len(now.parts)
    finally:
        now.close()


def _files(parts: "list[StoredPart]") -> list[dict[str, Any]]:
    """Each file, once for each symbol and type in it."""
    from mdc_core.archive.read.summary import shares

    rows = [
        {
            "symbol": group.symbol,
            "type": group.type_name,
            "path": str(part.path),
            **_numbers(group, size),
            "tier": part.tier,
        }
        for part in parts
        for group, size in zip(part.groups, shares(part), strict=True)
    ]
    return sorted(rows, key=lambda row: (*by_symbol(row["symbol"], row["type"]), row["path"]))


def _totals(found: "Sequence[PartTotals]") -> list[dict[str, Any]]:
    """Each symbol and type."""
    return [
        {
            "symbol": one.symbol,
            "type": one.type_name,
            "periods": one.periods,
            "files": one.files,
            **_numbers(one, one.bytes),
            "tiers": one.tiers,
        }
        for one in sorted(found, key=lambda one: by_symbol(one.symbol, one.type_name))
    ]


def _numbers(of: "PartGroup | PartTotals", size: int) -> dict[str, Any]:
    first, last = time_text(of.first), time_text(of.last)
    return {"events": of.rows, "bytes": size, "first": first, "last": last}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    size = human(row["bytes"])
    return f"{row['events']:,}", size, row["first"] or "-", row["last"] or "-"


def _show(rows: list[dict[str, Any]]) -> None:
    lines: list[tuple[str, ...]] = [
        ("SYMBOL", "TYPE", "PERIODS", "FILES", "EVENTS", "BYTES", "FIRST", "LAST", "TIER")
    ]
    for row in rows:
        symbol = "-" if row["symbol"] is None else shown(row["symbol"])
        counts = f"{row['periods']:,}", f"{row['files']:,}"
        lines.append((symbol, row["type"], *counts, *_cells(row), " ".join(row["tiers"])))
    table(lines, right=(2, 3, 4, 5), times=(6, 7))


def _show_tree(rows: list[dict[str, Any]]) -> None:
    lines: list[tuple[str, ...]] = []
    above: tuple[Any, Any] = (object(), None)
    for row in rows:
        here = row["symbol"], row["type"]
        if here[0] != above[0]:
            lines.append(("-" if here[0] is None else shown(here[0]), "", "", "", "", ""))
        if here != above:
            lines.append((f"  {here[1]}", "", "", "", "", ""))
        above = here
        lines.append((f"    {shown(row['path'])}", *_cells(row), row["tier"]))
    if lines:
        table(lines, right=(1, 2), times=(3, 4))


command = ls
