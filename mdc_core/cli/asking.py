"""Asking whoever sits at the terminal before something is removed."""

import sys

import click

from mdc_core.errors import UsageError


def is_asked() -> bool:
    """Whether somebody can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def must_agree(question: str) -> None:
    """Ask; raises UsageError where nobody can be asked, and ends the command with a no."""
    if not is_asked():
        raise UsageError(
            f"{question} Nobody can be asked here", hint="--yes does it, --dry-run tells"
        )
    if not click.confirm(question, err=True):
        raise click.exceptions.Exit(1)
