"""Messages of streams as they come: of the combined form, or of the raw one.

The first message of a stream is read with care, and so is one that has more fields than is
known; for the others there is one decoder a stream.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from mdc_core.plugin import Bad, DataError, Effect, Event, Messages
from mdc_providers.binance import messages as wire
from mdc_providers.binance.books.followed import Books
from mdc_providers.binance.decode import EVENT_OF, book_of
from mdc_providers.binance.markets import EVERY, Market, channel_of
from mdc_providers.binance.moments import Moments

PREFIX = '{"stream":"'
_NO_MESSAGES = "binance: a list without messages"

Make = Callable[[Any, int], Iterable[Event | Effect]]


class Reader:
    """Reads messages; `known` has a decoder and what makes events, by the name of a stream."""

    def __init__(self, market: Market, at: Moments, books: Books) -> None:
        self._market, self._at, self._books = market, at, books
        self.known: dict[str, tuple[Callable[[str], Any], Make]] = {}
        self._readers: dict[str, Any] = {}

    def combined(self, text: str, found: wire.Envelope, now: int) -> list[Event | Effect]:
        """A message of the combined form, and what is beside it that nobody knows."""
        of = channel_of(found.stream)
        if of is None:
            return [Bad(text, f"binance: a stream that is not known: {found.stream}")]
        symbol, channel = of
        more = {k: v for k, v in wire.fields(text).items() if k not in ("stream", "data")}
        data, kind, make = bytes(found.data), self._kind(channel), self._maker(symbol, channel)
        is_list = symbol == EVERY and data[:1] == b"["
        each = wire.each(data) if is_list else [data]
        if not each:
            raise DataError(_NO_MESSAGES)
        events = [e for one in each for e in self._read(symbol, channel, one, more, now)]
        if not more and text.startswith(f'{PREFIX}{found.stream}"'):
            whole = list[kind] if is_list else kind  # type: ignore[valid-type]
            decode = msgspec.json.Decoder(wire.Combined[whole]).decode  # type: ignore[valid-type]
            self.known[found.stream] = decode, _for_each(make) if is_list else make
        return events

    def bare(self, text: str, found: wire.Envelope, now: int) -> Iterable[Event | Effect]:
        """A message of the raw form, or a snapshot among the frames of somebody's capture."""
        if found.lastUpdateId is not None:
            return self._books.bare(text, now)
        channel = wire.CHANNEL_OF.get(found.e) if found.e else "quote"
        if channel is None:
            return [Bad(text, f"binance: a message that is not known: {found.e}")]
        return self._read(None, channel, text, {}, now)

    def _read(
        self, symbol: str | None, channel: str, text: str | bytes, more: dict[str, Any], now: int
    ) -> list[Event | Effect]:
        """The events of a message, whose unknown fields go under `extra`."""
        kind = self._kind(channel)
        if channel not in self._readers:
            self._readers[channel] = Messages(kind).read
        message, beyond = self._readers[channel](text)
        events = list(self._maker(symbol, channel)(message, now))
        if more or beyond:
            for event in events:
                if isinstance(event, Event):
                    event.extra = {**(event.extra or {}), **(beyond or {}), **more}
        return events

    def _kind(self, channel: str) -> Any:
        if channel == "partial_book":
            return wire.SnapshotMessage if self._market.is_spot else wire.DepthMessage
        return wire.KIND_OF[channel]

    def _maker(self, symbol: str | None, channel: str) -> Make:
        """What makes the events of a channel's messages."""
        at = self._at
        if channel == "book":
            return self._books.changed
        if channel == "partial_book":
            return lambda m, now: [self._partial(m, symbol or str(getattr(m, "s", "")), now)]
        make = EVENT_OF[channel]
        return lambda m, now: (make(m, at, now),)

    def _partial(self, m: Any, symbol: str, now: int) -> Event:
        time = m.T or m.E
        book = book_of(m, symbol, self._at(time) if time else self._at.ns(now))
        book.channel = "partial_book"
        return book


def _for_each(make: Make) -> Make:
    """What makes the events of a list of messages."""

    def of_all(messages: list[Any], now: int) -> list[Event | Effect]:
        if not messages:
            raise DataError(_NO_MESSAGES)
        return [event for one in messages for event in make(one, now)]

    return of_all
