"""A message of Advanced Trade row by row, where it is not what we know.

A field that is new, or a row that cannot be read, costs the other rows nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw, Struct

from mdc_core.plugin import Bad, DataError, Messages
from mdc_providers.coinbase.advanced import messages as wire
from mdc_providers.coinbase.wanted import unread

Read = Callable[[Any], tuple[Any, dict[str, Any] | None]]


class Rows(Struct):
    """Where the rows of a channel's messages are, and what they are."""

    message: type[Any]
    part: type[Any]
    name: str
    read: Read


class Head(Struct):
    """What every message has."""

    channel: str
    timestamp: str
    sequence_num: int


_TICKERS = ("tickers", Messages(wire.TickerRow).read)
_ROWS: Mapping[str, Rows] = MappingProxyType(
    {
        "l2_data": Rows(wire.BookMessage, wire.BookPart, "updates", Messages(wire.LevelRow).read),
        "market_trades": Rows(
            wire.TradesMessage, wire.TradesPart, "trades", Messages(wire.TradeRow).read
        ),
        "ticker": Rows(wire.TickerMessage, wire.TickersPart, *_TICKERS),
        "ticker_batch": Rows(wire.TickerBatchMessage, wire.TickersPart, *_TICKERS),
        "candles": Rows(
            wire.CandlesMessage, wire.CandlesPart, "candles", Messages(wire.CandleRow).read
        ),
        "status": Rows(wire.StatusMessage, wire.ProductsPart, "products", Messages(Raw).read),
    }
)
_HEAD = ("channel", "client_id", "timestamp", "sequence_num", "events")

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_exact = msgspec.json.Decoder(float_hook=Decimal).decode
head_of = msgspec.json.Decoder(Head).decode


class Single(Struct):
    """A message of one row, the fields that nobody here knows, and its text."""

    message: wire.Message
    more: dict[str, Any]
    raw: bytes


def singly(frame: str | bytes) -> Iterator[Single | Bad]:
    """A message as several of one row each.

    A snapshot of a book or of candles stays together. What cannot be read is `Bad`. Raises
    DataError for an unknown channel, DecodeError for a part of a message that is none.
    """
    head = head_of(frame)
    rows = _ROWS.get(head.channel)
    if rows is None:
        raise DataError(f"a message of an unknown channel {head.channel!r}")
    fields = _fields(frame)
    more = _beyond(fields, _HEAD)
    for raw in _list(fields["events"]):
        part = _fields(raw)
        names = [name for name in ("type", "product_id") if name in part]
        known: dict[str, Any] = {name: _exact(part[name]) for name in names}
        beyond = more | _beyond(part, (*known, rows.name))
        found: list[tuple[Any, dict[str, Any] | None, bytes]] = []
        for row in _list(part[rows.name]):
            try:
                found.append((*rows.read(row), bytes(row)))
            except msgspec.DecodeError as error:
                yield unread(bytes(row), error)
        if not found:
            msgspec.convert({**known, rows.name: []}, rows.part)  # raises if it is none
        for group in _groups(found, head.channel, known.get("type")):
            made = msgspec.convert({**known, rows.name: []}, rows.part)
            setattr(made, rows.name, [row for row, _, _ in group])
            extra = _united([extra for _, extra, _ in group], rows.name)
            message = rows.message(
                timestamp=head.timestamp, sequence_num=head.sequence_num, events=[made]
            )
            yield Single(message, beyond | extra, group[0][2] if len(group) == 1 else bytes(raw))


def _groups(rows: list[Any], channel: str, kind: object) -> list[list[Any]]:
    """The rows of which events are made together; trades come newest first."""
    if channel in ("l2_data", "candles") and kind == "snapshot":
        return [rows]
    return [[row] for row in (reversed(rows) if channel == "market_trades" else rows)]


def _united(extras: list[dict[str, Any] | None], name: str) -> dict[str, Any]:
    """Unknown fields of rows: of one, or of several under their name."""
    found = [extra for extra in extras if extra]
    if len(extras) == 1:
        return found[0] if found else {}
    return {name: found} if found else {}


def _beyond(fields: Mapping[str, Raw], known: tuple[str, ...]) -> dict[str, Any]:
    return {name: _exact(raw) for name, raw in fields.items() if name not in known}
