"""What a vendor's feed is: its handshake, what it sends, and what a short client makes of that."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, ClassVar, NamedTuple

import orjson
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

Message = Any  # what orjson makes text of, and of text
Row = dict[str, Any]

TRADES = 0.4  # of all events; the others are quotes
START = 1_704_205_800_000_000_000  # 2024-01-02T14:30:00Z
STOCKS = ("SPY", "AAPL", "MSFT", "NVDA", "AMZN")


class Tick(NamedTuple):
    """Something that happens on a market: a trade, or another best bid and offer."""

    symbol: str
    ns: int
    cents: int
    size: int
    is_trade: bool
    is_sell: bool
    number: int  # of all ticks, from 1
    trade: int  # of all trades of the symbol, from 1

    @property
    def ms(self) -> int:
        """Its time in milliseconds."""
        return self.ns // 1_000_000

    def time(self, digits: int = 9) -> str:
        """Its time as text, without the zone."""
        second, ns = divmod(self.ns - START, 10**9)
        clock = f"14:{30 + second // 60:02d}:{second % 60:02d}"
        return f"2024-01-02T{clock}.{ns // 10 ** (9 - digits):0{digits}d}"

    def bid(self) -> "Tick":
        """A cent below."""
        return self._replace(cents=self.cents - 1)

    def ask(self) -> "Tick":
        """A cent above."""
        return self._replace(cents=self.cents + 1)

    def text(self, digits: int = 2) -> str:
        """The price with so many digits behind the point."""
        return f"{self.cents // 100}.{self.cents % 100:02d}".ljust(
            len(str(self.cents // 100)) + 1 + digits, "0"
        )

    @property
    def coins(self) -> str:
        """The size in hundredths of a thousand, with eight digits."""
        return f"{self.size / 100_000:.8f}"


def ticks(symbols: tuple[str, ...]) -> Iterator[Tick]:
    """Ticks without end, the same in each run."""
    dice = Random(1)
    cents, trades = dict.fromkeys(symbols, 20_000), dict.fromkeys(symbols, 0)
    ns, number = START, 0
    while True:
        ns += dice.randrange(1_000, 200_000)
        number += 1
        symbol = dice.choice(symbols)
        cents[symbol] += dice.choice((-1, 0, 0, 0, 1))
        is_trade = dice.random() < TRADES
        trades[symbol] += is_trade
        size, is_sell = dice.randrange(1, 500), dice.random() < 0.5
        yield Tick(symbol, ns, cents[symbol], size, is_trade, is_sell, number, trades[symbol])


def renamed(kind: str, message: Mapping[str, Any], fields: Mapping[str, str]) -> Row:
    """The fields of a message under our names."""
    row = {"type": kind}
    for theirs, ours in fields.items():
        row[ours] = message[theirs]
    return row


class Vendor:
    """A vendor's feed; `path` is that of its URL, `arguments` what `mdc stream` is told."""

    name: ClassVar[str]
    provider: ClassVar[str]
    symbols: ClassVar[tuple[str, ...]]
    path: ClassVar[str] = ""
    arguments: ClassVar[tuple[str, ...]] = ()
    shape: ClassVar[str] = "an event a frame"

    def admit(self, client: ServerConnection) -> None:
        """Let a client in, up to the acknowledgement of what it subscribes to."""
        raise NotImplementedError

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Messages without end, bytes or what becomes JSON, and how many events are in each."""
        raise NotImplementedError

    def join(self, server: ClientConnection) -> None:
        """Log in and subscribe, as a client of few lines does."""
        raise NotImplementedError

    def read(self, frame: str | bytes) -> Message:
        """What is in a frame."""
        return orjson.loads(frame)

    def rows(self, message: Message) -> list[Row]:
        """The events in a message under our names; none where it is about something else."""
        raise NotImplementedError
