"""What vendors and tools call the fields of events, the likeliest name first."""

import re

_TIMES = """ts_event participant_timestamp exchange_timestamp exchange_time exch_time event_time
trade_time transact_time quote_time sip_timestamp timestamp time datetime date_time ts
open_time opentime time_open open_timestamp window_start gmt_time utc_time time_utc timestamp_utc
timestamp_ms timestamp_ns ts_ms ts_ns unix_time unix_timestamp epoch unix bar_time start_time date
date_utc trade_date day data created_at local_time index unnamed_0
index_level_0 datum zeit zeitpunkt fecha"""
_SYMBOLS = """symbol sym ticker instrument pair currency_pair product_id contract raw_symbol ric
sym_root security secid seccode asset code market coin name"""
_VENUES = "venue exchange ex exch mic exchange_code market_center primary_exchange"
_COMMON = {
    "ts_event": _TIMES,
    "ts_recv": "ts_recv local_timestamp recv_time receive_time received_at timestamp_received",
    "symbol": _SYMBOLS,
    "venue": _VENUES,
    "seq": "seq sequence sequence_number seqnum seq_num tr_seqnum",
}
NAMES: dict[str, dict[str, str]] = {
    "bar": {
        **_COMMON,
        "interval": "interval timeframe time_frame bar_size resolution period per",
        "open": "open o open_price openprice px_open otwarcie eroeffnung",
        "high": "high h high_price highprice max px_high najwyzszy hoch",
        "low": "low l low_price lowprice min px_low najnizszy tief",
        "close": "close c close_price closeprice close_last px_last last zamkniecie schluss",
        "volume": "volume v vol base_volume volume_base tickvol tick_volume size wolumen volumen",
        "vwap": "vwap vw wap average weighted_average",
        "trade_count": """trade_count n num_trades number_of_trades trades transactions barcount
            bar_count count nr_of_trades trade_nums""",
    },
    "quote": {
        **_COMMON,
        "bid_price": """bid_price bid bidprice bid_px bid_px_00 best_bid best_bid_price bid_p
            bestbid bidpx bid0 bid1 bid_price_1 bp""",
        "bid_size": """bid_size bidsize bid_sz bid_sz_00 bid_qty best_bid_qty best_bid_size
            bid_amount bid_volume bidvolume bidsiz bidqty bid_vol bid_quantity bs""",
        "ask_price": """ask_price ask offer ofr askprice ask_px ask_px_00 best_ask best_ask_price
            ask_p bestask askpx ask0 ask1 ask_price_1 offer_price best_offer ap""",
        "ask_size": """ask_size asksize ask_sz ask_sz_00 ask_qty best_ask_qty best_ask_size
            ask_amount ask_volume askvolume asksiz askqty ask_vol ask_quantity offer_size ofrsiz
            as""",
        "bid_venue": "bid_venue bid_exchange bx bidex",
        "ask_venue": "ask_venue ask_exchange ax askex",
        "tape": "tape z",
    },
    "trade": {
        **_COMMON,
        "price": """price px kurs trade_price tradeprice last_price lastprice exec_price fill_price
            last rate p""",
        "size": """size qty quantity amount volume vol trade_size tradesize shares lots contracts
            last_size lastsize last_qty base_qty exec_qty filled q s v sz""",
        "aggressor_side": "aggressor_side taker_side aggressor side direction trade_side",
        "seller_took": "is_buyer_maker isbuyermaker buyer_maker taker_side_sell sell m",
        "trade_id": "trade_id tradeid id tid agg_trade_id aggtradeid trade_num trdmatchid i",
        "tape": "tape z",
    },
    "delta": {
        **_COMMON,
        "side": "side",
        "price": "price px",
        "size": "size amount qty quantity",
    },
}
NEEDED = {
    "bar": ("open", "high", "low", "close"),
    "quote": ("bid_price", "ask_price"),
    "trade": ("price", "size"),
    "delta": ("side", "price", "size"),
}
# One letter means what stands beside it: the letters of a table, and which field each is.
LETTERS: tuple[dict[str, str], ...] = (
    {"t": "ts_event", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"},
    {"e": "", "s": "symbol", "p": "price", "q": "size", "T": "ts_event", "m": "seller_took"},
    {"s": "symbol", "p": "price", "q": "size", "T": "ts_event", "m": "seller_took"},
    {"a": "trade_id", "p": "price", "q": "size", "T": "ts_event", "m": "seller_took"},
    {"b": "bid_price", "B": "bid_size", "a": "ask_price", "A": "ask_size", "s": "symbol"},
    {"t": "ts_event", "p": "price", "s": "size"},
    {"t": "ts_event", "bp": "bid_price", "ap": "ask_price"},
    {"T": "symbol", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"},
)
BINANCE_KLINE = [
    "ts_event",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trade_count",
    "taker_base_volume",
    "taker_quote_volume",
    "ignore",
]
BINANCE_TRADE = [
    "trade_id",
    "price",
    "size",
    "quote_size",
    "ts_event",
    "seller_took",
    "is_best_match",
]
BINANCE_AGG = [
    "trade_id",
    "price",
    "size",
    "first_trade_id",
    "last_trade_id",
    "ts_event",
    "seller_took",
    "is_best_match",
]


def plain(name: str) -> str:
    """A column's name without signs and capitals: <DATE> is date, `Adj Close` adj_close."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") or "index"


def candidates(type_name: str, field: str) -> list[str]:
    """The names that a field may have, the likeliest first."""
    return NAMES[type_name][field].split()
