"""Verify an archive: what the catalog says against what is there.

Files that are missing, of another size, or unknown to the catalog, journals and other things
that a killed command left behind, files whose path is not that of their events. `--deep` reads
everything: hashes, every row of every file (how many, from when to when, order, sequence
numbers), every record of every journal. Status 1 and a line for each finding if anything is
not as it should be. Nothing is changed; others may be writing meanwhile."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command, option
from mdc_core.cli.selection import JSON
from mdc_core.cli.show import answer, shown
from mdc_core.errors import EXIT_FINDINGS
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.health.verify import VerifyFinding

GROUP = "check 2"
EXAMPLES = ("mdc verify --root data", "mdc verify --root data --deep")


@command()
@of_archive
@option("--deep", is_flag=True, help="read everything, and compare hashes")
@JSON
@click.pass_obj
def verify(session: Session, root: Path | str, deep: bool, as_json: bool) -> int:
    """Verify an archive."""
    from mdc_core.archive.health.verify import Verification
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

    archive = Archive.open(root)
    places = read_tiers(session.config, archive).places
    found = []
    with Progress(session, "verify", writes=False) as bar:
        looking = Verification(archive, places, deep=deep, read=bar.add, expect=bar.expect)
        for finding in looking.findings():
            found.append(finding)
            if not as_json:
                with bar.aside():
                    click.echo(shown(str(finding)))
    if as_json:
        _say(found)
    for note in looking.notes:
        session.log.note(note)
    what = "read" if deep else "looked at"
    session.log.note(
        f"{what} {counted(looking.parts, 'file')} with {counted(looking.rows, 'event')}: "
        f"{counted(len(found), 'finding')}"
    )
    return EXIT_FINDINGS if found else 0


def _say(found: "list[VerifyFinding]") -> None:
    answer([one._asdict() for one in found])


command = verify
