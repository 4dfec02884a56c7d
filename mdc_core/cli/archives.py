"""The archive that a verb looks at: its argument, or --root."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mdc_core.cli.options import ROOT_TYPE, Session, option
from mdc_core.cli.selection import ARCHIVE
from mdc_core.errors import DataError, UsageError
from mdc_core.pipelines.inputs import stdin_is_piped
from mdc_core.texts import typed

F = TypeVar("F", bound=Callable[..., Any])


def of_archive(function: F) -> F:
    """The archive of a verb without files, as an argument or as --root, handed on as `root`."""

    @wraps(function)
    def located(*args: Any, where: Path | str | None, root: Path | str, **values: Any) -> Any:
        return function(*args, root=said_root(where, root), **values)

    argument = click.argument("where", required=False, type=ROOT_TYPE, metavar="[ARCHIVE]")
    wrapped: Any = argument(ARCHIVE(located))
    made: F = wrapped
    return made


def said_root(where: Path | str | None, root: Path | str) -> Path | str:
    """The archive by its argument, else --root; raises an MdcError for both, and for a file."""
    if where is None:
        return root
    source = click.get_current_context().get_parameter_source("root")
    if source is ParameterSource.COMMANDLINE:
        raise UsageError(f"two archives, {where} and {root}", hint="name one of them")
    if isinstance(where, Path) and where.is_file():
        raise DataError(f"{where} is a file, not an archive", hint=_reader_of(where))
    return where


def _reader_of(path: Path) -> str:
    """The command that tells what a file is."""
    from mdc_core.mapping.guess.own_files import HEAD, PACK, own_file

    with suppress(OSError), path.open("rb") as file:
        if own_file(file.read(HEAD)) is PACK:
            return typed("pack", "verify", path)
    return typed("inspect", path)


def among_files(function: F) -> F:
    """--root for a verb that reads files and pipes: one more of its paths."""

    @wraps(function)
    def read(*args: Any, paths: tuple[Path, ...], root: Path | str | None, **values: Any) -> Any:
        if root is not None and _is_asked_for(paths):
            if isinstance(root, str):
                raise UsageError(
                    f"{root} is no directory", hint=f"{typed('cat', '--root', root)} | mdc validate"
                )
            paths = (*paths, root)
        return function(*args, paths=paths, **values)

    add = option("--root", type=ROOT_TYPE, help="an archive to read, as one of the paths")
    wrapped: Any = add(read)
    made: F = wrapped
    return made


def _is_asked_for(paths: tuple[Path, ...]) -> bool:
    """Whether --root is said, or set where there is nothing else to read."""
    context = click.get_current_context()
    if context.get_parameter_source("root") is ParameterSource.COMMANDLINE:
        return True
    session = context.find_object(Session)
    return not paths and not stdin_is_piped() and session is not None and not session.joined
