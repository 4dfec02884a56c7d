"""The entry point: the tree of commands, and where errors become exit statuses."""
# os.path, because importing pathlib would cost `mdc --help` milliseconds.
# ruff: noqa: PTH119, PTH208

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from mdc_core import __version__, errors, guests, installed, logs, plugin_files, registry
from mdc_core.cli.chain import THEN, chain, run_stages, segments, told_to_reader
from mdc_core.cli.either_side import adopt, before_verb, early_first
from mdc_core.cli.groups import ELSEWHERE, grouped
from mdc_core.cli.lazy import LazyCommand, VerbGroup, completing, verbs_that
from mdc_core.cli.settable import Option
from mdc_core.cli.signals import Terminated, ending_in_time, hold
from mdc_core.installed import verb_files
from mdc_core.session import Session
from mdc_core.sources import first_line
from mdc_core.wire import stdout

COMPLETE = "_MDC_COMPLETE"
WIDEST = 100  # of help: longer lines are hard to read
HELP = """\
Composable commands that collect market data: exact, validated, crash-safe.

Commands are joined by pipes: events on standard output, words for people on
standard error. `mdc A then B then C` does the same in one process.
Without an option its value is that of MDC_COMMAND_OPTION, then that of mdc.toml:
`mdc config show`. `mdc help COMMAND` explains a command, `mdc help recipes` shows
what to type for common tasks."""
EXAMPLES = (
    "mdc stream sim SPY AAPL --limit 1000 | mdc validate | mdc store --root data",
    "mdc stream sim SPY AAPL --limit 1000 then validate then store --root data",
)


