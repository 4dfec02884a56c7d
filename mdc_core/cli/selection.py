"""What the verbs that look at stored events share: what to look at, and tables."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mdc_core.cli import offers
from mdc_core.cli.chain import as_stage
from mdc_core.cli.command import Command
from mdc_core.cli.either_side import RootOption
from mdc_core.cli.options import MOMENT, MOMENT_END, ROOT_TYPE, ListOption, Session, option
from mdc_core.cli.types import PathType, SizeType, SymbolsType, WholeNumber
from mdc_core.errors import ConfigError, UsageError
from mdc_core.logs import WARNING
from mdc_core.pipelines.inputs import InputOptions
from mdc_core.pipelines.output.options import FORMS, PIPED, OutputOptions
from mdc_core.suggest import known, unknown

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query

F = TypeVar("F", bound=Callable[..., Any])
ROOT = option(
    "--root",
    cls=RootOption,
    type=ROOT_TYPE,
    help="the archive: a directory, or s3://, gs://, abfs://  [default: data]",
)
ARCHIVE = option(
    "--root",
    cls=RootOption,
    type=ROOT_TYPE,
    default="data",
    show_default=True,
    help="the archive: a directory, or s3://, gs://, abfs://",
)
SYMBOL = option(
    "--symbol",
    "symbols",
    cls=ListOption,
    type=SymbolsType(),
    help="only these, or patterns: 'BTC*'",
    shell_complete=offers.symbols,
)
SYMBOLS_FILE = option(
    "--symbols-file",
    type=PathType(dir_okay=False, allow_dash=True),
    help="more symbols, one a line, # for comments; - is standard input",
)
TYPE = option(
    "--type",
    "types",
    cls=ListOption,
    help="only these event types",
    shell_complete=offers.event_types,
)
ALLOW_EMPTY = option("--allow-empty", is_flag=True, help="nothing found is all right: status 0")
OUTPUT = option(
    "-o", "--output", type=PathType(dir_okay=False), help="a file instead of standard output"
)
FORCE = option("--force", is_flag=True, help="overwrite what is there")
DRY_RUN = option("--dry-run", is_flag=True, help="say what would be done, change nothing")
KEPT_BY = option(
    "--by",
    type=click.Choice(["stored", "event"]),
    default="stored",
    show_default=True,
    help="what --keep counts from: when they were stored, or their last event",
)
JSON = option("--json", "as_json", is_flag=True, help="JSON instead of text")

PATH = PathType(allow_dash=True)


QUARANTINE_LIMIT = option(
    "--quarantine-size",
    "quarantine_limit",
    was="--quarantine-limit",
    type=SizeType(),
    default="1GB",
    show_default=True,
    help="most bytes of that file; what is beyond is counted, not kept",
)


def one_of(first: Any, second: Any, names: str) -> Any:
    """What is said in one of two ways, if it is said."""
    if first is not None and second is not None:
        raise UsageError(f"{names} exclude each other")
    return second if first is None else first


class CountCommand(Command):
    """A command that takes `-5` for `-n 5`, as those of Unix do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A number with a minus is how many, where it is no option's value."""
        end = args.index("--") if "--" in args else len(args)
        takes = {f for o in self.params if not getattr(o, "is_flag", True) for f in o.opts}
        for place, (before, word) in enumerate(zip(["", *args], args[:end], strict=False)):
            if word[:1] == "-" and word[1:].isdecimal() and before not in takes:
                args[place] = f"-n{word[1:]}"
        return super().parse_args(ctx, args)


def limiting(help: str, *, default: int | None = None, was: str = "") -> Callable[[F], F]:
    """The option that says how many; 0 is none."""
    return option(
        "-n",
        "--limit",
        was=was,
        type=WholeNumber(0),
        metavar="N",
        default=default,
        show_default=default is not None,
        help=help,
    )


