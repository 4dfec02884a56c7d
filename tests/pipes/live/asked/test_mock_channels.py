"""Each channel of each provider has something in the market that its mock server simulates."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.conftest import Shell

# What is asked for, and how many events of which type come of it, at the least.
CHANNELS = {
    "alpaca SPY --type bar,updated_bar,daily_bar,status,luld,imbalance": "bar status imbalance",
    "alpaca BTC-PERP --feed crypto-perps --type funding,book,bar": "funding book delta bar",
    "alpaca SPY --feed news --type news": "news",
    "binance BTCUSDT --type agg_trade,partial_book,bar --interval 1s": "trade book bar",
    "binance BTCUSDT --market usdm --type mark_price,liquidation": "funding liquidation",
    "coinbase BTC-USD --type bar,status,ticker_batch": "bar status quote",
    "finnhub AAPL --type news": "news",
    "kraken BTC/USD --type bar,status --interval 1m": "bar status",
    "kraken_futures PF_XBTUSD --type funding,open_interest,status,ticker_lite": (
        "funding open_interest status quote"
    ),
    "okx BTC-USDT-SWAP --type bar,funding,mark_price,open_interest,liquidation": (
        "bar funding open_interest liquidation"
    ),
    "polygon SPY --type bar,second_bar,luld,imbalance,fmv": "bar status imbalance indicator",
    "polygon I:SPX --market indices --type value,second_bar": "indicator bar",
    "tiingo SPY --type reference": "status",
}
ODDS = '''"""A feed with a channel of which nothing is simulated."""
from decimal import Decimal
from mdc_core.plugin import *

class OddsServer(Sandbox):
    subscribed = False
    def receive(self, frame):
        self.subscribed = True
        return []
    def feed(self, events):
        return [event.symbol for event in events if isinstance(event, Trade)]

class Odds(Stream):
    channels, default_channels = ("trade", "odds"), ("trade",)
    sandbox = OddsServer
    def endpoints(self):
        return [Endpoint("ws://odds.example")]
    def opened(self, now):
        return [Send("all"), Up()]
    def receive(self, frame, now):
        return [Trade(symbol=frame, ts_event=from_ns(now), price=Decimal(1), size=Decimal(1))]
'''


@pytest.mark.parametrize("asked", CHANNELS)
def test_every_channel_has_something_that_is_plausible(asked: str, shell: Shell) -> None:
    done = shell(f"mdc stream {asked} --mock --limit 400 | mdc -q validate --strict")
    assert done.status == 0, done.err
    found = {event["type"] for event in done.events if event["type"] != "connection"}
    assert found == {*CHANNELS[asked].split()}


def test_the_same_market_says_the_same(shell: Shell) -> None:
    line = "mdc -q stream okx BTC-USDT-SWAP --type trade,funding,open_interest --mock --limit 60"
    first, second = shell(line).events, shell(line).events
    for event in (*first, *second):
        del event["ts_recv"]
    market = [event for event in first if event["type"] != "connection"]
    assert market == [event for event in second if event["type"] != "connection"]
    rates = [event for event in market if event["type"] == "funding"]
    assert rates[0]["funding_rate"] == "0.0001"
    assert rates[0]["next_funding"] == "2024-01-02T16:00:00.000000000Z"
    assert len({event["funding_rate"] for event in rates}) > 1


def test_a_bar_is_that_of_its_trades(shell: Shell) -> None:
    done = shell("mdc stream alpaca SPY --type trade,bar --mock --limit 300")
    (bar, *_) = (event for event in done.events if event["type"] == "bar")
    assert (bar["ts_event"], bar["ts_close"]) == (
        "2024-01-02T14:30:00.000000000Z",
        "2024-01-02T14:31:00.000000000Z",
    )
    trades = [e for e in done.events if e["type"] == "trade" and e["ts_event"] < bar["ts_close"]]
    prices = [Decimal(trade["price"]) for trade in trades]
    made = [Decimal(bar[name]) for name in ("open", "high", "low", "close")]
    assert made == [prices[0], max(prices), min(prices), prices[-1]]
    assert int(bar["volume"]) == sum(int(trade["size"]) for trade in trades)
    assert (bar["trade_count"], bar["is_final"]) == (str(len(trades)), True)


def test_what_is_not_simulated_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "odds.py").write_text(ODDS)
    line = "mdc --plugin odds.py stream odds A --mock --limit 3 --type"
    some = shell(f"{line} trade,odds")
    assert (some.status, len(some.events)) == (0, 4), some.err
    assert some.err.count("the mock server plays nothing of odds, but trade\n") == 1
    none = shell(f"{line} odds")
    assert none.status == 2 and "there is no simulated market of odds" in none.err


def test_a_client_that_waits_in_vain_is_told_of_soon(shell: Shell) -> None:
    """Of a market that is played as slowly as it was, a thousand events take long."""
    done = shell(
        "mdc mock alpaca --once --speed 1x --symbol SPY --limit 20 |"
        " { read url; mdc stream alpaca SPY --type bar --mock --url $url; }",
        MDC_CONSTANTS="mdc_core.live.sandbox.client:NOTHING_WITHIN=0",
    )
    assert done.status == 0, done.err
    (said,) = (line for line in done.err.splitlines() if "asked for none of the first" in line)
    assert said.endswith(("they are quote, trade of SPY", "they are trade of SPY")), said
    assert done.all_events[-1]["counts"] == {"connection": "1"}
