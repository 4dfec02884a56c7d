"""Zephyr's server, for `mdc stream zephyr --mock` and `mdc mock zephyr`."""

from itertools import groupby
from typing import Annotated

import msgspec
from msgspec import Meta

from mdc_core import plugin as mdc
from mdc_zephyr.provider import ZephyrProvider, signature
from mdc_zephyr.servers import LETTERS, NONCE, REFUSED, SCALE, pair

DEPTH = 10


def level_text(level):
    """A level as it goes into the checksum."""
    return f"{level.price}:{level.size}|"


def best(price, size):
    """The levels of one side of a quote: none where nobody bids or offers."""
    return [] if price is None else [pair(price, size)]


class ServerOptions(mdc.Options, frozen=True, kw_only=True):
    """What this server does wrong."""

    drop: Annotated[int, Meta(description="leave out every so many-th change of a book")] = 0
    twist: Annotated[int, Meta(description="send every so many-th checksum wrong")] = 0


class ZephyrSandbox(ZephyrProvider, mdc.Sandbox):
    """Zephyr's server for one connection, by WebSocket."""

    Options = ServerOptions
    refused = REFUSED
    every = 5.0

    def __init__(self, path, headers, options):
        super().__init__(path, headers, options)
        self.symbols, self.channels, self.books, self.numbers = (), (), {}, {}
        self.beats = self.answered = self.changes = 0
        self.is_in = False

    @property
    def subscribed(self):
        return bool(self.symbols)

    def greet(self):
        return [self.word("challenge", nonce=NONCE)]

    def receive(self, frame):
        try:
            said = msgspec.json.decode(frame, type=dict)
        except (msgspec.DecodeError, UnicodeError):
            raise mdc.HangUp(self.word("error", text="no JSON")) from None
        match said.pop("op", None):
            case "login" if self.is_right(said):
                self.is_in = True
                return [self.word("welcome")]
            case "subscribe" if self.is_in:
                return self.subscribe(**said)
            case "heartbeat":
                self.answered = said["n"]
                return []
            case "snapshot" if self.is_in:  # one that has no book as yet will get its first
                known = [said["symbol"]] if said.get("symbol") in self.books else []
                return [self.snapshot(symbol, self.numbers["book"]) for symbol in known]
            case "login":
                raise mdc.HangUp(self.word("error", text="wrong key or signature"))
        return [self.word("error", text="not now")]

    def is_right(self, said):
        expected = signature(self.test_secrets["ZEPHYR_SECRET"], NONCE, said.get("time"))
        return said.get("key") == self.test_secrets["ZEPHYR_KEY"] and said.get("sign") == expected

    def subscribe(self, symbols, channels):
        if len(symbols) > self.limits.symbols:
            raise mdc.HangUp(self.word("error", text="too many symbols"))
        self.symbols = tuple(symbol for symbol in symbols if symbol not in self.refused)
        self.channels = tuple(channels)
        scales = dict.fromkeys(self.symbols, SCALE)
        refused = {symbol: "not listed" for symbol in symbols if symbol in self.refused}
        return [self.word("subscribed", scales=scales, refused=refused)]

    def tick(self, now):
        if self.beats - self.answered > 2:
            raise mdc.HangUp(self.word("error", text="no heartbeat"))
        self.beats += 1
        return [self.word("heartbeat", n=self.beats)]

    def feed(self, events):
        together = groupby(events, lambda event: (type(event), event.symbol, event.ts_event))
        rows = [row for _, some in together for row in self.rows(*some) if row is not None]
        for start in range(0, len(rows), 20):
            yield msgspec.json.encode(rows[start : start + 20]).decode()

    def rows(self, event, *others):
        """The rows for events of one type, symbol and time; changes of a book are one."""
        if event.symbol not in self.symbols:
            return
        match event:
            case mdc.Delta() if "book" in self.channels and event.symbol in self.books:
                yield self.change(event, *others)
                return
            case mdc.Trade() if "trade" in self.channels:
                p, q = pair(event.price, event.size)
                side = LETTERS[event.aggressor_side]
                yield self.row("trade", event, p=p, q=q, side=side)
            case mdc.Quote() if "quote" in self.channels:
                bid, ask = (event.bid_price, event.bid_size), (event.ask_price, event.ask_size)
                yield self.row("quote", event, b=best(*bid), a=best(*ask))
            case mdc.Book() if "book" in self.channels:
                self.books[event.symbol] = mdc.Ladder(), event.ts_event
                both = event.bids, event.asks
                sides = ([exact(at.price, at.size) for at in side] for side in both)
                self.books[event.symbol][0].snapshot(*sides)
                self.number("book")
                yield msgspec.Raw(self.snapshot(event.symbol, self.numbers["book"])[1:-1].encode())
        for other in others:
            yield from self.rows(other)

    def change(self, *events):
        ladder, _ = self.books[events[0].symbol]
        sides = {"b": [], "a": []}
        for event in events:
            ladder.change(event.side, exact(event.price, event.size))
            sides["b" if event.side == "bid" else "a"].append(pair(event.price, event.size))
        self.changes += 1
        total = ladder.checksum(DEPTH, level_text)
        if self.options.twist and self.changes % self.options.twist == 0:
            total ^= 1
        row = self.row("book", events[0], **sides, sum=total)
        dropped = self.options.drop and self.changes % self.options.drop == 0
        return None if dropped else row

    def snapshot(self, symbol, number):
        ladder, time = self.books[symbol]
        sides = {
            name: [pair(level.price, level.size) for level in ladder.top(side, 1000)]
            for name, side in (("b", "bid"), ("a", "ask"))
        }
        head = {"ch": "book", "seq": number, "s": symbol, "t": mdc.to_ns(time), "snap": True}
        total = ladder.checksum(DEPTH, level_text)
        return msgspec.json.encode([{**head, **sides, "sum": total}]).decode()

    def row(self, channel, event, **values):
        head = {"ch": channel, "seq": self.number(channel), "s": event.symbol}
        return {**head, "t": mdc.to_ns(event.ts_event), **values}

    def number(self, channel):
        self.numbers[channel] = self.numbers.get(channel, 0) + 1
        return self.numbers[channel]

    def word(self, op, **values):
        return msgspec.json.encode({"op": op, **values}).decode()


def exact(price, size):
    """A level with the digits that it has on the wire."""
    price, size = pair(price, size)
    return mdc.Level(mdc.scaled(price, SCALE), mdc.scaled(size, 0))
