"""Bring what a killed command left behind into its place.

Events in journals that nobody writes any more are sealed, rewriting that was begun is
finished or undone, and what is left over is cleared. `mdc store`, `compact` and all others
that change an archive do the same before they begin; this does it without them."""

from pathlib import Path

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command
from mdc_core.cli.selection import DRY_RUN, JSON
from mdc_core.cli.show import answer
from mdc_core.errors import EXIT_FINDINGS

GROUP = "store 2"
EXAMPLES = ("mdc recover --root data", "mdc recover --root data --dry-run")


@command()
@of_archive
@DRY_RUN
@JSON
@click.pass_obj
def recover(session: Session, root: Path | str, dry_run: bool, as_json: bool) -> int:
    """Bring what a killed command left behind into its place."""
    from mdc_core.archive.upkeep.recover import left_behind, prepare
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive

    archive = Archive.open(root)
    archive.on_commit = session.observers.committed
    if dry_run:
        found = list(left_behind(archive)) if archive.has_catalog else []
    else:
        found = prepare(archive, read_tiers(session.config, archive).places)
    if as_json:
        answer([one._asdict() for one in found])
    else:
        for one in found:
            click.echo(f"{'would recover' if dry_run else 'recovered'} {one.text}")
    for one in found:
        if one.warning:
            session.log.warning(one.warning)
        for damage in one.damages:
            session.log.warning(damage)
    if not found:
        session.log.note("nothing was left behind")
    return EXIT_FINDINGS if any(one.damages for one in found) else 0


command = recover
