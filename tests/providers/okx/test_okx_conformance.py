"""OKX's codec against frames written after its documentation."""

from mdc_core.testing import StreamSuite
from mdc_providers.okx.stream import Okx


class TestOkx(StreamSuite):
    stream = Okx
    symbols = ("BTC-USDT", "BTC-USDT-SWAP")
    channels = tuple(name for name in Okx.channels if name != "bar")
    resolution = 1_000_000
    # Whoever trades is a buyer or a seller; tickers are not numbered.
    lacks = ("status", "trade.aggressor_side=none", "quote.seq")
    choosing = ("instId",)  # liquidations come of all instruments of a type
    unread = (
        "connId",
        "instType",  # of an argument; of an instrument it is in `extra`
        "op",
        "asks",  # the third of a level is a 0 that means nothing any more
        "bids",
        "prevSeqId",  # of a snapshot
    )