def reading(function: F) -> F:
    """The options of a command that reads events, handed to it as `reading`."""

    @wraps(function)
    def reads(
        *args: Any,
        quarantine: Path | None,
        quarantine_limit: int,
        partial: bool,
        strict: bool,
        **values: Any,
    ) -> Any:
        options = InputOptions(
            quarantine=quarantine,
            quarantine_limit=quarantine_limit,
            partial=partial,
            strict=strict,
        )
        return function(*args, reading=options, **values)

    wrapped: Any = as_stage(reads)
    for add in (
        option(
            "--quarantine",
            type=PathType(dir_okay=False),
            help="where lines that cannot be read are set aside",
        ),
        QUARANTINE_LIMIT,
        option("--strict", is_flag=True, help="rejections and other counts are failures"),
        option("--partial", is_flag=True, help="accept an input that is truncated"),
    ):
        wrapped = add(wrapped)
    made: F = wrapped
    return made


def _encoding(flag: str) -> Callable[[Any], Any]:
    return option(
        flag,
        "wire",
        was="--wire",
        type=click.Choice(["jsonl", "arrow"]),
        default="jsonl",
        show_default=True,
        envvar="MDC_WIRE",
        help="encoding of the output",
    )


def writing(function: F) -> F:
    """The options of a command that writes events, handed to it as `writing`."""

    @wraps(function)
    def writes(
        *args: Any,
        form: str | None,
        output: Path | None,
        force: bool,
        plain: bool,
        fields: tuple[str, ...],
        **values: Any,
    ) -> Any:
        ctx = click.get_current_context()
        source = ctx.get_parameter_source("form")
        by_variable = source is click.core.ParameterSource.ENVIRONMENT
        if by_variable and form not in PIPED:
            raise ConfigError(f"MDC_WIRE: {form!r} is not for pipes", hint=known(PIPED))
        options = OutputOptions(
            form=None if by_variable else form,
            piped=form if by_variable else None,
            file=output,
            force=force,
            plain=plain,
            fields=fields,
            zone=ctx.ensure_object(Session).zone,
        )
        return function(
            *args, writing=options if values.get("guess") else options.checked(), **values
        )

    wrapped: Any = as_stage(writes)
    for add in (
        option(
            "--fields",
            cls=ListOption,
            metavar="FIELD,...",
            help="only these, in this order; without control events",
            shell_complete=offers.fields,
        ),
        option("--plain", is_flag=True, help="without control events: begin, end, heartbeat"),
        FORCE,
        OUTPUT,
        option(
            "--format",
            "form",
            was="--wire",
            type=click.Choice(FORMS),
            envvar="MDC_WIRE",
            help="of the output  [default: what the suffix of --output says, or jsonl]",
        ),
    ):
        wrapped = add(wrapped)
    made: F = wrapped
    return made


def writing_tee(function: F) -> F:
    """The option of a command that can pass events on beside what it does with them."""

    @wraps(function)
    def tees(*args: Any, wire: str, **values: Any) -> Any:
        return function(*args, writing=OutputOptions(form=wire), **values)

    made: F = _encoding("--tee-format")(as_stage(tees))
    return made


def selecting_symbols(function: F) -> F:
    """The options that choose by symbol and type, handed on as `query`."""

    @wraps(function)
    def selects(
        *args: Any,
        symbols: tuple[str, ...],
        symbols_file: Path | None,
        types: tuple[str, ...],
        allow_empty: bool,
        **values: Any,
    ) -> Any:
        symbols = named_symbols(symbols, symbols_file, values.get("paths", ()))
        query = replace(query_of(symbols, types), allow_empty=allow_empty)
        return function(*args, query=query, **values)

    wrapped: Any = selects
    for add in (ALLOW_EMPTY, TYPE, SYMBOLS_FILE, SYMBOL):
        wrapped = add(wrapped)
    made: F = wrapped
    return made


def selecting(function: F) -> F:
    """The options that choose by symbol, type and time, handed on as `query`."""

    @wraps(function)
    def selects(
        *args: Any, query: "Query", start: int | None, end: int | None, **values: Any
    ) -> Any:
        return function(*args, query=replace(query, start=start, end=end), **values)

    wrapped: Any = selecting_symbols(spanning(selects))
    made: F = wrapped
    return made


