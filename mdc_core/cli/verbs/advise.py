"""Advise on how an archive is stored.

Several small files where one would do, the wrong codec or none, JSONL where Parquet is smaller,
hourly files with a handful of events, files that are too large to look for a day in, decimals
that are wider than they need be, journals that nobody seals. What a change would save is
measured by rewriting a sample of the files, and the command that makes it is named. Nothing
is changed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import SIZE, Session, command, option
from mdc_core.cli.selection import JSON, missed, selecting_symbols
from mdc_core.cli.show import answer, human, shown
from mdc_core.disk import no_catalog
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.upkeep.advise import Advice

GROUP = "store 8"
EXAMPLES = ("mdc advise --root data", "mdc advise --root data --symbol SPY --json")


@command()
@of_archive
@selecting_symbols
@option(
    "--max-file-size",
    "largest",
    was="--largest",
    type=SIZE,
    default="4GB",
    show_default=True,
    help="a file that is larger should have been divided by days",
)
@JSON
@click.pass_obj
def advise(
    session: Session,
    root: Path | str,
    query: "Query",
    largest: int,
    as_json: bool,
) -> int:
    """Advise on how an archive is stored."""
    from mdc_core.archive.upkeep.advise import Advisor
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive

    archive = Archive.open(root)
    if not archive.has_catalog:
        raise no_catalog(root)
    tiers = read_tiers(session.config, archive)
    archive.reading()
    absent = missed(session, root, query, answers=as_json)
    with archive.catalog(read_only=True) as catalog:
        parts = list(catalog.parts(query))
    found = list(Advisor(archive, parts, tiers, largest).advice())
    if as_json:
        said = [one._asdict() | {"percent": one.percent} for one in found]
        answer(said)
        return absent
    for one in found:
        _show(one)
    if not found:
        session.log.note(f"{counted(len(parts), 'file')}, nothing to be said against them")
    return absent


def _show(one: "Advice") -> None:
    click.echo(f"{one.kind}: {one.text} ({human(one.bytes)})")
    if one.saved is not None:
        saved = f"saves {human(one.saved)}" if one.saved >= 0 else f"costs {human(-one.saved)}"
        files = counted(len(one.sample), "file")
        text = f"  {saved}, {abs(one.percent or 0)} %, measured on {files} such as"
        click.echo(f"{text} {shown(one.sample[0])}")
    click.echo(f"  {one.command}")


command = advise
