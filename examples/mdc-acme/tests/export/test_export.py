from mdc_acme.text_export import AcmeExport
from mdc_acme.text_import import AcmeImport

from mdc_core.testing import ExporterSuite


class TestAcmeExport(ExporterSuite):
    exporter, importer, golden = AcmeExport, AcmeImport, "ticks.txt"
