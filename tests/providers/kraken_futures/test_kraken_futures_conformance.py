"""The codec of Kraken Futures against frames written after its documentation."""

from msgspec.structs import replace

from mdc_core.plugin import Event, from_ms, to_ns
from mdc_core.testing import StreamSuite
from mdc_providers.kraken_futures.stream import KrakenFutures


class TestKrakenFutures(StreamSuite):
    stream = KrakenFutures
    symbols = ("PF_XBTUSD", "PF_ETHUSD")
    channels = ("trade", "quote", "book", "funding", "open_interest")
    lacks = ("trade.aggressor_side=none", "quote.seq", "status")
    unread = ("version", "event", "feed", "message", "suspended")

    def tape(self, symbols: tuple[str, ...] = ()) -> list[Event]:
        """The venue's times are whole milliseconds."""
        return [
            replace(row, ts_event=from_ms(to_ns(row.ts_event or "") // 1_000_000))
            for row in super().tape(symbols)
        ]

    def test_every_value_of_the_login_counts(self) -> None:
        self.unread = (*self.unread, "product_id")  # of trades that there are none of
        super().test_every_value_of_the_login_counts()
