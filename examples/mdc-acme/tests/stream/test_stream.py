from mdc_acme.stream import Acme

from mdc_core.testing import StreamSuite


class TestAcme(StreamSuite):
    stream = Acme
    lacks = ("trade.aggressor_side", "trade.trade_id")
