"""What is asked of a feed, and what cannot be done, or not together."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from mdc_core.contracts import Source
from mdc_core.errors import UsageError
from mdc_core.live.buffer import CAPACITY, Policy
from mdc_core.live.frames.writer import FILE_SIZE, FILE_TIME
from mdc_core.live.http import is_http
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.frames.recording import CapturePlace
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.suggest import known, unknown
from mdc_core.times import SECOND
from mdc_core.wire.quarantine import LIMIT as QUARANTINE

# --symbols-file and --type as the settings say at a SIGHUP; raises MdcError.
Reread = Callable[[], tuple[Path | None, tuple[str, ...] | None]]


class StreamOptions(Struct, kw_only=True, frozen=True):
    """What is asked of a feed."""

    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    symbols_file: Path | None = None
    mock: bool = False
    url: str | None = None
    http_url: str | None = None
    limit: int | None = None
    duration: int | None = None
    buffer: int = CAPACITY
    overflow: Policy = "block"
    capture: CapturePlace | None = None
    capture_size: int = FILE_SIZE
    capture_every: int = FILE_TIME
    replay: Path | None = None
    retries: int | None = None
    backoff: tuple[float, float] | None = None
    breaker: tuple[int, float] | None = None
    speed: float | None = None
    stale: int | None = None
    on_integrity: str = "report"
    heartbeat: int = 30 * SECOND
    quarantine: Path | None = None
    quarantine_limit: int = QUARANTINE
    writing: OutputOptions = OUTPUT


def check(asked: StreamOptions, plugin: Chosen) -> None:
    """Raise UsageError for what cannot be done, or not together."""
    name = plugin.name
    if asked.replay and (asked.mock or asked.url or asked.http_url or asked.capture):
        raise UsageError("--replay goes without --mock, --url, --http-url and --capture")
    if asked.speed is not None and not getattr(plugin.plugin, "simulated", False):
        raise UsageError(f"{name} is live, so there is no --speed for it")
    if issubclass(plugin.plugin, Source):
        for flag in ("mock", "url", "http-url", "capture", "replay", "stale"):
            if getattr(asked, flag.replace("-", "_")):
                raise UsageError(f"{name} has no socket, so there is no --{flag} for it")
    elif asked.mock and plugin.plugin.sandbox is None:
        raise UsageError(f"{name} has no mock server", hint="name a server of yours with --url")
    if asked.http_url is not None and not is_http(asked.http_url):
        raise UsageError(
            f"--http-url {asked.http_url} is no HTTP server", hint="say http://HOST or https://HOST"
        )
    for channel in asked.channels or ():
        if channel not in plugin.plugin.channels:
            raise UsageError(
                unknown(f"channel of {name}", channel, plugin.plugin.channels),
                hint=known(plugin.plugin.channels),
            )
