"""Coinbase's codec against frames written after its documentation."""

from msgspec.structs import replace

from mdc_core.plugin import Event, Trade
from mdc_core.testing import StreamSuite
from mdc_providers.coinbase.stream import Coinbase

# Snapshots of trades are history, and of the answers to the subscription the last one counts.
ANSWERS = ("type", "timestamp", "market_trades", "ticker", "level2", "candles", "status")


class PublicSuite(StreamSuite):
    """Without keys, for what is signed is signed anew each time; ids as the venue numbers them."""

    stream = Coinbase

    def make_secrets(self) -> dict[str, str]:
        return {}

    def tape(self, symbols: tuple[str, ...] = ()) -> list[Event]:
        last: dict[str | None, int] = {}
        rows: list[Event] = []
        for row in super().tape(symbols):
            if isinstance(row, Trade):
                last[row.symbol] = last.get(row.symbol, 700_000) + 1
                row = replace(row, trade_id=str(last[row.symbol]))
            rows.append(row)
        return rows


class TestAdvanced(PublicSuite):
    symbols = ("BTC-USD", "ETH-USD")
    channels = ("trade", "quote", "book", "bar", "status")
    transcript = "advanced.jsonl"
    unread = ("heartbeats",)

    def test_every_value_of_the_login_counts(self) -> None:
        self.unread = (*ANSWERS, *self.unread)  # type: ignore[misc]
        super().test_every_value_of_the_login_counts()


class TestExchange(PublicSuite):
    symbols = ("BTC-USD", "ETH-USD")
    channels = ("trade", "quote", "book")
    options = {"feed": "exchange"}  # noqa: RUF012 - the suite's attribute is a ClassVar
    transcript = "exchange.jsonl"
    lacks = ("trade.aggressor_side=none",)
