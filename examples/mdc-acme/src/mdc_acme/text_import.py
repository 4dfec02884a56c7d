"""Acme's text files: a trade a line, `time|symbol|price|size`."""

from decimal import Decimal

from mdc_core.plugin import BadRow, DataError, Importer, Trade, from_rows, to_ns, utc

AT_ONCE = 4096  # events of a batch


class AcmeImport(Importer):
    def batches(self):
        path, trades = self.wanted.path, []
        files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path}: no files of Acme's")
        for file in files:
            try:
                lines = file.read_bytes().splitlines(keepends=True)
            except OSError as error:
                raise DataError(f"{file}: {error.strerror}") from None
            for number, line in enumerate(lines, 1):
                trade = self.trade(line)
                if trade is None:
                    yield BadRow(line, f"{file}:{number}", "no trade of Acme's")
                elif self.asked_for(trade):
                    trades.append(trade)
                if len(trades) == AT_ONCE:
                    yield from_rows(trades)
                    trades = []
        if trades:
            yield from_rows(trades)

    def trade(self, line):
        try:
            time, symbol, price, size = line.decode().rstrip("\r\n").split("|")
            trade = Trade(
                symbol=symbol, ts_event=utc(time), price=Decimal(price), size=Decimal(size)
            )
            from_rows([trade])  # raises where a value is no number, or too fine
        except (ValueError, ArithmeticError, DataError):
            return None
        return trade

    def asked_for(self, trade):
        wanted, time = self.wanted, to_ns(trade.ts_event)
        if wanted.symbols and trade.symbol not in wanted.symbols:
            return False
        early = wanted.start is not None and time < wanted.start
        return not early and (wanted.end is None or time < wanted.end)
