"""What a feed's frames are recorded with, and how a recording is read by a codec again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import fields

from mdc_core import __version__, registry
from mdc_core.contracts import Subscription
from mdc_core.errors import ConfigError, DataError
from mdc_core.events import Event
from mdc_core.live.frames.head import FileHead
from mdc_core.live.frames.reader import Damage
from mdc_core.live.market.hours import Hours
from mdc_core.live.recorded.asked_for import asked_for
from mdc_core.live.recorded.recording import Recording
from mdc_core.live.recorded.replay import CaptureReplay, Span
from mdc_core.live.session.connection import FeedSession
from mdc_core.logs import Log
from mdc_core.pipelines.chosen import Chosen
from mdc_core.texts import counted, plainly
from mdc_core.wire.quarantine import Quarantine

if TYPE_CHECKING:
    from mdc_core.live.frames.writer import FrameRotation
    from mdc_core.live.recorded.capture import Recorder

_TOGETHER = 256  # events of a capture that are written at once: more cost more, by the collector


class CapturePlace(NamedTuple):
    """Where frames are kept: a file, or a folder of an archive of frames."""

    path: Path
    is_folder: bool

    def recorder(
        self, plugin: Chosen, wanted: Subscription, run_id: str, rotation: "FrameRotation", log: Log
    ) -> "Recorder":
        """What keeps them; raises WriteError where the place cannot be used."""
        head = file_head(plugin, wanted, run_id)
        if not self.is_folder:
            from mdc_core.live.recorded.capture import Capture

            return Capture(self.path, log.mask, head)
        from mdc_core.live.frames.capture import FrameCapture

        return FrameCapture(self.path, log.mask, head, rotation)


def file_head(plugin: Chosen, wanted: Subscription, run_id: str) -> FileHead:
    """What the files of a run say of it."""
    return FileHead(
        run=run_id,
        provider=plugin.name,
        options=msgspec.to_builtins(plugin.options, str_keys=True, enc_hook=str),
        symbols=wanted.symbols,
        channels=wanted.channels,
        mdc=__version__,
    )


def owner_of(name: str) -> str:
    """Whose a provider is, for what is said of its failures."""
    ref = registry.get("stream", name)
    return name if ref is None else registry.describe(ref)


def events_of(
    found: Sequence[Recording],
    plugin_of: Callable[[FileHead], Chosen],
    wanted: Subscription,
    *,
    types: tuple[str, ...] | None = None,
    log: Log,
    quarantine: Quarantine | None,
    span: Span = (None, None),
) -> Iterable[list[Event]]:
    """The events of recordings by today's codecs, those that are wanted.

    `span` is that of their receive times. `types` are those of events that are wanted, if they
    are not told by channels. A codec gets the subscription that it had when it was recorded,
    where that is known.
    """
    channels = set[str]()
    chosen = wanted if types is None else Subscription(wanted.symbols, types)
    unknown = wanted if types is None else Subscription(())

    def session(head: FileHead, line: str, share: Subscription | None) -> FeedSession:
        plugin = plugin_of(head)
        channels.update(plugin.plugin.channels)
        asked = unknown if head.symbols is None else Subscription(head.symbols, head.channels or ())
        if share is not None:
            asked = Subscription(share.symbols, share.channels or asked.channels)
        return _session(plugin, asked, line, log)

    damages = Damages(log)
    replay = CaptureReplay(
        found, session, say=log, quarantine=quarantine, told=damages.add, span=span
    )
    for events in replay:
        yield asked_for(chosen, tuple(channels))(events)
    damages.check()


class Damages:
    """What is damaged of some recordings: told as it is met, and an error in the end.

    The torn end of a file is none: its writer was killed, and has lost what it says it may lose.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._count = 0

    def add(self, damage: Damage) -> None:
        """Tell of this."""
        self._count += not damage.torn
        self._log.warning(str(damage))

    def check(self) -> None:
        """Raise DataError if there was any."""
        if self._count:
            what = counted(self._count, "place")
            raise DataError(f"frames are damaged in {what}; what could be read is there")


def _session(plugin: Chosen, wanted: Subscription, line: str, log: Log) -> FeedSession:
    kind, options = plugin.plugin, plugin.options
    # A replay sends nothing, so whatever stands for the secrets will do.
    nobody = dict.fromkeys((*kind.secrets, *kind.optional_secrets), "")
    return FeedSession(
        plugin.name,
        lambda subscription: kind(subscription, options, nobody),
        wanted,
        mask=log.mask,
        owner=owner_of(plugin.name),
        line=line,
        limits=kind.limits,
        hours=Hours(kind.assets, kind.venues),
    )


def as_recorded(plugin: Chosen, head: FileHead) -> Chosen:
    """The plugin with the options of a recording, unless others are given."""
    kind = plugin.plugin
    if head.options is None or head.provider != plugin.name:
        return plugin
    if any(field.required for field in fields(kind.Options)):  # what has to be given is
        return plugin
    if plugin.options != default_options(plugin.name, kind):
        return plugin
    return plugin._replace(options=options_of(plugin.name, kind, head.options))


def default_options(name: str, kind: Any) -> Any:
    """The options of a plugin of which none is given."""
    return options_of(name, kind, {})


def options_of(name: str, kind: Any, said: dict[str, Any]) -> Any:
    """The options of a plugin as a recording has them; raises ConfigError for what it has not."""
    try:
        return msgspec.convert(said, kind.Options, strict=False, dec_hook=lambda type, v: type(v))
    except msgspec.ValidationError as error:
        raise ConfigError(f"options of {name}: {plainly(error)}") from None


def gathered(lists: Iterable[list[Event]]) -> Iterator[list[Event]]:
    """The same events in larger lists; what came before a failure comes before it."""
    held: list[Event] = []
    try:
        for events in lists:
            held += events
            if len(held) >= _TOGETHER:
                yield held
                held = []
    except Exception:
        yield held
        raise
    yield held
