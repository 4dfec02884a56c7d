"""Merge the parts of each period into one file.

For each symbol, event type and period the parts become one file, named after the period
alone, such as SPY/trade/2024-01-02.parquet; a JSONL file that grew piece by piece becomes one
piece. What would be larger than `--target-size` becomes several files of about that size, one
behind the other in time (2024-01-02.1.parquet, 2024-01-02.2.parquet, ...), never cut between
events of the same time. What is compacted already, or alone in its period, stays as it is until
there is something to put to it; what a running `mdc store` may still write to stays, too.

Where more than 256 symbols have fewer than 5,000 events each of one type and period, these share
one Parquet file, such as ~mixed/trade/2024-01-02.parquet, as where they are stored; every other
symbol gets a file of its own. With a symbol that shares a file come all that it shares it with.

Events come in the order of time, equal times in the order of the paths, as `mdc cat` has
them. Before a file is removed, its SHA-256 is compared with the catalog's, the new file is
read back, and number and content of the events must be the same. A damaged file is named and
its period left as it is (status 65). It is safe to stop or kill at any moment.

`--dedup` drops events that the sender sent twice, by the rule of `mdc validate --check
duplicate`: a trade is known by its provider, venue, trade_id and day, any other event by its
provider, channel, sequence number and event time. It drops an event that says the same as an
earlier one of its identity (but for `ts_recv`, `channel` and `seq`); one that says something
else stays, for some senders number two trades alike. Equal events that have no such identity,
and deltas, are never dropped. It reads everything that is chosen, and looks back 1,000,000
events."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import SIZE, Session, command, option
from mdc_core.cli.selection import DRY_RUN, JSON, missed, selecting
from mdc_core.cli.show import answer, by_symbol, human, shown
from mdc_core.cli.types import WholeNumber
from mdc_core.errors import DataError, UsageError
from mdc_core.texts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.upkeep.compaction.compact import CompactOutcome
    from mdc_core.archive.upkeep.compaction.plan import CompactOptions
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

GROUP = "store 3"
EXAMPLES = (
    "mdc compact --root data --dry-run",
    "mdc compact --root data",
    "mdc compact --root data --symbol SPY --type trade --dedup --target-size 256MB",
)


@command()
@of_archive
@selecting
@option(
    "--target-size",
    type=SIZE,
    default="512MB",
    show_default=True,
    help="size above which there are several files, at least 1MB",
)
@option("--row-group", type=WholeNumber(1), help="rows of a row group (Parquet)")
@option("--sort", is_flag=True, help="also write single files anew that are not in order")
@option("--dedup", is_flag=True, help="drop events that the sender sent twice")
@DRY_RUN
@JSON
@click.pass_obj
def compact(
    session: Session,
    root: Path | str,
    query: "Query",
    target_size: int,
    row_group: int | None,
    sort: bool,
    dedup: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Merge the parts of each period into one file."""
    from mdc_core.archive.upkeep.compaction.plan import LEAST, CompactOptions
    from mdc_core.archive.write.archive import Archive
    from mdc_core.pipelines.progress import Progress

    if target_size < LEAST:
        raise UsageError("--target-size: 1MB is the least", hint="--target-size 512MB")
    archive = Archive.open(root)
    absent = missed(session, root, query, answers=as_json)
    wishes = CompactOptions(target_size, row_group, dedup, sort)
    done = _planned if dry_run else _compacted
    outcomes = []
    with Progress(session, "compact", unit="B", writes=False) as bar:
        for outcome in done(session, archive, query, wishes, bar):
            outcomes.append(outcome)
            if not as_json:
                with bar.aside():
                    _tell(session, outcome, dry_run)
    _sum_up(session, outcomes, dry_run, as_json)
    return DataError.exit_status if any(o.problem for o in outcomes) else absent


def _planned(
    session: Session, archive: "Archive", query: "Query", wishes: "CompactOptions", bar: "Progress"
) -> "Iterable[CompactOutcome]":
    """What there is to do."""
    from mdc_core.archive.read.snapshot import Snapshot
    from mdc_core.archive.upkeep.compaction.compact import plan
    from mdc_core.archive.upkeep.compaction.plan import chosen
    from mdc_core.archive.upkeep.tiering import read_tiers

    parts = chosen(lambda asked: Snapshot(archive, asked).parts, query)
    return plan(archive, parts, wishes, read_tiers(session.config, archive).profiles)


