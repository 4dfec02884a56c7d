"""Pipelines for Python: what `import mdc_core` offers, loaded when it is asked for."""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mdc_core import installed, plugin_files
from mdc_core.cli.parsing import stages_of
from mdc_core.errors import UsageError
from mdc_core.logs import CollectingLog
from mdc_core.pipelines.run import Pipeline
from mdc_core.pipelines.stage import Stage
from mdc_core.session import Session


def pipeline(
    *stages: Stage | str,
    environ: Mapping[str, str] | None = None,
    directory: Path | str | None = None,
    log: TextIO | None = None,
) -> Pipeline:
    """A pipeline of stages, or of command lines whose verbs are joined by `then`.

    Settings and secrets come from `environ`, and from the mdc.toml that applies in
    `directory`; without them there are none. What is said is in the result, and goes to `log`.
    Which plugins there are is the process's: its `sys.path`, its own MDC_PLUGIN_PATH and
    MDC_LOAD_PLUGINS.
    """
    _refuse_other_plugins(environ or {})
    session = Session(environ or {}, CollectingLog(file=log), directory=directory)
    made: list[Stage] = []
    for stage in stages:
        if not isinstance(stage, Stage | str):
            raise UsageError(f"{stage!r} is no stage", hint='mdc.stage("head", n=5), or a text')
        words = [] if isinstance(stage, Stage) else _words(stage)
        with _naming(session):
            made += [stage] if isinstance(stage, Stage) else stages_of(session, words)
    with _naming(session):
        return Pipeline(made, session)


@contextmanager
def _naming(session: Session) -> Iterator[None]:
    """Name the stage that is wrong, which the log does for a command."""
    session.log.stage = None
    try:
        yield
    except UsageError as error:
        if session.log.stage is None:
            raise
        raise UsageError(f"{session.log.stage}: {error}", hint=error.hint) from None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line!r}: {str(error).lower()}") from None


def stage(*words: object, **options: object) -> Stage:
    """One stage: the words of its command line, then its options by name.

    `True` is the flag alone, `None` and `False` are left out, a list is the option repeated;
    `start_=...` is `--start`.
    """
    args = [str(word) for word in words]
    for name, value in options.items():
        flag = f"--{name.rstrip('_').replace('_', '-')}"
        if value is True:
            args.append(flag)
        elif value is not None and value is not False:
            values = value if isinstance(value, list | tuple) else [value]
            args += [f"{flag}={one}" for one in values]
    session = Session({}, CollectingLog())
    with _naming(session):
        (made,) = stages_of(session, args)
    return made


def _refuse_other_plugins(environ: Mapping[str, str]) -> None:
    """An environment that is handed in cannot say which plugins a process has."""
    for name in (plugin_files.PATH, installed.LIMIT):
        if name in environ and environ[name] != os.environ.get(name):
            raise UsageError(
                f"{name} counts for a process, not for a pipeline", hint="set os.environ"
            )