class MainGroup(VerbGroup):
    """All verbs, and each filter that is installed; none is imported before it is run."""

    elsewhere = ELSEWHERE

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take over what stands before the verb, so that a complaint about it obeys."""
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            adopt(ctx)
        return rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of verbs and filters, group after group."""
        return [name for _, names in grouped() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each group, with names of one width."""
        width = max(map(len, self.list_commands(ctx)))
        for title, names in grouped():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(n.ljust(width), c.get_short_help_str()) for n, c in commands if c is not None]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that is named; a former name is that of today."""
        first, *rest = args
        if self.get_command(ctx, first) is None:
            first = installed.FORMER_VERBS.get(first, first)
        return super().resolve_command(ctx, [first, *rest])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb, or a filter, not loaded yet."""
        file = verb_files().get(cmd_name)
        if file is not None:
            load = _loader(os.path.basename(file)[:-3])
            return LazyCommand(cmd_name, first_line(file) or "", load)
        ref = registry.get("filter", cmd_name)
        if ref is None:
            return None
        bare = completing(ctx)
        return LazyCommand(cmd_name, registry.summary(ref), lambda: _filter(cmd_name, bare))


def _loader(module: str) -> Callable[[], click.Command]:
    def load() -> click.Command:
        from importlib import import_module

        verb = import_module(f"mdc_core.cli.verbs.{module}")
        command: click.Command = verb.command
        command.describe(verb.__doc__, getattr(verb, "EXAMPLES", ()))  # type: ignore[attr-defined]
        return command

    return load


def _filter(name: str, bare: bool) -> click.Command:
    from mdc_core.cli.filters import filter_command

    return filter_command(name, None if bare else registry.load("filter", name))


def _no_plugins(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        # In the environment, so that a process this one starts keeps to it as well.
        os.environ[installed.LIMIT] = ""


def _plugin(ctx: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    """Look into these files as well; one that has no plugin is a mistake."""
    for file in files:
        there = os.environ.get(plugin_files.PATH, "")
        os.environ[plugin_files.PATH] = os.pathsep.join(filter(None, (file, there)))
        named = {place for place, _ in plugin_files.files(file).values()}
        found = any(ref.info in named for ref in registry.find_all())
        if not found and not ctx.resilient_parsing:
            hint = "a file of Python with a class that derives from Check, Filter, Stream, ..."
            text = plugin_files.unreadable(file) or "there is no plugin in it"
            if plugin_files.observes(file):
                text = "an observer is not read from a file"
                hint = 'a package with [project.entry-points."mdc.hooks"] in its pyproject.toml'
            raise errors.UsageError(f"--plugin {file}: {text}", hint=hint)


def _version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"mdc {__version__}")
        ctx.exit()


root = MainGroup(
    "mdc",
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        *before_verb(),
        Option(
            ["--no-plugins"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_no_plugins,
            help="only the plugins that come with mdc",
        ),
        Option(
            ["--plugin"],
            multiple=True,
            is_eager=True,
            expose_value=False,
            metavar="FILE[:CLASS]",
            callback=_plugin,
            help="a plugin of a single file, named like it",
        ),
        Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="show the version and leave",
        ),
    ],
)
root.examples = EXAMPLES


def main(args: list[str] | None = None) -> int:
    """Run mdc, and return its exit status."""
    # Arrow's own allocators keep what was freed: a third of the memory of `mdc store`.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # numpy comes with a linear algebra that starts a thread for each core; nobody here uses it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stdout.keep_places()
    session = Session(os.environ, directory=".")
    hold()
    with stdout.ours(), ending_in_time(session.log.warning):
        status = _run(session, sys.argv[1:] if args is None else args)
    hold()  # what is done is done: a Ctrl-C that comes now changes nothing
    status = _flush(session.log, status)
    if args is None and (left := guests.threads_left()):
        session.log.warning(f"what a plugin has left running is ended: {', '.join(left)}")
        os._exit(status)
    if args is None and session.answered and not guests.any_came():
        os._exit(status)  # Python would take a tenth of `mdc --help` to take down what is here
    return status


def _run(session: Session, args: list[str]) -> int:
    log = session.log
    try:
        if COMPLETE in os.environ:
            return _complete(session)
        # Not click's own main(): it takes any EPIPE, also a socket's, for a silent success.
        first, *rest = early_first(segments(args))
        session.chained = bool(rest)
        with told_to_reader(root, [first, *rest]):
            if rest and not first:
                raise errors.UsageError(
                    "nothing before `then`", hint="mdc stream sim SPY then validate"
                )
            with root.make_context("mdc", first, obj=session, terminal_width=_width()) as ctx:
                made = chain(root, ctx, rest)
        if made == [None] or isinstance(made[0], int):
            return made[0] or 0
        return run_stages(session, made)
    except click.exceptions.Exit as leave:
        session.answered = not leave.exit_code
        return leave.exit_code
    except click.ClickException as error:
        _usage(log, error)
        return error.exit_code
    except Terminated:
        log.warning("ended by SIGTERM")
        return 143
    except (KeyboardInterrupt, click.Abort):
        return 130
    except errors.ReaderGone:
        return _reader_gone()
    except BrokenPipeError as error:
        return _reader_gone() if _no_reader() else _told(log, error)
    # A plugin may raise anything at all, even what is no Exception; it is told by its name.
    except BaseException as error:
        return _failed(log, error)


def _told(log: logs.Log, error: BaseException) -> int:
    from mdc_core.pipelines.failure import report

    return report(log, error)


def _failed(log: logs.Log, error: BaseException) -> int:
    status = _told(log, error)
    if status == errors.WriteError.exit_status and isinstance(error, OSError):
        _discard_output()
    return status


def _width() -> int:
    """The width of help; click would find the same by importing shutil."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):
        columns = 80
    return max(min(columns, WIDEST) - 2, 38)


def _usage(log: logs.Log, error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    from mdc_core.cli.complaints import plain

    ctx = getattr(error, "ctx", None)
    hint = None if ctx is None else f"{ctx.command_path} --help"
    log.error(plain(error), hint=hint, event="failed", status=error.exit_code)


def _complete(session: Session) -> int:
    from shlex import quote

    from click.shell_completion import CompletionItem, get_completion_class

    session.log.threshold = logs.ERROR + 1
    instruction = os.environ[COMPLETE]
    shell, _, what = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or what not in ("source", "complete"):
        return 1
    completion = kind(root, {"obj": session}, "mdc", COMPLETE)
    if what == "source":
        from mdc_core.cli.scripts import script

        click.echo(script(shell, root), nl=False)
        return 0
    args, word = completion.get_completion_args()
    session.completing = word
    *before, last = segments(args)
    if last[-1:] == ["="]:  # bash cuts --option=value at it
        last.pop()
    try:
        if last[-1:] == ["--plugin"]:  # as --no-plugins, it may stand anywhere
            items = [CompletionItem(word, type="file")]
        else:
            items = completion.get_completions(early_first([last])[0], word)
    except errors.MdcError:
        # A command line that cannot work has no completions, and TAB is no place for messages.
        return 0
    if before and not last:
        offered = {*verbs_that("reading"), *registry.find("filter")}
        items = [item for item in items if item.value in offered]
    if word and THEN.startswith(word) and _may_end(session, last, shell, items):
        items.append(CompletionItem(THEN, help="another verb, in the same process"))
    for item in items:
        if shell == "bash" and item.type == "plain":  # the others quote by themselves
            item.value = quote(item.value)
        click.echo(completion.format_completion(item))
    return 0


def _may_end(session: Session, words: list[str], shell: str, items: "list[Any]") -> bool:
    """Whether another verb can be behind these words: the one there is complete, and writes."""
    if session.lacking or "--" in words:
        return False
    # Bash shows files or words, and not both.
    files = shell == "bash" and any(item.type in ("file", "dir") for item in items)
    if files and any(name.startswith(session.completing or "") for name in os.listdir()):
        return False
    filters, verbs = registry.find("filter"), verb_files()
    verb = next((word for word in words if word in verbs or word in filters), "")
    return verb in filters or verb in verbs_that("writing")


def _flush(log: logs.Log, status: int) -> int:
    """Write out what Python holds back, so that nothing can go wrong after `main`."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return status or _reader_gone()
    except OSError as error:
        return status or _failed(log, error)
    return status


def _no_reader() -> bool:
    """Whether it is our standard output that is broken, and not some socket."""
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0))


def _reader_gone() -> int:
    _discard_output()
    return errors.EXIT_READER_GONE


def _discard_output() -> None:
    """Let Python flush into nothing at its exit, instead of complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
