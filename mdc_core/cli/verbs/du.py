"""Show how much room an archive takes, by symbol and event type.

What `--json` says is in bytes. A file of several symbols or types, which `mdc store` does
not write, is divided by their events."""

from collections import Counter
from pathlib import Path

import click

from mdc_core.cli.options import Session, command
from mdc_core.cli.selection import (
    JSON,
    ROOT,
    by_symbol,
    human,
    query_of,
    shown,
    table,
)
from mdc_core.errors import DataError
from mdc_core.pipelines.inputs import archive_at

EXAMPLES = ("mdc du --root data", "mdc du --json")


@command()
@ROOT
@JSON
@click.pass_obj
def du(session: Session, root: Path | str | None, as_json: bool) -> int:
    """Show how much room an archive takes."""
    from mdc_core.archive.read.summary import shares, summaries

    sizes: Counter[tuple[str | None, str]] = Counter()
    files: Counter[tuple[str | None, str]] = Counter()
    total, problems = 0, []
    for part in summaries(archive_at(root, "du"), query_of((), ())):
        total += part.bytes
        for group, size in zip(part.groups, shares(part), strict=True):
            sizes[group.symbol, group.type_name] += size
            files[group.symbol, group.type_name] += 1
        if part.problem:
            problems.append(part.problem)
    keys = sorted(sizes, key=lambda key: by_symbol(*key))
    if as_json:
        import json

        rows = [
            {"symbol": key[0], "type": key[1], "files": files[key], "bytes": sizes[key]}
            for key in keys
        ]
        said = {"parts": rows, "total": total}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        lines = [("SYMBOL", "TYPE", "FILES", "BYTES")]
        for key in keys:
            symbol = "-" if key[0] is None else shown(key[0])
            lines.append((symbol, key[1], f"{files[key]:,}", human(sizes[key])))
        table([*lines, ("total", "", "", human(total))], right=frozenset([2, 3]))
    for problem in problems:
        session.log.error(f"{problem} (counted in the total only)")
    return DataError.exit_status if problems else 0


command = du
