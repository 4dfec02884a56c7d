"""Asking whoever sits at the terminal before something is removed."""

import sys

import click

from mdc_core.errors import UsageError


def is_asked() -> bool:
    """Whether there is a terminal to ask on."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def consented(*, yes: bool, dry_run: bool) -> None:
    """Check that a command that removes something may go on: that it can ask, or need not.

    Raises UsageError where there is no terminal and no `--yes`: then also if nothing would go
    today, for a job at night that lacks it shall fail on its first night.
    """
    if not (yes or dry_run or is_asked()):
        raise UsageError(
            "nothing is removed without asking, and there is no terminal to ask on",
            hint="--yes removes without asking, --dry-run shows what would be removed",
        )


def must_agree(what: str) -> None:
    """Ask on the terminal whether to do something, "remove ..."; a no ends with status 1."""
    if not click.confirm(f"{what[:1].upper()}{what[1:]}?", err=True):
        raise click.exceptions.Exit(1)
