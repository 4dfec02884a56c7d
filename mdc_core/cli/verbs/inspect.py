"""Show what a file is: encoding, event types, columns, times, origin, and a few rows.

What it is shows in its first bytes, whatever its name. Of a Parquet file the footer, four
columns and the first rows are read, of other files everything, with bounded memory. A file
that is damaged, cut off or no file of events is described as far as it goes, with status 65."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mdc_core.cli.options import Session
from mdc_core.cli.options import command as make
from mdc_core.cli.selection import JSON, PATH, limiting
from mdc_core.cli.show import answer, facts, local, section, shown, zone_shown
from mdc_core.errors import DataError
from mdc_core.pipelines.inputs import as_file

if TYPE_CHECKING:
    from mdc_core.archive.read.describe import Description

GROUP = "look 7"
EXAMPLES = (
    "mdc inspect events.jsonl",
    "mdc inspect --json -n 0 events.jsonl",
    "find data -name '*.parquet' -exec mdc inspect {} ';'",
)


@make()
@click.argument("path", type=PATH, metavar="FILE")
@limiting("how many events", default=3, was="--rows")
@JSON
@click.pass_obj
def command(session: Session, path: Path, limit: int, as_json: bool) -> int:
    """Show what a file is."""
    from mdc_core.archive.read import describe

    with as_file(path) as file:
        found = describe.describe(file, sample=limit, name="<stdin>" if file != path else "")
    facts_of = describe.as_json(found)
    if as_json:
        answer(facts_of, exact=True)
    else:
        click.echo("\n".join(_text(found, facts_of)))
    for problem in found.problems:
        session.log.error(shown(problem))
    return 0 if found.whole else DataError.exit_status


def _text(found: "Description", said: dict[str, Any]) -> list[str]:
    lines = facts(
        [
            ("file", found.name),
            ("encoding", _encoding(found)),
            ("bytes", f"{found.size:,}"),
            ("events", f"{found.rows:,}"),
            ("row groups", found.row_groups),
            ("whole", _whole(found)),
            ("origin", _origin(said["origin"], said["runs"])),
            ("times in", zone_shown()),
            ("first", local(said["first"])),
            ("last", local(said["last"])),
            ("symbols", _symbols(said["symbols"], said["first_symbols"])),
        ]
    )
    lines += section(
        "types",
        [(t["type"], f"{t['events']:,}", ", ".join(t["versions"])) for t in said["types"]],
    )
    lines += section("columns", [_column(column) for column in said["columns"]])
    if found.sample:
        lines += ["sample", *(str(line, "utf-8") for line in found.sample)]
    return lines


def _encoding(found: "Description") -> str:
    packed = [found.compression] if found.compression else found.codecs
    return ", ".join([found.encoding, *packed])


def _whole(found: "Description") -> str:
    if not found.whole:
        return "no"
    return "yes, by its footer" if found.encoding == "parquet" else "yes"


def _origin(begin: dict[str, Any] | None, runs: int) -> str | None:
    """Stage, provider and run of a begin event."""
    if begin is None:
        return None
    provider = f" of {begin['provider']}" if begin.get("provider") else ""
    more = f" (and {runs - 1} more)" if runs > 1 else ""
    return f"{begin.get('stage')}{provider}, run {begin.get('run_id')}{more}"


def _symbols(count: int, first: list[str]) -> str | None:
    if not count:
        return None
    more = ", ..." if count > len(first) else ""
    return f"{count:,}: {', '.join(map(shown, first))}{more}"


def _column(column: dict[str, Any]) -> tuple[str, str, str, str]:
    known = column["values"]
    values = "" if known is None else f"{known:,}"
    return column["name"], column["type"], values, "narrow" if column["narrow"] else ""
