"""Show how much room an archive takes, by symbol and event type.

What `--json` says is in bytes. A file of several symbols or types, which `mdc store` does
not write, is divided by their events."""

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
    from mdc_core.archive.read.summary import summed

    found = summed(archive_at(root, "du"), query_of((), ()))
    totals = sorted(found.totals, key=lambda one: by_symbol(one.symbol, one.type_name))
    if as_json:
        import json

        rows = [
            {"symbol": one.symbol, "type": one.type_name, "files": one.files, "bytes": one.bytes}
            for one in totals
        ]
        said = {"parts": rows, "total": found.bytes}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        lines = [("SYMBOL", "TYPE", "FILES", "BYTES")]
        for one in totals:
            symbol = "-" if one.symbol is None else shown(one.symbol)
            lines.append((symbol, one.type_name, f"{one.files:,}", human(one.bytes)))
        table([*lines, ("total", "", "", human(found.bytes))], right=frozenset([2, 3]))
    for problem in found.problems:
        session.log.error(f"{problem} (counted in the total only)")
    return DataError.exit_status if found.problems else 0


command = du
