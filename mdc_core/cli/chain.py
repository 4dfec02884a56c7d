"""Verbs that are stages: a command line of several, joined by `then`, and running it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mdc_core import registry
from mdc_core.cli.groups import ELSEWHERE
from mdc_core.cli.lazy import verbs_that
from mdc_core.cli.signals import (
    Stop,
    ending_at_once,
    following_input,
    hang_up_ends,
    set_in_handler,
    stopping_source,
)
from mdc_core.errors import MdcError, ReaderGone, UsageError
from mdc_core.installed import verb_files
from mdc_core.session import Session
from mdc_core.suggest import near
from mdc_core.wire import stdout

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import Ending, Stage

F = TypeVar("F", bound=Callable[..., Any])
THEN = "then"
SIGNALS: "dict[Ending, Callable[[], AbstractContextManager[Stop]]]" = {
    "stop": stopping_source,
    "follow": following_input,
    "none": ending_at_once,
}


def as_stage(function: F) -> F:
    """Mark the callback of a verb that returns a stage."""
    function.is_stage = True  # type: ignore[attr-defined]
    return function


def makes_stage(command: click.Command) -> bool:
    """Whether the callback of a verb returns a stage."""
    return getattr(command.callback, "is_stage", False)


def must_be_stage(ctx: click.Context) -> None:
    """Raise UsageError for a verb that cannot stand in a pipeline."""
    if not makes_stage(ctx.command):
        raise UsageError(
            "cannot be part of a pipeline: it reads and writes no events",
            hint="mdc stream sim SPY then validate then store",
        )


def segments(args: list[str]) -> list[list[str]]:
    """The words of each verb: between `then` and `then`; behind `--` it is a word like others."""
    found: list[list[str]] = [[]]
    plain = False
    for arg in args:
        plain = plain or arg == "--"
        if arg == THEN and not plain:
            found.append([])
        else:
            found[-1].append(arg)
    return found


def chain(root: click.Group, ctx: click.Context, rest: list[list[str]]) -> list[Any]:
    """The stages of a whole command line: that of its first verb, then the others."""
    made = [root.invoke(ctx)]
    for words in rest:
        ctx.ensure_object(Session).joined = True
        if not words:
            raise UsageError("nothing after `then`", hint="mdc stream sim SPY then validate")
        if words[0].startswith("-"):
            raise UsageError(
                f"no command between `then` and {words[0]}",
                hint="options of mdc stand before its first command, or behind any",
            )
        name, command, args = root.resolve_command(ctx, words)
        if command is None:
            raise UsageError(f"no such command: {words[0]}")
        with command.make_context(name, args, parent=ctx) as below:
            made.append(below.command.invoke(below))
    return made


@contextmanager
def told_to_reader(root: click.Group, line: list[list[str]]) -> Iterator[None]:
    """Let whoever reads the events of a command line know that there will be none.

    What is wrong with a command line is found before there is a stage that could say so.
    """
    try:
        yield
    except (click.exceptions.Exit, KeyboardInterrupt):
        raise  # help, or nobody waits
    except BaseException:
        if verb := _writing_verb(root, line):
            from mdc_core.accounting import Output
            from mdc_core.wire.writer import Writer

            with suppress(MdcError, ReaderGone):
                Output(verb, Writer(), request={}).close("error")
        raise


def _writing_verb(root: click.Group, line: list[list[str]]) -> str | None:
    """The last verb, known or meant, if it is there to write events to standard output."""
    if any(word in root.context_settings["help_option_names"] for words in line for word in words):
        return None  # for somebody who reads
    filters, verbs = registry.find("filter"), verb_files()
    every = [*filters, *verbs]
    named = [word for words in line if (word := _word_of_verb(root, words)) is not None]
    meant = [found[0] for word in named if (found := near(word, every, ELSEWHERE))]
    apart = {"store"}  # what it writes is asked for by an option
    if not any("decode" in words for words in line):
        apart.add("frames")  # the other words of this group write no events
    writing = {*filters, *verbs_that("writing")} - apart
    return meant[-1] if meant and meant[-1] in writing else None


def _word_of_verb(root: click.Group, words: list[str]) -> str | None:
    """The first word that is no option of mdc, and no value of one."""
    values = {name for option in root.params if not _is_flag(option) for name in option.opts}
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            return word
        if word in values:
            next(left, None)
    return None


def _is_flag(option: click.Parameter) -> bool:
    return isinstance(option, click.Option) and option.is_flag


def run_stages(session: Session, stages: "list[Stage]") -> int:
    """Run stages as one pipeline; its first one decides what a signal does."""
    from mdc_core.pipelines.run import Pipeline
    from mdc_core.pipelines.stage import Control

    pipeline = Pipeline(stages, session)
    session.log.stage = stages[-1].name
    first = stages[0]
    with SIGNALS[first.ending]() as stop:
        control = Control(stop.event, stop.terminated)
        reload = nullcontext() if hang_up_ends() else _hang_up(control.hang_up)
        with reload, stdout.reserved():
            result = pipeline.to_destination(control=control)
    if stages[-1].tell is not None and result.answer is not None:
        stages[-1].tell(result.answer)
    if not stop or first.ending != "follow":
        return result.status  # a source that was stopped has done what it was asked to
    session.log.warning("ended by SIGTERM: the rest of the input is not read")
    return stop.exit_status


@contextmanager
def _hang_up(event: threading.Event) -> Iterator[None]:
    import signal  # by now something else has imported it

    before = signal.signal(signal.SIGHUP, lambda number, frame: set_in_handler(event))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