def spanning(function: F) -> F:
    """The options that choose by time."""

    @wraps(function)
    def spanned(*args: Any, date: str | None, **values: Any) -> Any:
        if date is not None:
            if values["start"] is not None or values["end"] is not None:
                raise UsageError("--date goes without --from and --to")
            values["start"], values["end"] = _day(date)
        must_be_a_span(values["start"], values["end"])
        return function(*args, **values)

    wrapped: Any = spanned
    for add in (
        option(
            "--date",
            metavar="DAY",
            help="only this day or month: 2024-01-02, 2024-01",
            shell_complete=offers.dates,
        ),
        option(
            "--to",
            "end",
            was="--until",
            type=MOMENT_END,
            help="up to this time, or to the end of this day",
            shell_complete=offers.dates,
        ),
        option(
            "--from",
            "start",
            was="--since",
            type=MOMENT,
            help="from this time on: 2024-01-02T14:30, -1h",
            shell_complete=offers.dates,
        ),
    ):
        wrapped = add(wrapped)
    made: F = wrapped
    return made


def _day(text: str) -> tuple[int, int]:
    """The span of a day, month or year; raises UsageError for what is none."""
    try:
        start, end = (kind.convert(text, None, None) for kind in (MOMENT, MOMENT_END))
    except click.BadParameter as error:
        raise UsageError(f"--date: {error.message}") from None
    if end <= start or text == "now":
        hint = "2024-01-02, 20240102, yesterday, 2024-01"
        raise UsageError(f"--date takes a day, a month or a year, not {text!r}", hint=hint)
    return start, end


def must_be_a_span(start: int | None, end: int | None) -> None:
    """Raise UsageError where nothing can be between --from and --to."""
    if start is not None and end is not None and end <= start:
        raise UsageError("--from must be before --to", hint="a day as --to is the whole day")


def named_symbols(
    symbols: tuple[str, ...], file: Path | None, paths: tuple[Path, ...]
) -> tuple[str, ...]:
    """Those of --symbol and --symbols-file; raises UsageError where the file has none."""
    from mdc_core.pipelines.symbols import read_symbols

    if file is None:
        return symbols
    if str(file) == "-" and file in paths:
        raise UsageError(
            "standard input has the symbols or the events, not both", hint="name a file of one"
        )
    if not (found := read_symbols(file)):
        raise UsageError(f"--symbols-file: no symbols in {file}", hint="one a line")
    return (*symbols, *found)


def missed(
    session: Session,
    root: Path | str,
    query: "Query",
    *,
    whole: bool = False,
    answers: bool = False,
) -> int:
    """Report what is chosen and missing in an archive; the status that this makes.

    Raises NothingFoundError where nothing at all is there, so that no result of nothing follows;
    a command that `answers` programs goes on in silence. Whether an archive without events is a
    failure where nothing is chosen, `whole` says.
    """
    from mdc_core.archive.catalog.query import Query
    from mdc_core.archive.health.sought import Sought
    from mdc_core.pipelines.failure import report

    if query.allow_empty or (query == Query() and not whole):
        return 0
    sought = Sought(query)
    absent = sought.absences([root])
    if absent and not sought.found:
        if not answers:
            *absent, last = absent
            for one in absent:
                report(session.log, one)
            raise last
        session.log.threshold = max(session.log.threshold, WARNING)
    return max((report(session.log, one) for one in absent), default=0)


def query_of(symbols: tuple[str, ...], types: tuple[str, ...]) -> "Query":
    """What is asked for; raises UsageError for a type that there is not."""
    from mdc_core.archive.catalog.query import Query

    return Query.of_words(symbols, types_of(types))


def types_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The event types that are named or match a pattern; raises UsageError for what is none."""
    from mdc_core.events import EVENT_TYPES
    from mdc_core.patterns import is_pattern, matches

    found: dict[str, None] = {}
    for word in words:
        names = [word] if word in EVENT_TYPES else []
        if is_pattern(word):
            names = [name for name in EVENT_TYPES if matches(word, name)]
        if not names:
            raise UsageError(unknown("event type", word, EVENT_TYPES), hint=known(EVENT_TYPES))
        found |= dict.fromkeys(names)
    return tuple(found)
