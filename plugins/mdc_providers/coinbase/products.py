"""The state of products, which Coinbase repeats for all of them every few seconds."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from mdc_core.plugin import Bad, Status

_STATUS: Mapping[str, str] = MappingProxyType(
    {"online": "trading", "offline": "halted", "delisted": "closed"}
)
_APART = ("id", "status", "status_message")
_read = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class Products:
    """Follows products, and tells what has changed of those that are wanted."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self.wanted = frozenset(wanted)  # none: all that come
        self._last: dict[str, bytes] = {}

    def changed(self, products: Iterable[Raw], time: str) -> Iterator[Status | Bad]:
        """The products that are not as they were."""
        for raw in products:
            product, text = _read(raw), bytes(raw)
            symbol = product.get("id")
            if not isinstance(symbol, str):
                yield Bad(text, "coinbase: a product without an id")
            elif self._last.get(symbol) != text and (not self.wanted or symbol in self.wanted):
                self._last[symbol] = text
                yield _status(symbol, product, time)


def _status(symbol: str, product: Mapping[str, Any], time: str) -> Status:
    code, message = product.get("status"), product.get("status_message")
    return Status(
        symbol=symbol,
        ts_event=time,
        status=_state(product),
        status_code=code if isinstance(code, str) else None,
        message=message if isinstance(message, str) and message else None,
        extra={n: v for n, v in product.items() if n not in _APART and v is not None} or None,
    )


def _state(product: Mapping[str, Any]) -> str:
    """A product may be online, and yet take no orders, or match none (Coinbase, "Products")."""
    state = _STATUS.get(str(product.get("status")), "other")
    if state != "trading":
        return state
    if product.get("trading_disabled") is True or product.get("cancel_only") is True:
        return "halted"
    return "quoting" if product.get("post_only") is True else "trading"
