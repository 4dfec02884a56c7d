from mdc_acme.history import AcmeHistory

from mdc_core.testing import HistorySuite


class TestAcmeHistory(HistorySuite):
    history = AcmeHistory
