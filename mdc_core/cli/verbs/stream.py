"""Collect a live feed.

Symbols may be a list with commas; `'*'`, in quotes, is all that the provider has (of sim, ten).
Events go to standard output as they come. What the connection loses, and what finds no
room, is told by `gap` events. Ctrl-C, or a terminal that is closed, ends the stream with its
`end` event; SIGHUP without a terminal reads --symbols-file and mdc.toml again.
Secrets are read from the environment."""

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mdc_core.cli import offers
from mdc_core.cli.options import (
    SIZE,
    SPAN,
    Chosen,
    ListOption,
    ListType,
    Session,
    Told,
    option,
    pacing,
    plugin_group,
)
from mdc_core.cli.selection import QUARANTINE_LIMIT, SYMBOLS_FILE, limiting, writing
from mdc_core.cli.types import BackoffType, BreakerType, PathType, SymbolArgument, WholeNumber
from mdc_core.errors import UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.live.buffer import CAPACITY, POLICIES
from mdc_core.live.frames.writer import FILE_SIZE, FILE_TIME
from mdc_core.live.upkeep.backoff import BASE, CAP
from mdc_core.live.upkeep.breaker import FAILURES
from mdc_core.live.upkeep.breaker import SPAN as BREAKER_SPAN
from mdc_core.pipelines.frames.recording import CapturePlace
from mdc_core.pipelines.stages.stream import StreamSource
from mdc_core.pipelines.streaming.options import Reread, StreamOptions
from mdc_core.sizes import size_text
from mdc_core.times import span_text

if TYPE_CHECKING:
    from mdc_core.cli.declared import Outline

GROUP = "collect 1"
EXAMPLES = (
    "mdc stream sim SPY AAPL --limit 1000 > events.jsonl",
    "mdc stream alpaca SPY AAPL --mock --limit 1000 | mdc validate | mdc store --root data",
)
FILE = PathType(dir_okay=False)


class CaptureType(PathType):
    """A new file, or a folder of frames: one that is there, or whose name ends with a slash."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The place."""
        if isinstance(value, CapturePlace):
            return value
        path = super().convert(value, param, ctx)
        return CapturePlace(path, str(value).endswith(os.sep) or path.is_dir())


def _told(provider: Any) -> dict[str, Told]:
    """Its own channels, and those without --type."""
    default = ",".join(provider.default_channels)
    values = {name: provider.channel_help.get(name) or _summary(name) for name in provider.channels}
    return {"channels": Told(f"those below, with commas between  [default: {default}]", values)}


def _summary(channel: str) -> str:
    """What the event type of that name is, in short."""
    text = getattr(EVENT_TYPES.get(channel), "__doc__", None) or ""
    return f"{text.partition(';')[0].rstrip('.')}." if text else ""


# What is of use only with a socket, or only where the events do not wait for their reader.
SOCKET = (
    "--mock",
    "--url",
    "--http-url",
    "--capture",
    "--capture-size",
    "--capture-every",
    "--replay",
    "--stale",
)
WAITING = ("--buffer", "--overflow")
RETRYING = ("--retries", "--backoff", "--breaker", "--on-integrity", "--heartbeat")


def _without(provider: "Outline") -> dict[str, str]:
    """The options that cannot be of use for a provider, each with the reason."""
    if "Source" in provider.contracts:
        lacks = dict.fromkeys(SOCKET, "has no socket")
        if "simulated" in provider.has:  # others may have a connection of their own, which fails
            lacks |= dict.fromkeys(RETRYING, "has no socket")
            lacks |= dict.fromkeys(WAITING, "waits for its reader")
            return lacks
        return lacks | {"--speed": "is live"}
    if "Stream" not in provider.contracts:
        return {}
    lacks = {"--speed": "is live"}
    return lacks if "sandbox" in provider.has else lacks | {"--mock": "has no mock server"}


