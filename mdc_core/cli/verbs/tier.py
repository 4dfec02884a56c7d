"""Move old events to slower, smaller storage: hot, warm, cold.

Parts are hot until their last event is 7 days old, warm until 90 days, then cold; cold parts
of more than 365 days are told of, for `mdc retain --by event`. mdc.toml says otherwise, and
where to:

\b
    [tier.warm]
    after = "7d"
    directory = "../warm"   # a directory of this archive alone, or a URL
    profile = "warm"
    [tier.cold]
    directory = "s3://bucket/cold"

A tier without a directory stays where it is, and is compressed anew. `[tier.archive]` is a
fourth tier for what is older than cold. All commands read events wherever they are."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import MOMENT, Session, group, option
from mdc_core.cli.selection import DRY_RUN, JSON, missed, selecting_symbols
from mdc_core.cli.show import answer, human, shown, table, time_text
from mdc_core.disk import no_catalog
from mdc_core.errors import DataError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.upkeep.tiering import Tiers
    from mdc_core.archive.upkeep.tiers import Holding, TierMove
    from mdc_core.archive.write.archive import Archive

GROUP = "store 4"
EXAMPLES = (
    "mdc tier status --root data",
    "mdc tier plan --root data",
    "mdc tier migrate --root data --dry-run",
)
NOW = option("--now", type=MOMENT, help="as if it were this time  [default: now]")


@group()
def command() -> None:
    """Tiers."""


@command.command("status")
@of_archive
@NOW
@JSON
@click.pass_obj
def status(session: Session, root: Path | str, now: int | None, as_json: bool) -> int:
    """Show what each tier holds, and how much of it is due for the next."""
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.health.missing import missing
    from mdc_core.archive.upkeep.tiers import holdings

    archive, tiers = _opened(session, root)
    found = list(holdings(_parts(archive, Query()), tiers, _moment(now)))
    if as_json:
        times_ = ("oldest", "newest")
        _say([one._asdict() | {n: time_text(getattr(one, n)) for n in times_} for one in found])
    else:
        _show_status(session, found)
    gone = missing(archive, Query())
    for problem in gone:
        session.log.error(problem)
    return DataError.exit_status if gone else 0


def _show_status(session: Session, found: "Sequence[Holding]") -> None:
    lines: list[tuple[str, ...]] = [("TIER", "FILES", "EVENTS", "BYTES", "OLDEST", "NEWEST", "DUE")]
    for one in found:
        span = time_text(one.oldest) or "-", time_text(one.newest) or "-"
        lines.append(
            (
                one.tier,
                f"{one.files:,}",
                f"{one.events:,}",
                human(one.bytes),
                *span,
                f"{one.due:,}",
            )
        )
    table(lines, right=(1, 2, 3, 6), times=(4, 5))
    expired = sum(one.expired for one in found)
    if expired:
        text = f"{counted(expired, 'file')} older than 365 days: mdc retain --by event removes"
        session.log.note(f"{text} what is too old, [tier.archive] in mdc.toml keeps it")


@command.command("plan")
@of_archive
@selecting_symbols
@NOW
@JSON
@click.pass_obj
def plan(
    session: Session,
    root: Path | str,
    query: "Query",
    now: int | None,
    as_json: bool,
) -> int:
    """Show what `migrate` would move, and the size it would have, measured on a sample."""
    archive, tiers = _opened(session, root)
    absent = missed(session, root, query, answers=as_json)
    _plan(session, archive, tiers, query, _moment(now), as_json)
    return absent


@command.command("migrate")
@of_archive
@selecting_symbols
@NOW
@DRY_RUN
@JSON
@click.pass_obj
def migrate(
    session: Session,
    root: Path | str,
    query: "Query",
    now: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Move what is due: copy, verify the copy, commit, remove the old file.

    What was already moved stays so when it is interrupted; run it again for the rest.
    """
    from mdc_core.archive.upkeep.tiers import Migration
    from mdc_core.pipelines.progress import Progress
    from mdc_core.pipelines.stages.store import prepared

    archive, tiers = _opened(session, root)
    moment, absent = _moment(now), missed(session, root, query, answers=as_json)
    if dry_run:
        _plan(session, archive, tiers, query, moment, as_json)
        return absent
    prepared(session, archive)
    with Progress(session, "tier migrate", writes=False) as bar:
        migration = Migration(archive, tiers, lambda part: bar.add(part.rows), bar.expect)
        migration.run(lambda catalog: catalog.parts(query), moment)
    for old, new in migration.done:
        if not as_json:
            click.echo(shown(f"{archive.path_of(old)} -> {archive.path_of(new)}"))
    if as_json:
        _say(
            [
                {
                    "from": archive.path_of(old),
                    "to": archive.path_of(new),
                    "tier": new.tier,
                    "events": new.rows,
                    "bytes": old.bytes,
                    "bytes_after": new.bytes,
                }
                for old, new in migration.done
            ]
        )
    for problem in migration.problems:
        session.log.error(problem)
    before = sum(old.bytes for old, _ in migration.done)
    after = sum(new.bytes for _, new in migration.done)
    session.log.note(
        f"moved {counted(len(migration.done), 'file')}, {human(before)} -> {human(after)}"
    )
    return DataError.exit_status if migration.problems else absent


def _opened(session: Session, root: Path | str) -> "tuple[Archive, Tiers]":
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive

    archive = Archive.open(root)
    return archive, read_tiers(session.config, archive)


def _parts(archive: "Archive", query: "Query") -> list[Any]:
    if not archive.has_catalog:
        raise no_catalog(archive.root)
    with archive.catalog(read_only=True) as catalog:
        return list(catalog.parts(query))


def _moment(now: int | None) -> int:
    return time.time_ns() if now is None else now


def _plan(
    session: Session,
    archive: "Archive",
    tiers: "Tiers",
    query: "Query",
    now: int,
    as_json: bool,
) -> None:
    """What would move, by tier, place and format."""
    from mdc_core.archive.upkeep.tiers import due, expected

    groups: dict[tuple[str, str, str, str], list[TierMove]] = {}
    for move in due(_parts(archive, query), tiers, now):
        key = (move.part.tier, move.tier.name, move.place, move.part.format)
        groups.setdefault(key, []).append(move)
    rows = []
    for (tier, to, place, form), moves in sorted(groups.items()):
        measured = expected(archive, moves, tiers)
        size = sum(move.part.bytes for move in moves)
        rows.append(
            {
                "tier": tier,
                "to": to,
                "place": archive.place_at(place).url,
                "format": form,
                "files": len(moves),
                "events": sum(move.part.rows for move in moves),
                "bytes": size,
                "expected": measured.of(size),
                "sample": measured.paths,
            }
        )
    if as_json:
        _say(rows)
    elif rows:
        _show(rows)
    else:
        session.log.note("nothing is due")


def _show(rows: list[dict[str, Any]]) -> None:
    lines: list[tuple[str, ...]] = [
        ("TIER", "TO", "FORMAT", "FILES", "EVENTS", "BYTES", "EXPECTED", "PLACE")
    ]
    for row in rows:
        numbers = f"{row['files']:,}", f"{row['events']:,}", human(row["bytes"])
        lines.append(
            (
                row["tier"],
                row["to"],
                row["format"],
                *numbers,
                human(row["expected"]),
                row["place"],
            )
        )
    table(lines, right=frozenset([3, 4, 5, 6]))


def _say(rows: list[dict[str, Any]]) -> None:
    answer(rows)
