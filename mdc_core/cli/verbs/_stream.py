"""What the command line, and mdc.toml later on, ask of a feed."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from msgspec import Struct

from mdc_core.cli.options import Chosen, ListType, Session
from mdc_core.config import load
from mdc_core.contracts import Source
from mdc_core.errors import UsageError
from mdc_core.live.buffer import Policy
from mdc_core.suggest import known, unknown
from mdc_core.wire.writer import Wire

_FIXED = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


class StreamOptions(Struct, kw_only=True):
    """What the command line asks of a feed."""

    symbols: tuple[str, ...]
    channels: tuple[str, ...] | None
    symbols_file: Path | None
    sandbox: bool
    url: str | None
    limit: int | None
    duration: int | None
    buffer: int
    overflow: Policy
    capture: Path | None
    replay: Path | None
    retries: int | None
    stale: int | None
    quarantine: Path | None
    wire: Wire


def check(asked: StreamOptions, plugin: Chosen) -> None:
    """Raise UsageError for what cannot be done, or not together."""
    name = plugin.name
    if asked.replay and (asked.sandbox or asked.url or asked.capture):
        raise UsageError("--replay goes without --sandbox, --url and --capture")
    if issubclass(plugin.plugin, Source):
        for flag in ("sandbox", "url", "capture", "replay", "stale"):
            if getattr(asked, flag):
                raise UsageError(f"{name} has no socket, so there is no --{flag} for it")
    elif asked.sandbox and plugin.plugin.sandbox is None:
        raise UsageError(f"{name} has no sandbox", hint="name a server of yours with --url")
    for channel in asked.channels or ():
        if channel not in plugin.plugin.channels:
            raise UsageError(
                unknown(f"channel of {name}", channel, plugin.plugin.channels),
                hint=known(plugin.plugin.channels),
            )


def settings_now(
    session: Session, plugin: Chosen, asked: StreamOptions
) -> tuple[Path | None, tuple[str, ...] | None]:
    """--symbols-file and --channels: flags and environment stay, mdc.toml is read again."""
    config = load(Path.cwd(), session.environ)
    tables = config.settings("stream", plugin.name), config.settings("stream")
    context = click.get_current_context()

    def now(name: str) -> Any:
        if context.get_parameter_source(name) in _FIXED:
            return getattr(asked, name)
        setting = next((table[name] for table in tables if name in table), None)
        return None if setting is None else setting.value

    file, channels = now("symbols_file"), now("channels")
    channels = ListType(plugin.plugin.channels).convert(channels or (), None, None)
    return Path(file) if file is not None else None, channels
