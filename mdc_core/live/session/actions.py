"""What a feed's session asks of whoever drives it; `Send` and `Fetch` are the plugins' own."""

from collections.abc import Sequence

from msgspec import Struct

from mdc_core.contracts import Fetch, Send
from mdc_core.errors import MdcError
from mdc_core.events import Event


class Put(Struct, gc=False):
    """Pass these events on."""

    events: Sequence[Event]


class FrameAside(Struct):
    """Keep this text in the quarantine."""

    raw: str | bytes
    reason: str
    where: dict[str, str | None]


class Warn(Struct):
    """Tell people."""

    text: str


class Ping(Struct):
    """Ask the other side for a sign of life."""


class Disconnect(Struct):
    """Close the connection; the error says why, and whether to make another."""

    error: MdcError


Action = Put | Send | Fetch | FrameAside | Warn | Ping | Disconnect
