"""What both protocols share: what is granted of what is asked for, sides of a quote, damage."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from mdc_core.plugin import Bad, Refused, left_out

Wanted = dict[str, tuple[str, ...]]  # products by channel


def names_of(product: str) -> tuple[str, ...]:
    """The names by which Coinbase may call a product: one in USDC is that in USD."""
    return (product, product[:-1]) if product.endswith("-USDC") else (product,)


def added(now: Wanted, before: Wanted) -> Wanted:
    """What is in the first and was not in the second."""
    found = {
        channel: tuple(one for one in products if one not in before.get(channel, ()))
        for channel, products in now.items()
    }
    return {channel: products for channel, products in found.items() if products}


def missing_of(wanted: Wanted, state: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The products that are not in the state of the connection, each with its channels."""
    missing: dict[str, list[str]] = {}
    for channel, products in wanted.items():
        has = {*state.get(channel, ())}
        for product in products:
            if has.isdisjoint(names_of(product)):
                missing.setdefault(product, []).append(channel)
    return missing


def lacking(
    missing: Mapping[str, list[str]], wanted: Wanted, words: Mapping[str, str]
) -> list[Refused]:
    """The refusals of what is not granted; `words` are Coinbase's names of the channels by ours."""
    ours = _ours(words)
    lacks = {
        product: [ours[name] for name in names if name in ours] or names  # heartbeats alone
        for product, names in missing.items()
    }
    return left_out("coinbase", lacks, [ours[name] for name in wanted if name in ours])


def named(wanted: Wanted, words: Mapping[str, str]) -> Wanted:
    """What is wanted, by our names of the channels."""
    ours = _ours(words)
    return {ours[name]: products for name, products in wanted.items() if name in ours}


def _ours(words: Mapping[str, str]) -> dict[str, str]:
    return {name: word for word, name in words.items()} | {"level2": "book"}


def side_of(price: str | None, size: str | None) -> tuple[Decimal | None, Decimal | None]:
    """A side of a quote; a price of 0 with a size of 0 is a side that nobody takes."""
    at, units = Decimal(price) if price else None, Decimal(size) if size else None
    if not at and not units and at is not None and units is not None:
        at = None
    return at, units


def unread(raw: str | bytes, why: object) -> Bad:
    """A message, or a part of one, that cannot be read; its text is kept."""
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    try:
        known = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        known = None
    symbol = known.get("product_id") if isinstance(known, dict) else None
    why = f"coinbase: a message that cannot be read: {why}"
    return Bad(text, why, symbol if isinstance(symbol, str) else None)
