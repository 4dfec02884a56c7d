"""Order books by cryptofeed's library, `order_book`, and what they are made of.

python bench/books.py make UPDATES [EVENTS]   books and changes as JSONL: those of a file, again
                                              and again, each time a day later; else made up
python bench/books.py apply FILE LEVELS       the best levels after each update, a line each
python bench/books.py engine FILE LEVELS      updates a second of mdc's engine and of the library

The library is optional: `pip install order_book` beside mdc.
"""

import json
import shlex
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import msgspec
import orjson

import mdc_core

SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD")
DEPTH = 50  # levels of a side of a book that is made up
CHANGES = 4_000  # from one snapshot to the next
DAY = date(2024, 1, 2)
Event = dict[str, Any]


def made_up(seed: int) -> Iterator[Event]:
    """Snapshots, and changes near the best prices that never cross."""
    dice, moment = Random(seed), 0
    for symbol in SYMBOLS:
        bids = [{"price": (19_999 - n) / 100, "size": 1 + n} for n in range(DEPTH)]
        asks = [{"price": (20_001 + n) / 100, "size": 1 + n} for n in range(DEPTH)]
        yield {"type": "book", "symbol": symbol, **_times(0), "bids": bids, "asks": asks}
    for _ in range(CHANGES):
        moment += dice.randrange(1, 9) * 1_000_000
        side, far = dice.choice(("bid", "ask")), int(dice.expovariate(0.2))
        cents = 19_999 - far if side == "bid" else 20_001 + far
        size = dice.choice((0, 1, 2, 5)) * dice.randrange(1, 99) / 100
        action = "modify" if size else "cancel"
        head = {"type": "delta", "symbol": dice.choice(SYMBOLS), **_times(moment)}
        yield {**head, "action": action, "side": side, "price": cents / 100, "size": size}


def _times(ns: int) -> Event:
    second, rest = divmod(ns, 10**9)
    text = f"{DAY}T14:{30 + second // 60:02d}:{second % 60:02d}.{rest:09d}Z"
    return {"ts_event": text, "ts_recv": text, "provider": "bench", "channel": "books-1"}


def again(updates: int, events: list[Event]) -> Iterator[Event]:
    """So many changes and the snapshots before them, each round a day later."""
    first = events[0]["ts_event"][:10]
    for number in range(updates):
        day = str(date.fromisoformat(first) + timedelta(number))
        for event in events:
            times = {name: day + event[name][10:] for name in ("ts_event", "ts_recv")}
            yield {**event, **times}
            updates -= event["type"] == "delta"
            if updates <= 0:
                return


class Level(msgspec.Struct):
    """A price, and the size that is there."""

    price: Decimal
    size: Decimal


class Row(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A book, or a change of one."""

    type: str
    symbol: str
    ts_event: str
    ts_recv: str
    provider: str
    channel: str
    side: str | None = None
    price: Decimal | None = None
    size: Decimal | None = None
    bids: list[Level] | None = None
    asks: list[Level] | None = None


class Books:
    """The library's books, by symbol, with exact numbers as cryptofeed keeps them."""

    def __init__(self, levels: int) -> None:
        from order_book import OrderBook

        self._new, self._levels = OrderBook, levels
        self._books: dict[str, Any] = {}

    def take(self, row: Row) -> tuple[list[Level], list[Level]]:
        """The best levels behind an update."""
        if row.type == "book":
            book = self._books[row.symbol] = self._new()
            book.bids = {level.price: level.size for level in row.bids or ()}
            book.asks = {level.price: level.size for level in row.asks or ()}
        else:
            book = self._books[row.symbol]
            side = book.bids if row.side == "bid" else book.asks
            if row.size:
                side[row.price] = row.size
            elif row.price in side.keys():  # noqa: SIM118 - a side is no mapping
                del side[row.price]
        return self._best(book.bids), self._best(book.asks)

    def _best(self, side: Any) -> list[Level]:
        return [Level(*side.index(n)) for n in range(min(self._levels, len(side)))]


def rows(path: Path) -> Iterator[Row]:
    """The rows of a file, one by one as they would come."""
    decode = msgspec.json.Decoder(Row).decode
    with path.open("rb") as file:
        yield from map(decode, file)


def apply(path: Path, levels: int) -> Iterator[bytes]:
    """A line with the best levels behind each update."""
    books, encode = Books(levels), msgspec.json.Encoder(decimal_format="number").encode
    for row in rows(path):
        bids, asks = books.take(row)
        yield encode(
            Row(
                type="book",
                symbol=row.symbol,
                ts_event=row.ts_event,
                ts_recv=row.ts_recv,
                provider=row.provider,
                channel=row.channel,
                bids=bids,
                asks=asks,
            )
        )


def engine(path: Path, levels: int) -> dict[str, float]:
    """Updates a CPU second with nothing read or written: of columns, and of the library."""
    from mdc_core.columns import BookBuilder

    pipe = mdc_core.pipeline(f"convert {shlex.quote(str(path))}")
    batches, builder, given = list(pipe.batches()), BookBuilder(levels), 0
    start = process_time()
    for batch in batches:
        given += sum(made.num_rows for made, _ in builder(batch).books)
    given += sum(made.num_rows for made, _ in builder.flush().books)
    ours = given / (process_time() - start)
    found, books = list(rows(path)), Books(levels)
    start = process_time()
    for row in found:
        books.take(row)
    return {"updates": given, "mdc": ours, "order_book": len(found) / (process_time() - start)}


def main() -> None:
    """As the arguments say."""
    match sys.argv[1:]:
        case ["make", updates, *paths]:
            lines = b"".join(Path(path).read_bytes() for path in paths).splitlines()
            found = [orjson.loads(line) for line in lines]
            events = [one for one in found if one["type"] in ("book", "delta")]
            for event in again(int(updates), events or [*made_up(1)]):
                sys.stdout.buffer.write(orjson.dumps(event) + b"\n")
        case ["apply", path, levels]:
            for line in apply(Path(path), int(levels)):
                sys.stdout.buffer.write(line + b"\n")
        case ["engine", path, levels]:
            print(json.dumps(engine(Path(path), int(levels))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