@plugin_group("stream", told=_told, without=_without)
@click.argument("symbols", nargs=-1, type=SymbolArgument(), metavar="[SYMBOL]...")
@option(
    "--type",
    "channels",
    was="--channels",
    cls=ListOption,
    help="which of the provider's channels, such as trade,quote",
    shell_complete=offers.channels,
)
@SYMBOLS_FILE
@option(
    "--mock",
    was="--sandbox",
    is_flag=True,
    help="connect to a mock of the provider's server on this host; needs no credentials",
)
@option("--url", help="another server than the vendor's: ws:// wss:// tcp:// tls:// udp://")
@option("--http-url", help="who is asked by HTTP  [default: the vendor, or who serves the feed]")
@limiting("end after this many events  [default: run until Ctrl-C]")
@pacing("max")
@option("--duration", type=SPAN, help="end after this time, such as 90s or 1h30m")
@option(
    "--buffer",
    type=WholeNumber(1),
    default=CAPACITY,
    show_default=True,
    help="events that may wait to be written",
)
@option(
    "--overflow",
    type=click.Choice(POLICIES),
    default="block",
    show_default=True,
    help="what happens when more are waiting",
    values={
        "block": "the vendor waits",
        "drop-oldest": "the oldest go, told by a gap event",
        "drop-newest": "the newest go, told by a gap event",
        "spill": "they wait in a temporary file",
    },
)
@option(
    "--capture",
    type=CaptureType(),
    help="keep the raw frames, without secrets: in a new file, or in new files of a folder, DIR/",
)
@option(
    "--capture-size",
    type=SIZE,
    default=size_text(FILE_SIZE),
    show_default=True,
    help="size at which a file of the folder is followed by the next",
)
@option(
    "--capture-every",
    type=SPAN,
    default=span_text(FILE_TIME),
    show_default=True,
    help="time after which a file of the folder is followed by the next",
)
@option(
    "--replay",
    type=PathType(allow_dash=True),
    help="read captured frames instead of connecting; symbols and --type select, none are all",
)
@option(
    "--retries",
    was="--retry",
    type=WholeNumber(0),
    help="give up after more failures in a row than this  [default: never]",
)
@option(
    "--backoff",
    type=BackoffType(),
    help="the first and the longest wait behind a failure, each of random length up to it  "
    f"[default: {BASE:g}s..{CAP:g}s]",
)
@option(
    "--breaker",
    type=BreakerType(),
    help="after so many failures in so much time try nothing for as long, then once; or off  "
    f"[default: {FAILURES}/{BREAKER_SPAN:g}s]",
)
@option(
    "--stale",
    type=SPAN,
    help="connect again after this long without a frame  [default: the provider's, if it has one]",
)
@option(
    "--on-integrity",
    type=click.Choice(("report", "resubscribe")),
    default="report",
    show_default=True,
    help="what happens when the feed itself finds that events are missing, or wrong",
    values={
        "report": "a gap or integrity event says so",
        "resubscribe": "it says so, and another connection is made",
    },
)
@option(
    "--heartbeat",
    type=SPAN,
    default="30s",
    show_default=True,
    help="tell this often how the feed is, by a heartbeat event; 0s is never",
)
@option("--quarantine", type=FILE, help="where frames that cannot be read are set aside")
@QUARANTINE_LIMIT
@writing
@click.pass_obj
def stream(session: Session, /, plugin: Chosen, **options: Any) -> StreamSource:
    """Collect a live feed."""
    if str(options["replay"]) == "-":
        options["replay"] = Path("/dev/stdin")
    options["symbols"] = tuple(dict.fromkeys(chain.from_iterable(options["symbols"])))
    asked = StreamOptions(**options)
    return StreamSource(plugin, asked, _rereading(session, plugin, asked))


def _rereading(session: Session, plugin: Chosen, asked: StreamOptions) -> Reread:
    """--symbols-file and --type: flags and environment stay, mdc.toml is read again."""
    context = click.get_current_context()
    said = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    fixed = {name for name in asked.__struct_fields__ if context.get_parameter_source(name) in said}

    def reread() -> tuple[Path | None, tuple[str, ...] | None]:
        config = session.read_config()
        tables = config.settings("stream", plugin.name), config.settings("stream")

        def now(name: str, *keys: str) -> Any:
            if name in fixed:
                return getattr(asked, name)
            found = (table[key] for table in tables for key in keys if key in table)
            setting = next(found, None)
            return None if setting is None else setting.value

        file = now("symbols_file", "symbols_file")
        channels = now("channels", "type", "channels")
        try:
            kinds = ListType(click.Choice(plugin.plugin.channels))
            channels = kinds.convert(channels or (), None, None)
        except click.BadParameter as error:
            raise UsageError(error.format_message()) from None
        return Path(file) if file is not None else None, channels

    return reread


command = stream
