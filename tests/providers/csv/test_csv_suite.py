"""CSV by the suite that is given to every author of an exporter."""

from typing import ClassVar

from mdc_core.testing import ExporterSuite, ImporterSuite
from mdc_exporters.csv.exporter import Csv
from mdc_exporters.csv.importer import Csv as CsvImporter


class TestCsv(ExporterSuite):
    exporter = Csv
    importer = CsvImporter
    golden = "golden.csv"


class TestCsvImporter(ImporterSuite):
    importer = CsvImporter
    bad: ClassVar = {
        "quotes.csv row 3": "3 fields, not 5",
        "trades.csv row 3": "price",
    }
