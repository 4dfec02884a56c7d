"""The stages of a command line, for callers that are no command."""

import shlex
from typing import TYPE_CHECKING

import click

from mdc_core.cli.chain import chain, segments
from mdc_core.cli.complaints import plain
from mdc_core.cli.main import root
from mdc_core.errors import UsageError
from mdc_core.session import Session

if TYPE_CHECKING:
    from mdc_core.pipelines.stage import Stage


def stages_of(session: Session, args: list[str]) -> "list[Stage]":
    """The stages of a command line; raises an MdcError for one that makes none."""
    session.chained = True
    first, *rest = segments(args)
    if not first:
        raise UsageError("no verb", hint="stream sim SPY then validate")
    try:
        with root.make_context("mdc", first, obj=session) as ctx:
            return chain(root, ctx, rest)
    except click.exceptions.Exit:
        raise UsageError(f"no pipeline: {shlex.join(args)}") from None
    except click.ClickException as error:
        raise UsageError(plain(error)) from None
