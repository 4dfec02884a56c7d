"""Zephyr's live feed over a WebSocket: a challenge, scaled integers, a book with checksums."""

from typing import Literal

import msgspec

from mdc_core import plugin as mdc
from mdc_zephyr.provider import ZephyrProvider, signature
from mdc_zephyr.sandbox import DEPTH, ZephyrSandbox, level_text

SIDES = {"B": "buy", "S": "sell", "N": "none"}


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """A message about an instrument: a trade has `p` and `q`, the others levels."""

    ch: Literal["trade", "quote", "book"]
    seq: int
    s: str
    t: int
    p: int = 0
    q: int = 0
    side: Literal["B", "S", "N"] = "N"
    b: list[tuple[int, int]] = []
    a: list[tuple[int, int]] = []
    sum: int = 0
    snap: bool = False


class Zephyr(ZephyrProvider, mdc.Stream):
    """Zephyr's protocol; the numbers of each channel count by themselves."""

    sandbox = ZephyrSandbox
    channels = ("trade", "quote", "book")
    sequence, checksums = "channel", True
    decode, rows = msgspec.json.Decoder(dict | list[msgspec.Raw]).decode, mdc.Messages(Row)

    def __init__(self, *args):
        super().__init__(*args)
        self.follow, self.books, self.scales = mdc.Follow(), {}, {}

    def endpoints(self):
        return [mdc.Endpoint("wss://live.zephyr.example/v1")]

    def receive(self, frame, now):
        found = self.decode(frame)
        yield from self.word(found, now) if isinstance(found, dict) else ()
        for raw in found if isinstance(found, list) else ():
            try:
                yield from self.row(*self.rows.read(raw))
            except (msgspec.DecodeError, KeyError, ValueError) as error:
                yield mdc.Bad(bytes(raw), f"zephyr: {error}")

    def word(self, word, now):
        """A message about the connection."""
        match word:
            case {"op": "challenge", "nonce": nonce}:
                key, secret = (self.credentials[name] for name in self.secrets)
                yield say("login", key=key, time=now, sign=signature(secret, nonce, now))
            case {"op": "welcome"}:
                channels = self.subscription.channels or self.default_channels
                yield say("subscribe", symbols=self.subscription.symbols, channels=channels)
            case {"op": "subscribed", "scales": scales, "refused": dict(refused)}:
                self.scales = msgspec.convert(scales, dict[str, int])
                self.books = {symbol: mdc.Ladder() for symbol in scales}
                for symbol in scales:  # until its first snapshot
                    self.follow.hold(symbol)
                yield mdc.Up()
                yield from [mdc.Refused(f"zephyr: {s} {why}", (s,)) for s, why in refused.items()]
            case {"op": "heartbeat", "n": number}:
                yield say("heartbeat", n=number)
            case {"op": "error", "text": text}:
                yield mdc.Refused(f"zephyr says: {text}")
            case _:
                raise mdc.DataError(f"zephyr: an unknown message {word}")

    def row(self, row, extra):
        scale = self.scales[row.s]
        head = {"symbol": row.s, "ts_event": mdc.from_ns(row.t), "seq": row.seq, "channel": row.ch}
        bids, asks = ([level(pair, scale) for pair in side] for side in (row.b, row.a))
        yield from (gaps := [*self.follow.gaps(row.ch, head | {"symbol": None})])  # of all symbols
        head["extra"] = extra
        match row.ch:
            case "trade":
                at, side = level((row.p, row.q), scale), SIDES[row.side]
                yield mdc.Trade(**head, price=at.price, size=at.size, aggressor_side=side)
            case "quote":
                yield mdc.Quote(**head, **best("bid", bids), **best("ask", asks))
            case "book" if row.snap:
                self.books[row.s].snapshot(bids, asks)
                yield mdc.Book(**head, bids=bids, asks=asks)
                for held in [(row, head, (), ()), *self.follow.release(row.s, row.seq)]:
                    yield from self.change(*held)
            case "book":
                yield from self.ask_again(*self.books) if gaps else ()
                if self.follow.holds(row.s):
                    self.follow.hold(row.s, (row.seq, (row, head, bids, asks)))
                else:
                    yield from self.change(row, head, bids, asks)

    def change(self, row, head, bids, asks):
        """Changes of a book; one that is not the venue's any more is asked for again."""
        for side, levels in (("bid", bids), ("ask", asks)):
            for at in levels:
                self.books[row.s].change(side, at)
                what = {"side": side, "action": "modify" if at.size else "cancel"}
                yield mdc.Delta(**head, **what, price=at.price, size=at.size)
        if self.books[row.s].checksum(DEPTH, level_text) != row.sum:
            yield mdc.Integrity(symbol=row.s, check="book", severity="warning", message="wrong sum")
            yield from self.ask_again(row.s)

    def ask_again(self, *symbols):
        for symbol in symbols:
            self.follow.hold(symbol)
            yield say("snapshot", symbol, symbol=symbol)


def level(pair, scale):
    """A price and a size of the wire."""
    return mdc.Level(mdc.scaled(pair[0], scale), mdc.scaled(pair[1], 0))


def best(side, levels):
    """A side of a quote; where there is none, its size is 0."""
    at = levels[0] if levels else mdc.Level(None, mdc.scaled(0, 0))
    return {f"{side}_price": at.price, f"{side}_size": at.size}


def say(op, again=None, **values):
    """A message to the venue."""
    return mdc.Send(msgspec.json.encode({"op": op, **values}).decode(), again)
