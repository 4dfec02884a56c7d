from mdc_zephyr.lines import ZephyrLines

from mdc_core.testing import StreamSuite


class TestZephyrLines(StreamSuite):
    stream = ZephyrLines
    lacks = ("trade.trade_id",)
