"""Zephyr's live feed over TCP: lines whose fields are divided by a bar, trades and quotes."""

from mdc_core import plugin as mdc
from mdc_zephyr.lines_sandbox import ZephyrLinesSandbox
from mdc_zephyr.provider import ZephyrProvider, signature

SIDES = {"B": "buy", "S": "sell", "N": "none"}


class ZephyrLines(ZephyrProvider, mdc.Stream):
    """Zephyr's lines; the numbers of each channel count by themselves."""

    sandbox = ZephyrLinesSandbox
    sequence = "channel"

    def __init__(self, *args):
        super().__init__(*args)
        self.scales, self.follow = {}, mdc.Follow()

    def endpoints(self):
        return [mdc.Endpoint("tcp://lines.zephyr.example:9001", framing="lines")]

    def receive(self, frame, now):
        text = frame if isinstance(frame, str) else frame.decode()
        try:
            yield from self.line(text.split("|"), now)
        except (KeyError, ValueError, OverflowError) as error:
            yield mdc.Bad(text, f"zephyr: {error}")

    def line(self, fields, now):
        match fields:
            case ["T", seq, symbol, time, price, size, side]:
                head = yield from self.head("trade", seq, symbol, time)
                price, size = self.level(symbol, price, size)
                yield mdc.Trade(**head, price=price, size=size, aggressor_side=SIDES[side])
            case ["Q", seq, symbol, time, bid, bids, ask, asks]:
                quote = mdc.Quote(**(yield from self.head("quote", seq, symbol, time)))
                quote.bid_price, quote.bid_size = self.level(symbol, bid, bids)
                quote.ask_price, quote.ask_size = self.level(symbol, ask, asks)
                yield quote
            case ["H", number]:
                yield mdc.Send(f"H|{number}")
            case ["C", nonce]:
                key, secret = (self.credentials[name] for name in self.secrets)
                yield mdc.Send(f"L|{key}|{now}|{signature(secret, nonce, now)}")
            case ["W"]:
                channels = self.subscription.channels or self.default_channels
                yield mdc.Send(f"S|{','.join(self.subscription.symbols)}|{','.join(channels)}")
            case ["A", scales, refused]:
                pairs = [pair.split("=") for pair in scales.split(",") if pair]
                self.scales = {symbol: int(scale) for symbol, scale in pairs}
                yield mdc.Up()
                for symbol in filter(None, refused.split(",")):
                    yield mdc.Refused(f"zephyr has no {symbol}", (symbol,))
            case ["B", wait, text]:
                yield mdc.Busy(f"zephyr says: {text}", int(wait))
            case ["E", text]:
                yield mdc.Refused(f"zephyr says: {text}")
            case _:
                raise ValueError(f"an unknown line {'|'.join(fields)!r}")

    def level(self, symbol, price, size):
        known = mdc.scaled(int(price), self.scales[symbol]) if price else None
        return known, mdc.scaled(int(size), 0)

    def head(self, channel, seq, symbol, time):
        """What every event begins with, behind the gap before it if there is one."""
        head = {"channel": channel, "ts_event": mdc.from_ns(int(time)), "seq": int(seq)}
        yield from self.follow.gaps(channel, head)  # of all symbols
        return head | {"symbol": symbol}
