"""CSV by the suite that is given to every author of an exporter."""

from mdc_core.testing import ExporterSuite
from mdc_exporters.csv_export import Csv
from mdc_exporters.csv_import import Csv as CsvImporter


class TestCsv(ExporterSuite):
    exporter = Csv
    importer = CsvImporter
    golden = "golden.csv"
