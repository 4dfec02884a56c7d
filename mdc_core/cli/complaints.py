"""What click says of a command line that is wrong, in the form of our own messages."""

import click

from mdc_core.cli.settable import Option
from mdc_core.suggest import near, question

# Options of other commands and tools, former ones among them, and those that do the same here.
ELSEWHERE = {
    "-o": "--output --root",
    "-s": "--symbol",
    "-t": "--type",
    "--archive": "--root",
    "--by": "--cell --clock",
    "--channels": "--type",
    "--check": "--strict --load",
    "--columns": "--fields",
    "--count": "--limit",
    "--data": "--root",
    "--days": "--keep",
    "--dir": "--root",
    "--encoding": "--format",
    "--end": "--to",
    "--kind": "--type",
    "--lines": "--limit",
    "--largest": "--max-file-size",
    "--max-bytes": "--max-unpacked-size --max-part-size --max-file-size",
    "--max-count": "--limit",
    "--max-size": "--max-part-size --keep-size",
    "--out": "--output --root",
    "--output": "--output --root",
    "--output-format": "--format",
    "--profile": "--preset",
    "--quarantine-limit": "--quarantine-size",
    "--retain": "--keep",
    "--retain-size": "--keep-size",
    "--rows": "--limit",
    "--since": "--from",
    "--start": "--from",
    "--symbols": "--symbol",
    "--ticker": "--symbol",
    "--timezone": "--tz",
    "--to": "--format",
    "--until": "--to",
    "--wire": "--format --tee-format",
}


def plain(error: click.ClickException) -> str:
    """The message of click's error: small letters, one line, `--option: what is wrong`."""
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"missing {_name(error.param)}{_choices(error.param)}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param)}: {_text(error.message)}"
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} is without its value"
    if isinstance(error, click.NoSuchOption):
        return f"no such option: {error.option_name}"
    return _text(error.format_message())


def _text(message: str) -> str:
    """A sentence of click as the rest of a line."""
    text = " ".join(message.split()).removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _name(param: click.Parameter) -> str:
    """A parameter as it is typed: its longest flag, or the word for an argument."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return param.human_readable_name.strip("[].").removesuffix("]")


def _choices(param: click.Parameter) -> str:
    kind = getattr(param.type, "inner", param.type)
    return f" (one of {', '.join(map(str, kind.choices))})" if hasattr(kind, "choices") else ""


def no_such_option(word: str, ctx: click.Context) -> click.UsageError:
    """The error for a flag that is none; a former name is told by that of today."""
    flags: dict[str, str] = {}
    for param in ctx.command.get_params(ctx):
        if isinstance(param, click.Option) and not (param.hidden and param.expose_value):
            flags |= {flag: flag for flag in (*param.opts, *param.secondary_opts)}
        if isinstance(param, Option):
            flags |= dict.fromkeys(param.was, max(param.opts, key=len))
    meant = list(dict.fromkeys(flags[flag] for flag in near(word, flags, ELSEWHERE)))
    return click.UsageError(f"no such option: {word}{question(meant)}", ctx)
