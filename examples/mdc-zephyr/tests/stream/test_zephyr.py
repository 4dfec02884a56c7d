from mdc_zephyr.stream import Zephyr

from mdc_core.testing import StreamSuite


class TestZephyr(StreamSuite):
    stream = Zephyr
    channels = ("trade", "quote", "book")
    lacks = ("trade.trade_id",)
