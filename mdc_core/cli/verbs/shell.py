"""Ask an archive with SQL, statement after statement.

Statements end with `;` and are those of `mdc query`; each looks at the archive anew. `.help`
tells the other commands. Ctrl-C gives up a line or a statement, Ctrl-D leaves. What is piped in
is run as a script: it goes on after an error, and the first error decides the exit status."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, command, option
from mdc_core.cli.selection import limiting, missed, selecting
from mdc_core.cli.shell_words import ShellWords
from mdc_core.cli.signals import Terminated
from mdc_core.cli.sql_output import FORMATS, form_of, write
from mdc_core.errors import MdcError, UsageError
from mdc_core.pipelines.inputs import archive_at
from mdc_core.suggest import known, unknown

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.sql.database import Database

GROUP = "query 2"
EXAMPLES = (
    "echo 'SELECT count(*) FROM trade; SELECT count(*) FROM quote;' | mdc shell",
    "mdc shell --symbol SPY --format csv < /dev/null",
)
HELP = {
    ".help": "this list",
    ".tables": "the tables",
    ".schema TABLE": "the columns of a table",
    ".mode FORMAT": "how results are shown: table, csv or jsonl",
    ".quit": "leave (so does Ctrl-D)",
}
# As other shells have it, at the beginning of a statement.
PLAIN = {"exit": ".quit", "quit": ".quit", "help": ".help", "tables": ".tables"}
MODES = ("table", "csv", "jsonl")
HISTORY_LINES = 10_000


@command()
@of_archive
@selecting
@option(
    "--format",
    "form",
    type=click.Choice(FORMATS[:3]),
    help="of the results  [default: table on a terminal, else jsonl]",
)
@limiting("how many rows  [default: all, of a table 100]", was="--rows")
@option("--wide", is_flag=True, help="measure all decimals before the first row")
@click.pass_obj
def shell(
    session: Session,
    root: Path | str,
    query: "Query",
    form: str | None,
    limit: int | None,
    wide: bool,
) -> int:
    """Ask an archive with SQL, statement after statement."""
    from mdc_core.archive.sql.database import Database

    place = archive_at(root, "shell")
    absent = missed(session, place, query, answers=True)
    with Database(place, query, wide) as database:
        told = ShellSession(session, database, form_of(form, None), limit)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            told.script(sys.stdin)
            return told.status or absent
        with _editing(session.environ, told.fitting):
            told.conversation()
        return absent


class ShellSession:
    """What is said to the shell, and what it does about it."""

    def __init__(
        self, session: Session, database: "Database", form: str, limit: int | None
    ) -> None:
        self.status = 0  # of the first error
        self._log = session.log
        self._database = database
        self._form = form
        self._limit = limit
        self._text = ""  # a statement that is not complete
        names = [name.split()[0] for name in HELP]
        self._words = ShellWords(names, MODES, database.tables, self._columns)

    def script(self, lines: Iterator[str]) -> None:
        """Do everything; the last statement needs no semicolon."""
        for line in lines:
            if not self._line(line):
                return
        self._run(self._text)

    def conversation(self) -> None:
        """Ask for line after line, until there are no more."""
        while True:
            try:
                if not self._line(input("...> " if self._text.strip() else "mdc> ") + "\n"):
                    return
            except EOFError:
                click.echo()
                return
            except Terminated:
                raise
            except KeyboardInterrupt:
                self._text = ""
                click.echo()

    def _line(self, line: str) -> bool:
        """Take a line; False if it was the last."""
        from mdc_core.archive.sql.database import is_complete, is_silent

        if is_silent(self._text):
            self._text = ""
            word = PLAIN.get(line.strip().removesuffix(";").strip().casefold())
            if word or line.startswith("."):
                return self._command(*(word or line).split())
        self._text += line
        if is_complete(self._text):
            text, self._text = self._text, ""
            self._run(text)
        return True

    def fitting(self, typed: str, word: str) -> list[str]:
        """What TAB offers for a word, behind what was typed of the line."""
        return self._words.fitting(self._text + typed, word)

    def _columns(self, table: str) -> list[str]:
        result = self._database.run(f"SELECT column_name FROM (DESCRIBE {table})")
        with closing(result.batches):
            return [str(name) for batch in result.batches for name in batch.column(0).to_pylist()]

    def _run(self, text: str) -> None:
        with self._errors_told():
            for statement in self._database.statements(text):
                write(self._database.run(statement), self._form, None, self._limit, shell=True)

    def _command(self, word: str, *more: str) -> bool:
        if word in (".quit", ".exit"):
            return False
        with self._errors_told():
            match word, *more:
                case [".help"]:
                    for name, text in HELP.items():
                        click.echo(f"{name:<14}  {text}")
                case [".tables"]:
                    click.echo("\n".join(self._database.tables))
                case [".schema", name]:
                    self._schema(name)
                case [".mode", form] if form in MODES:
                    self._form = form
                case _:
                    names = [name.split()[0] for name in HELP]
                    said = " ".join((word, *more))
                    raise UsageError(unknown("command", said, names), hint=".help lists them")
        return True

    def _schema(self, name: str) -> None:
        if name not in self._database.tables:
            raise UsageError(
                unknown("table", name, self._database.tables), hint=known(self._database.tables)
            )
        statement = f"SELECT column_name, column_type FROM (DESCRIBE {name})"
        write(self._database.run(statement), self._form, None, self._limit, shell=True)

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        """Say what goes wrong, and go on."""
        try:
            yield
        except MdcError as error:
            self.status = self.status or error.exit_status
            self._log.error(str(error), hint=error.hint)


@contextmanager
def _editing(
    environ: Mapping[str, str], fitting: Callable[[str, str], list[str]]
) -> Iterator[None]:
    """Editing of lines, those of the last times, and TAB, where Python can."""
    try:
        import readline
    except ModuleNotFoundError:
        yield
        return
    home = environ.get("HOME", "")
    path = Path(environ.get("XDG_STATE_HOME") or f"{home}/.local/state", "mdc", "sql_history")
    with suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES)
    offered: list[str] = []

    def complete(word: str, number: int) -> str | None:
        if number == 0:
            offered[:] = fitting(readline.get_line_buffer()[: readline.get_endidx()], word)
        return offered[number] if number < len(offered) else None

    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)


command = shell
