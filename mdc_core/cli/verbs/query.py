"""Ask an archive with SQL.

There is a table for each event type (trade, quote, bar, ...), and `parts`, the files with what
the catalog knows of them. Events that are still in a journal are included. What the WHERE says
of symbol and ts_event decides which files are opened. Times are TIMESTAMPTZ_NS: text is UTC or
has an offset or a zone, and ts_event AT TIME ZONE 'America/New_York' is the time there. Prices
and sizes are DECIMAL(18, 9); where an event that is read does not fit, the statement begins again
with the decimals of what it reads: products have 38 digits.

Where times are equal, `row` tells which event was first: its place, from 1, among those that the
statement reads, in the order of `mdc cat`. It is there for those who name it: `*` leaves it out.

Nothing can be written but the result: a table on a terminal, JSONL to a pipe, or what --format
says. A statement that is wrong is status 2."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import said_root
from mdc_core.cli.options import ROOT_TYPE, Session, command, option
from mdc_core.cli.selection import ARCHIVE, FORCE, JSON, OUTPUT, limiting, missed, selecting
from mdc_core.cli.sql_output import FORMATS, form_of, write
from mdc_core.cli.types import PathType
from mdc_core.disk import must_be_new, unreadable
from mdc_core.errors import DataError, UsageError
from mdc_core.folders import is_there
from mdc_core.pipelines.inputs import archive_at
from mdc_core.texts import typed

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.sql.database import Result

# How a statement begins, which the name of an archive hardly does.
_SQL = re.compile(
    r"\s*(select|with|from|describe|summarize|show|values|explain|pivot)\s", re.IGNORECASE
)
GROUP = "query 1"
EXAMPLES = (
    'mdc query data "SELECT count(*) FROM trade"',
    'mdc query "SELECT symbol, count(*), sum(price * size) FROM trade GROUP BY symbol"',
    "mdc query --format csv \"SELECT ts_event, price FROM trade WHERE symbol = 'SPY'\"",
    "mdc query \"SELECT * FROM trade WHERE symbol = 'SPY'\" | mdc validate",
    "mdc query \"SELECT date_trunc('minute', ts_event) AS minute, first(price ORDER BY row) AS o,"
    " last(price ORDER BY row) AS c FROM trade WHERE symbol = 'SPY' GROUP BY minute\"",
    'mdc query "SELECT type, sum(rows), sum(bytes) FROM parts GROUP BY type"',
    "echo 'SELECT max(price) FROM trade' | mdc query - -o highest.parquet --force",
)


@command()
@click.argument("words", nargs=-1, metavar="[ARCHIVE] SQL")
@option(
    "-f",
    "--file",
    "path",
    type=PathType(allow_dash=True),
    help="read the statement from a file",
)
@ARCHIVE
@selecting
@option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="of the result  [default: table on a terminal, else jsonl]",
)
@OUTPUT
@FORCE
@JSON
@limiting("how many rows  [default: all, of a table 100]", was="--rows")
@option("--wide", is_flag=True, help="measure all decimals before the first row")
@click.pass_obj
def query(
    session: Session,
    words: tuple[str, ...],
    path: Path | None,
    root: Path | str,
    query: "Query",
    form: str | None,
    output: Path | None,
    force: bool,
    as_json: bool,
    limit: int | None,
    wide: bool,
) -> int:
    """Ask an archive with SQL."""
    from mdc_core.archive.sql.database import Database
    from mdc_core.pipelines.progress import Progress

    sql, where = _said(words, path)
    text = _statement(sql, path)
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other")
    form = form_of("json" if as_json else form, output)
    if output is not None:
        must_be_new(output, force=force)
    place = archive_at(said_root(where, root), "query")
    absent = missed(session, place, query, answers=True)
    with Database(place, query, wide) as database:
        statements = database.statements(text)
        if len(statements) != 1:
            raise UsageError(
                f"one statement, not {len(statements)}", hint="run several statements: mdc shell"
            )
        bar = Progress(session, "query", share=lambda: database.seen.share(), writes=False)
        with bar:
            result = database.run(statements[0])
            if output is None and sys.stdout.isatty():
                bar.close()
            _answer(result, form, output, limit)
    return absent


def _answer(result: "Result", form: str, output: Path | None, limit: int | None) -> None:
    if output is None:
        write(result, form, None, limit)
        return
    from mdc_core.archive.read.one_file import whole_file

    with whole_file(output) as file:
        write(result, form, file, limit)


def _said(words: tuple[str, ...], path: Path | None) -> tuple[str | None, Path | str | None]:
    """The statement, unless it is in a file, and the archive before it."""
    *archives, sql = words if path is None and words else (*words, None)
    if len(archives) > 1 or (sql and not archives and is_there(sql) and Path(sql).is_dir()):
        raise UsageError("say one statement", hint='mdc query ARCHIVE "SELECT ..."')
    first = str(archives[0]) if archives else ""
    if sql and _SQL.match(first) and not is_there(first):
        hint = typed("query", sql, first)
        raise UsageError("the archive comes before the statement", hint=hint)
    where = ROOT_TYPE.convert(archives[0], None, None) if archives else None
    return sql, where


def _statement(sql: str | None, path: Path | None) -> str:
    """The text of the statement: what is given, else a file, `-` for standard input."""
    if (sql is None) == (path is None):
        raise UsageError("say one statement", hint='mdc query ARCHIVE "SELECT ..."')
    if sql not in (None, "-"):
        return str(sql)
    try:
        if path is None or str(path) == "-":
            return sys.stdin.read()
        return path.read_text()
    except OSError as error:
        raise unreadable(path or "the standard input", error) from None
    except UnicodeDecodeError:
        raise DataError(f"cannot read {path or 'the standard input'}: not UTF-8") from None


command = query
