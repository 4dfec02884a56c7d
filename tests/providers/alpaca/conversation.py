"""Alpaca's codec and its server, with the login and the subscription behind them."""

from mdc_core.plugin import Subscription
from mdc_core.testing.stream.round_trip import Conversation
from mdc_providers.alpaca import codes
from mdc_providers.alpaca.sandbox import AlpacaSandbox
from mdc_providers.alpaca.stream import Alpaca

TIME = "2024-01-02T14:30:00.123456789Z"
STOCK_CHANNELS = tuple(codes.STOCK_CHANNELS)


def session(
    *symbols: str, channels: tuple[str, ...] = STOCK_CHANNELS, **options: str
) -> tuple[Alpaca, AlpacaSandbox]:
    """A client and a server that have come to an agreement on these symbols."""
    secrets = dict(AlpacaSandbox.test_secrets)
    stream = Alpaca(
        Subscription(symbols, channels), Alpaca.Options(**{"feed": "sip", **options}), secrets
    )
    path = "/" + stream.endpoints()[0].url.split("/", 3)[3]
    sandbox = AlpacaSandbox(path, stream.endpoints()[0].headers, AlpacaSandbox.Options())
    Conversation(stream, sandbox).open()
    assert sandbox.subscribed
    return stream, sandbox
