"""Polygon's codec, alone and with its server, the login and the subscription behind them."""

import json
from collections.abc import Iterable
from typing import Any

from mdc_core.plugin import Event, Subscription
from mdc_core.testing.stream.round_trip import Conversation
from mdc_providers.polygon.sandbox import PolygonSandbox
from mdc_providers.polygon.stream import Polygon

GREETING = '[{"ev":"status","status":"connected","message":"Connected Successfully"}]'
AUTHENTICATED = '[{"ev":"status","status":"auth_success","message":"authenticated"}]'


def connect(
    *symbols: str, channels: tuple[str, ...] = (), key: str = "sandbox-key", **options: Any
) -> Polygon:
    """A codec of a connection that is still to be opened."""
    secrets = {"POLYGON_API_KEY": key}
    return Polygon(Subscription(symbols, channels), Polygon.Options(**options), secrets)


def session(
    *symbols: str, channels: tuple[str, ...] = (), **options: Any
) -> tuple[Polygon, PolygonSandbox]:
    """A client and a server that have come to an agreement on these symbols."""
    stream = connect(*symbols, channels=channels, **options)
    path = "/" + stream.endpoints()[0].url.split("/", 3)[3]
    sandbox = PolygonSandbox(path, {}, PolygonSandbox.Options())
    Conversation(stream, sandbox).open()
    assert sandbox.subscribed
    return stream, sandbox


def answers(*names: str, refused: int = 0) -> str:
    """The server's answers to a subscription, in one frame."""
    told = [status("success", f"subscribed to: {name}") for name in names]
    return json.dumps([*told, *[status("error", "not authorized")] * refused])


def status(kind: str, message: str) -> dict[str, str]:
    """What the server says of the connection."""
    return {"ev": "status", "status": kind, "message": message}


def there_and_back(stream: Polygon, sandbox: PolygonSandbox, events: Iterable[Any]) -> list[Event]:
    """What comes of events that are played by the server."""
    frames = sandbox.feed(list(events))
    return [e for frame in frames for e in stream.receive(frame, 0) if isinstance(e, Event)]
