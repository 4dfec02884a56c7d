"""Remove events from an archive.

What is chosen goes: whole files where all that is in them is chosen, and files are written anew
without the chosen events where they have others as well. At least one of `--run`, `--symbol`,
`--symbols-file`, `--type`, `--date`, `--from` and `--to` says what; of several, all must hold. A
run is named by its id, as `mdc lineage` and the names of files have it. Where `compact` has put the
events of several runs into one file, those of one run cannot be told apart any more: then nothing
is removed (status 65).

On a terminal mdc says how much would be removed, and asks; elsewhere `--yes` is needed. All is
removed at once, or nothing: a kill in between leaves the archive as it was, or `mdc recover`
finishes. What is removed can be stored again. What a running `mdc store` has in its journal stays,
and files that it may still write to are refused (status 75). Nothing found is status 1."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli import offers
from mdc_core.cli.archives import of_archive
from mdc_core.cli.asking import consented, must_agree
from mdc_core.cli.options import ListOption, Session, command, option
from mdc_core.cli.selection import DRY_RUN, JSON, missed, selecting
from mdc_core.cli.show import answer, human, local, shown, time_text
from mdc_core.errors import FindingsError, UsageError
from mdc_core.texts import counted, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.upkeep.removal.remove import Going, Selection
    from mdc_core.archive.write.archive import Archive

GROUP = "store 9"
EXAMPLES = (
    "mdc rm --root data --symbol SPY --date 2024-01-02 --dry-run",
    "mdc rm --root data --type quote --to 2023-12-31 --yes --allow-empty",
)


@command()
@of_archive
@option(
    "--run",
    "runs",
    cls=ListOption,
    metavar="ID",
    help="only what these runs have stored",
    shell_complete=offers.runs,
)
@selecting
@DRY_RUN
@option("--yes", is_flag=True, help="do not ask")
@JSON
@click.pass_obj
def rm(
    session: Session,
    root: Path | str,
    runs: tuple[str, ...],
    query: "Query",
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove events from an archive."""
    from mdc_core.archive.catalog.query import EVERYTHING
    from mdc_core.archive.upkeep.removal.remove import Selection
    from mdc_core.archive.write.archive import Archive

    if not runs and query == EVERYTHING:
        raise UsageError(
            "nothing says what is to go",
            hint="--run ID, --symbol SPY, --type quote, --date 2024-01-02",
        )
    archive, chosen = Archive.open(root), Selection(query, runs)
    consented(yes=yes, dry_run=dry_run)
    absent = missed(session, root, query, answers=as_json)
    gone = _looked(archive, chosen)
    if gone and not dry_run:
        if not yes:
            must_agree(f"remove {_amount(gone)} from {root}")
        gone = _removed(session, archive, chosen)
    if not gone and not absent and not query.allow_empty:
        raise FindingsError(f"nothing to remove in {root}", hint=typed("ls", "--root", root))
    _say(gone, dry_run=dry_run, as_json=as_json)
    session.log.note(f"{'would remove' if dry_run else 'removed'} {_amount(gone)}")
    return absent


def _looked(archive: "Archive", chosen: "Selection") -> "list[Going]":
    from mdc_core.archive.read.snapshot import Snapshot
    from mdc_core.archive.upkeep.removal.remove import going, of_parts

    if not archive.has_catalog:
        parts = Snapshot(archive, chosen.query).parts
        wanted = [p for p in parts if not chosen.runs or p.run_id.rpartition("-")[0] in chosen.runs]
        return of_parts(archive, wanted, chosen.query)
    archive.reading()
    with archive.catalog(read_only=True) as catalog:
        found = going(archive, catalog, chosen)
    archive.close()
    return found


def _removed(session: Session, archive: "Archive", chosen: "Selection") -> "list[Going]":
    from mdc_core.archive.health.unfinished import written_now
    from mdc_core.archive.upkeep.removal.remove import going, remove
    from mdc_core.archive.write.replace import rewriting
    from mdc_core.pipelines.stages.store import prepared

    prepared(session, archive)
    with rewriting(archive) as catalog:
        gone = going(archive, catalog, chosen)
        remove(archive, catalog, gone, chosen.query)
    if written_now(archive):
        session.log.warning("what a running mdc store has in its journal stays")
    return gone


def _amount(gone: "Sequence[Going]") -> str:
    events = sum(one.rows for one in gone)
    span = [local(time_text(moment)) for moment in _span(gone)]
    between = f" from {span[0]} to {span[1]}" if all(span) else ""
    return f"{counted(events, 'event')}{between} in {counted(len(gone), 'file')}"


def _span(gone: "Sequence[Going]") -> "tuple[int | None, int | None]":
    from mdc_core.archive.row_time import NO_TIME

    known = [one for one in gone if one.begins != NO_TIME]
    if not known:
        return None, None
    return min(one.begins for one in known), max(one.ends for one in known)


def _say(gone: "Sequence[Going]", *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        said = {"dry_run": dry_run, "removed": [_as_json(one) for one in gone]}
        said["events"] = sum(one.rows for one in gone)
        answer(said)
        return
    for one in gone:
        done = "would remove" if dry_run else "removed"
        part = one.part
        of = "" if one.is_whole else f"{one.rows:,} of "
        events = f"{of}{counted(part.rows, 'event')}"
        size = f", {human(part.bytes)}" if one.is_whole else ""
        click.echo(f"{done} {events}: {shown(_path(one))}{size}")


def _path(one: "Going") -> str:
    part = one.part
    return f"{part.place}/{part.path}" if part.place else part.path


def _as_json(one: "Going") -> dict[str, Any]:
    first, last = _span([one])
    return {
        "path": _path(one),
        "type": one.part.type_name,
        "period": one.part.period,
        "tier": one.part.tier,
        "events": one.rows,
        "first": time_text(first),
        "last": time_text(last),
        "file_removed": one.is_whole,
    }


command = rm
