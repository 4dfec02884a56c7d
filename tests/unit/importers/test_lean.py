"""Lean's rows as events: every field, and the zones of the times."""

from decimal import Decimal

import pytest

from mdc_core.errors import DataError
from tests.unit.importers.lean_folder import IBM_QUOTES, IBM_TRADES, LeanFolder, rows_in


def test_a_stock_trade(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "34200123,1825300,100,P,20002020,0", "34200123.5,1825350.5,2,D,0,1")
    first, second = rows_in(lean.root)
    assert first == {
        "type": "trade",
        "symbol": "IBM",
        "ts_event": "2013-10-07T13:30:00.123000000Z",
        "provider": "lean",
        "venue": "ARCX",
        "channel": "lean:equity/usa/tick/trade",
        "price": Decimal("182.53"),
        "size": Decimal(100),
        "conditions": ["20002020"],
    }
    assert second["ts_event"] == "2013-10-07T13:30:00.123500000Z"
    assert second["price"] == Decimal("182.53505")
    assert second["venue"] == "FINR"
    assert second["extra"] == '{"suspicious":1}'
    assert "conditions" not in second


def test_a_stock_trade_may_stop_after_the_size(lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, "1,10000,5", "2,20000,6,N,,0", "3,30000,7", "4,40000,8,??,1,")
    rows = rows_in(lean.root)
    assert [(r["price"], r["size"], r.get("venue")) for r in rows] == [
        (Decimal(1), Decimal(5), None),
        (Decimal(2), Decimal(6), "XNYS"),
        (Decimal(3), Decimal(7), None),
        (Decimal(4), Decimal(8), "??"),
    ]


@pytest.mark.parametrize(
    ("letter", "venue"),
    [
        ("Q", "XNAS"),
        ("T", "XNAS"),
        ("P", "ARCX"),
        ("D", "FINR"),
        ("V", "IEXG"),
        ("IEX", "IEXG"),
    ],
)
def test_exchange_letters_are_mics(letter: str, venue: str, lean: LeanFolder) -> None:
    lean.zip(IBM_TRADES, f"34200000,1000000,5,{letter},0,0")
    assert [row["venue"] for row in rows_in(lean.root)] == [venue]


def test_a_stock_quote_keeps_the_other_side_absent(lean: LeanFolder) -> None:
    lean.zip(
        IBM_QUOTES,
        "14400151,0,0,1402000,500,Q,1,0",
        "14400554,1384000,700,0,0,P,0,0",
        "14400555,1384000,700,1402000,0,Z,1,1",
    )
    ask, bid, both = rows_in(lean.root)
    assert ask == {
        "type": "quote",
        "symbol": "IBM",
        "ts_event": "2013-10-07T08:00:00.151000000Z",
        "provider": "lean",
        "channel": "lean:equity/usa/tick/quote",
        "ask_price": Decimal("140.2"),
        "ask_size": Decimal(500),
        "ask_venue": "XNAS",
        "conditions": ["1"],
    }
    assert {name: bid[name] for name in bid if name.startswith(("bid", "ask", "cond"))} == {
        "bid_price": Decimal("138.4"),
        "bid_size": Decimal(700),
        "bid_venue": "ARCX",
    }
    assert (both["bid_venue"], both["ask_venue"], both["ask_size"]) == (
        "BATS",
        "BATS",
        Decimal(0),
    )


def test_crypto_ticks_are_plain_decimals(lean: LeanFolder) -> None:
    at = "crypto/coinbase/tick/btcusd/20180101"
    lean.zip(f"{at}_trade.zip", "0,14000.01,0.029768000000000003", "1,1E-05,3,1")
    lean.zip(f"{at}_quote.zip", "2,100,0.5,,", "3,0,0,101,1e2")
    trade, small, bid, ask = rows_in(lean.root)
    assert trade["size"] == Decimal("0.029768000000000003")
    assert trade["price"] == Decimal("14000.01")
    assert (trade["symbol"], trade["venue"]) == ("BTCUSD", "coinbase")
    assert trade["ts_event"] == "2018-01-01T00:00:00.000000000Z"
    assert (small["price"], small["extra"]) == (Decimal("0.00001"), '{"suspicious":1}')
    assert (bid["bid_price"], bid["bid_size"], "ask_price" in bid) == (
        Decimal(100),
        Decimal("0.5"),
        False,
    )
    # 0,0 is how Lean writes a side that a row does not tell of.
    assert (ask["ask_price"], ask["ask_size"]) == (Decimal(101), Decimal(100))
    assert not {"bid_price", "bid_size"} & ask.keys()


def test_currency_quotes_have_no_sizes(lean: LeanFolder) -> None:
    lean.zip("forex/fxcm/tick/eurusd/20140504_quote.zip", "68451815,1.38700,1.38790")
    (row,) = rows_in(lean.root)
    assert row == {
        "type": "quote",
        "symbol": "EURUSD",
        "ts_event": "2014-05-05T00:00:51.815000000Z",
        "provider": "lean",
        "venue": "fxcm",
        "channel": "lean:forex/fxcm/tick/quote",
        "bid_price": Decimal("1.387"),
        "ask_price": Decimal("1.3879"),
    }


