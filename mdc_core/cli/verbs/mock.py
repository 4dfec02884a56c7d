"""Run a mock of a provider's server on this host.

Speaks the vendor's protocol on 127.0.0.1 and plays a simulated market or real events: a
file, an archive, or `-` for a pipe. Prints its URL and serves until Ctrl-C. Connect to it
with `mdc stream NAME SYMBOL... --mock --url URL`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec.structs import fields

from mdc_core import registry
from mdc_core.cli import offers
from mdc_core.cli.options import (
    ROOT_TYPE,
    Chosen,
    ListOption,
    Session,
    option,
    pacing,
    plugin_group,
)
from mdc_core.cli.selection import PATH, limiting, one_of
from mdc_core.cli.signals import stopping_source
from mdc_core.cli.types import SymbolsType, WholeNumber
from mdc_core.contracts import Options, Stream, Subscription
from mdc_core.disk import absent
from mdc_core.errors import DataError, RefusedError, UsageError
from mdc_core.events import Event
from mdc_core.live.sandbox.faults import parse_faults
from mdc_core.live.sandbox.playback import Playback
from mdc_core.live.sandbox.server import SandboxServer
from mdc_core.live.sandbox.simulated import simulated_channels, simulated_tape
from mdc_core.pipelines.inputs import opened
from mdc_core.wire import stdout

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = "collect 4"
EXAMPLES = (
    "mdc mock alpaca events.jsonl --once | {\n"
    "    read url; mdc stream alpaca SPY --mock --url $url > copy.jsonl; }",
)
SYMBOLS = ("SPY", "AAPL", "MSFT")
ROWS = 4096
_LOOK = 0.2


def with_server(kind: Any) -> Any:
    """A provider with the options of its server beside its own; a common name is one option."""
    server = getattr(kind, "sandbox", None)
    if server is None:
        return kind
    found = {field.name: field for field in (*fields(server.Options), *fields(kind.Options))}
    declared = [
        (field.name, field.type)
        if field.required
        else (field.name, field.type, msgspec.field(default=field.default))
        for field in found.values()
    ]
    both = msgspec.defstruct("Options", declared, bases=(Options,), frozen=True, kw_only=True)
    return type(kind.__name__, (kind,), {"Options": both, "__module__": kind.__module__})


def _share(options: type[Options], given: Options) -> Options:
    """What these options have of those that were given."""
    return options(**{name: getattr(given, name) for name in options.__struct_fields__})


@plugin_group("stream", with_server, needs=("sandbox", "mock server"))
@click.argument("path", required=False, type=PATH, metavar="[PATH]")
@option("--root", was="--data", type=ROOT_TYPE, help="an archive to play")
@option(
    "--symbol",
    "symbols",
    cls=ListOption,
    type=SymbolsType(),
    default=SYMBOLS,
    show_default=True,
    help="symbols of the simulated market",
)
@option(
    "--type",
    "channels",
    was="--channels",
    cls=ListOption,
    help="which of the provider's channels are simulated  [default: those that it streams]",
    shell_complete=offers.channels,
)
@option("--port", type=WholeNumber(0, 65535), default=0, help="[default: any]")
@pacing("max")
@option(
    "--fault",
    "faults",
    multiple=True,
    help="disconnect-after=N[,times=K][,skip=M], malformed-after=N, stall-after=N, slow=T",
)
@limiting("how many events  [default: all]")
@option(
    "--once",
    is_flag=True,
    help="exit when one client has received everything; 77 when it was refused, and has left",
)
@click.pass_obj
def mock(
    session: Session,
    plugin: Chosen,
    path: Path | None,
    root: Path | str | None,
    symbols: tuple[str, ...],
    channels: tuple[str, ...],
    port: int,
    speed: float | None,
    faults: tuple[str, ...],
    limit: int | None,
    once: bool,
) -> int:
    """Run a mock of a provider's server on this host."""
    kind = plugin.plugin
    if not issubclass(kind, Stream) or kind.sandbox is None:
        raise UsageError(f"{plugin.name} has no mock server")
    data = one_of(path, root, "PATH and --root")
    injected = parse_faults(",".join(faults))
    own = _share(registry.load("stream", plugin.name).Options, plugin.options)
    tape = simulated_tape(kind, symbols, channels, own) if data is None else _tape_of(data)
    tape.limit = limit
    endpoint = kind(Subscription(symbols), own, kind.sandbox.test_secrets).endpoints()[0]
    with (
        stopping_source() as stop,
        SandboxServer(
            kind.sandbox,
            tape,
            endpoint=endpoint,
            options=_share(kind.sandbox.Options, plugin.options),
            say=session.log,
            port=port,
            speed=speed,
            faults=injected,
        ) as server,
    ):
        stdout.write_line(server.url())
        _note_credentials(session, kind.sandbox.test_secrets)
        if data is None:
            session.log.note(_programme(kind, symbols, channels))
        while not stop:
            if server.done.wait(_LOOK) and (once or server.error is not None):
                break
            if once and server.is_left_refused:
                raise RefusedError("the client was refused, or asked for nothing, and has left")
        if server.error is not None:
            raise server.error
    return 0


command = mock


def _programme(kind: type[Stream], symbols: tuple[str, ...], channels: tuple[str, ...]) -> str:
    """What is simulated, and what a client would ask for in vain."""
    played = channels or kind.default_channels
    others = [name for name in simulated_channels(kind) if name not in played]
    more = f"; nothing of {', '.join(others)}, which --type adds" if others else ""
    return f"a simulated market in {', '.join(symbols)}: {', '.join(played)}{more}"


def _note_credentials(session: Session, secrets: Any) -> None:
    pairs = " ".join(f"{name}={value}" for name, value in secrets.items() if value)
    session.log.note(f"any client may come with {pairs}" if pairs else "no key is needed")


def _tape_of(data: Path | str) -> Playback:
    if isinstance(data, str):
        return Playback(lambda: _rows(_archive(data)))
    if str(data) == "-":
        return Playback(lambda: _rows(_file(data)), rewinds=False)
    if data.is_dir():
        return Playback(lambda: _rows(_archive(data)))
    if not data.exists():
        raise absent(data)
    if data.is_file():
        opened(data).close()  # what cannot be read is told now, not to the first client
    return Playback(lambda: _rows(_file(data)))


def _rows(batches: "Iterator[pa.RecordBatch]") -> Iterator[Sequence[Event]]:
    from mdc_core.wire.lines.jsonl import rows_of

    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            yield rows_of(batch.slice(start, ROWS))


def _file(path: Path) -> "Iterator[pa.RecordBatch]":
    from mdc_core.accounting import Input
    from mdc_core.wire.quarantine import Quarantine
    from mdc_core.wire.reader import Reader
    from mdc_core.wire.sniff import open_stdin

    name = "<stdin>" if str(path) == "-" else str(path)
    file = open_stdin() if str(path) == "-" else path.open("rb", buffering=0)
    with file:
        real = None if str(path) == "-" else path
        reader = Reader(file, name, Quarantine(keeps=False), real)
        source = Input([reader])
        for chunk in source:
            yield chunk.batch
        # A server has nobody to warn: what cannot be played whole is not played as if it were.
        if source.truncated or source.rejected:
            raise DataError(source.truncated or str(source.first_rejection))


def _archive(root: Path | str) -> "Iterator[pa.RecordBatch]":
    from mdc_core.archive.merge import merge
    from mdc_core.archive.read.snapshot import snapshot

    return merge(snapshot(root).sources(Counter()))
