"""What Coinbase's error frames mean; their texts are all that they have.

Source: Coinbase, "Advanced Trade WebSocket Overview", "Exchange WebSocket Overview, Errors".
"""

from mdc_core.plugin import Busy, Effect, Reconnect, Refused
from mdc_providers.coinbase.provider import (
    API_KEY,
    API_SECRET,
    EXCHANGE_KEY,
    EXCHANGE_PASSPHRASE,
    EXCHANGE_SECRET,
)
from mdc_providers.coinbase.wanted import Wanted

_BUSY = ("rate limit", "too many", "try again", "maintenance")
_SLOW = ("errslowconsume", "errslowread")
_LOST = (
    "subscribe or unsubscribe required",
    "message too big",
    "internal",
    "server error",
    "unavailable",
    "timeout",
)
_LOGIN = ("authenticat", "jwt", "signature", "api key", "passphrase")


def verdict(message: str, reason: str, wanted: Wanted, *, is_up: bool) -> Effect:
    """Whether another connection helps, patience, or nothing.

    Once the connection is up, a text that is not known and names nothing that was asked for is
    no refusal of it.
    """
    words = f"{message}: {reason}" if reason else message
    text, lower = f"coinbase says: {words}", words.lower()
    if any(word in lower for word in _SLOW):
        return Reconnect(text, "slow-consumer")
    if any(word in lower for word in _LOST):
        return Reconnect(text)
    if any(word in lower for word in _BUSY):
        return Busy(text)
    if any(word in lower for word in _LOGIN):
        names = (API_KEY, API_SECRET, EXCHANGE_KEY, EXCHANGE_SECRET, EXCHANGE_PASSPHRASE)
        hint = f"check {', '.join(names)}, and the clock of this host"
        return Refused(text, hint=hint, cause="login")
    ours = [*wanted, *(name for products in wanted.values() for name in products)]
    if is_up and not any(name.lower() in lower for name in ours):
        return Reconnect(text)
    return Refused(text, hint="check the symbols, as in BTC-USD")
