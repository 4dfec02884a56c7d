"""Crypto by Coinbase's WebSocket feeds: Advanced Trade, and Exchange.

Protocol: Coinbase, "Advanced Trade WebSocket Overview", "Exchange WebSocket Overview". Neither
needs a key. Advanced Trade numbers its messages, so a lost one is a `gap`, and the book is asked
for once more; of Exchange lost trades are noticed by their ids. `ts_event` of a quote of Advanced
Trade is the time of its message, and that of an Exchange book without a time is its receipt.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mdc_core.plugin import Endpoint, Items, Options, Stream, Subscription, Unanswered, UsageError
from mdc_providers.coinbase.advanced.connection import AdvancedTrade
from mdc_providers.coinbase.exchange.connection import Exchange
from mdc_providers.coinbase.provider import CoinbaseProvider
from mdc_providers.coinbase.sandbox import CoinbaseSandbox

EXAMPLES = (
    "mdc stream coinbase BTC-USD ETH-USD --mock --limit 1000 | mdc validate",
    "mdc stream coinbase BTC-USD --mock --type book --limit 1000 | mdc validate",
    "mdc stream coinbase BTC-USD --mock --feed exchange --limit 1000 | mdc validate",
)

_PROTOCOLS: Mapping[str, type[AdvancedTrade | Exchange]] = {
    "advanced": AdvancedTrade,
    "exchange": Exchange,
}


class CoinbaseOptions(Options, frozen=True, kw_only=True):
    """Which of Coinbase's feeds."""

    feed: Annotated[
        Literal["advanced", "exchange"],
        Meta(description="advanced is Advanced Trade, exchange the one of institutions"),
    ] = "advanced"


class Coinbase(CoinbaseProvider, Stream):
    """Crypto by Coinbase's WebSocket feeds: Advanced Trade, and Exchange."""

    Options = CoinbaseOptions
    channels = ("trade", "quote", "book", "bar", "status", "ticker_batch")
    default_channels = ("trade", "quote")
    channel_help: ClassVar[Mapping[str, str]] = {
        "ticker_batch": "The last price and the statistics of a day, every five seconds.",
    }
    silence = 15.0  # heartbeats come every second
    sequence = None  # Advanced Trade numbers messages, not events; Exchange leaves numbers out
    checksums = False
    every = 1.0
    sandbox: ClassVar[type[CoinbaseSandbox]] = CoinbaseSandbox

    def __init__(
        self, subscription: Subscription, options: Any, credentials: Mapping[str, str]
    ) -> None:
        super().__init__(subscription, options, credentials)
        protocol = _PROTOCOLS[options.feed]
        self._names = protocol.channels
        chosen = self._chosen(subscription)
        self._protocol = protocol(chosen, credentials, Unanswered("coinbase", self.login_within))

    @classmethod
    def usual_symbol(cls, options: Any) -> str | None:
        """Bitcoin."""
        return "BTC-USD"

    def endpoints(self) -> Sequence[Endpoint]:
        """Coinbase's production server of this feed."""
        return [Endpoint(self._protocol.url)]

    def opened(self, now: int) -> Items:
        """Subscribe."""
        return self._protocol.opened(now)

    def receive(self, frame: str | bytes, now: int) -> Items:
        """The events in a frame, and the answers to it, in order."""
        return self._protocol.receive(frame, now)

    def tick(self, now: int) -> Items:
        """What was asked for and has not come."""
        return self._protocol.tick(now)

    def resubscribe(self, subscription: Subscription, now: int) -> Items | None:
        """Subscribe to what is new, and leave what is not wanted any more."""
        return self._protocol.resubscribe(self._chosen(subscription), now)

    def _chosen(self, subscription: Subscription) -> Subscription:
        """What is asked for, by channels that this feed has."""
        chosen = subscription.channels or self.default_channels
        for channel in chosen:
            if channel not in self._names:
                raise UsageError(
                    f"coinbase's feed {self.options.feed} has no channel {channel!r}",
                    hint=f"it has {', '.join(self._names)}",
                )
        return msgspec.structs.replace(subscription, channels=chosen)
