"""Asking whoever sits at the terminal before something is removed."""

import sys

import click

from mdc_core.errors import UsageError


def is_asked() -> bool:
    """Whether somebody can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def must_agree(what: str) -> None:
    """Ask whether to do something, "remove ..."; after a no the command ends with status 1.

    Raises UsageError where nobody can be asked.
    """
    if not is_asked():
        raise UsageError(
            f"nobody can be asked whether to {what}", hint="--yes does it, --dry-run only tells"
        )
    if not click.confirm(f"{what[:1].upper()}{what[1:]}?", err=True):
        raise click.exceptions.Exit(1)
