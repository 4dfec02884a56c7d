from mdc_acme.text_import import AcmeImport

from mdc_core.testing import ImporterSuite


class TestAcmeImport(ImporterSuite):
    importer, bad = AcmeImport, {"ticks.txt:3": "no trade"}
