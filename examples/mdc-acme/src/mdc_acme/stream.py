"""Acme's live feed: lines of JSON over a WebSocket."""

from decimal import Decimal

import msgspec

from mdc_acme.provider import AcmeProvider
from mdc_acme.sandbox import AcmeSandbox
from mdc_core import plugin as mdc


class Line(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True):
    symbol: str
    time: str
    number: int


class Tick(Line, tag="trade"):
    price: Decimal
    size: Decimal


class Best(Line, tag="quote"):
    bid: tuple[Decimal | None, Decimal]
    ask: tuple[Decimal | None, Decimal]


class Answer(msgspec.Struct, tag_field="kind", tag="answer"):
    error: str | None = None
    unknown: tuple[str, ...] = ()


class Acme(AcmeProvider, mdc.Stream):
    sandbox = AcmeSandbox
    messages = mdc.Messages(Tick | Best | Answer)

    def __init__(self, *args):
        super().__init__(*args)
        self.follow = mdc.Follow()

    def endpoints(self):
        return [mdc.Endpoint("wss://live.acme.example/v1")]

    def opened(self, now):
        wanted = {"symbols": self.subscription.symbols, "token": self.credentials["ACME_TOKEN"]}
        wanted["kinds"] = self.subscription.channels or self.default_channels
        return [mdc.Send(msgspec.json.encode(wanted).decode())]

    def receive(self, frame, now):
        data = frame.encode() if isinstance(frame, str) else frame
        for text in filter(None, data.split(b"\n")):
            line, extra = self.messages.read(text)
            yield from self.answer(line) if isinstance(line, Answer) else self.event(line, extra)

    def answer(self, line):
        if line.error or line.unknown:
            yield mdc.Refused(f"acme says: {line.error or 'no such symbol'}", line.unknown)
        if not line.error:
            yield mdc.Up()

    def event(self, line, extra):
        head = {"symbol": line.symbol, "ts_event": mdc.utc(line.time), "seq": line.number}
        yield from self.follow.gaps(line.symbol, head)
        match line:
            case Tick():
                yield mdc.Trade(**head, price=line.price, size=line.size, extra=extra)
            case Best(bid=(bid, bids), ask=(ask, asks)):
                sides = {"bid_price": bid, "bid_size": bids, "ask_price": ask, "ask_size": asks}
                yield mdc.Quote(**head, **sides, extra=extra)
