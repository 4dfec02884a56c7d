"""Acme's live feed: lines of JSON over a WebSocket."""

from decimal import Decimal

import msgspec

from mdc_acme.provider import AcmeProvider
from mdc_acme.sandbox import AcmeSandbox
from mdc_core import plugin as mdc


class Line(msgspec.Struct, tag_field="kind"):
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
    decode = msgspec.json.Decoder(Tick | Best | Answer).decode_lines

    def endpoints(self):
        return [mdc.Endpoint("wss://live.acme.example/v1")]

    def opened(self, now):
        wanted = {"symbols": self.subscription.symbols, "token": self.credentials["ACME_TOKEN"]}
        wanted["kinds"] = self.subscription.channels or self.default_channels
        return [mdc.Send(msgspec.json.encode(wanted).decode())]

    def receive(self, frame, now):
        for line in self.decode(frame):
            yield from self.answer(line) if isinstance(line, Answer) else [self.event(line)]

    def answer(self, line):
        if line.error or line.unknown:
            yield mdc.Refused(f"acme says: {line.error or 'no such symbol'}", line.unknown)
        if not line.error:
            yield mdc.Up()

    def event(self, line):
        head = {"symbol": line.symbol, "ts_event": mdc.utc(line.time), "seq": line.number}
        if isinstance(line, Tick):
            return mdc.Trade(**head, price=line.price, size=line.size)
        prices = {"bid_price": line.bid[0], "ask_price": line.ask[0]}
        return mdc.Quote(**head, **prices, bid_size=line.bid[1], ask_size=line.ask[1])
