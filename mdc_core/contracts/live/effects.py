"""What the codec of a live feed asks for beside its events, and what it may raise."""

from collections.abc import Iterable
from decimal import DecimalException
from typing import Literal

from msgspec import MsgspecError, Struct

from mdc_core.contracts.http import Request
from mdc_core.errors import DataError
from mdc_core.events import Event

# What a damaged frame may raise: it is set aside. Anything else is a fault of the plugin.
UNREADABLE = (
    DataError,
    MsgspecError,
    LookupError,
    ValueError,
    TypeError,
    DecimalException,
    RecursionError,
)


class Send(Struct, frozen=True):
    """Send this frame to the vendor: text, or binary.

    What asks for something once more, such as the book of a symbol, names it by `again`. The
    driver sends the first of a name at once and the next 1, 2, 4, ... 60 seconds behind the one
    before; of those that wait the latest stands for all.
    """

    frame: str | bytes
    again: str | None = None


class Fetch(Struct, frozen=True):
    """Ask by HTTP; the answer comes back by `fetched` with the same tag; `again` as of `Send`.

    With --mock or --url the server behind it is asked, with this path and query (http for ws,
    https for wss), or the one of --http-url. An answer that does not come ends the connection,
    or, of what `may_fail`, is one of status 0.
    """

    request: Request
    tag: str = ""
    again: str | None = None
    may_fail: bool = False


class Up(Struct, frozen=True):
    """The login was accepted, and the subscription: from here on events come.

    Where the vendor answers nothing, `opened` says so; then the first frame shows that it is true.
    """


class Refused(Struct, frozen=True):
    """The vendor says no: to these symbols, or (none named) to the whole request.

    `channels` says that only these of the symbols' channels are refused. What is missing in an
    acknowledgement is refused as well. The cause "login" says that it is the credentials: the
    driver reads them once more, for they may have been changed, and then ends with 77.
    """

    text: str
    symbols: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    hint: str | None = None
    cause: Literal["refusal", "login"] = "refusal"


class Busy(Struct, frozen=True):
    """The vendor asks for patience; the driver connects again, `after` seconds at the least.

    Without `after` it waits long, longer each time: a limit of connections or requests counts
    each try. The cause "slow-consumer" says that we read too slowly, and is not waited for.
    """

    text: str
    after: float | None = None
    hint: str | None = None
    cause: Literal["limit", "slow-consumer"] = "limit"


class Maintenance(Struct, frozen=True):
    """The vendor closes for a while; the driver connects again when that is over.

    `until` is its end in nanoseconds since 1970; without, the driver tries from time to time.
    """

    text: str
    until: int | None = None


class Reconnect(Struct, frozen=True):
    """This connection is of no more use; the driver makes another.

    The cause is "server-close" where the vendor says that it will end the connection.
    """

    reason: str
    cause: Literal["protocol", "server-close", "slow-consumer", "stall"] = "protocol"


class Bad(Struct, frozen=True):
    """A message that cannot be read: the driver sets it aside and counts it."""

    raw: str | bytes
    text: str
    symbol: str | None = None


Effect = Send | Fetch | Up | Refused | Busy | Maintenance | Reconnect | Bad
Items = Iterable[Event | Effect]


def reason_of(error: BaseException) -> str:
    """Why a frame cannot be read, for people."""
    is_plain = isinstance(error, DataError | MsgspecError)
    return str(error) if is_plain else f"{type(error).__name__}: {error}"