def _compacted(
    session: Session, archive: "Archive", query: "Query", wishes: "CompactOptions", bar: "Progress"
) -> "Iterable[CompactOutcome]":
    """What was done."""
    from mdc_core.archive.upkeep.compaction.compact import compact as compacted
    from mdc_core.archive.upkeep.compaction.plan import chosen
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.replace import rewriting
    from mdc_core.pipelines.stages.store import prepared

    profiles = read_tiers(session.config, archive).profiles
    prepared(session, archive)
    with rewriting(archive) as catalog:
        parts = list(chosen(catalog.parts, query))
        bar.expect(sum(part.bytes for part in parts))
        yield from compacted(archive, catalog, parts, wishes, profiles, bar.add)


def _tell(session: Session, outcome: "CompactOutcome", dry_run: bool) -> None:
    """Say what became of a group, if anything did."""
    if outcome.changed:
        done = "would compact" if dry_run else "compacted"
        before, after = outcome.files
        sizes = [human(size) for size in outcome.bytes if size is not None]
        files = f"{counted(before, 'file')} to {after:,}"
        text = f"{done} {_name(outcome)}: {files}, {' to '.join(sizes)}"
        if outcome.duplicates:
            text += f", {counted(outcome.duplicates.total(), 'duplicate')}"
        click.echo(text)
    if outcome.problem:
        session.log.error(f"{_name(outcome)}: left as it is: {outcome.problem}")
    if outcome.busy:
        session.log.note(f"{_name(outcome)}: left for the next time: {outcome.busy}")
    if outcome.tied:
        text = f"some is left as it is: {outcome.tied} has events of the same times"
        session.log.note(f"{_name(outcome)}: {text}, and their order would change")


def _name(outcome: "CompactOutcome") -> str:
    group = outcome.group
    symbol = "-" if group.symbol is None else shown(group.symbol)
    symbol = f"{counted(outcome.symbols, 'symbol')}:" if group.shared else symbol
    return f"{symbol} {group.type_name} {group.period}"


def _sum_up(
    session: Session, outcomes: "list[CompactOutcome]", dry_run: bool, as_json: bool
) -> None:
    """Say what it was altogether."""
    duplicates: Counter[tuple[Any, ...]] = Counter()
    for one in outcomes:
        for symbol, number in one.duplicates.items():
            duplicates[symbol, one.group.type_name] += number
    files = [sum(one.files[at] for one in outcomes) for at in (0, 1)]
    sizes = [sum(one.bytes[at] or 0 for one in outcomes) for at in (0, 1)]
    sizes = sizes[:1] if dry_run else sizes
    if as_json:
        said = {
            "dry_run": dry_run,
            "groups": [_as_json(one) for one in outcomes],
            "duplicates": [
                {"symbol": key[0], "type": key[1], "events": duplicates[key]}
                for key in sorted(duplicates, key=lambda key: by_symbol(*key))
            ],
            "files_before": files[0],
            "files_after": files[1],
            "bytes_before": sizes[0],
            "bytes_after": sizes[1] if sizes[1:] else None,
        }
        answer(said)
        for one in outcomes:
            _tell(session, one._replace(changed=False), dry_run)
    if not any(one.changed or one.problem or one.busy or one.tied for one in outcomes):
        session.log.note("nothing to do")
        return
    would = "would bring " if dry_run else ""
    sized = " to ".join(human(size) for size in sizes)
    dropped = f", {counted(duplicates.total(), 'duplicate')}" if duplicates else ""
    session.log.note(f"{would}{counted(files[0], 'file')} to {files[1]:,}, {sized}{dropped}")


def _as_json(outcome: "CompactOutcome") -> dict[str, Any]:
    group = outcome.group
    return {
        "symbol": group.symbol,
        "symbols": outcome.symbols,
        "type": group.type_name,
        "period": group.period,
        "tier": group.tier,
        "place": group.place,
        "layout": group.layout,
        "format": group.format,
        "changed": outcome.changed,
        "files_before": outcome.files[0],
        "files_after": outcome.files[1],
        "bytes_before": outcome.bytes[0],
        "bytes_after": outcome.bytes[1],
        "events": outcome.rows,
        "duplicates": outcome.duplicates.total(),
        "problem": outcome.problem or outcome.busy,
        "tied": outcome.tied,
    }


command = compact
