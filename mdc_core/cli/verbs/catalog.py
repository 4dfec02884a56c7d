"""Make the catalog of an archive again.

The catalog knows what is in each file of an archive, and what is sealed. When it is lost or
damaged, it is made again from the files; what it alone knew (such as the origin of JSONL
files) is kept where the old one can still be read and the file is the same."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, group
from mdc_core.cli.selection import DRY_RUN, JSON
from mdc_core.cli.show import answer
from mdc_core.disk import no_archive
from mdc_core.errors import EXIT_FINDINGS
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.health.rebuild import Rebuilt

GROUP = "store 6"
EXAMPLES = ("mdc catalog rebuild --root data --dry-run", "mdc catalog rebuild --root data")


@group()
def command() -> None:
    """The catalog."""


@command.command("rebuild")
@of_archive
@DRY_RUN
@JSON
@click.pass_obj
def rebuild(session: Session, root: Path | str, dry_run: bool, as_json: bool) -> int:
    """Read every file, and make the catalog from them.

    The files are those below the root, and in the directories of tiers that mdc.toml or the old
    catalog names. A damaged catalog is kept as catalog.sqlite.damaged-N. Status 1 if there are
    files that are no parts, or not as the old catalog knew them, or parts that are gone.
    """
    from mdc_core.archive.health import rebuild as rebuilding
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

    if isinstance(root, Path) and not root.is_dir():
        raise no_archive(root)
    archive = Archive(root)
    archive.check_root()
    tiers = read_tiers(session.config, archive).places
    right = nullcontext() if dry_run else Archive.create(root).maintained()
    with right, Progress(session, "catalog rebuild", unit="B", writes=False) as bar:
        done = rebuilding.rebuild(archive, tiers, dry_run=dry_run, tell=bar.add, expect=bar.expect)
    _tell(session, done, dry_run, as_json)
    return EXIT_FINDINGS if done.problems or done.gone else 0


def _tell(session: Session, done: "Rebuilt", dry_run: bool, as_json: bool) -> None:
    if as_json:
        said = {
            "files": len(done.parts),
            "events": sum(part.rows for part in done.parts),
            "known": done.known,
            "problems": done.problems,
            "gone": done.gone,
            "unknown_origin": done.unknown,
            "aside": str(done.aside) if done.aside else None,
        }
        answer(said)
    else:
        for problem in done.problems:
            click.echo(problem)
        for path in done.gone:
            click.echo(f"{path}: gone; the old catalog knew it")
    if done.aside:
        session.log.warning(f"the old catalog was damaged; it is {done.aside} now")
    if done.unknown:
        session.log.warning(f"the origin of {counted(done.unknown, 'file')} is no longer known")
    rows = sum(part.rows for part in done.parts)
    would = "would enter" if dry_run else "entered"
    text = f"{would} {counted(len(done.parts), 'file')}, {counted(rows, 'event')}"
    session.log.note(f"{text}; {done.known:,} as the old catalog knew them")
