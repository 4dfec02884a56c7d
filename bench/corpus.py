"""A corpus of events, the same for a seed: 60 % quotes, 40 % trades, 200 symbols, one day.

Usage: python bench/corpus.py 1000000 [SYMBOLS] > corpus.jsonl
"""

import sys

import numpy as np
import pyarrow as pa

from mdc_core.batch import make, unify
from mdc_core.schema import arrow_schema
from mdc_core.wire.lines.jsonl import encode_batch

SYMBOLS = 200
START = 1_704_205_800_000_000_000  # 2024-01-02T14:30:00Z
SESSION = 23_400_000_000_000  # six and a half hours, in nanoseconds
ROWS = 50_000
CENT = 10**16  # of a decimal(36, 18)


def batches(events: int, symbols: int = SYMBOLS, seed: int = 1):
    """The corpus in time order, as batches of quotes and trades."""
    random = np.random.Generator(np.random.PCG64(seed))
    names = np.array([f"S{n:03d}" for n in range(symbols)])
    prices = random.integers(2_000, 40_000, symbols)
    last_seq = np.zeros(symbols, np.int64)
    weights = 1 / np.arange(3, symbols + 3)
    weights /= weights.sum()
    step = max(SESSION // max(events, 1), 1)
    for done in range(0, events, ROWS):
        rows = min(ROWS, events - done)
        which = random.choice(symbols, rows, p=weights)
        moves = random.choice([-1, 0, 0, 0, 1], rows)
        walk, seq = _by_symbol(which, moves, prices, last_seq)
        moments = START + (done + np.arange(rows)) * step + random.integers(0, step, rows)
        is_trade = random.random(rows) < 0.4
        common = {
            "symbol": names[which],
            "ts_event": moments,
            "ts_recv": moments + random.integers(200_000, 900_000, rows),
            "provider": "bench",
            "venue": "XNAS",
            "channel": "bench-1",
            "seq": seq,
        }
        yield _mixed(common, walk, is_trade, random, done)


def _by_symbol(which, moves, prices, last_seq):
    """Each row's price in cents and sequence number, symbols going their own ways."""
    walk, seq = np.empty(len(which), np.int64), np.empty(len(which), np.int64)
    for symbol in range(len(prices)):
        mine = np.flatnonzero(which == symbol)
        if len(mine):
            path = np.maximum(prices[symbol] + np.cumsum(moves[mine]), 100)
            walk[mine], prices[symbol] = path, path[-1]
            seq[mine] = last_seq[symbol] + 1 + np.arange(len(mine))
            last_seq[symbol] += len(mine)
    return walk, seq


def _mixed(common, walk, is_trade, random, done):
    rows = len(walk)
    quote, trade = np.flatnonzero(~is_trade), np.flatnonzero(is_trade)
    lots = random.integers(1, 20, (2, rows)) * 100
    sizes = random.integers(1, 500, rows)
    quotes = make(
        "quote",
        len(quote),
        {
            **_pick(common, quote),
            "bid_price": _decimals(walk[quote] - 1, CENT),
            "bid_size": _decimals(lots[0][quote]),
            "ask_price": _decimals(walk[quote] + 1, CENT),
            "ask_size": _decimals(lots[1][quote]),
            "tape": "C",
        },
    )
    sides = np.array(["buy", "sell", "none"])[random.integers(0, 3, rows)]
    kinds = pa.array([["@"], ["@", "I"], ["@", "F"]]).take(random.integers(0, 3, len(trade)))
    trades = make(
        "trade",
        len(trade),
        {
            **_pick(common, trade),
            "price": _decimals(walk[trade], CENT),
            "size": _decimals(sizes[trade]),
            "aggressor_side": pa.array(sides[trade]),
            "conditions": kinds,
            "tape": "C",
            "trade_id": pa.array(trade + done + 52_983_525_000_000).cast(pa.string()),
        },
    )
    schema = arrow_schema(frozenset(["quote", "trade"]))
    both = unify([quotes, trades], schema)
    return both.take(pa.array(np.argsort(np.concatenate([quote, trade]), kind="stable")))


def _pick(common, rows):
    return {
        name: pa.array(value[rows]) if isinstance(value, np.ndarray) else value
        for name, value in common.items()
    }


def _decimals(values, unit=10**18):
    """Whole numbers of a unit as decimal(36, 18)."""
    low, high = _wide_product(values.astype(np.uint64), unit)
    words = np.stack([low, high], axis=1).tobytes()
    buffers = [None, pa.py_buffer(words)]
    return pa.Array.from_buffers(pa.decimal128(36, 18), len(values), buffers)


def _wide_product(values, unit):
    """values * unit as 128 bits, for values below 2**32."""
    below = values * np.uint64(unit & 0xFFFFFFFF)
    above = values * np.uint64(unit >> 32) + (below >> np.uint64(32))
    low = (above << np.uint64(32)) | (below & np.uint64(0xFFFFFFFF))
    return low, above >> np.uint64(32)


def main():
    """Write as many events as the first argument says to standard output."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    symbols = int(sys.argv[2]) if len(sys.argv) > 2 else SYMBOLS
    for batch in batches(events, symbols):
        sys.stdout.buffer.write(encode_batch(batch))


if __name__ == "__main__":
    main()
