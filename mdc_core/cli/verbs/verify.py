"""Verify an archive: what the catalog says against what is there.

Files that are missing, of another size, or unknown to the catalog, journals and other things that a
killed command left behind, files whose path is not that of their events. `--deep` reads everything:
hashes, every row of every file (how many, from when to when, order, sequence numbers), every record
of every journal. With `--symbol`, `--type` and times only the files that can hold such events, the
catalog and journals are verified. The files of columns, by which pandas and others see the columns
of all files, belong to it; `mdc catalog rebuild` restores them. Status 1 and a line for each
finding if anything is not as it should be. Nothing is changed; others may be writing meanwhile."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command, option
from mdc_core.cli.selection import JSON, missed, selecting
from mdc_core.cli.show import answer, shown
from mdc_core.errors import EXIT_FINDINGS
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.health.verify import VerifyFinding

GROUP = "check 2"
EXAMPLES = (
    "mdc verify --root data",
    "mdc verify --root data --deep",
    "mdc verify --root data --deep --symbol SPY --date 2024-01-02",
)


@command()
@of_archive
@selecting
@option("--deep", is_flag=True, help="read everything, and compare hashes")
@JSON
@click.pass_obj
def verify(session: Session, root: Path | str, query: "Query", deep: bool, as_json: bool) -> int:
    """Verify an archive."""
    from mdc_core.archive.health.verify import Verification
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

    archive = Archive.open(root)
    absent = missed(session, root, query)
    places = read_tiers(session.config, archive).places
    found = []
    with Progress(session, "verify", writes=False) as bar:
        looking = Verification(
            archive, places, deep=deep, query=query, read=bar.add, expect=bar.expect
        )
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
    return EXIT_FINDINGS if found else absent


def _say(found: "list[VerifyFinding]") -> None:
    answer([one._asdict() for one in found])


command = verify
