"""Count events by type.

Control events are not counted. Counts the archive at --root, or the files and directories
that are named; `-` is standard input, which is also counted when something is piped in and
nothing is named. A Parquet file is read only where `--from` or `--to` cuts through it, or
where it holds several symbols or types; otherwise its footer tells."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.options import Session, command
from mdc_core.cli.pipe import PATH, Pipe, reading
from mdc_core.cli.selection import (
    JSON,
    ROOT,
    places,
    query_of,
    selecting,
    spanning,
    table,
)
from mdc_core.cli.signals import following_input
from mdc_core.events import CONTROL_TYPES

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query

EXAMPLES = (
    "mdc count --root data",
    "mdc stream sim SPY --limit 100 | mdc count --json",
    "mdc count events.jsonl --type trade --from 2024-01-02T14:30",
)


@command()
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH]...")
@ROOT
@selecting
@spanning
@JSON
@reading
@click.pass_obj
def count(
    session: Session,
    paths: tuple[Path, ...],
    root: Path | str | None,
    symbols: tuple[str, ...],
    types: tuple[str, ...],
    start: int | None,
    end: int | None,
    as_json: bool,
    quarantine: Path | None,
    partial: bool,
    strict: bool,
) -> int:
    """Count events by type."""
    query = query_of(symbols, types, start, end)
    files, folders = places(paths, root, "count")
    pipe = Pipe(session, "count", quarantine=quarantine, partial=partial, strict=strict)
    counts: Counter[str] = Counter()
    with following_input() if Path("-") in files else nullcontext():
        for path in files:
            counts += _counted(pipe, query, path)
        for folder in folders:
            for name, number in _held(pipe, query, folder):
                counts[name] += number
    total = sum(counts.values())
    pipe.dropped = sum(pipe.input.counts.values()) - total
    status = pipe.finish(kept=total)
    _show(counts, as_json)
    return status


def _held(pipe: Pipe, query: "Query", root: Path | str) -> "Iterator[tuple[str, int]]":
    """How many events of an archive are wanted, by type, part for part."""
    from mdc_core.accounting import count_types
    from mdc_core.archive.read.snapshot import snapshot
    from mdc_core.archive.read.summary import part_of

    held = snapshot(root, query)
    for piece in held.stored():
        (group,) = part_of(piece.row).groups if piece.row else (None,)
        if piece.path is not None:
            yield from _counted(pipe, query, piece.path).items()
        elif group is not None and piece.offset == 0 and group.within(query):
            pipe.input.counts[group.type_name] += group.rows
            yield group.type_name, group.rows
        elif group is not None and not group.within(query):
            for batch in piece.batches():
                pipe.input.counts.update(count_types(batch))
                yield from count_types(query.of(batch)).items()
    for batch in held.unsealed_batches():
        pipe.input.counts.update(count_types(batch))
        yield from count_types(batch).items()


def _counted(pipe: Pipe, query: "Query", path: Path) -> "Counter[str]":
    """How many events of a file are wanted, by type; what is read goes to the books."""
    from mdc_core.accounting import Input, count_types
    from mdc_core.archive.read.summary import footer_group

    group = None if str(path) == "-" else footer_group(path)
    all_or_none = group and group.within(query)
    if group is not None and all_or_none is not None:
        pipe.input.counts[group.type_name] += group.rows
        control = group.type_name in CONTROL_TYPES
        wanted = all_or_none and not control
        return Counter({group.type_name: group.rows} if wanted else {})
    counts: Counter[str] = Counter()
    source = Input(pipe.readers((path,)))
    for chunk in source:
        pipe.progress.add(chunk.batch.num_rows)
        counts.update(count_types(query.of(chunk.batch)))
    pipe.input.absorb(source)
    for name in CONTROL_TYPES:
        del counts[name]
    return counts


def _show(counts: "Counter[str]", as_json: bool) -> None:
    rows = sorted(counts.items())
    total = sum(counts.values())
    if as_json:
        import json

        click.echo(json.dumps({"counts": dict(rows), "total": total}))
        return
    lines = [("TYPE", "EVENTS"), *((name, f"{number:,}") for name, number in rows)]
    table([*lines, ("total", f"{total:,}")], right=frozenset([1]))


command = count
