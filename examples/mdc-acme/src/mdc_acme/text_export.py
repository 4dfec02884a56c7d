"""Acme's text files: a trade a line, `time|symbol|price|size`."""

from mdc_core.plugin import Exporter, Trade, UsageError, rows


class AcmeExport(Exporter):
    suffix = ".txt"

    def write(self, part, file):
        for table in part.tables():
            for batch in table.to_batches():
                file.writelines(map(self.line, rows(batch)))

    def line(self, row):
        if not isinstance(row, Trade) or None in (row.ts_event, row.symbol, row.price, row.size):
            raise UsageError("Acme's text has whole trades only", hint="--type trade")
        if {*"|\r\n"} & {*row.symbol}:
            raise UsageError(f"Acme's text cannot hold the symbol {row.symbol!r}")
        return f"{row.ts_event}|{row.symbol}|{row.price:f}|{row.size:f}\n".encode()
