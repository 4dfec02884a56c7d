"""Kraken's codec against frames written after its documentation."""

from mdc_core.testing import StreamSuite
from mdc_providers.kraken.stream import Kraken


class TestKraken(StreamSuite):
    stream = Kraken
    symbols = ("BTC/USD", "ETH/USD")
    channels = Kraken.channels
    options = {"depth": 25}  # noqa: RUF012 - the suite's attribute is a ClassVar
    # The state of a pair has no time; whoever trades is a buyer or a seller.
    lacks = ("status", "trade.aggressor_side=none")
    choosing = ("symbol", "id")  # states come of all pairs and assets
    unread = (
        "req_id",  # of a request that is answered by name
        "success",
        "depth",
        "time_in",
        "time_out",
        "snapshot",
        "event_trigger",
        "interval",
        "warnings",
        "version",
        "api_version",
        "connection_id",
        # Of pairs that nobody has asked for.
        "precision",
        "price_precision",
        "price_increment",
        "qty_precision",
        "qty_increment",
        "qty_min",
    )
