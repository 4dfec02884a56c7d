"""OKX's books: each message names the number of the one before it, and once had a checksum.

Source: OKX, "Order book channel": `prevSeqId` is the `seqId` of the message before, -1 of a
snapshot. The checksum, signed CRC-32 of the best 25 levels by turns, bid and ask, is 0 since
2026-06-23, which is none.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mdc_core.plugin import DataError, Event, Gap, Integrity, Ladder, Level
from mdc_providers.okx.decode import book_of, deltas_of, time
from mdc_providers.okx.messages import BookItem
from mdc_providers.okx.provider import VENUE

_LONGEST = 100  # digits of a number; one of 1E+999999999 would be as long as that
_BEST = 25


def _text(at: Level) -> str:
    """A level as it goes into the checksum: OKX writes no zeros at the end."""
    if max(abs(n.adjusted()) for n in (at.price, at.size)) > _LONGEST:
        raise DataError(f"okx: {at.price} or {at.size} is a number that nobody can hold")
    price, size = (f"{n:f}" for n in (at.price, at.size))
    return ":".join(n.rstrip("0").rstrip(".") if "." in n else n for n in (price, size))


def _signed(number: int) -> int:
    return number - 2**32 if number >= 2**31 else number


def book_checksum(
    bids: Sequence[Level], asks: Sequence[Level], extra: Mapping[str, Any]
) -> str | None:
    """The checksum of a book whose levels stand best first."""
    sides = bids[:_BEST], asks[:_BEST]
    turns = range(max(map(len, sides)))
    texts = [_text(side[n]) for n in turns for side in sides if n < len(side)]
    return str(_signed(zlib.crc32(":".join(texts).encode())))


class OkxBook:
    """The book of a symbol, and the message that was right last."""

    def __init__(self, item: BookItem) -> None:
        self._ladder = Ladder()
        self._ladder.snapshot(*([Level(at[0], at[1]) for at in s] for s in (item.bids, item.asks)))
        self.seq, self.since = item.seq_id, item.ts

    def change(self, item: BookItem) -> str | None:
        """Take what is in a message; what is wrong with it."""
        if item.prev_seq_id is not None and self.seq not in (None, item.prev_seq_id):
            if item.seq_id == self.seq:
                return None  # it came twice
            return f"the message before is {item.prev_seq_id}, and ours is {self.seq}"
        self.seq = item.seq_id
        for price, size, *_ in item.bids:
            self._ladder.change("bid", Level(price, size))
        for price, size, *_ in item.asks:
            self._ladder.change("ask", Level(price, size))
        return self.problem(item)

    def problem(self, item: BookItem) -> str | None:
        """A checksum that is not ours."""
        if not item.checksum:
            return None
        ours = self._ladder.checksum(_BEST, _text, separator=":", by_turns=True)
        if _signed(ours) == item.checksum:
            return None
        return f"the checksum is {item.checksum}, of our book it is {_signed(ours)}"


class OkxBooks:
    """The books of a connection."""

    def __init__(self) -> None:
        self._books: dict[str, OkxBook] = {}
        self._wrong: dict[str, str | None] = {}  # since when, until the next snapshot
        self.again: str | None = None  # whose book is to be asked for again

    def take(
        self, item: BookItem, symbol: str, channel: str, action: str | None
    ) -> Iterator[Event]:
        """The events of a message, and what is wrong with it; without an action it is whole."""
        if action is None:  # books5 are whole each time
            yield book_of(item, symbol, channel)
            return
        if action == "snapshot":
            book = book_of(item, symbol, channel)
            if symbol in self._wrong:
                yield _gap(symbol, channel, self._wrong.pop(symbol), book.ts_event)
            yield book
            self._books[symbol] = kept = OkxBook(item)
            if (text := kept.problem(item)) is not None:
                yield from self._is_wrong(symbol, channel, book.ts_event, book.ts_event, text)
            return
        deltas = deltas_of(item, symbol, channel)
        when = deltas[-1].ts_event if deltas else None
        if symbol in self._wrong:
            self._wrong[symbol] = when or self._wrong[symbol]
            yield from deltas
            return
        known = self._books.get(symbol)
        text = "changes of a book that never came" if known is None else known.change(item)
        if text is not None:  # before the changes: whoever follows the book must not take them
            since = None if known is None else time(known.since)
            yield from self._is_wrong(symbol, channel, since, when or time(item.ts), text)
        elif known is not None:
            known.since = item.ts
        yield from deltas

    def _is_wrong(
        self, symbol: str, channel: str, since: str | None, when: str | None, text: str
    ) -> Iterator[Event]:
        finding = Integrity(symbol=symbol, ts_event=when, venue=VENUE, channel=channel)
        finding.check, finding.severity, finding.about = "book", "warning", "delta"
        finding.message = text
        yield finding
        yield _gap(symbol, channel, since, when)
        self._books.pop(symbol, None)
        self._wrong[symbol] = when
        self.again = symbol


def _gap(symbol: str, channel: str, start: str | None, end: str | None) -> Gap:
    gap = Gap(symbol=symbol, ts_event=end, venue=VENUE, channel=channel, reason="book")
    gap.start, gap.end = start, end
    return gap