@pytest.mark.parametrize(
    ("name", "line", "start", "close", "interval"),
    [
        (
            "equity/usa/second/spy/20131007_trade.zip",
            "34200000",
            "2013-10-07T13:30:00",
            "2013-10-07T13:30:01",
            "1s",
        ),
        (
            "equity/usa/minute/spy/20131007_trade.zip",
            "34200000",
            "2013-10-07T13:30:00",
            "2013-10-07T13:31:00",
            "1m",
        ),
        (
            "equity/usa/hour/spy.zip",
            "20131007 09:00",
            "2013-10-07T13:00:00",
            "2013-10-07T14:00:00",
            "1h",
        ),
        (
            "equity/usa/daily/spy.zip",
            "20131007 00:00",
            "2013-10-07T04:00:00",
            "2013-10-08T04:00:00",
            "1d",
        ),
        (
            "equity/usa/daily/spy.zip",
            "20131103 00:00",  # a day of 25 hours
            "2013-11-03T04:00:00",
            "2013-11-04T05:00:00",
            "1d",
        ),
        (
            "equity/india/minute/spy/20190101_trade.zip",
            "33300000",
            "2019-01-01T03:45:00",
            "2019-01-01T03:46:00",
            "1m",
        ),
    ],
)
def test_a_stock_bar(
    lean: LeanFolder, name: str, line: str, start: str, close: str, interval: str
) -> None:
    path = lean.zip(name, f"{line},1674100,1675000,1674000,1674500,2049")
    (row,) = rows_in(path)
    market, resolution = name.split("/")[1:3]
    assert row == {
        "type": "bar",
        "symbol": "SPY",
        "ts_event": f"{start}.000000000Z",
        "ts_close": f"{close}.000000000Z",
        "provider": "lean",
        "interval": interval,
        "channel": f"lean:equity/{market}/{resolution}/trade",
        "open": Decimal("167.41"),
        "high": Decimal("167.5"),
        "low": Decimal("167.4"),
        "close": Decimal("167.45"),
        "volume": Decimal(2049),
        "adjustment": "raw",
        "is_final": True,
    }


def test_bars_of_other_markets(lean: LeanFolder) -> None:
    bar = "3764.61,3769.99,3764.61,3766.63,0.05655554"
    lean.zip("index/usa/minute/spx/20210104_trade.zip", f"30600000,{bar}")
    lean.zip("crypto/bitfinex/hour/btcusd_trade.zip", f"20210104 15:00,{bar}")
    lean.zip("cryptofuture/binance/daily/adausdt_trade.zip", f"20210104 00:00,{bar}")
    ada, spx, btc = rows_in(lean.root)
    assert (ada["symbol"], ada["ts_event"]) == ("ADAUSDT", "2021-01-04T00:00:00.000000000Z")
    assert (spx["symbol"], spx["ts_event"]) == ("SPX", "2021-01-04T14:30:00.000000000Z")
    assert (btc["symbol"], btc["ts_event"]) == ("BTCUSD", "2021-01-04T15:00:00.000000000Z")
    for row in ada, spx, btc:
        assert (row["open"], row["volume"]) == (Decimal("3764.61"), Decimal("0.05655554"))
    assert (ada["venue"], btc["venue"], "venue" in spx) == ("binance", "bitfinex", False)


@pytest.mark.parametrize(
    ("day", "clock", "utc"),
    [
        ("20240310", "01:59:59", "2024-03-10T06:59:59"),
        ("20240310", "03:00:00", "2024-03-10T07:00:00"),
        ("20240310", "09:30:00", "2024-03-10T13:30:00"),
        ("20241103", "00:30:00", "2024-11-03T04:30:00"),
        ("20241103", "00:59:59", "2024-11-03T04:59:59"),
        ("20241103", "02:00:00", "2024-11-03T07:00:00"),
        ("20241103", "09:30:00", "2024-11-03T14:30:00"),
    ],
)
def test_days_on_which_the_clock_changes(lean: LeanFolder, day: str, clock: str, utc: str) -> None:
    hours, minutes, seconds = map(int, clock.split(":"))
    ms = ((hours * 60 + minutes) * 60 + seconds) * 1000
    lean.zip(f"equity/usa/tick/x/{day}_trade.zip", f"{ms}.25,10000,1")
    lean.zip("equity/usa/hour/x.zip", f"{day} {clock[:5]},1,1,1,1,1")
    bar, tick = rows_in(lean.root)
    assert tick["ts_event"] == f"{utc}.000250000Z"
    assert bar["ts_event"] == f"{utc[:17]}00.000000000Z"


def test_zones_come_from_the_folder_if_it_has_them(lean: LeanFolder) -> None:
    lean.market_hours(equity_usa="Europe/Berlin", Index_eurex="UTC+05:30")
    lean.zip(IBM_TRADES, "34200000,10000,1")
    lean.zip("index/eurex/minute/fesx/20131008_trade.zip", "0,1,1,1,1,1")
    ibm, fesx = rows_in(lean.root)
    assert ibm["ts_event"] == "2013-10-07T07:30:00.000000000Z"
    assert fesx["ts_event"] == "2013-10-07T18:30:00.000000000Z"


def test_a_market_without_a_known_zone(lean: LeanFolder) -> None:
    lean.zip("equity/mars/minute/x/20200101_trade.zip", "0,1,1,1,1,1")
    with pytest.raises(DataError, match=r"equity/mars not known.*market-hours-database\.json"):
        rows_in(lean.root)
    lean.market_hours(equity_mars="Mars/Olympus")
    with pytest.raises(DataError, match="no such time zone: 'Mars/Olympus'"):
        rows_in(lean.root)
    (lean.root / "market-hours" / "market-hours-database.json").write_text("{")
    with pytest.raises(DataError, match=r"market-hours-database\.json"):
        rows_in(lean.root)
