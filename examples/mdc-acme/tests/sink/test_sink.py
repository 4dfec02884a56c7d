import sqlite3
from contextlib import closing, contextmanager
from tempfile import TemporaryDirectory

from mdc_acme.table import AcmeTable

from mdc_core.testing import SinkSuite


class File:
    def __init__(self, path):
        self.path, self.url = path, f"sqlite:{path}"

    @property
    def lines(self):
        with closing(sqlite3.connect(self.path)) as file:
            return [line for (line,) in file.execute("SELECT line FROM events ORDER BY rowid")]


class TestAcmeTable(SinkSuite):
    sink, nowhere, exactly_once = AcmeTable, "sqlite:/nowhere/at/all.db", True

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield File(f"{folder}/events.db")
