"""Remove what is older than it need be kept, or more than there is room for.

A file goes when it was stored longer ago than `--keep` says (when the last of its events was, if
it was merged), and those stored on the oldest days go as long as all together, with journals and
what is kept aside (`mdc du`), have more than `--keep-size`; of one day the oldest events go first.
With `--by event`, the time of the last event counts instead, wherever it came from.
Rules in mdc.toml are for some symbols and types; `*`, `?` and `[...]` stand for what they do
in file names, and the first rule that matches holds, before `--keep`:

\b
    [[retain.rules]]
    symbol = "BTC*"
    type = "quote"
    days = 30
    [[retain.rules]]
    type = "trade"
    keep = true

What `keep` protects never goes, whatever the size. What has no time never becomes too old by event,
and goes last. On a terminal mdc says how much would be removed, and asks; elsewhere (cron, systemd)
`--yes` is needed. With `--symbol` and `--type` only those files are looked at, and only their size
counts. Only sealed files go: not what is in journals, nor what a running `mdc store` may still
write to. `mdc store --keep` does the same after each seal, and never removes what it has just
stored."""

from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.asking import consented, must_agree
from mdc_core.cli.command import Command
from mdc_core.cli.options import MOMENT, SIZE, SPAN, Session, option
from mdc_core.cli.selection import DRY_RUN, JSON, KEPT_BY, missed, selecting_symbols
from mdc_core.cli.show import answer, human, local, shown, time_text
from mdc_core.config import Config
from mdc_core.errors import UsageError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdc_core.archive.catalog.catalog import PartRow
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.upkeep.retain import Expired, Policy
    from mdc_core.archive.write.archive import Archive

GROUP = "store 5"
EXAMPLES = (
    "mdc retain --root data --keep 365d --dry-run",
    "mdc retain --root data --type quote --keep 30000d --yes",
    "mdc retain --root data --keep-size 100GB --yes",
)


class RetainCommand(Command):
    """[[retain.rules]] are tables, which no option takes: they are read for themselves."""

    def _settings(
        self, ctx: click.Context, path: tuple[str, ...], plugins: "Mapping[str, Any]"
    ) -> dict[str, Any]:
        session = ctx.find_object(Session)
        if session is None:
            return {}
        whole = session.config
        session.config = Config(
            tuple((file, _without_rules(tables)) for file, tables in whole.files)
        )
        try:
            return super()._settings(ctx, path, plugins)
        finally:
            session.config = whole


def _without_rules(tables: "Mapping[str, Any]") -> dict[str, Any]:
    options = tables.get("retain", {})
    if not isinstance(options, dict):
        return dict(tables)
    rest = {key: value for key, value in options.items() if key != "rules"}
    return {**tables, "retain": rest}


