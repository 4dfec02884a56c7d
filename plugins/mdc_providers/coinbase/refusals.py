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

_BUSY = ("rate limit", "too many", "try again", "maintenance")
_LOST = ("subscribe or unsubscribe required", "errslowconsume", "errslowread", "message too big")
_LOGIN = ("authenticat", "jwt", "signature", "api key", "passphrase")


def verdict(message: str, reason: str) -> Effect:
    """Whether another connection helps, patience, or nothing."""
    words = f"{message}: {reason}" if reason else message
    text, lower = f"coinbase says: {words}", words.lower()
    if any(word in lower for word in _LOST):
        return Reconnect(text)
    if any(word in lower for word in _BUSY):
        return Busy(text)
    if any(word in lower for word in _LOGIN):
        names = (API_KEY, API_SECRET, EXCHANGE_KEY, EXCHANGE_SECRET, EXCHANGE_PASSPHRASE)
        hint = f"check {', '.join(names)}, and the clock of this host"
        return Refused(text, hint=hint, cause="login")
    return Refused(text, hint="check the symbols, as in BTC-USD")
