"""Zephyr's server of lines, for `mdc stream zephyr-lines --mock`."""

from mdc_core import plugin as mdc
from mdc_zephyr.provider import ZephyrProvider, signature
from mdc_zephyr.servers import LETTERS, NONCE, REFUSED, SCALE, pair


class ZephyrLinesSandbox(ZephyrProvider, mdc.Sandbox):
    """Zephyr's server of lines for one connection."""

    refused = REFUSED
    every = 5.0
    wait = 30.0

    def __init__(self, path, headers, options):
        super().__init__(path, headers, options)
        self.symbols, self.channels, self.numbers = (), (), {"trade": 0, "quote": 0}
        self.beats = self.answered = 0
        self.is_in = False

    @property
    def subscribed(self):
        return bool(self.symbols)

    def greet(self):
        return [f"C|{NONCE}"]

    def receive(self, frame):
        match frame.split("|") if isinstance(frame, str) else ():
            case ["L", key, time, sign] if key == self.test_secrets["ZEPHYR_KEY"]:
                if sign != signature(self.test_secrets["ZEPHYR_SECRET"], NONCE, time):
                    raise mdc.HangUp("E|wrong signature")
                self.is_in = True
                return ["W"]
            case ["S", symbols, channels] if self.is_in:
                asked = symbols.split(",")
                if len(asked) > self.limits.symbols:
                    raise mdc.HangUp("E|too many symbols")
                self.symbols = tuple(symbol for symbol in asked if symbol not in self.refused)
                self.channels = tuple(channels.split(","))
                scales = ",".join(f"{symbol}={SCALE}" for symbol in self.symbols)
                return [f"A|{scales}|{','.join(s for s in asked if s in self.refused)}"]
            case ["H", number]:
                self.answered = int(number)
                return []
        raise mdc.HangUp("E|not now")

    def tick(self, now):
        if self.beats - self.answered > 2:
            raise mdc.HangUp("E|no heartbeat")
        self.beats += 1
        return [f"H|{self.beats}"]

    def refuse(self):
        return [f"B|{self.wait:.0f}|too many connections"]

    def feed(self, events):
        for event in events:
            match event:
                case mdc.Trade(symbol=symbol) if symbol in self.symbols:
                    side = LETTERS[event.aggressor_side]
                    yield from self.line("trade", event, *pair(event.price, event.size), side)
                case mdc.Quote(symbol=symbol) if symbol in self.symbols:
                    bid, ask = (event.bid_price, event.bid_size), (event.ask_price, event.ask_size)
                    yield from self.line("quote", event, *best(*bid), *best(*ask))

    def line(self, channel, event, *fields):
        if channel in self.channels:
            self.numbers[channel] += 1
            head = channel[0].upper(), self.numbers[channel], event.symbol
            yield "|".join(map(str, (*head, mdc.to_ns(event.ts_event), *fields)))


def best(price, size):
    """One side of a quote: an empty price and no size where nobody bids or offers."""
    return ("", 0) if price is None else pair(price, size)