@click.command(cls=RetainCommand)
@of_archive
@selecting_symbols
@option(
    "--keep",
    "age",
    was={"--days": "{}d"},
    type=SPAN,
    help="keep files so long: 30d",
)
@KEPT_BY
@option(
    "--keep-size",
    "size",
    was="--max-size",
    type=SIZE,
    help="keep the newest files, so many bytes: 100GB",
)
@option("--now", type=MOMENT, help="as if it were this time  [default: now]")
@DRY_RUN
@option("--yes", is_flag=True, help="do not ask")
@JSON
@click.pass_obj
def retain(
    session: Session,
    root: Path | str,
    query: "Query",
    age: int | None,
    by: str,
    size: int | None,
    now: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove what is older than it need be kept, or more than there is room for."""
    from mdc_core.archive.upkeep.retain import policy, read_rules
    from mdc_core.archive.write.archive import Archive

    wanted = policy(age, size, read_rules(session.config), by_event=by == "event")
    if wanted.empty:
        raise UsageError(
            "nothing says what may go",
            hint="--keep 30d, --keep-size 100GB, or [[retain.rules]] in mdc.toml",
        )
    now = time_ns() if now is None else now
    archive = Archive.open(root)
    consented(yes=yes, dry_run=dry_run)
    absent = missed(session, root, query, answers=as_json)
    outcome = _looked(session, archive, query, wanted, now)
    if not dry_run:
        if outcome.gone and not yes:
            events = sum(one.rows for one in outcome.gone)
            must_agree(f"remove {counted(events, 'event')}, {human(outcome.freed)}, from {root}")
        outcome = _removed(session, archive, query, wanted, now)
    if as_json:
        _as_json(outcome, dry_run)
    for one in [] if as_json else outcome.gone:
        click.echo(_line(one, dry_run))
    _sum_up(session, outcome, wanted, dry_run)
    return absent


def _looked(
    session: Session, archive: "Archive", query: "Query", policy: "Policy", now: int
) -> "Outcome":
    """What would go, and how much would stay."""
    from mdc_core.archive.read.snapshot import Snapshot
    from mdc_core.archive.upkeep.retain import ListedParts, beside, expired

    if not archive.has_catalog:
        listed = ListedParts(Snapshot(archive, query).parts)
        gone = expired(archive, listed, policy, now, query)
        return _outcome(listed.size(query), gone, beside(archive, query))
    with archive.catalog(read_only=True) as catalog:
        gone = expired(archive, catalog, policy, now, query)
        return _outcome(catalog.size(query), gone, beside(archive, query))


def _removed(
    session: Session, archive: "Archive", query: "Query", policy: "Policy", now: int
) -> "Outcome":
    """What has gone, and how much stays."""
    from mdc_core.archive.upkeep.retain import beside, expired, remove
    from mdc_core.archive.write.replace import rewriting
    from mdc_core.pipelines.stages.store import prepared

    prepared(session, archive)
    with rewriting(archive) as catalog:
        gone = expired(archive, catalog, policy, now, query)
        before = catalog.size(query)
        return _outcome(before, list(remove(archive, catalog, gone)), beside(archive, query))


class Outcome(NamedTuple):
    """What goes, and how much stays."""

    gone: "list[Expired]"
    freed: int
    files_gone: int
    files: int
    bytes: int
    beside: int  # journals and what is kept aside, which count as well


def _outcome(before: tuple[int, int], gone: "list[Expired]", beside: int) -> Outcome:
    freed = sum(one.bytes for one in gone)
    files = sum(not one.of_symbols for one in gone)
    return Outcome(gone, freed, files, before[0] - files, before[1] - freed, beside)


def _line(one: "Expired", dry_run: bool) -> str:
    part = one.part
    last = local(time_text(one.last))
    names = [shown(some.symbol or "-") for some in one.of_symbols]
    of = f"{', '.join(names[:3])}{', ...' if names[3:] else ''} of " if names else ""
    return (
        f"{'would remove' if dry_run else 'removed'} {of}{shown(_path(part))}: "
        f"{human(one.bytes)}, {counted(one.rows, 'event')}"
        + (f" up to {last}" if last else "")
        + f", {one.reason}"
    )


def _path(part: "PartRow") -> str:
    return f"{part.place}/{part.path}" if part.place else part.path


def _as_json(outcome: Outcome, dry_run: bool) -> None:

    removed = [
        {
            "path": _path(part),
            "symbol": part.symbol,
            "type": part.type_name,
            "period": part.period,
            "tier": part.tier,
            "events": part.rows,
            "bytes": part.bytes,
            "last": time_text(part.last),
            "reason": one.reason,
        }
        for one in outcome.gone
        for part in one.of_symbols or one.part.by_symbol()
    ]
    said = {
        "dry_run": dry_run,
        "removed": removed,
        "files": outcome.files_gone,
        "bytes": outcome.freed,
        "files_left": outcome.files,
        "bytes_left": outcome.bytes,
        "bytes_beside": outcome.beside,
    }
    answer(said)


def _sum_up(session: Session, outcome: Outcome, policy: "Policy", dry_run: bool) -> None:
    size = outcome.bytes + outcome.beside
    if policy.size is not None and size > policy.size:
        session.log.warning(
            f"{human(size)} are left, more than {human(policy.size)}: the rest is protected "
            "by rules, still being written, or in journals"
        )
    done = "would remove" if dry_run else "removed"
    session.log.note(
        f"{done} {counted(outcome.files_gone, 'file')}, {human(outcome.freed)}; "
        f"kept {counted(outcome.files, 'file')}, {human(outcome.bytes)}"
    )


command = retain
