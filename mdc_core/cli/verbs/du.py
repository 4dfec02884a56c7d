"""Show how much room an archive takes, by symbol and event type.

Below the symbols stands what an archive has beside its parts: the catalog, journals (events that
are not sealed yet), damaged journals that were kept, trash that somebody may still read, and
what was left unfinished. All of it is in the total. What `--json` says is in bytes. A file of
several symbols or types, which `mdc store` does not write, is divided by their events."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command
from mdc_core.cli.selection import JSON, missed, selecting
from mdc_core.cli.show import answer, by_symbol, human, shown, table
from mdc_core.errors import DataError
from mdc_core.pipelines.inputs import archive_at

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query

GROUP = "look 6"
EXAMPLES = ("mdc du --root data", "mdc du --json")


@command()
@of_archive
@selecting
@JSON
@click.pass_obj
def du(session: Session, root: Path | str, query: "Query", as_json: bool) -> int:
    """Show how much room an archive takes."""
    from mdc_core.archive.read.room import state_room
    from mdc_core.archive.read.summary import summed
    from mdc_core.archive.write.archive import Archive

    place = archive_at(root, "du")
    found = summed(place, query)
    chosen = query.types or query.start or query.end or not query.is_of_all
    beside = [] if chosen else state_room(Archive.open(place))
    total = found.bytes + sum(one.bytes for one in beside)
    totals = sorted(found.totals, key=lambda one: by_symbol(one.symbol, one.type_name))
    damaged = bool(found.problems or found.missing)
    absent = missed(session, place, query, whole=True, answers=as_json or damaged)
    if as_json:
        rows = [
            {"symbol": one.symbol, "type": one.type_name, "files": one.files, "bytes": one.bytes}
            for one in totals
        ]
        said = {"files": rows, "beside": [one._asdict() for one in beside], "total": total}
        answer(said)
    else:
        lines = [("SYMBOL", "TYPE", "FILES", "BYTES")]
        for one in totals:
            symbol = "-" if one.symbol is None else shown(one.symbol)
            lines.append((symbol, one.type_name, f"{one.files:,}", human(one.bytes)))
        lines += [(one.kind, "", f"{one.files:,}", human(one.bytes)) for one in beside]
        table([*lines, ("total", "", "", human(total))], right=frozenset([2, 3]))
    for problem in found.problems:
        session.log.error(f"{problem} (counted in the total only)")
    for problem in found.missing:
        session.log.error(f"{problem} (counted as the catalog has it)")
    return DataError.exit_status if found.problems or found.missing else absent


command = du
