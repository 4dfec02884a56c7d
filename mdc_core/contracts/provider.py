"""What is true of a vendor, whatever is asked of it."""

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args

from msgspec import Struct

from mdc_core.contracts.options import Plugin

Asset = Literal[
    "bond", "commodity", "crypto", "equity", "etf", "fund", "future", "fx", "index", "option"
]
ASSETS: tuple[str, ...] = get_args(Asset)


class Limits(Struct, frozen=True):
    """What the vendor allows, and the driver keeps to.

    `symbols` of one connection, or `subscriptions` of one, which are its symbols times its
    channels; `connections` at once, and `openings`, new ones in `openings_per` seconds, of which
    those beyond wait their turn; `messages` sent on a connection in `per` seconds, beyond
    which they wait their turn; bytes of a WebSocket `frame` (what is longer is sent in
    continuation frames), and of a whole `message`, which a codec keeps to.
    """

    symbols: int | None = None
    connections: int | None = None
    frame: int | None = None
    subscriptions: int | None = None
    messages: int | None = None
    per: int = 1
    message: int | None = None
    openings: int | None = None
    openings_per: int = 60


class Provider(Plugin):
    """The facts about a vendor, which `mdc providers` shows.

    A vendor with several plugins declares them once, in a class that these derive from first:
    `class ZephyrProvider(Provider)`, then `class Zephyr(ZephyrProvider, Stream)`, and so its
    History and its Sandbox. `secrets` and `limits` count for all of them.
    """

    vendor: ClassVar[str] = ""  # its own name, such as "Alpaca Markets"
    assets: ClassVar[tuple[Asset, ...]] = ()  # classes of instruments, most important first
    venues: ClassVar[tuple[str, ...]] = ()  # where its events happen, by MIC where there is one
    limits: ClassVar[Limits] = Limits()
    notes: ClassVar[tuple[str, ...]] = ()  # what a user has to know, a sentence each
    test_secrets: ClassVar[Mapping[str, str]] = {}  # what `stream NAME --mock` presents
