import pytest
from mdc_acme import ledger

from mdc_core.plugin import Gap
from mdc_core.testing import ObserverSuite


class TestAcmeLedger(ObserverSuite):
    observer = ledger

    @pytest.fixture(autouse=True)
    def file(self, tmp_path, monkeypatch):
        monkeypatch.setenv("ACME_LEDGER", str(tmp_path / "ledger.jsonl"))
        return tmp_path / "ledger.jsonl"

    def test_lines(self, file):
        ledger.committed("data/SPY/trade/2024-01-02.parquet", 3)
        ledger.gap(Gap(reason="disconnect", symbol="SPY"))
        stored, missing = file.read_text().splitlines()
        assert stored == '{"file": "data/SPY/trade/2024-01-02.parquet", "rows": 3}'
        assert missing.startswith('{"gap": "disconnect", "symbol": "SPY"')
