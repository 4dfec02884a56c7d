"""Alpaca in MessagePack, as its own client speaks it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import msgpack
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection

from vendors.alpaca import EVENTS, Alpaca
from vendors.vendor import STOCKS, Message, Tick

EXT = -1  # MessagePack's own kind of time


class AlpacaPacked(Alpaca):
    """Alpaca's stocks in MessagePack."""

    name = "alpaca-msgpack"
    arguments = ("--encoding", "msgpack")

    def admit(self, client: ServerConnection) -> None:
        """Greet, let in, and acknowledge."""
        client.send(msgpack.encode([{"T": "success", "msg": "connected"}]))
        client.recv()
        client.send(msgpack.encode([{"T": "success", "msg": "authenticated"}]))
        asked = msgpack.decode(client.recv())
        del asked["action"]
        client.send(msgpack.encode([{"T": "subscription", **asked}]))

    def messages(self, ticks: Iterator[Tick]) -> Iterator[tuple[Message, int]]:
        """Lists of events, packed."""
        while True:
            events = [self._packed(tick) for tick in islice(ticks, EVENTS)]
            yield msgpack.encode(events), EVENTS

    def join(self, server: ClientConnection) -> None:
        """Log in and subscribe."""
        server.recv()
        server.send(msgpack.encode({"action": "auth", "key": "bench", "secret": "bench"}))
        server.recv()
        server.send(msgpack.encode({"action": "subscribe", "trades": STOCKS, "quotes": STOCKS}))
        server.recv()

    def read(self, frame: str | bytes) -> Message:
        """Times become text."""
        return msgpack.decode(frame, ext_hook=_time)

    def _packed(self, tick: Tick) -> Message:
        second, ns = divmod(tick.ns, 10**9)
        time = msgpack.Ext(EXT, (ns << 34 | second).to_bytes(8, "big"))
        return {**self.message(tick), "t": time}


def _time(code: int, data: Any) -> str:
    value = int.from_bytes(data, "big")
    return f"{value & (1 << 34) - 1}.{value >> 34:09d}"
