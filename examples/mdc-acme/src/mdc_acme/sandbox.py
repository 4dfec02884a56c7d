"""Acme's server, for `mdc stream acme --mock` and `mdc mock acme`."""

import msgspec

from mdc_acme.provider import AcmeProvider
from mdc_core.plugin import HangUp, Quote, Sandbox, Trade


def _line(**values):
    return msgspec.json.encode(values).decode() + "\n"


class AcmeSandbox(AcmeProvider, Sandbox):
    """Acme's server for one connection."""

    refused = ("NOSUCH",)

    def __init__(self, path, headers, options):
        super().__init__(path, headers, options)
        self.symbols = self.kinds = frozenset()
        self.count = {}

    @property
    def subscribed(self):
        return bool(self.symbols)

    def receive(self, frame):
        try:
            message = msgspec.json.decode(frame, type=dict)
            token, symbols, kinds = message["token"], message["symbols"], message["kinds"]
        except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError):
            raise HangUp(_line(kind="answer", error="not a subscription")) from None
        if token != self.test_secrets["ACME_TOKEN"]:
            raise HangUp(_line(kind="answer", error="wrong token"))
        unknown = [symbol for symbol in symbols if symbol in self.refused]
        self.symbols, self.kinds = frozenset(symbols) - {*unknown}, frozenset(kinds)
        return [_line(kind="answer", **({"unknown": unknown} if unknown else {}))]

    def feed(self, events):
        lines = [self.line(event) for event in events if event.symbol in self.symbols]
        text = "".join(line for line in lines if line is not None)
        return [text] if text else []

    def line(self, event):
        """An event as Acme says it, None where nobody asked for it."""
        match event:
            case Trade() if "trade" in self.kinds:
                values = {"kind": "trade", "price": event.price, "size": event.size}
            case Quote() if "quote" in self.kinds:
                bid, ask = (event.bid_price, event.bid_size), (event.ask_price, event.ask_size)
                values = {"kind": "quote", "bid": bid, "ask": ask}
            case _:
                return None
        number = self.count[event.symbol] = self.count.get(event.symbol, 0) + 1
        return _line(symbol=event.symbol, time=event.ts_event, number=number, **values)
