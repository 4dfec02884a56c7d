"""A table of an SQLite file, each event once: `mdc publish acme-table sqlite:PATH`."""

import sqlite3

from mdc_core.plugin import Sink, UnavailableError, UsageError, encode_batch

TABLE = "CREATE TABLE IF NOT EXISTS events (token TEXT, row INT, line TEXT, UNIQUE (token, row))"


class AcmeTable(Sink):
    def open(self):
        scheme, _, path = self.url.partition(":")
        if scheme != "sqlite" or not path or "\0" in path:
            raise UsageError(f"not a URL of a table: {self.url!r}", hint="sqlite:PATH")
        self.rows = 0
        try:
            self.file = sqlite3.connect(path)
            self.file.execute(TABLE)
        except sqlite3.Error as error:
            raise UnavailableError(f"{path}: {error}") from None

    def write(self, batch, token):
        lines = encode_batch(batch).decode().split("\n")[:-1]
        rows = [(token, row, line) for row, line in enumerate(lines)]
        try:
            self.file.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise UnavailableError(str(error)) from None
        self.rows += len(rows)

    def flush(self):
        try:
            self.file.commit()
        except sqlite3.Error as error:
            raise UnavailableError(str(error)) from None
        return self.rows

    def close(self):
        self.file.close()
