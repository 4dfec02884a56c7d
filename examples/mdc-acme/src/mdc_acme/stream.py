"""Acme's live feed: lines of JSON over a WebSocket."""

from decimal import Decimal

import msgspec

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
    bid: tuple[Decimal, Decimal]
    ask: tuple[Decimal, Decimal]


class Answer(msgspec.Struct, tag_field="kind", tag="answer"):
    error: str | None = None


class Acme(mdc.Stream):
    secrets = ("ACME_TOKEN",)
    sandbox = AcmeSandbox
    decode = msgspec.json.Decoder(Tick | Best | Answer).decode_lines

    def endpoints(self):
        return [mdc.Endpoint("wss://live.acme.example/v1")]

    def opened(self, now):
        kinds = self.subscription.channels or self.default_channels
        wanted = {"symbols": self.subscription.symbols, "kinds": kinds}
        wanted["token"] = self.credentials["ACME_TOKEN"]
        return [mdc.Send(msgspec.json.encode(wanted).decode())]

    def receive(self, frame, now):
        return [self.item(line) for line in self.decode(frame)]

    def item(self, line):
        if isinstance(line, Answer):
            return mdc.Refused(f"acme says: {line.error}") if line.error else mdc.Up()
        head = {"symbol": line.symbol, "ts_event": mdc.utc(line.time), "seq": line.number}
        if isinstance(line, Tick):
            return mdc.Trade(**head, price=line.price, size=line.size)
        prices = {"bid_price": line.bid[0], "ask_price": line.ask[0]}
        return mdc.Quote(**head, **prices, bid_size=line.bid[1], ask_size=line.ask[1])
